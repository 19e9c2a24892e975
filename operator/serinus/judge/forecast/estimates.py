"""What to expect of a rollout before it starts, in sentences."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from serinus.api.quantities import spoken
from serinus.api.status import CheckStatus
from serinus.judge.findings.words import about, listed
from serinus.judge.forecast.waits import Wait

_DAY: Final = 86400.0


def expected(longest: float, waits: Iterable[Wait]) -> Iterator[str]:
    """How long each step takes, and which checks need longer than a step may last, in seconds."""
    by_weight: dict[int, list[Wait]] = defaultdict(list)
    for wait in waits:
        by_weight[wait.weight].append(wait)
    if not by_weight:
        return
    slowest = {
        weight: max(found, key=lambda wait: wait.until_pass) for weight, found in by_weight.items()
    }
    steps = [
        f"about {about(wait.passes)} at {wait.weight}%"
        for wait in slowest.values()
        if wait.passes is not None
    ]
    if steps:
        yield f"At today's traffic, a candidate as good as stable passes in {listed(steps)}."
    every = [wait for found in by_weight.values() for wait in found]
    for name, at in _by_check(wait for wait in every if wait.until_pass > longest):
        yield (
            f"Check {name} cannot pass at {at} within maxStepDuration "
            f"({spoken(longest)}): raise the weight, maxStepDuration or the check's margin."
        )
    # if twice stable's rate is tolerated, or that rate is 0, there is nothing to detect
    detecting = [(wait, wait.detects) for wait in every if wait.detects]
    late = [(wait, found) for wait, found in detecting if not found.within(longest)]
    for name, at in _by_check(wait for wait, found in late if found.within(math.inf)):
        yield (
            f"At {at}, check {name} needs longer than maxStepDuration to detect twice stable's "
            "rate of bad events."
        )
    if not any(found.within(_DAY) for _, found in detecting) and any(
        found.within(math.inf) for _, found in detecting
    ):
        yield (
            "With so little traffic no check can detect twice stable's rate of bad events within "
            "a day: add a job, preview, mirror or approval step, or a guard after the promotion."
        )
    for name, at in _by_check(wait for wait, found in late if found.hidden_by_pods):
        yield (
            f"At {at}, check {name} cannot show twice stable's rate of bad events, since pods may "
            "differ by as much: run more pods of stable or of the candidate."
        )


def _by_check(waits: Iterable[Wait]) -> Iterator[tuple[str, str]]:
    """Each check's name and its weights."""
    weights: dict[str, list[str]] = defaultdict(list)
    for wait in waits:
        weights[wait.check.name].append(f"{wait.weight}%")
    for name, found in weights.items():
        yield name, listed(found)


def chosen_steps(weights: Sequence[int], takes: float, target: float) -> str:
    """Which weights were chosen, and how long they take, in seconds."""
    shown = listed([f"{weight}%" for weight in weights])
    steps = "a step" if len(weights) == 1 else "steps"
    chosen = f"{steps} of {shown} {'is' if len(weights) == 1 else 'are'} chosen"
    if takes == math.inf:
        return f"The spec has no steps: {chosen}, but not expected to end."
    fits = "within" if takes <= target else "longer than"
    return (
        f"The spec has no steps: {chosen}, expected to take about {about(takes)}, {fits} the "
        f"target of {spoken(target)}."
    )


def failing_pods(failed: Iterable[tuple[str, CheckStatus]]) -> Iterator[str]:
    """The first of stable's pods that this policy would have rolled back; one is enough."""
    for pod, check in islice(failed, 1):
        yield (
            f"This policy would have rolled back stable's own pod {pod} as a candidate in the last "
            f"hour. Check {check.name}: {check.message}"
        )
