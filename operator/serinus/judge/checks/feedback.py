"""feedback: the share of negative outcomes among those that users report."""

from dataclasses import replace

from serinus.api.checks.feedback import Feedback
from serinus.api.quantities import seconds, spoken
from serinus.api.status import CheckState
from serinus.judge.checks.event_share import EventShare
from serinus.judge.evidence import later
from serinus.judge.evidence.look import ENOUGH_EXPECTED, EffectiveWeight, ErrorBudget, Look
from serinus.judge.findings.event_share import Nouns
from serinus.judge.findings.feedback import FeedbackNotThere, FeedbackTooEarly
from serinus.judge.findings.finding import Finding
from serinus.metrics.queries import CounterQuery

OUTCOMES = "outcomes"
NOUNS = Nouns("negative feedback", OUTCOMES, "has received no feedback yet")


class FeedbackCheck(EventShare):
    """Negative outcomes among all that came back. Most answers never get one: those say nothing,
    and are no good news."""

    def __init__(self, settings: Feedback) -> None:
        super().__init__(settings, settings.outcomes, settings.negative, NOUNS)
        self._min_feedback = settings.min_feedback
        self._set, self._after = settings.after, seconds(settings.after or "0s")

    def judge(self, state: CheckState, look: Look, budget: ErrorBudget) -> Finding:
        """As for any events, without what was counted in the time `after` a change of the weight:
        the outcomes that come soonest are then too great a part of those of the revision that gets
        more traffic than before, and too small a part of those of the other."""
        if self._set is None and state.counts_after is None and look.weight:
            state = self._awaited(state, look, look.weight)
        after = state.counts_after if self._set is None else self._after
        if after is None:
            return replace(self._not_there(state, look, budget), early=True)
        if after:
            if problem := look.unreadable(self.queries()):
                return Finding("Error", problem, state)
            if look.weight is None:
                return self._too_early(state, after, None)
            since = look.weight.since + after
            if look.at < since:
                return self._too_early(state, after, since - look.at)
            whole, _ = self.queries()
            counted = look
            look = replace(look.begun_since(since), weight=replace(look.weight, since=since))
            if _served(counted, whole) and not _served(look, whole):
                return self._too_early(state, after, 0.0)
        return self._judged(state, look, budget)

    def _judged(self, state: CheckState, look: Look, budget: ErrorBudget) -> Finding:
        found = super().judge(state, look, replace(budget, min_requests=self._min_feedback))
        received = all(arm.get(OUTCOMES) for arm in (found.state.candidate, found.state.stable))
        if found.verdict == "Inconclusive" and not received:
            return replace(found, verdict="NoData")
        return found

    def _awaited(self, state: CheckState, look: Look, weight: EffectiveWeight) -> CheckState:
        """What has come of late, which says how late it comes."""
        whole, _ = self.queries()
        if look.missing(whole):
            return later.unread(state, weight, look.at)
        candidate, stable = look.begun_since(later.began(state, weight, look.at)).growth(whole)
        return later.counted(state, weight, look.at, candidate.total, stable.total)

    def _not_there(self, state: CheckState, look: Look, budget: ErrorBudget) -> Finding:
        """It is not known yet how late it comes. Whether there is any, and can be read, is told."""
        nothing = self._judged(state, look.begun_since(look.at), budget)
        unread = nothing.verdict == "Error" or look.missing(self._whole)
        known = state.later
        if unread or look.weight is None or known is None:
            return replace(nothing, state=state)
        if not known.began and not (known.candidate and known.stable):
            return replace(nothing, verdict="NoData", state=state)
        due = later.expected(known, look.weight)
        part = look.at - look.weight.since - known.began
        none = not known.candidate and due >= ENOUGH_EXPECTED
        why = FeedbackNotThere(known.candidate, due, part)
        return Finding("NoData" if none else "Inconclusive", why, state)

    def _too_early(self, state: CheckState, after: float, wait: float | None) -> Finding:
        why = FeedbackTooEarly(self._set or spoken(after), wait)
        return Finding("Inconclusive", why, state, early=True)


def _served(look: Look, counters: CounterQuery) -> bool:
    """Whether anything was counted of either arm."""
    return any(arm.total for arm in look.growth(counters))
