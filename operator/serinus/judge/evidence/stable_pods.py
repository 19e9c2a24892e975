"""A pod of stable that is sick lifts the rate that the candidate is held to, and hides a bad one.

Each pod of stable is compared with stable's other pods: is it worse than the margin would allow a
candidate? The margin and not the tolerance, since pods differ a little, and a tolerance widened by
how much they do would be the wider the sicker one of them is. Comparison number k of a rollout has
1 / (k (k + 1)) of the risk, so that all pods, with any that come later, keep to it. Of that, what
begins with the j-th weighing has 1 / (j (j + 1)): a pod may turn sick late.

A pod that was named is mended once it is shown to be within the margin. That evidence never falls
below its start, or a pod would have to be well for as long as it was sick; a pod that is a little
beyond the margin may be taken for mended, and is named again. Once a pod is mended or gone, Pass
must be shown anew, for its counts were stable's until then.

A candidate may pass sooner than a pod can be named. So Pass also waits for a pod that is suspect:
a cusum, which proves nothing, and ends by itself where nothing is wrong.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from serinus.api.status import CheckState, StablePod
from serinus.judge.evidence.comparison import without_credit
from serinus.judge.evidence.dispersion import Counts
from serinus.judge.evidence.kernel import (
    BETTER,
    SHIFTED,
    WORSE,
    Alternative,
    NullHypothesis,
    better,
    gains,
    grown,
    log_increments,
    log_sum,
    opened,
    raised,
)
from serinus.judge.evidence.pods import MOST_PODS, by_target, scraped
from serinus.metrics.counters import Growth

RISK: Final = 0.001
"""Probability that any pod is named in a rollout, by one check, if none is beyond the margin."""
RISK_OF_MENDED: Final = 0.05
"""Probability that a pod beyond the margin is taken for mended before its evidence starts again."""

MOST_AT_ONCE: Final = 2.7
"""Greatest log of what a comparison may gain at once. An outage of all pods looks like one of some,
because pods are scraped at different moments; at the next comparison it does not. Evidence that is
cut is less, and as valid."""

SUSPICIOUS: Final = 2.5
"""Of a cusum; a little less than what one comparison may gain."""
SUSPICIOUS_OF_MANY: Final = 0.5
"""The same where what is compared was chosen among many, which the cusum allows for."""

LONGEST_WAIT: Final = 60.0
"""Seconds to wait for a pod without requests."""


def weighed(
    state: CheckState,
    margin: NullHypothesis,
    block: Mapping[str, Counts],
    variance: float,
    at: float,
    since: float,
) -> CheckState:
    """The state after a look, with what each of stable's pods that is there has counted.

    `variance`: of the events, as a multiple of that of independent ones. `at`: time of the look,
    `since`: start of the rollout's traffic, Unix seconds.
    """
    if not block:
        return state
    if len(block) == 1:
        differed = any(each.differs for each in state.stable_pods)
        return (without_credit(state) if differed else state).replace(stable_pods=[])
    known = [each for each in state.stable_pods if each.name in block]
    new = sorted(set(block) - {each.name for each in known})[: MOST_PODS - len(known)]
    begun = [
        StablePod(name=name, number=number)
        for number, name in enumerate(new, state.stable_pods_compared + 1)
    ]
    pods = [_counted(each, block) for each in (*known, *begun)]
    before = since if state.stable_pods_weighed_at is None else state.stable_pods_weighed_at
    if all(each.pending_requests for each in pods) or at - before >= LONGEST_WAIT:
        pods = [_weighed(each, pods, margin, variance) for each in pods]
        state = state.replace(stable_pods_weighed_at=at)
    kept = [each for each in pods if not mended(each)]
    left = {each.name for each in state.stable_pods if each.differs} - {each.name for each in kept}
    state = without_credit(state) if left else state
    compared = state.stable_pods_compared + len(begun)
    return state.replace(stable_pods=kept, stable_pods_compared=compared)


def suspects(state: CheckState) -> list[StablePod]:
    """Pods that Pass waits for, and where they are compared by many shares, Fail as well."""
    return [each for each in state.stable_pods if each.differs or _is_suspicious(each)]


def unknown(state: CheckState) -> bool:
    """Whether there are pods to compare that were not compared yet."""
    return bool(state.stable_pods) and state.stable_pods_weighed_at is None


def recent_of(pod: StablePod) -> tuple[Counts, Counts] | None:
    """Its requests and events, and those of the other pods, since nothing spoke against it. None:
    as far as is known, something always did."""
    if not pod.before:
        return None
    requests, events, other_requests, other_events = pod.before
    return (
        (pod.requests - requests, pod.events - events),
        (pod.other_requests - other_requests, pod.other_events - other_events),
    )


def by_pod(requests: Growth, events: Mapping[str, float]) -> dict[str, Counts]:
    """Of each pod that is still there, with its targets' events."""
    found = dict.fromkeys(scraped(requests), (0.0, 0.0))
    for target, n in by_target(requests).items():
        pod = target.partition("@")[0]
        if pod in found:
            before = found[pod]
            found[pod] = before[0] + n, before[1] + events.get(target, 0.0)
    return found


