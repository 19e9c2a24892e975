"""Checks, each with what it promises of a few small blocks."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import permutations, product
from math import inf

from serinus.api.checks.error_rate import ErrorRate
from serinus.api.checks.fairness import Fairness
from serinus.api.checks.feedback import Feedback
from serinus.api.checks.latency import Latency
from serinus.api.checks.prediction_drift import PASSES_WITHIN, PredictionDrift
from serinus.api.checks.traffic_share import TrafficShare
from serinus.api.status import CheckState
from serinus.judge.checks.error_rate import ErrorRateCheck
from serinus.judge.checks.fairness import FairnessCheck
from serinus.judge.checks.feedback import FeedbackCheck
from serinus.judge.checks.latency import LatencyCheck
from serinus.judge.checks.prediction_drift import PredictionDriftCheck
from serinus.judge.checks.traffic_share import TrafficShareCheck
from serinus.judge.evidence.kernel import NullHypothesis
from serinus.judge.evidence.look import CheckKind, Look
from serinus.judge.evidence.stability import index, ratio_within
from tests.unit.judge.enumeration import Counts, Law, shares
from tests.unit.judge.looks import (
    BOUNDS,
    bursts,
    by_route,
    events,
    groups,
    groups_of_both,
    histograms,
    odds,
    predictions,
    split,
)

CANDIDATE, STABLE = 0, 1
ALIKE = NullHypothesis(1.0, 0.0)
EXACT = 1e-9
"""Of sums of rates."""


@dataclass(frozen=True)
class Claim:
    """How much more often some sorts of requests may come to one arm than to another."""

    sorts: tuple[int, ...]
    arm: int
    other: int
    tolerance: NullHypothesis
    margin: NullHypothesis | None
    """None: Pass does not depend on it."""

    def excess(self, law: Law, null: NullHypothesis) -> float:
        """How far the rate of the arm is above what is allowed."""
        rate, other = (sum(law[arm][sort] for sort in self.sorts) for arm in (self.arm, self.other))
        return rate - null.ratio * other - null.offset


@dataclass(frozen=True)
class AgainstStable:
    """How many times stable's odds ratio of two groups the candidate's may be."""

    groups: tuple[int, int]
    tolerance: NullHypothesis
    margin: NullHypothesis | None = None

    def excess(self, law: Law, null: NullHypothesis) -> float:
        """How far it is above what is allowed, both multiplied by what is below the line."""
        first, second = self.groups
        (yes, no), (other_yes, other_no) = law[first], law[second]
        (s_yes, s_no), (s_other_yes, s_other_no) = law[first + 2], law[second + 2]
        allowed = null.ratio * no * other_yes * s_yes * s_other_no
        return yes * other_no * s_no * s_other_yes - allowed


@dataclass(frozen=True)
class Unfair:
    """Beyond the tolerance, or the margin, in itself and against stable."""

    groups: tuple[int, int]
    tolerance: NullHypothesis
    margin: NullHypothesis | None

    def excess(self, law: Law, null: NullHypothesis) -> float:
        """The lesser of both."""
        first, second = self.groups
        in_itself = Claim((0,), first, second, self.tolerance, self.margin)
        against_stable = AgainstStable(self.groups, self.tolerance)
        return min(in_itself.excess(law, null), against_stable.excess(law, null))


@dataclass(frozen=True)
class Index:
    """How great the population stability index of two arms may be."""

    tolerated: float
    arm: int = CANDIDATE
    other: int = STABLE
    tolerance: NullHypothesis = ALIKE
    """Not read: the index says what is tolerated."""
    margin: None = None
    """Pass does not depend on it."""

    def excess(self, law: Law, null: NullHypothesis) -> float:
        """How far it is above what is tolerated; without end where one arm lacks a sort."""
        parts = [(c, s) for c, s in zip(law[self.arm], law[self.other], strict=True) if c or s]
        return index(parts) - self.tolerated if all(c and s for c, s in parts) else inf


@dataclass(frozen=True, eq=False)
class Promise:
    """A check, and what it says of the laws by which its requests are sorted."""

    check: CheckKind
    look: Callable[[CheckKind, Counts], Look]
    claims: Sequence[Claim | AgainstStable | Unfair | Index]
    blocks: tuple[tuple[int, ...], ...] = ((3, 2), (2, 4), (2, 1))
    """Requests by arm."""
    sorts: int = 2
    grain: int = 10
    opening: Counts | None = None
    """A block that went before."""
    summed: bool = False
    """Whether the claims are one quantity in several strata, and a candidate is beyond the margin
    if it is in all of them."""
    decided_by: Callable[[CheckState], CheckState] = field(default=lambda state: state)
    """The state with the comparisons by which verdicts are made."""

    def within(self) -> list[Law]:
        """Laws under which nothing is beyond its tolerance, in multiples of 1 / grain."""
        return [
            law
            for law in self.laws()
            if all(claim.excess(law, claim.tolerance) <= EXACT for claim in self.claims)
        ]

    def beyond(self) -> list[list[Law]]:
        """By claim that Pass depends on, the laws under which it is beyond its margin."""
        by_claim = [
            [law for law in self.laws() if claim.excess(law, claim.margin) >= -EXACT]
            for claim in self.claims
            if claim.margin is not None
        ]
        if self.summed:
            return [[law for law in by_claim[0] if all(law in laws for laws in by_claim[1:])]]
        return by_claim

    def laws(self) -> list[Law]:
        """All of the grain."""
        return list(product(shares(self.sorts, self.grain), repeat=len(self.blocks[0])))


ANYTHING = NullHypothesis(1.0, 1.0)
TOLERANCE, MARGIN = NullHypothesis(1.5, 0.1), NullHypothesis(4.0, 0.2)
LIMIT = NullHypothesis(0.0, 0.3)


def settings(tolerance: NullHypothesis = TOLERANCE, /, **more: object) -> dict[str, object]:
    return {
        "tolerance": tolerance.ratio,
        "absoluteTolerance": f"{100 * tolerance.offset:g}%",
        "margin": MARGIN.ratio,
        "absoluteMargin": f"{100 * MARGIN.offset:g}%",
        **more,
    }


def errors(tolerance: NullHypothesis = TOLERANCE, **more: object) -> CheckKind:
    return ErrorRateCheck(ErrorRate.model_validate(settings(tolerance, **more)))


def latency(**more: object) -> CheckKind:
    return LatencyCheck(Latency.model_validate(settings(warmUp="0s", **more)))


def drift(tolerance: NullHypothesis = TOLERANCE, **more: object) -> CheckKind:
    return PredictionDriftCheck(PredictionDrift.model_validate(settings(tolerance, **more)))


def drift_by_index(psi: float, **more: object) -> CheckKind:
    return PredictionDriftCheck(
        PredictionDrift.model_validate({"psi": psi, "absoluteMargin": "10%", **more})
    )


def near(psi: float, *arms: int, sorts: Iterable[tuple[int, ...]]) -> list[Claim]:
    """What Pass says where an index is tolerated."""
    margin = NullHypothesis(ratio_within(PASSES_WITHIN * psi), 0.1)
    return alike(*arms, sorts=sorts, tolerance=ANYTHING, margin=margin)


def fairness(tolerance: NullHypothesis = TOLERANCE, **more: object) -> FairnessCheck:
    return FairnessCheck(Fairness.model_validate(settings(tolerance, minGroupShare="0%", **more)))


def bad(tolerance: NullHypothesis) -> list[Claim]:
    return [Claim((0,), CANDIDATE, STABLE, tolerance, MARGIN)]


def bad_in_strata(tolerance: NullHypothesis) -> list[Claim]:
    """In either of two, of which the candidate's come first."""
    return [Claim((0,), arm, arm + 2, tolerance, MARGIN) for arm in (0, 1)]


