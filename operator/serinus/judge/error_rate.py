"""errorRate: the share of failed requests, against stable's and against a fixed limit."""

from serinus.api.checks import ErrorRate
from serinus.api.quantities import fraction
from serinus.api.status import CheckState, Verdict
from serinus.judge import comparison, words
from serinus.judge.comparison import New, Policy, Scale
from serinus.judge.kernel import WORSE, Null, log_sum
from serinus.judge.look import Budget, Finding, Look
from serinus.judge.questions import Counters

ERRORS, LIMIT = "errors", "limit"
REQUESTS = "requests"


class ErrorRateCheck:
    """Errors among requests, candidate against stable; the limit is a second hypothesis that
    shares the budget."""

    def __init__(self, settings: ErrorRate) -> None:
        matchers = tuple(settings.requests.matchers)
        self._requests = Counters(settings.requests.metric, matchers)
        self._errors = Counters(settings.requests.metric, (*matchers, *settings.errors), part=True)
        self._policies = {ERRORS: _against_stable(settings)}
        self._limit = settings.limit
        if settings.limit is not None:
            limit = Null(0.0, fraction(settings.limit))
            self._policies[LIMIT] = Policy(limit, limit)

    def questions(self) -> tuple[Counters, ...]:
        return self._requests, self._errors

    def judge(self, state: CheckState, look: Look, budget: Budget) -> Finding:
        if problem := look.unreadable(self.questions()):
            return Finding("Error", problem, state)
        state = self._counted(state, look)
        found = comparison.verdict(state, budget)
        missing = look.missing(self._requests)
        if missing and found != "Fail":
            return Finding("NoData", missing, state)
        return Finding(found, self._message(found, state, budget), state)

    def _counted(self, state: CheckState, look: Look) -> CheckState:
        requests, errors = look.growth(self._requests), look.growth(self._errors)
        n_c, n_s = (whole.total for whole in requests)
        e_c, e_s = (part.total for part in errors)
        if not state.comparisons:
            state = comparison.compare(state, [New(name) for name in self._policies], WORSE)
        state = comparison.served(state, {REQUESTS: n_c}, {REQUESTS: n_s}, WORSE)
        weighed = [
            Scale(self._policies[each.name], n_c, n_s).weigh(each, e_c, e_s)
            for each in state.comparisons
        ]
        return comparison.weighed(state, weighed)

    def _message(self, found: Verdict, state: CheckState, budget: Budget) -> str:
        n_c, n_s = state.candidate[REQUESTS], state.stable[REQUESTS]
        errors = state.comparisons[0]
        if n_c == 0:
            return "The candidate has served no request yet."
        told = f"Candidate errors {words.counted(errors.candidate, n_c)}"
        if n_s:
            told += f" against stable {words.counted(errors.stable, n_s)}"
        if found == "Fail":
            return f"{told}; {self._what_is_wrong(state, budget)}."
        if found == "Pass":
            return f"{told}; {self._what_is_right(budget)}."
        if n_s == 0:
            return f"{told}; stable has served no request yet."
        return f"{told}. {self._forecast(state, budget)}"

    def _what_is_wrong(self, state: CheckState, budget: Budget) -> str:
        worst = max(state.comparisons, key=lambda each: log_sum(each.more))
        if worst.name == LIMIT:
            told = f"the rate is above the limit of {self._limit}"
        else:
            tolerance = self._policies[ERRORS].tolerance
            told = f"the rate is above {words.allowed(tolerance.ratio, tolerance.offset)}"
        return f"{told}, {words.sure(budget.false_rollback)}"

    def _what_is_right(self, budget: Budget) -> str:
        margin = self._policies[ERRORS].margin
        told = f"the rate is below {words.allowed(margin.ratio, margin.offset)}"
        if self._limit:
            told += f" and below the limit of {self._limit}"
        return f"{told}, {words.sure(budget.false_pass)}"

    def _forecast(self, state: CheckState, budget: Budget) -> str:
        n_c, n_s = state.candidate[REQUESTS], state.stable[REQUESTS]
        gained = [
            Scale(self._policies[each.name], 1.0, n_s / n_c).gains(
                each, each.candidate / n_c, each.stable / n_c
            )
            for each in state.comparisons
        ]
        return words.forecast(
            comparison.requests_to_pass(state, gained, budget),
            comparison.requests_to_fail(state, gained, budget),
        )


def _against_stable(settings: ErrorRate) -> Policy:
    return Policy(
        Null(settings.tolerance, fraction(settings.absolute_tolerance)),
        Null(settings.margin, fraction(settings.absolute_margin)),
    )
