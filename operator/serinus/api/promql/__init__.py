"""PromQL queries of users: checked before they run, and restricted to the pods that they may read.

A small parser with types that accepts a subset of Prometheus's language. The query that runs is not
the user's text but one generated from the parsed query. Nothing here sends queries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from serinus.api.promql.grammar import Parser, Selector
from serinus.api.promql.text import quoted
from serinus.api.promql.tokens import MAX_LENGTH, PLACEHOLDERS, GrammarError, tokens

__all__ = ("GrammarError", "Selector", "problems", "quoted", "render", "selectors")

_MARKS: Final = {name: f"\0{name}" for name in PLACEHOLDERS}
"""A placeholder before it is rendered. No other text contains NUL."""


def problems(query: str) -> list[str]:
    """Why a query may not run, as messages; empty if it may run.

    Every selector must have `$arm` or `$namespace`, so that a query cannot read another namespace,
    and ranges are bounded. Errors in selectors are reported together, each with its remedy; a
    syntax error is reported alone, because the rest cannot be parsed.
    """
    return list(_read(query).problems)


def render(
    query: str,
    namespace: str,
    pods: str,
    *,
    labels: tuple[str, str] = ("namespace", "pod"),
    conditions: Sequence[str] = (),
) -> str:
    """The query for one arm, generated from the parsed query: `$arm` becomes matchers of namespace
    and pod, `$namespace` one of the namespace alone. `pods` is a regular expression, `labels` has
    the names of both labels, and `conditions` are more matchers for either.

    Raises ValueError with the first of `problems(query)`, if there is one.
    """
    read = _read(query)
    if read.problems:
        raise ValueError(read.problems[0])
    of_namespace, of_pod = labels
    here = ",".join([f"{of_namespace}={quoted(namespace)}", *conditions])
    matchers = {"$namespace": here, "$arm": f"{here},{of_pod}=~{quoted(pods)}"}
    text = read.text
    for name, mark in _MARKS.items():
        text = text.replace(mark, matchers[name])
    return text


def selectors(query: str) -> list[Selector]:
    """The selectors of a query, in order, whether or not it may run. Raises GrammarError."""
    parser = Parser(tokens(query), _MARKS)
    parser.whole()
    return parser.selectors


@dataclass(frozen=True, slots=True)
class _Reading:
    problems: tuple[str, ...]
    text: str = ""
    """The text of the query, with a mark for each placeholder."""


@lru_cache(maxsize=1024)
def _read(query: str) -> _Reading:
    if len(query) > MAX_LENGTH:
        return _Reading((f"the query is longer than {MAX_LENGTH} characters: shorten it",))
    try:
        parser = Parser(tokens(query), _MARKS)
        text = parser.whole()
    except GrammarError as error:
        return _Reading((str(error),))
    return _Reading(tuple(dict.fromkeys(parser.problems)), text)