def slow(margin: NullHypothesis | None) -> list[Claim]:
    """At either bound."""
    return [Claim(sorts, CANDIDATE, STABLE, TOLERANCE, margin) for sorts in ((1, 2), (2,))]


def alike(
    *arms: int,
    sorts: Iterable[tuple[int, ...]] = ((0,),),
    tolerance: NullHypothesis = TOLERANCE,
    margin: NullHypothesis | None = MARGIN,
) -> list[Claim]:
    """Each of the arms, in each of the sorts."""
    pairs = product(sorts, permutations(arms, 2))
    return [Claim(each, arm, other, tolerance, margin) for each, (arm, other) in pairs]


FAVOURABLE = [{"label": "class", "value": "approve"}]
RATIO = NullHypothesis(1.5, 0)
AGAINST_STABLE = fairness(tolerance=RATIO, favourable=FAVOURABLE, against="Stable")
BLOCKS_OF_BOTH = ((2, 2, 3, 2), (2, 2, 1, 2))
FEEDBACK = FeedbackCheck(Feedback.model_validate(settings(minFeedback=1, after="0s")))
CLASSES = {"metric": "model_predictions_total"}
LIMITED = Claim((0,), CANDIDATE, STABLE, LIMIT, LIMIT)
NONE_YET: Counts = ((0, 0, 0), (0, 0, 0))
ALL_BOUNDS: Counts = ((0, 0, 0), (1, 1, 1))
ALL_FAVOURED: Counts = ((1, 0), (1, 0))
EACH, BOTH_TAILS = ((0,), (1,), (2,)), ((0, 1), (1, 2))

