"""Parses and checks results of Prometheus, and assigns them to arms."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from sys import intern
from typing import Any, Final

from serinus.metrics.batches import MOST_SERIES, BatchQuery
from serinus.metrics.labelling import USUAL, Labelling
from serinus.metrics.native_histograms import as_classic
from serinus.metrics.queries import (
    BACKEND,
    Arm,
    ArmQuery,
    CounterQuery,
    QueryError,
    QueryResult,
    Series,
)
from serinus.metrics.samples import Samples

_MAX_QUOTED: Final = 300

Element = Series | dict[str, Any]
"""A series of numbers, or the raw element if it has histograms."""


class ResponseError(Exception):
    """Prometheus did not answer with numbers; the message is for the user."""


class ResponseTooLargeError(ResponseError):
    """The query exceeds a limit; the same for fewer arms may not."""


class TooMuchExportedError(ResponseTooLargeError):
    """A limit of ours, which only what pods export can exceed."""


def document(status: int, body: str) -> dict[str, Any]:
    """The JSON of a successful response without warnings.

    Raises ResponseError otherwise: a warning means that part of the data is missing.
    """
    if 300 <= status < 400:
        raise ResponseError(
            f"Prometheus answered with a redirect (HTTP {status}), which is not followed: "
            "give the operator the final address."
        )
    found = _json(body)
    if found.get("status") != "success" or status != 200:
        failed = ResponseTooLargeError if _is_too_much(found) else ResponseError
        raise failed(_failure(status, found, body))
    if warnings := found.get("warnings"):
        if "truncated due to limit" in str(warnings):
            raise TooMuchExportedError(TOO_MANY_SERIES)
        raise ResponseError(
            f"Prometheus warns that its answer may be incomplete: {cleaned(warnings)}."
        )
    _check_shape(found.get("data"))
    return found


TOO_MANY_SERIES: Final = (
    f"The query returns more than {MOST_SERIES:,} series for the pods of one revision, which is "
    "the limit: narrow it with matchers, or export labels with fewer values."
)


def _is_too_much(found: dict[str, Any]) -> bool:
    """Whether Prometheus aborted the query because of its cost: time, samples or series."""
    if found.get("errorType") == "timeout":
        return True
    return bool(_TOO_MUCH.search(str(found.get("error", ""))))


_TOO_MUCH: Final = re.compile(
    r"too many samples|query timed out|err-mimir-max-|exceed(s|ed)\b.*\blimit"
)
"""Messages of Prometheus, Mimir and Thanos about a query beyond a limit."""


def _check_shape(data: Any) -> None:
    match data:
        case {"resultType": "scalar", "result": [int() | float(), str()]}:
            return
        case {"resultType": "vector" | "matrix", "result": [*elements]}:
            if all(map(_has_labels, elements)):
                return
    raise ResponseError(_NOT_PROMETHEUS)


_NOT_PROMETHEUS: Final = (
    "The response is not from a Prometheus API: check the address that the operator uses."
)


def _has_labels(element: Any) -> bool:
    if isinstance(element, Series):
        return True
    return isinstance(element, dict) and isinstance(element.get("metric"), dict)


def cleaned(said: Any) -> str:
    """Another program's message on one line, limited in length, without a full stop."""
    text = "; ".join(map(str, said)) if isinstance(said, list) else str(said)
    text = " ".join(re.sub(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]", " ", text).split())
    return (text if len(text) <= _MAX_QUOTED else text[:_MAX_QUOTED] + "…").rstrip(".")


def _json(body: str) -> dict[str, Any]:
    try:
        found = json.loads(body, object_hook=compact)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def compact(found: dict[str, Any]) -> Element:
    """A series as soon as it is parsed, with packed samples and shared label values."""
    samples = [found["value"]] if "value" in found else found.get("values")
    if not isinstance(samples, list) or found.keys() & {"histogram", "histograms"}:
        return found
    labels = {intern(label): intern(value) for label, value in found["metric"].items()}
    return Series(labels, Samples((float(at), float(value)) for at, value in samples))


def _failure(status: int, found: dict[str, Any], body: str) -> str:
    if error := found.get("error"):
        return f"Prometheus rejected the query (HTTP {status}): {cleaned(error)}."
    if status in (401, 403):
        return (
            f"Prometheus refused access (HTTP {status}): check the token, or the user "
            "name and password, of the operator."
        )
    if status == 200:
        return _NOT_PROMETHEUS
    said = cleaned(body[:1000])
    if not said or said.startswith("<"):
        return (
            f"Prometheus, or a proxy in front of it, answered with HTTP {status} without a reason."
        )
    return f"Prometheus, or a proxy in front of it, answered with HTTP {status}: {said}."


def split(
    result: Any, query: BatchQuery, labelling: Labelling = USUAL
) -> dict[ArmQuery, QueryResult]:
    """The result in a `document` for each of its queries. An invalid series makes only its own arm
    unreadable."""
    if isinstance(query.asked[0].query, CounterQuery):
        return _split_counters(result, query, labelling)
    return dict.fromkeys(query.asked, _vector(result))


def _vector(result: list[Any]) -> QueryResult:
    if result and not isinstance(result[0], Series | dict):
        at, value = result
        return (Series({}, ((float(at), float(value)),)),)
    if len(result) > MOST_SERIES:
        return QueryError(TOO_MANY_SERIES)
    found = [element for element in result if isinstance(element, Series)]
    if len(found) < len(result):
        return QueryError("The query returns a native histogram instead of a number.")
    return tuple(found)


def _split_counters(
    result: list[Any], query: BatchQuery, labelling: Labelling
) -> dict[ArmQuery, QueryResult]:
    wanted = {asked.arm for asked in query.asked}
    read = _histogram if query.native else _counter
    found: dict[Arm, list[Series]] = defaultdict(list)
    broken: dict[Arm, QueryError] = {}
    backend = query.backend is not None
    for element in result:
        labels = labelling.standard(
            element.labels if isinstance(element, Series) else element["metric"], query.backend
        )
        arm = query.find(labels)
        if arm not in wanted:
            continue
        if backend:
            labels = {**labels, BACKEND: arm.workload}
        try:
            found[arm] += read(element, labels)
        except ValueError as problem:
            name = f"{labels.get('__name__', 'a counter')} of pod {labels.get('pod', '')}"
            broken[arm] = QueryError(f"{name} {problem}.", exported=True)
    for arm, series in found.items():
        if len(series) > MOST_SERIES:
            broken[arm] = QueryError(TOO_MANY_SERIES, exported=True)
    return {asked: broken.get(asked.arm) or tuple(found[asked.arm]) for asked in query.asked}


def _counter(element: Element, labels: Mapping[str, str]) -> list[Series]:
    """Raises ValueError with the reason if a series is not a counter."""
    if not isinstance(element, Series):
        raise ValueError("is a native histogram: use a counter, or export classic buckets")
    return [Series(labels, element.samples)]


def _histogram(element: Element, labels: Mapping[str, str]) -> list[Series]:
    """Raises ValueError with the reason if a series is not a native histogram."""
    if isinstance(element, Series):
        raise ValueError("is not a histogram: use the name of a histogram without _bucket")
    try:
        return as_classic({**element, "metric": labels})
    except (KeyError, IndexError, TypeError, AttributeError):
        raise ValueError("is a histogram in an unknown format") from None
