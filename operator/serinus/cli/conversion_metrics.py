"""What metrics of an analysis of Argo Rollouts measure, as checks with fixed bounds."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

from serinus.api import promql
from serinus.api.checks import KINDS
from serinus.api.quantities import seconds
from serinus.cli.source_fields import Fields
from serinus.manifests.owner import Manifest

ARGUMENT: Final = re.compile(r"\{\{\s*args\.([\w.-]+)\s*\}\}")
_CONDITION: Final = re.compile(
    r"(?:(?:len\(result\) *== *0|isNaN\(result(?:\[0\])?\)) *\|\| *)?"  # no data holds here
    r"result(?:\[0\])? *([<>])=? *(-?[0-9.]+(?:[eE]-?[0-9]+)?)"
)
_BOUNDS: Final = {
    ("successCondition", ">"): "min",
    ("successCondition", "<"): "max",
    ("failureCondition", ">"): "max",
    ("failureCondition", "<"): "min",
}
_OF_PODS: Final = ("namespace", "pod")
"""Labels that $arm sets."""
_LONGEST_NAME: Final = 63
_KIND: Final = next(kind for kind, each in KINDS.items() if "query" in each.model_fields)
"""The kind of check that compares what any query computes."""


class NoCheckError(Exception):
    """A metric that no check can be made of; the message says why, as a part of a sentence."""


class Arguments:
    """The arguments of an analysis, and the Services that its queries may name."""

    def __init__(self, written: Iterable[Manifest], canary: str, stable: str) -> None:
        given = {str(each.get("name")): each for each in written}
        self.values = {name: each.get("value") for name, each in given.items()}
        self._services = {"Latest": canary, "Stable": stable}
        self._hashes = {
            name: (each.get("valueFrom") or {}).get("podTemplateHashValue")
            for name, each in given.items()
        }

    def names(self, arm: str, value: str) -> bool:
        """Whether a value of a label, which may be a regular expression, is one of the pods or the
        Service of an arm: Latest or Stable."""
        service = self._services[arm]
        named = service and re.search(rf"(?<![\w-]){re.escape(service)}(?![\w-])", value)
        return bool(named) or any(self._hashes.get(each) == arm for each in ARGUMENT.findall(value))


def as_check(metric: Fields, arguments: Arguments) -> tuple[Manifest, str]:
    """A check of what a metric measures, with the same bound, and what there is to say of it.

    Raises NoCheckError.
    """
    query = metric.look("provider.prometheus.query")
    if query is None:
        provider = next(iter(metric.look("provider") or {}), "none")
        raise NoCheckError(f"its provider is {provider}, and checks read Prometheus")
    settings: Manifest = {}
    settings["query"], said = _of_the_candidate(filled_in(query, arguments.values), arguments)
    settings |= _bound(metric)
    metric.take("provider.prometheus.query")
    settings |= _patience(metric)
    return {"name": _check_name(metric.look("name")), _KIND: settings}, said


def named_apart(checks: Sequence[Manifest]) -> list[Manifest]:
    """Those with the name of an earlier one get a number."""
    found = list[Manifest]()
    for each in checks:
        name, number = each["name"], 2
        while any(name == other["name"] for other in found):
            name, number = f"{each['name'][: _LONGEST_NAME - 3]}-{number}", number + 1
        found.append({**each, "name": name})
    return found


def filled_in(value: Any, values: Mapping[str, Any]) -> Any:
    """With the arguments that have plain values."""
    if isinstance(value, dict):
        return {key: filled_in(inner, values) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled_in(inner, values) for inner in value]
    if isinstance(value, str):
        return ARGUMENT.sub(lambda found: str(values.get(found[1]) or found[0]), value)
    return deepcopy(value)


def _bound(metric: Fields) -> Manifest:
    """By the condition for a failure, if there is one: a value that is neither is no failure."""
    for field in ("failureCondition", "successCondition"):
        condition = metric.look(field)
        if condition is None:
            continue
        read = _CONDITION.fullmatch(condition.strip())
        if read is None:
            raise NoCheckError(f"its {field} is no comparison of one result with a number")
        metric.take(field)
        return {_BOUNDS[field, read[1]]: float(read[2])}
    raise NoCheckError("it has no successCondition, so it fails nothing")


def _patience(metric: Fields) -> Manifest:
    """So many failures are tolerated as the interval fits into the time."""
    limit, every = metric.look("failureLimit"), metric.look("interval")
    if not isinstance(limit, int) or limit <= 0 or not isinstance(every, str):
        return {}
    try:
        lasting = limit * seconds(every)
    except ValueError:
        return {}
    metric.take("failureLimit")
    metric.take("interval")
    return {"for": f"{math.ceil(lasting)}s"}


def _of_the_candidate(query: str, arguments: Arguments) -> tuple[str, str]:
    """The query with $arm in each selector, instead of what tells the candidate apart there; and
    that, as the end of a sentence."""
    try:
        selectors = promql.selectors(query)
    except promql.GrammarError as error:
        raise NoCheckError(f"its query is not accepted: {error}") from None
    dropped = list[str]()
    for each in reversed(selectors):
        kept, own = list[str](), list[str]()
        for matcher in each.matchers:
            of_candidate = arguments.names("Latest", matcher.value)
            if of_candidate and matcher.excludes:
                raise NoCheckError(f"its query leaves the candidate out ({matcher.text})")
            if of_candidate or matcher.label in _OF_PODS:
                own.append(matcher.text)
            elif arguments.names("Stable", matcher.value):
                raise NoCheckError(
                    f"its query is about {matcher.text}, and bounds are for the candidate: use a "
                    "check that compares with stable"
                )
            else:
                kept.append(matcher.text)
        dropped = [*own, *dropped]
        query = query[: each.start] + each.written(["$arm", *kept]) + query[each.end :]
    if found := promql.problems(query):
        raise NoCheckError(f"its query is not accepted: {found[0]}")
    instead = " and ".join(dict.fromkeys(dropped))
    said = f"reads the candidate's pods, $arm, {f'instead of {instead}' if instead else 'alone'}"
    missing = "".join(f"; fill in {{{{args.{name}}}}}" for name in ARGUMENT.findall(query))
    return query, said + missing


def _check_name(name: Any) -> str:
    found = re.sub(r"[^a-z0-9]+", "-", str(name).lower()).strip("-")[:_LONGEST_NAME].strip("-")
    return found or "metric"
