"""A pod of stable that predicts otherwise than stable's other pods: its image, its model file or
its configuration is another one. What stable predicts is then a mixture of two models, of which the
candidate may differ though it is as good as one of them.

One pod is compared at a time, in one class or score range and one direction: of all, what looked
most unlike at the comparison before. That is known before the counts that are weighed, so evidence
of however many pods and classes is one e-process, and needs no correction. It begins anew with each
pod; number k of a rollout has 1 / (k (k + 1)) of the risk (see `stable_pods`, whose bounds and
rules for a pod that was named hold here too). Once more speaks against it than for it, another is
chosen.

The comparison by which a pod is chosen proves nothing, but makes it suspect: by what it shows less
ln of the number of choices. Neither Pass nor Fail is given while a pod is suspect. What was counted
next to one that is gone, or that was mended, is dropped.
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from serinus.api.status import CheckState, StablePod
from serinus.judge.evidence.comparison import begun_anew
from serinus.judge.evidence.dispersion import Counts
from serinus.judge.evidence.kernel import (
    SHIFTED,
    NullHypothesis,
    gains,
    grown,
    log_increments,
    log_sum,
    opened,
)
from serinus.judge.evidence.pods import MOST_PODS
from serinus.judge.evidence.stable_pods import (
    LONGEST_WAIT,
    MOST_AT_ONCE,
    compared,
    mended,
    suspects,
)

MOST_COUNTED: Final = 256
"""Counts that may wait in the status: of all pods together, some 6 kB."""

ENOUGH: Final = 50.0
"""Predictions of a pod: among fewer, chance would choose what is compared."""

DOUBTED: Final = -1.0
"""ln of what is shown against a pod since it was chosen; another is chosen once that is less."""

MOST_SWINGS: Final = 10.0
"""Greatest variance of stable's counts from look to look that is taken for bursts. Unlike pods that
are scraped in turn make it greater by far."""

Counted = Mapping[str, float]
"""What a pod counted: of each class or range, such as `class cat`, and of all of a source, such as
`class`."""


class Rule(NamedTuple):
    """How a class or range is compared."""

    allowed: NullHypothesis
    variance: float
    """Of its counts, as a multiple of that of independent ones."""


Rules = Callable[[str], Rule]


class _Choice(NamedTuple):
    pod: StablePod
    share: str
    rarer: bool
    own: Counts
    others: Counts
    shown: float


def weighed(
    state: CheckState, rules: Rules, block: Mapping[str, Counted], at: float, since: float
) -> CheckState:
    """The state after a look, with what each of stable's pods has counted that are compared.

    `at`: time of the look, `since`: start of the rollout's traffic, Unix seconds.
    """
    if not block:
        return state
    gone = any(each.name not in block for each in suspects(state))
    if len(block) == 1:
        return (_anew(state) if gone or suspects(state) else state).replace(stable_pods=[])
    pods = _pending(state, block)
    before = since if state.stable_pods_weighed_at is None else state.stable_pods_weighed_at
    if not (all(map(_has_enough, pods)) or at - before >= LONGEST_WAIT):
        return (_anew(state) if gone else state).replace(stable_pods=pods)
    suspect = next((each for each in pods if each.share), None)
    found = suspect and _compared(suspect, pods, rules)
    well = found is not None and mended(found)
    if found is None or well or not (found.suspicion > DOUBTED or found.differs):
        found = _chosen(pods, rules, state.stable_pods_compared + 1)
    begun = found is not None and found.weighings == 0
    kept = [
        found if found and each.name == found.name else StablePod(name=each.name) for each in pods
    ]
    return (_anew(state) if gone or well else state).replace(
        stable_pods=kept,
        stable_pods_compared=state.stable_pods_compared + begun,
        stable_pods_weighed_at=at,
    )


def compared_pods(state: CheckState, there: Collection[str], names: int) -> list[str]:
    """Of stable's pods that are there, those for whose counts there is room, by so many names."""
    room = max(min(MOST_PODS, MOST_COUNTED // max(names, 1)), 2)
    known = [each.name for each in state.stable_pods if each.name in there]
    new = sorted(set(there) - set(known))
    return [*known, *new[: max(room - len(known), 0)]]


def _anew(state: CheckState) -> CheckState:
    return begun_anew(state).replace(
        stable_pods_compared=state.stable_pods_compared,
        stable_pods_weighed_at=state.stable_pods_weighed_at,
    )


def _pending(state: CheckState, block: Mapping[str, Counted]) -> list[StablePod]:
    """Their counts wait until all pods have some: they are scraped at different moments."""
    known = {each.name: each for each in state.stable_pods}
    pods = [known.get(name) or StablePod(name=name) for name in block]
    return [each.replace(pending=_sum(each.pending, block[each.name])) for each in pods]


def _has_enough(pod: StablePod) -> bool:
    return max(pod.pending.values(), default=0.0) >= ENOUGH


def _sum(one: Counted, other: Counted) -> dict[str, float]:
    """Without what was not counted at all."""
    both = {name: one.get(name, 0.0) + other.get(name, 0.0) for name in {**one, **other}}
    return {name: n for name, n in both.items() if n}


def _compared(suspect: StablePod, pods: Iterable[StablePod], rules: Rules) -> StablePod:
    own, others = _counts(suspect, pods, suspect.share)
    found = compared(suspect, own, others, *rules(suspect.share))
    return found.replace(pending={})


def _chosen(pods: Sequence[StablePod], rules: Rules, number: int) -> StablePod | None:
    """The pod that looks most unlike the others, with what it looks unlike in; none if no pod has
    more or fewer of anything than is allowed."""
    names = sorted({name for each in pods for name in each.pending if _whole(name) != name})
    best = max(_choices(pods, names, rules), key=lambda each: each.shown, default=None)
    if best is None:
        return None
    suspicion = best.shown - math.log(2 * len(names) * len(pods))
    return StablePod(
        name=best.pod.name,
        number=number,
        share=best.share,
        rarer=best.rarer,
        suspicion=min(max(suspicion, 0.0), MOST_AT_ONCE),
        requests=best.own[0],
        events=best.own[1],
        other_requests=best.others[0],
        other_events=best.others[1],
    )


def _choices(pods: Sequence[StablePod], names: Iterable[str], rules: Rules) -> Iterator[_Choice]:
    for share in names:
        rule = rules(share)
        for pod in pods:
            own, others = _counts(pod, pods, share)
            if not own[0] or not others[0]:
                continue
            for rarer, one, other in ((False, own, others), (True, others, own)):
                if one[1] / one[0] > rule.allowed.ratio * other[1] / other[0] + rule.allowed.offset:
                    shown = _shown(rule, one, other)
                    yield _Choice(pod, share, rarer, own, others, shown)


def _shown(rule: Rule, one: Counts, other: Counts) -> float:
    """ln of the evidence that the one has more than is allowed."""
    gained = gains(log_increments(rule.allowed, SHIFTED, one[0], other[0]), one[1], other[1])
    return log_sum(grown(opened(SHIFTED), [gain / rule.variance for gain in gained]))


def _counts(pod: StablePod, pods: Iterable[StablePod], share: str) -> tuple[Counts, Counts]:
    """All predictions of a pod, and those of a class or range; and the same of the other pods."""
    whole = _whole(share)
    others = [each.pending for each in pods if each.name != pod.name]
    return (pod.pending.get(whole, 0.0), pod.pending.get(share, 0.0)), (
        math.fsum(each.get(whole, 0.0) for each in others),
        math.fsum(each.get(share, 0.0) for each in others),
    )


def _whole(share: str) -> str:
    return share.split(" ", 1)[0]
