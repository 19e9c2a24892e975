"""A pod of stable that is sick lifts the rate that the candidate is held to, and hides a bad one.

Each pod of stable is compared with stable's other pods: is it worse than the margin would allow a
candidate? The margin and not the tolerance, since pods differ a little, and a tolerance widened by
how much they do would be the wider the sicker one of them is. Pod number k of a rollout has
1 / (k (k + 1)) of the risk, so that all of them, with any that come later, keep to it.

A pod that was named is mended once it is shown to be within the margin. That evidence never falls
below its start, or a pod would have to be well for as long as it was sick; a pod that is a little
beyond the margin may be taken for mended, and is named again. Once a pod is mended or gone, Pass
must be shown anew, for its counts were stable's until then.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from serinus.api.status import CheckState, StablePod
from serinus.judge.evidence.comparison import step_entered
from serinus.judge.evidence.kernel import (
    BETTER,
    WORSE,
    Alternative,
    NullHypothesis,
    better,
    gains,
    grown,
    log_increments,
    log_sum,
    opened,
)
from serinus.judge.evidence.pods import MOST_PODS, by_target, scraped
from serinus.metrics.counters import Growth

RISK: Final = 0.001
"""Probability that any pod is named in a rollout, by one check, if none is beyond the margin."""
RISK_OF_MENDED: Final = 0.05
"""Probability that a pod beyond the margin is taken for mended before its evidence starts again."""

Counts = tuple[float, float]
"""Requests and events."""


def weighed(
    state: CheckState, margin: NullHypothesis, block: Mapping[str, Counts], variance: float
) -> CheckState:
    """The state after a block, with the counts of each of stable's pods that is scraped.

    `variance`: of the events, as a multiple of that of independent ones.
    """
    if len(block) < 2:
        return state
    known = {each.name: each for each in state.stable_pods if each.name in block}
    total = sum(n for n, _ in block.values()), sum(e for _, e in block.values())
    after = [_counted(each, margin, block[name], total, variance) for name, each in known.items()]
    kept = [each for each in after if not _mended(each)]
    new = sorted(set(block) - set(known))[: MOST_PODS - len(kept)]
    begun = [
        StablePod(name=name, above=opened(WORSE, 1 / (number * (number + 1))))
        for number, name in enumerate(new, state.stable_pods_compared + 1)
    ]
    left = {each.name for each in state.stable_pods if each.differs} - {each.name for each in kept}
    state = step_entered(state) if left else state
    return state.replace(
        stable_pods=[*kept, *begun], stable_pods_compared=state.stable_pods_compared + len(begun)
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


def _counted(
    pod: StablePod, margin: NullHypothesis, own: Counts, total: Counts, variance: float
) -> StablePod:
    (n, e), (others_n, others_e) = own, (total[0] - own[0], total[1] - own[1])

    def grow(evidence: Iterable[float], alternatives: Sequence[Alternative]) -> list[float]:
        increments = log_increments(margin, alternatives, n, others_n)
        return grown(evidence, (gain / variance for gain in gains(increments, e, others_e)))

    above, within = pod.above, pod.within
    if within:
        seen = grow(within, better(margin))
        within = seen if log_sum(seen) > 0 else opened(BETTER)
    else:
        above = grow(above, WORSE)
        within = opened(BETTER) if log_sum(above) >= -math.log(RISK) else []
    return pod.replace(
        requests=pod.requests + n,
        events=pod.events + e,
        other_requests=pod.other_requests + others_n,
        other_events=pod.other_events + others_e,
        above=above,
        within=within,
    )


def _mended(pod: StablePod) -> bool:
    return pod.differs and log_sum(pod.within) >= -math.log(RISK_OF_MENDED)
