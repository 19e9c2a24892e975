"""latency in a guard: each revision against its own first half hour after the promotion, and both
changes against each other.

A pod of the promoted revision has many times as many requests as one of the previous revision, so
their latencies may differ without any fault. What may not happen is that the difference grows. For
each bound, the odds that a request is slower are compared, promoted over previous: in windows of
some minutes, against their ratio in the reference. What makes both slower cancels out.

Exact for independent requests, as long as the ratio of odds stays within what is tolerated: the
ratio in the reference is known but for chance, so it is taken at its upper confidence limit. That
all of these limits hold has a probability of 1 - OF_REFERENCES of the budget, and then the evidence
of the windows is a supermartingale with the rest of it.

Heuristic: how the ratio depends on the load. A pod with more requests is slower, while those of the
previous revision have few of them, at any time of the day. So

- windows in which a pod of the promoted revision has more requests than in the reference are no
  evidence; if that lasts, another reference begins;
- with fewer requests, its latency is taken to be between those that both revisions had in the
  reference, so as slow as the previous revision it may always be;
- a little more, LOAD_ABOVE, is taken to be covered by OF_THE_LOAD of what all the difference in
  load has shown in the reference.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from serinus.api.baseline import INDEPENDENT
from serinus.api.status import CheckState, Comparison, Reference, ServedTime, SlowRequests, Verdict
from serinus.judge.checks.latency_bounds import Durations, bound_of, named, nearest
from serinus.judge.checks.latency_windows import (
    REFERENCE,
    UNLIKE_FOR,
    WINDOW,
    has_more_load,
    slower_than,
    together,
    with_block,
)
from serinus.judge.evidence import comparison
from serinus.judge.evidence.comparison import (
    AS_BEFORE,
    Gains,
    Policy,
    Scale,
    among_pods,
    at_least,
    begun,
    expected_share,
)
from serinus.judge.evidence.dispersion import (
    ArmBlock,
    after_look,
    swinging,
    swinging_together,
)
from serinus.judge.evidence.kernel import SHIFTED, NullHypothesis, log_sum
from serinus.judge.evidence.look import ErrorBudget, Look
from serinus.judge.evidence.odds import odds, surely, tangent
from serinus.judge.findings.finding import Figures, Finding, Later
from serinus.judge.findings.latency_change import Changed, RecordingReference
from serinus.judge.findings.rates import EventCount, Recent, ShownWorse
from serinus.metrics.histograms import ArmHistogram

OF_REFERENCES: Final = 0.1
"""Of the budget, for the confidence limits of all references."""
OF_THE_LOAD: Final = 0.5
"""In logs."""
REQUESTS: Final = "requests"


@dataclass(frozen=True, slots=True)
class Change:
    """What a look in a guard adds to what is known."""

    look: Look
    budget: ErrorBudget
    pods: tuple[int, int]
    """Of the promoted and the previous revision."""
    tolerances: Mapping[str, NullHypothesis]
    """By comparison, where the loads are alike."""
    per_second: float
    """The histogram's unit."""

    def judge(self, state: CheckState, block: Durations | None, missing: Figures | None) -> Finding:
        """`block`: what both served at the present weight; None: it was not in effect, or pods were
        in their start. `missing`: whose samples are."""
        state = self._counted(state, block)
        verdict = comparison.verdict(state, self._left)
        if missing and verdict != "Fail":
            return Finding("NoData", missing, state)
        return Finding(verdict, Later(lambda: self._figures(verdict, state)), state)

    @property
    def _left(self) -> ErrorBudget:
        """The budget without the part of the references."""
        return replace(self.budget, false_fail=(1 - OF_REFERENCES) * self.budget.false_fail)

    def _counted(self, state: CheckState, block: Durations | None) -> CheckState:
        reference, weight, at = state.reference, self.look.weight, self.look.at
        if weight is None or block is None:
            # time in which pods start is left out: it may come more often than a window lasts
            window = reference.window if reference and weight else ServedTime()
            left_out = reference and reference.replace(looked_at=at, window=window)
            return state.replace(reference=left_out)
        known = [each for each in state.comparisons if block.knows(bound_of(each))]
        state = state.replace(comparisons=[self._swung(each, block.candidate) for each in known])
        if reference is None or not known:
            return self._begun(state, block)
        passed = max(at - reference.looked_at, 0.0)  # the clock may have been set back
        reference = reference.replace(looked_at=at)
        if reference.share != weight.share:
            return self._unlike(state, reference.replace(window=ServedTime()), passed, block)
        bounds = map(bound_of, known)
        window = with_block(reference.window, bounds, block, passed, self.pods[0])
        if window.span < WINDOW:
            return state.replace(reference=reference.replace(window=window))
        return self._closed(state, reference, window, block)

    def _begun(self, state: CheckState, block: Durations) -> CheckState:
        """Another reference, from now on. The evidence so far is kept: it is against what was
        tolerated then."""
        if not state.comparisons:
            by_history = [each for each in self.look.baseline.bounds if block.knows(each)]
            new = [begun(named(b), can_pass=False) for b in by_history or nearest([block])]
            state = comparison.compare(state, new, SHIFTED)
        if not state.comparisons or self.look.weight is None:
            return state.replace(reference=None)
        reference = Reference(
            share=self.look.weight.share,
            looked_at=self.look.at,
            variances=self._variances(state.comparisons),
        )
        return state.replace(reference=reference, references=state.references + 1)

    def _unlike(
        self, state: CheckState, reference: Reference, span: float, block: Durations
    ) -> CheckState:
        """So long, what was served cannot be compared with the reference."""
        lasting = reference.unlike_for + span
        if lasting >= UNLIKE_FOR:
            return self._begun(state, block)
        return state.replace(reference=reference.replace(unlike_for=lasting))

    def _closed(
        self, state: CheckState, reference: Reference, window: ServedTime, block: Durations
    ) -> CheckState:
        """After a window."""
        recorded, known_before = reference.recorded, reference.variances
        reference = reference.replace(
            window=ServedTime(), last=window, variances=self._variances(state.comparisons)
        )
        state = state.replace(reference=reference)
        if not (window.candidate and window.stable):
            return state
        if recorded.span < REFERENCE:
            known = reference.replace(recorded=together(recorded, window))
            return state.replace(reference=known)
        if has_more_load(window, recorded):
            return self._unlike(state, reference, window.span, block)
        state = state.replace(reference=reference.replace(unlike_for=0.0))
        return self._weighed(state, recorded, window, known_before)

    def _swung(self, each: Comparison, own: ArmHistogram) -> Comparison:
        """How the promoted revision swings from look to look, which have no part of a trend."""
        slow = math.fsum((own.above(bound_of(each)) or {}).values())
        block = ArmBlock(own.total, slow, self._usual(each), rare=False)
        return each.replace(own_swings=after_look(each.own_swings, block))

    def _usual(self, each: Comparison) -> float:
        return self.look.baseline.of(each.name).over_time

    def _variances(self, comparisons: Sequence[Comparison]) -> dict[str, float]:
        """How many times as much either arm's slow requests vary as by chance, as far as it is
        known: by stable's hour, of each bound, or of all of them."""
        together = max(
            swinging_together(each.swings for each in comparisons),
            swinging_together(each.own_swings for each in comparisons),
        )
        return {
            each.name: max(
                together, self._usual(each), swinging(each.swings), swinging(each.own_swings)
            )
            for each in comparisons
        }

    def _weighed(
        self,
        state: CheckState,
        recorded: ServedTime,
        window: ServedTime,
        variances: Mapping[str, float],
    ) -> CheckState:
        n_c, n_s = window.candidate, window.stable
        state = comparison.served(state, {REQUESTS: n_c}, {REQUESTS: n_s}, SHIFTED)
        weighed, stable = [], []
        for each in state.comparisons:
            counts = slower_than(window, bound_of(each)) or SlowRequests(bound=bound_of(each))
            slow = counts.candidate, counts.stable
            stable.append(ArmBlock(n_s, counts.stable, self._usual(each), rare=False))
            psi = self._tolerated(state, each, recorded, variances)
            if psi is None:
                none = Gains([0.0] * len(each.above), [], [], [])
                weighed.append(comparison.counted(each, none, *slow))
                continue
            expected = self._expected(each, recorded)
            null = tangent(psi, expected)
            varied = at_least(INDEPENDENT, variances[each.name])
            scale = Scale(Policy(null, null, SHIFTED), n_c, n_s, varied)
            # the promoted revision's own swings have the looks of this window too
            found = scale.weigh(each.replace(own_swings=None), *slow, expected=expected)
            weighed.append(found.replace(own_swings=each.own_swings))
        return comparison.weighed_by_arm(state, weighed, weighed, stable, self._left)

    def _expected(self, each: Comparison, recorded: ServedTime) -> float:
        """Stable's share of slow requests in the next window: that of its last one, and as
        AS_BEFORE requests that in the reference."""
        slow, last = slower_than(recorded, bound_of(each)), each.swings
        share = expected_share(slow.stable if slow else 0.0, recorded.stable)
        if last is None:
            return share
        return (last.events + AS_BEFORE * share) / (last.requests + AS_BEFORE)

    def _tolerated(
        self,
        state: CheckState,
        each: Comparison,
        recorded: ServedTime,
        variances: Mapping[str, float],
    ) -> float | None:
        """By how much the promoted revision's odds may exceed the previous one's. None: the
        reference does not tell."""
        slow = slower_than(recorded, bound_of(each))
        if slow is None:
            return None
        n_c, n_s = recorded.candidate, recorded.stable
        by = variances[each.name]
        number, limits = state.references, 2 * len(state.comparisons)
        risk = OF_REFERENCES * self.budget.false_fail / (number * (number + 1) * limits)
        _, most = surely(slow.candidate / by, n_c / by, risk)
        least, _ = surely(slow.stable / by, n_s / by, risk)
        share, before = expected_share(slow.candidate, n_c), expected_share(slow.stable, n_s)
        tolerance = self.tolerances[each.name]
        allowed = tolerance.ratio * share + tolerance.offset
        if not least > 0 or most >= 1 or allowed >= 1:
            return None
        alike = NullHypothesis(odds(allowed) / odds(share), 0.0)
        ratio = among_pods(alike, self.look.baseline.of(each.name), self.pods).ratio
        load = math.pow(max(odds(share) / odds(before), 1.0), OF_THE_LOAD)
        return ratio * load * max(odds(most) / odds(least), 1.0)

    def _figures(self, verdict: Verdict, state: CheckState) -> Figures:
        reference = state.reference
        if verdict != "Fail" and (reference is None or reference.recorded.span < REFERENCE):
            recorded = reference.recorded.span if reference else 0.0
            return RecordingReference(recorded, REFERENCE, again=state.references > 1)
        worst = max(state.comparisons, key=lambda each: log_sum(each.above))
        return self._changed(verdict, state, worst)

    def _changed(self, verdict: Verdict, state: CheckState, worst: Comparison) -> Figures:
        recorded = state.reference.recorded if state.reference else ServedTime()
        recent = comparison.recent_counts(state, worst.name, REQUESTS)
        if verdict != "Fail" or recent is None:
            last = state.reference.last if state.reference else ServedTime()
            recent = _counts(last, bound_of(worst))
        return Changed(
            bound=bound_of(worst) / self.per_second,
            now=recent,
            then=_counts(recorded, bound_of(worst)),
            tolerated=self._tolerated(state, worst, recorded, self._variances(state.comparisons)),
            worse=ShownWorse(self.budget.false_rollback) if verdict == "Fail" else None,
            unlike=bool(state.reference and state.reference.unlike_for),
        )


def _counts(served: ServedTime, bound: float) -> Recent:
    slow = slower_than(served, bound) or SlowRequests(bound=bound)
    return Recent(
        EventCount(slow.candidate, served.candidate), EventCount(slow.stable, served.stable)
    )
