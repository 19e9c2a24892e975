"""One bad pod of several: what is wrong with a candidate may be wrong with one pod alone."""

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from serinus.api.status import CheckState, Comparison
from serinus.judge.evidence.kernel import NullHypothesis
from serinus.judge.findings.rates import PodShare
from serinus.metrics.counters import LATE_WITHIN, Growth

MOST_PODS: Final = 16
"""What the status has room for; pods that come later count in the sums, and are not named."""
MOST_OF_IT: Final = 0.75
BY_CHANCE: Final = 0.05
"""The chance that one of several pods which are alike is named."""

OTHERS_BY_CHANCE: Final = 3.0
"""Standard deviations of the other pods' events, which are looked at again and again."""


def by_target(growth: Growth) -> dict[str, float]:
    """What each target of an arm counted."""
    sums: dict[str, float] = defaultdict(float)
    for increase in growth.increases:
        sums[increase.target] += increase.amount
    return sums


def scraped(growth: Growth) -> set[str]:
    """The pods of an arm that are still there: the others were not scraped for two minutes."""
    ends = {each.target: each.end for each in growth.increases}
    newest = max(ends.values(), default=0.0)
    return {_pod(target) for target, end in ends.items() if end > newest - LATE_WITHIN}


def with_requests(state: CheckState, served: Mapping[str, float]) -> CheckState:
    """The state with the candidate's requests of a block, by target."""
    return state.replace(pods=_counted(state.pods, served))


def with_events(known: Comparison, events: Mapping[str, float], state: CheckState) -> Comparison:
    """The comparison with the candidate's events of a block, by target."""
    of_kept = {target: n for target, n in events.items() if n and _pod(target) in state.pods}
    return known.replace(pods=_counted(known.pods, of_kept))


def attributed_pod(
    state: CheckState, worst: Comparison, tolerance: NullHypothesis, stable_share: float
) -> PodShare | None:
    """The pod in which most of what is beyond the tolerance lies; none where it does not lie in one
    alone, where it may by chance, or where there is but one."""
    tolerated = tolerance.ratio * stable_share + tolerance.offset
    requests, events = sum(state.pods.values()), sum(worst.pods.values())
    for pod, own in worst.pods.items():
        served = state.pods[pod]
        most = own - served * tolerated >= MOST_OF_IT * (events - requests * tolerated) > 0
        alike = min(served / requests, 1.0) if requests else 1.0
        if most and _chance(own, events, alike) * len(state.pods) <= BY_CHANCE:
            known = len(state.pods)
            return PodShare(pod, own, worst.candidate, known, first_pods_only=known == MOST_PODS)
    return None


def pod_to_blame(
    state: CheckState, worst: Comparison, tolerance: NullHypothesis, stable_share: float
) -> str:
    """The pod that is beyond the tolerance while the others together are not, as far as chance
    goes; empty: there is none. A pod stays named, since its events of a while ago do."""
    named = state.pod_to_blame
    if not named:
        attributed = attributed_pod(state, worst, tolerance, stable_share)
        named = attributed.pod if attributed else ""
    tolerated = tolerance.ratio * stable_share + tolerance.offset
    expected = tolerated * sum(n for pod, n in state.pods.items() if pod != named)
    others = sum(n for pod, n in worst.pods.items() if pod != named)
    return named if others <= expected + OTHERS_BY_CHANCE * math.sqrt(expected) else ""


def _chance(own: float, events: float, share: float) -> float:
    """Of a binomial number to be so great or greater: of all events, those of a pod that has its
    share of the requests and is like the others."""
    if not 0 < share < 1:
        return 1.0
    k, n, total = round(own), round(events), 0.0
    log_chance = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    chance = math.exp(log_chance + k * math.log(share) + (n - k) * math.log1p(-share))
    while k <= n and chance:
        total += chance
        chance *= (n - k) / (k + 1) * share / (1 - share)
        k += 1
    return total


def _counted(known: Mapping[str, float], targets: Mapping[str, float]) -> dict[str, float]:
    sums = dict(known)
    for target, count in targets.items():
        pod = _pod(target)
        if pod in sums or len(sums) < MOST_PODS:
            sums[pod] = sums.get(pod, 0.0) + count
    return sums


def _pod(target: str) -> str:
    return target.partition("@")[0]
