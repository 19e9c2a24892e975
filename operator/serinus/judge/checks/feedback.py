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
        early = look.since + self._after - look.at
        if early > 0:
            return Finding("Inconclusive", FeedbackTooEarly(self._after_text, early), state)
        if self._after and not state.comparisons:
            # this block began before feedback counts
            figures = FeedbackTooEarly(self._after_text, 0.0)
            return Finding("Inconclusive", figures, self.opened(state))
        found = super().judge(state, look, replace(budget, min_requests=self._min_feedback))
        received = all(arm.get(OUTCOMES) for arm in (found.state.candidate, found.state.stable))
        if found.verdict == "Inconclusive" and not received:
            return replace(found, verdict="NoData")
        return found
