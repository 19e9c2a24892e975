"""feedback: the share of negative outcomes among those that users report."""

from dataclasses import replace

from serinus.api.checks.feedback import Feedback
from serinus.api.quantities import seconds
from serinus.api.status import CheckState
from serinus.judge.checks.event_share import EventShare
from serinus.judge.evidence.look import ErrorBudget, Look
from serinus.judge.findings.event_share import Nouns
from serinus.judge.findings.feedback import FeedbackTooEarly
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
        self._after_text, self._after = settings.after, seconds(settings.after)

    def judge(self, state: CheckState, look: Look, budget: ErrorBudget) -> Finding:
        """As for any events, without what was counted in the time `after` a change of the weight:
        the outcomes that come soonest are then too great a part of those of the revision that gets
        more traffic than before, and too small a part of those of the other."""
        if self._after:
            if look.weight is None:
                return self._too_early(state, None)
            since = look.weight.since + self._after
            if look.at < since:
                return self._too_early(state, since - look.at)
            whole, _ = self.queries()
            counted = look
            look = replace(look.begun_since(since), weight=replace(look.weight, since=since))
            if _served(counted, whole) and not _served(look, whole):
                return self._too_early(state, 0.0)
        found = super().judge(state, look, replace(budget, min_requests=self._min_feedback))
        received = all(arm.get(OUTCOMES) for arm in (found.state.candidate, found.state.stable))
        if found.verdict == "Inconclusive" and not received:
            return replace(found, verdict="NoData")
        return found

    def _too_early(self, state: CheckState, wait: float | None) -> Finding:
        return Finding("Inconclusive", FeedbackTooEarly(self._after_text, wait), state)


def _served(look: Look, counters: CounterQuery) -> bool:
    """Whether anything was counted of either arm."""
    return any(arm.total for arm in look.growth(counters))
