"""From what Prometheus sends to answers: checked, in numbers, each to its arm."""

import json
import math
import re
from collections import defaultdict
from typing import Any, Final

from serinus.judge.questions import Answer, Arm, Counters, Series, Unreadable
from serinus.prometheus.queries import Asked, Query

_MAX_QUOTED: Final = 300


class UnreadableError(Exception):
    """Prometheus did not answer with numbers; the text is a sentence for a person."""


def document(status: int, body: bytes) -> dict[str, Any]:
    """The JSON of an answer that succeeded without a warning.

    Raises UnreadableError otherwise: a warning means that a part of the data is missing.
    """
    if 300 <= status < 400:
        raise UnreadableError(
            f"Prometheus answered with a redirect (HTTP {status}), which is not followed: "
            "give the operator its final address."
        )
    found = _json(body)
    if found.get("status") != "success" or status != 200:
        raise UnreadableError(_failure(status, found, body))
    if warnings := found.get("warnings"):
        raise UnreadableError(
            f"Prometheus warns that its answer may be incomplete: {cleaned(warnings)}."
        )
    if not isinstance(found.get("data"), dict) or "result" not in found["data"]:
        raise UnreadableError(_NOT_PROMETHEUS)
    return found


_NOT_PROMETHEUS: Final = (
    "What answered did not speak as Prometheus does: check the address that the operator was given."
)


def cleaned(said: Any) -> str:
    """Another program's words, made fit for a sentence: one line, bounded, no full stop."""
    text = "; ".join(map(str, said)) if isinstance(said, list) else str(said)
    text = " ".join(re.sub(r"[^\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]", " ", text).split())
    return (text if len(text) <= _MAX_QUOTED else text[:_MAX_QUOTED] + "…").rstrip(".")


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _failure(status: int, found: dict[str, Any], body: bytes) -> str:
    if error := found.get("error"):
        return f"Prometheus refused the query (HTTP {status}): {cleaned(error)}."
    if status in (401, 403):
        return (
            f"Prometheus let the operator not in (HTTP {status}): check the token, or the user "
            "name and password, that it was given."
        )
    if status == 200:
        return _NOT_PROMETHEUS
    said = cleaned(body[:1000].decode(errors="replace"))
    if not said or said.startswith("<"):
        return f"Prometheus, or a proxy before it, answered with HTTP {status} and no reason."
    return f"Prometheus, or a proxy before it, answered with HTTP {status}: {said}."


def split(result: Any, query: Query) -> dict[Asked, Answer]:
    """The result of a query, handed to each question that it answers.

    Raises UnreadableError if the whole of it cannot be read. A series that is no counter makes
    only its own arm unreadable.
    """
    try:
        if isinstance(query.asked[0].question, Counters):
            return _split_counters(result, query)
        vector = _vector(result)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise UnreadableError(_NOT_PROMETHEUS) from None
    return dict.fromkeys(query.asked, vector)


def _vector(result: Any) -> Answer:
    if result and not isinstance(result[0], dict):
        at, value = result
        return (Series({}, ((float(at), float(value)),)),)
    found = []
    for element in result:
        if "histogram" in element:
            return Unreadable("The query yields a native histogram, which is no number.")
        at, value = element["value"]
        found.append(Series(dict(element["metric"]), ((float(at), float(value)),)))
    return tuple(found)


def _split_counters(result: Any, query: Query) -> dict[Asked, Answer]:
    wanted = {asked.arm for asked in query.asked}
    found: dict[Arm, list[Series]] = defaultdict(list)
    broken: dict[Arm, Unreadable] = {}
    for element in result:
        labels: dict[str, str] = dict(element["metric"])
        arm = query.find(labels)
        if arm not in wanted:
            continue
        samples = tuple((float(at), float(value)) for at, value in element.get("values", ()))
        if problem := _problem(labels, samples, "histograms" in element):
            broken[arm] = Unreadable(problem)
        found[arm].append(Series(labels, samples))
    return {asked: broken.get(asked.arm) or tuple(found[asked.arm]) for asked in query.asked}


def _problem(labels: dict[str, str], samples: tuple[tuple[float, float], ...], native: bool) -> str:
    """What makes a series no counter; empty if it is one."""
    name = f"{labels.get('__name__', 'a counter')} of pod {labels.get('pod', '')}"
    if native:
        return f"{name} is a native histogram: name a counter, or export classic buckets."
    strange = [value for _, value in samples if not (math.isfinite(value) and value >= 0)]
    if strange:
        return f"{name} reads {strange[0]:g}, which is no count: check what the pod exports."
    return ""