def _is_suspicious(pod: StablePod) -> bool:
    return pod.suspicion >= (SUSPICIOUS_OF_MANY if pod.share else SUSPICIOUS)


def _counted(pod: StablePod, block: Mapping[str, Counts]) -> StablePod:
    """Its counts wait until all pods have some: they are scraped at different moments."""
    requests, events = block[pod.name]
    return pod.replace(
        pending_requests=pod.pending_requests + requests,
        pending_events=pod.pending_events + events,
    )


def _weighed(
    pod: StablePod, pods: Iterable[StablePod], margin: NullHypothesis, variance: float
) -> StablePod:
    others = [other for other in pods if other.name != pod.name]
    of_others = (
        sum(other.pending_requests for other in others),
        sum(other.pending_events for other in others),
    )
    found = compared(pod, (pod.pending_requests, pod.pending_events), of_others, margin, variance)
    return found.replace(pending_requests=0.0, pending_events=0.0)


def compared(
    pod: StablePod, own: Counts, others: Counts, allowed: NullHypothesis, variance: float
) -> StablePod:
    """The pod once its counts are weighed against those of the other pods, of which it may not have
    more than is allowed, or fewer if it has fewer of them."""
    one, other = (others, own) if pod.rarer else (own, others)
    worse = SHIFTED if pod.share else WORSE

    def gained(alternatives: Sequence[Alternative]) -> list[float]:
        increments = log_increments(allowed, alternatives, one[0], other[0])
        return [gain / variance for gain in gains(increments, one[1], other[1])]

    above, within, suspicion, number = pod.above, pod.within, pod.suspicion, pod.weighings + 1
    if within:
        seen = grown(within, gained(better(allowed)))
        within = seen if log_sum(seen) > 0 else opened(BETTER)
    else:
        gain = [min(each, MOST_AT_ONCE) for each in gained(worse)]
        weight = 1 / (pod.number * (pod.number + 1)) / (number * (number + 1))
        begun = raised(above, worse, weight) if above else opened(worse, weight)
        above = grown(begun, gain)
        within = opened(BETTER) if log_sum(above) >= -math.log(RISK) else []
        if pod.share:  # compared for as long as something speaks for it, and not always
            suspicion += log_sum(above) - log_sum(begun)
        else:
            suspicion = max(suspicion + log_sum(grown(opened(worse), gain)), 0.0)
    counts = [
        pod.requests + own[0],
        pod.events + own[1],
        pod.other_requests + others[0],
        pod.other_events + others[1],
    ]
    return pod.replace(
        weighings=number,
        requests=counts[0],
        events=counts[1],
        other_requests=counts[2],
        other_events=counts[3],
        before=pod.before if suspicion or pod.share else counts,
        above=above,
        suspicion=suspicion,
        within=within,
    )


def mended(pod: StablePod) -> bool:
    """Whether a pod that was shown to differ is shown to be like the others again."""
    return pod.differs and log_sum(pod.within) >= -math.log(RISK_OF_MENDED)
