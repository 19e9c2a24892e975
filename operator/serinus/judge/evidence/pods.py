"""A few bad pods of several: what is wrong with a candidate may be wrong with these alone."""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from serinus.api.status import CheckState, Comparison
from serinus.judge.evidence.kernel import NullHypothesis
from serinus.judge.findings.rates import PodShare
from serinus.metrics.counters import LATE_WITHIN, Growth

MOST_PODS: Final = 16
"""What the status has room for; pods that come later count in the sums, and are not named."""
MOST_OF_IT: Final = 0.75
BY_CHANCE: Final = 0.05
"""The chance that one of several pods which are alike is named; half of that for two, and so on."""

Arms = tuple[float, float]
"""Of candidate and stable."""

OTHERS_BY_CHANCE: Final = 3.0
"""Standard deviations of the other pods' events, which are looked at again and again."""


def by_target(growth: Growth) -> dict[str, float]:
    """What each target of an arm counted."""
    sums: dict[str, float] = defaultdict(float)
    for increase in growth.increases:
        sums[increase.target] += increase.amount
    return sums


def scraped(*growths: Growth) -> set[str]:
    """The pods of an arm that are still there: the others were not scraped for two minutes, while
    some pod was. A counter of failures may be that of one pod alone."""
    ends: dict[str, float] = {}
    for each in (each for growth in growths for each in growth.increases):
        ends[each.target] = max(each.end, ends.get(each.target, each.end))
    newest = max(ends.values(), default=0.0)
    return {pod_of(target) for target, end in ends.items() if end > newest - LATE_WITHIN}


def with_requests(state: CheckState, served: Mapping[str, float]) -> CheckState:
    """The state with the candidate's requests of a block, by target."""
    return state.replace(pods=_counted(state.pods, served))


def with_events(
    known: Comparison,
    events: Mapping[str, float],
    state: CheckState,
    strata: Sequence[tuple[Arms, Arms]] = (),
) -> Comparison:
    """The comparison with the candidate's events of a block, by target. `strata`: the requests and
    the events of both arms in each; none if the arms are compared as a whole."""
    if strata:
        more = known.at_stables_shares + _at_stables_shares(strata)
        known = known.replace(at_stables_shares=more)
    of_kept = {target: n for target, n in events.items() if n and pod_of(target) in state.pods}
    return known.replace(pods=_counted(known.pods, of_kept))


def share_to_expect(known: Comparison, candidate: float, stable: float) -> float:
    """Stable's share of events, of so many requests of both arms; within strata that of the
    candidate's mix, since another mix is the fault of no pod."""
    if known.at_stables_shares and candidate:
        return known.at_stables_shares / candidate
    return known.stable / stable if stable else 0.0


def attributed_pods(
    state: CheckState, worst: Comparison, tolerance: NullHypothesis, stable_share: float
) -> PodShare | None:
    """The pods, as few as possible and at most half of all, in which most of what is beyond the
    tolerance lies; none where it may lie there by chance, or where there is but one pod."""
    tolerated = tolerance.ratio * stable_share + tolerance.offset
    return next(_attributed(state, worst, tolerated), None)


def pods_to_blame(
    state: CheckState, worst: Comparison, tolerance: NullHypothesis, stable_share: float
) -> list[str]:
    """The pods that are beyond the tolerance while the others together are not, as far as chance
    goes; empty: there are none. A pod stays named, since its events of a while ago do."""
    tolerated = tolerance.ratio * stable_share + tolerance.offset

    def others_are_well(named: Collection[str]) -> bool:
        expected = tolerated * sum(n for pod, n in state.pods.items() if pod not in named)
        others = sum(n for pod, n in worst.pods.items() if pod not in named)
        return others <= expected + OTHERS_BY_CHANCE * math.sqrt(expected)

    known = [state.pods_to_blame] if state.pods_to_blame else []
    found = known or (list(each.pods) for each in _attributed(state, worst, tolerated))
    return next(filter(others_are_well, found), [])


def _at_stables_shares(strata: Iterable[tuple[Arms, Arms]]) -> float:
    """Events of the candidate's requests. A stratum that stable has not served meanwhile has the
    share of all."""
    known = list(strata)
    whole, events = (math.fsum(each[of][1] for each in known) for of in (0, 1))
    every = events / whole if whole else 0.0
    return math.fsum(n_c * (x_s / n_s if n_s else every) for (n_c, n_s), (_, x_s) in known)


def _attributed(state: CheckState, worst: Comparison, tolerated: float) -> Iterator[PodShare]:
    """The worst pod, then the worst two, and so on, where most of what is beyond lies in them."""
    requests, events = sum(state.pods.values()), sum(worst.pods.values())
    beyond = {pod: n - state.pods[pod] * tolerated for pod, n in worst.pods.items()}
    pods, known = sorted(beyond, key=lambda pod: -beyond[pod]), len(state.pods)
    for count in range(1, max(known // 2, 1) + 1):
        named = pods[:count]
        own, served = (sum(of[pod] for pod in named) for of in (worst.pods, state.pods))
        most = own - served * tolerated >= MOST_OF_IT * (events - requests * tolerated) > 0
        alike = min(served / requests, 1.0) if requests else 1.0
        by_chance = BY_CHANCE / 2 ** (count - 1) / math.comb(known, count)
        if most and _chance(own, events, alike) <= by_chance:
            first = known == MOST_PODS
            yield PodShare(tuple(named), own, worst.candidate, known, first_pods_only=first)


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
        pod = pod_of(target)
        if pod in sums or len(sums) < MOST_PODS:
            sums[pod] = sums.get(pod, 0.0) + count
    return sums


def pod_of(target: str) -> str:
    """The name of the pod of a target."""
    return target.partition("@")[0]
