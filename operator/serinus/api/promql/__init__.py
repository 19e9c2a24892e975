"""PromQL that users write: checked before it runs, and bound to the pods that it may read.

A small parser of the language, types included, that accepts less than Prometheus does: what it
accepts, Prometheus parses. Nothing here is sent anywhere.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from serinus.api.promql.grammar import Parser
from serinus.api.promql.tokens import MAX_LENGTH, GrammarError, tokens


def problems(query: str) -> list[str]:
    """What keeps a query from being run, as sentences; none if it may run.

    Every selector must carry `$arm` or `$namespace`, so that nobody reads the series of another
    namespace, and ranges are bounded. Sentences on what is selected come all at once, each with
    its remedy; one on the grammar comes alone, since what follows it cannot be read.
    """
    return list(_read(query).problems)


def render(query: str, namespace: str, pods: str) -> str:
    """The query for one arm: `$arm` becomes matchers of namespace and pod, `$namespace` one of
    the namespace alone. `pods` is a regular expression.

    Raises ValueError with the first of `problems(query)`, if it has any.
    """
    read = _read(query)
    if read.problems:
        raise ValueError(read.problems[0])
    here = f"namespace={quoted(namespace)}"
    matchers = {"$namespace": here, "$arm": f"{here},pod=~{quoted(pods)}"}
    text, end = "", 0
    for name, start in read.placeholders:
        text += query[end:start] + matchers[name]
        end = start + len(name)
    return text + query[end:]


def quoted(text: str) -> str:
    """A PromQL string that stands for the text, whatever is in it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda c: f"\\x{ord(c[0]):02x}", escaped) + '"'


@dataclass(frozen=True, slots=True)
class _Reading:
    problems: tuple[str, ...]
    placeholders: tuple[tuple[str, int], ...] = ()
    """Name and place of each placeholder, from left to right."""


@lru_cache(maxsize=1024)
def _read(query: str) -> _Reading:
    if len(query) > MAX_LENGTH:
        return _Reading((f"the query is longer than {MAX_LENGTH} characters: shorten it",))
    try:
        parser = Parser(tokens(query))
        parser.whole()
    except GrammarError as error:
        return _Reading((str(error),))
    return _Reading(tuple(dict.fromkeys(parser.problems)), tuple(parser.placeholders))