PROMISES = {
    "errors as rare": Promise(errors(tolerance=ALIKE), events, bad(ALIKE)),
    "errors by a ratio": Promise(
        errors(tolerance=NullHypothesis(1.5, 0)), events, bad(NullHypothesis(1.5, 0))
    ),
    "errors by a ratio and an offset": Promise(errors(), events, bad(TOLERANCE)),
    "errors and a limit": Promise(
        errors(tolerance=ALIKE, limit="30%"), events, [*bad(ALIKE), LIMITED]
    ),
    "errors after bursts": Promise(errors(tolerance=ALIKE), bursts, bad(ALIKE)),
    "errors in strata": Promise(
        errors(tolerance=ALIKE),
        by_route(events),
        bad_in_strata(ALIKE),
        ((2, 1, 1, 3), (1, 2, 2, 1)),
        grain=5,
        summed=True,
    ),
    "errors in strata, by a ratio and an offset": Promise(
        errors(),
        by_route(events),
        bad_in_strata(TOLERANCE),
        ((2, 1, 1, 3), (1, 2, 2, 1)),
        grain=5,
        summed=True,
    ),
    "errors in strata of one arm alone": Promise(
        errors(tolerance=ALIKE),
        by_route(events),
        bad_in_strata(ALIKE),
        ((3, 1, 0, 2), (0, 2, 3, 2)),
        grain=5,
        summed=True,
    ),
    "feedback": Promise(FEEDBACK, events, bad(TOLERANCE)),
    "two classes": Promise(
        drift(tolerance=ALIKE, classes=CLASSES),
        predictions,
        alike(CANDIDATE, STABLE, sorts=EACH[:2], tolerance=ALIKE),
        ((3, 8), (3, 8)),
    ),
    "classes as they appear": Promise(
        drift(classes=CLASSES),
        predictions,
        alike(CANDIDATE, STABLE, sorts=EACH),
        ((2, 2), (1, 2)),
        sorts=3,
        opening=NONE_YET,
    ),
    "classes in strata, as they appear": Promise(
        drift(classes=CLASSES),
        by_route(predictions),
        [*alike(0, 2, sorts=EACH[:2], margin=None), *alike(1, 3, sorts=EACH[:2], margin=None)],
        ((2, 1, 1, 2), (1, 2, 2, 1)),
        grain=5,
        opening=((0, 0),) * 4,
    ),
    "scores": Promise(
        drift(scores="model_prediction_score"),
        histograms(BOUNDS, BOUNDS),
        [
            *alike(CANDIDATE, STABLE, sorts=EACH),
            *alike(CANDIDATE, STABLE, sorts=BOTH_TAILS, margin=None),
        ],
        ((2, 2), (2, 1)),
        sorts=3,
    ),
    "an index of two classes": Promise(
        drift_by_index(0.1, classes=CLASSES),
        predictions,
        [Index(0.1), *near(0.1, CANDIDATE, STABLE, sorts=EACH[:2])],
        ((2, 4), (3, 3)),
        grain=20,
        opening=((3, 0), (2, 4)),
    ),
    "an index of classes as they appear": Promise(
        drift_by_index(0.5, classes=CLASSES),
        predictions,
        [Index(0.5), *near(0.5, CANDIDATE, STABLE, sorts=EACH)],
        ((2, 2), (1, 2)),
        sorts=3,
        opening=NONE_YET,
    ),
    "an index of scores": Promise(
        drift_by_index(0.2, scores="model_prediction_score"),
        histograms(BOUNDS, BOUNDS),
        [Index(0.2), *near(0.2, CANDIDATE, STABLE, sorts=EACH)],
        ((2, 2), (2, 1)),
        sorts=3,
    ),
    "an index in strata": Promise(
        drift_by_index(0.2, classes=CLASSES),
        by_route(predictions),
        [Index(0.2, 0, 2), Index(0.2, 1, 3)],
        ((2, 1, 1, 2), (1, 2, 2, 1)),
        grain=5,
        opening=((1, 1), (1, 0), (1, 1), (1, 1)),
    ),
    "latency at bounds of stable's": Promise(
        latency(), histograms(BOUNDS, BOUNDS), slow(None), ((0, 2), (2, 2), (2, 1)), sorts=3
    ),
    "latency at bounds that get lost": Promise(
        latency(),
        histograms(BOUNDS[:1], BOUNDS),
        slow(None),
        ((2, 2), (2, 2)),
        sorts=3,
        opening=ALL_BOUNDS,
    ),
    "latency at given bounds": Promise(
        latency(),
        histograms(BOUNDS, BOUNDS),
        slow(MARGIN),
        ((2, 3), (3, 2)),
        sorts=3,
        opening=ALL_BOUNDS,
    ),
    "latency in strata": Promise(
        latency(),
        by_route(histograms(BOUNDS, BOUNDS)),
        [Claim(sorts, arm, arm + 2, TOLERANCE, None) for sorts in ((1, 2), (2,)) for arm in (0, 1)],
        ((1, 2, 2, 1),),
        sorts=3,
        grain=4,
        opening=((0, 0, 0), (0, 0, 0), (1, 1, 1), (0, 0, 0)),
    ),
    "latency and a limit": Promise(
        latency(limit={"bound": "200ms", "share": "30%"}),
        histograms(BOUNDS, BOUNDS),
        [*slow(None), Claim((2,), CANDIDATE, STABLE, LIMIT, LIMIT)],
        ((2, 3), (3, 2)),
        sorts=3,
        opening=ALL_BOUNDS,
    ),
    "the split": Promise(
        TrafficShareCheck(TrafficShare.model_validate(settings(margin=2, absoluteMargin="10%"))),
        split,
        [
            Claim((0,), 0, 0, NullHypothesis(0, 0.3 * 1.5 + 0.1), NullHypothesis(0, 0.3 * 2 + 0.1)),
            Claim(
                (1,),
                0,
                0,
                NullHypothesis(0, 1 - (0.3 / 1.5 - 0.1)),
                NullHypothesis(0, 1 - (0.3 / 2 - 0.1)),
            ),
        ],
        ((5,), (4,), (5,), (4,), (5,)),
        grain=20,
    ),
    "two groups": Promise(
        fairness(tolerance=ALIKE, favourable=FAVOURABLE),
        groups,
        alike(0, 1, tolerance=ALIKE),
        ((5, 5), (4, 4)),
    ),
    "groups weighed by refusals": Promise(
        fairness(tolerance=NullHypothesis(1.5, 0), favourable=FAVOURABLE),
        groups,
        alike(0, 1, tolerance=NullHypothesis(1.5, 0)),
        ((6, 6), (5, 5)),
        grain=20,
        opening=ALL_FAVOURED,
    ),
    "three groups": Promise(
        fairness(favourable=FAVOURABLE), groups, alike(0, 1, 2), ((2, 2, 1), (2, 1, 2)), grain=10
    ),
    "groups within what stable does": Promise(
        AGAINST_STABLE,
        groups_of_both,
        [AgainstStable(groups, RATIO) for groups in ((0, 1), (1, 0))],
        BLOCKS_OF_BOTH,
        grain=5,
        decided_by=AGAINST_STABLE.decided_by,
    ),
    "groups that are alike, whatever stable does": Promise(
        AGAINST_STABLE,
        groups_of_both,
        alike(0, 1, tolerance=RATIO, margin=None),
        BLOCKS_OF_BOTH,
        grain=5,
        decided_by=AGAINST_STABLE.decided_by,
    ),
    "groups that are neither": Promise(
        AGAINST_STABLE,
        groups_of_both,
        [Unfair(groups, RATIO, MARGIN) for groups in ((0, 1), (1, 0))],
        BLOCKS_OF_BOTH[:1],
        grain=5,
        decided_by=AGAINST_STABLE.decided_by,
    ),
    "equalised odds": Promise(
        fairness(equalisedOdds={}),
        odds,
        [*alike(0, 1), *alike(2, 3)],
        ((2, 2, 1, 1), (1, 1, 2, 2)),
        grain=5,
    ),
}
