"""One bad pod of several: what is wrong with a candidate may be wrong with one pod alone."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from serinus.api.status import CheckState, Comparison
from serinus.judge import words
from serinus.judge.counters import Growth
from serinus.judge.kernel import Null

MOST_PODS: Final = 16
"""What the status has room for; pods that come later count in the sums, and are not named."""
MOST_OF_IT: Final = 0.75
TIMES_THE_OTHERS: Final = 2.0
LEAST_EVENTS: Final = 3.0


def by_target(growth: Growth) -> dict[str, float]:
    """What each target of an arm counted."""
    sums: dict[str, float] = defaultdict(float)
    for increase in growth.increases:
        sums[increase.target] += increase.amount
    return sums


def with_requests(state: CheckState, served: Mapping[str, float]) -> CheckState:
    """The state with the candidate's requests of a block, by target."""
    return state.model_copy(update={"pods": _counted(state.pods, served)})


def with_events(known: Comparison, events: Mapping[str, float], state: CheckState) -> Comparison:
    """The comparison with the candidate's events of a block, by target."""
    of_kept = {target: n for target, n in events.items() if n and _pod(target) in state.pods}
    return known.model_copy(update={"pods": _counted(known.pods, of_kept)})


def blamed(state: CheckState, worst: Comparison, tolerance: Null, stable_share: float) -> str:
    """A sentence that names the pod in which what is beyond the tolerance lies; empty where it
    does not lie in one alone, or there is but one.

    It has most of it, at a rate far above that of the others, and those have served enough to
    show so.
    """
    tolerated = tolerance.ratio * stable_share + tolerance.offset
    requests, events = sum(state.pods.values()), sum(worst.pods.values())
    for pod, own in worst.pods.items():
        served = state.pods.get(pod, 0.0)
        rate = own / served if served else 0.0
        most = own - served * tolerated >= MOST_OF_IT * (events - requests * tolerated) > 0
        expected = (requests - served) * rate
        if most and expected >= max(LEAST_EVENTS, TIMES_THE_OTHERS * (events - own)):
            told = f"{words.count(own)} of the {words.count(worst.candidate)} in pod {pod}"
            known = "the first " if len(state.pods) == MOST_PODS else ""
            return f" {told}, 1 of {known}{len(state.pods)}."
    return ""


def _counted(known: Mapping[str, float], targets: Mapping[str, float]) -> dict[str, float]:
    sums = dict(known)
    for target, count in targets.items():
        pod = _pod(target)
        if pod in sums or len(sums) < MOST_PODS:
            sums[pod] = sums.get(pod, 0.0) + count
    return sums


def _pod(target: str) -> str:
    return target.partition("@")[0]
