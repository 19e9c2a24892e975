"""What is to be expected of a rollout, in sentences for who begins it."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from serinus.api.analysis import Analysis
from serinus.api.quantities import seconds, spoken
from serinus.api.status import CheckStatus
from serinus.judge.forecast.waits import Wait

_MINUTE: Final = 60.0
_TEN_MINUTES: Final = 600.0


def expected(analysis: Analysis, waits: Iterable[Wait]) -> Iterator[str]:
    """How long each step needs, and which check would wait longer than a step may last."""
    longest = seconds(analysis.max_step_duration)
    by_weight: dict[int, list[Wait]] = defaultdict(list)
    for wait in waits:
        by_weight[wait.weight].append(wait)
    if not by_weight:
        return
    slowest = {weight: max(found, key=_until_pass) for weight, found in by_weight.items()}
    steps = ", ".join(_step(wait) for wait in slowest.values())
    yield f"At today's traffic an equal candidate passes {steps}."
    every = [wait for found in by_weight.values() for wait in found]
    for name, at in _by_check(wait for wait in every if _until_pass(wait) > longest):
        yield (
            f"Check {name} will not pass at {at} within maxStepDuration "
            f"({analysis.max_step_duration}): give the step more weight or time, or the check a "
            "wider margin."
        )
    for name, at in _by_check(wait for wait in every if _overlooks(wait, longest)):
        yield f"At {at} check {name} will not find twice as many bad events in that time."


def _by_check(waits: Iterable[Wait]) -> Iterator[tuple[str, str]]:
    """Each check's name and its weights."""
    weights: dict[str, list[str]] = defaultdict(list)
    for wait in waits:
        weights[wait.check.name].append(f"{wait.weight}%")
    for name, found in weights.items():
        yield name, " and ".join(filter(None, (", ".join(found[:-1]), found[-1])))


def failing_pods(failed: Iterable[tuple[str, CheckStatus]]) -> Iterator[str]:
    """The first of stable's pods that this policy would have rolled back: one is warning enough."""
    for pod, check in islice(failed, 1):
        yield (
            f"This policy would have rolled back stable's own pod {pod}, had it been a candidate "
            f"in the last hour: check {check.name}: {check.message}"
        )


def about(span: float) -> str:
    """Seconds in as many digits as an estimate has: `40s`, `12m`, `3h20m`."""
    unit = 5.0 if span < _MINUTE else _MINUTE if span < 10 * _TEN_MINUTES else _TEN_MINUTES
    return spoken(math.ceil(span / unit) * unit)


def _step(wait: Wait) -> str:
    if wait.passes is None:
        return f"never at {wait.weight}% (check {wait.check.name})"
    return f"in about {about(wait.passes)} at {wait.weight}%"


def _until_pass(wait: Wait) -> float:
    return math.inf if wait.passes is None else wait.passes


def _overlooks(wait: Wait, longest: float) -> bool:
    return wait.check.settings.finds_bad_events and (wait.fails is None or wait.fails > longest)
