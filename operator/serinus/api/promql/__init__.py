"""PromQL that users write: checked before it runs, and bound to the pods that it may read.

A small parser of the language, types included, that accepts less than Prometheus does: what it
accepts, Prometheus parses. What runs is not the text of the user, but one written anew from what
was read in it. Nothing here is sent anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from serinus.api.promql.grammar import Parser
from serinus.api.promql.text import quoted
from serinus.api.promql.tokens import MAX_LENGTH, PLACEHOLDERS, GrammarError, tokens

__all__ = ("problems", "quoted", "render")

_MARKS: Final = {name: f"\0{name}" for name in PLACEHOLDERS}
"""What a placeholder is written as until it is rendered. No other text of ours holds a NUL."""


def problems(query: str) -> list[str]:
    """What keeps a query from being run, as sentences; none if it may run.

    Every selector must carry `$arm` or `$namespace`, so that nobody reads the series of another
    namespace, and ranges are bounded. Sentences on what is selected come all at once, each with
    its remedy; one on the grammar comes alone, since what follows it cannot be read.
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
    """The query for one arm, written anew from what was read: `$arm` becomes matchers of namespace
    and pod, `$namespace` one of the namespace alone. `pods` is a regular expression, `labels` has
    the names of both labels, and `conditions` are more matchers for either.

    Raises ValueError with the first of `problems(query)`, if it has any.
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


@dataclass(frozen=True, slots=True)
class _Reading:
    problems: tuple[str, ...]
    text: str = ""
    """Of the whole, with a mark for each placeholder."""


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
