"""A finding carries the figures behind its sentence, in the form that they were counted in."""

from serinus.api.checks.error_rate import ErrorRate
from serinus.api.status import CheckState
from serinus.judge.checks.error_rate import ErrorRateCheck
from serinus.judge.evidence.look import ErrorBudget
from serinus.judge.findings.event_share import EventShares
from serinus.judge.findings.finding import Finding
from serinus.judge.findings.rates import AllowedRate, EventCount, ShownBetter, ShownWorse
from tests.unit.judge.enumeration import Counts
from tests.unit.judge.looks import events

CHECK = ErrorRateCheck(ErrorRate(tolerance=1.2, absolute_tolerance="0%"))
BUDGET = ErrorBudget(false_fail=0.01, false_pass=0.05, false_rollback=0.01, min_requests=50)


def found(*blocks: Counts) -> tuple[Finding, EventShares]:
    """After blocks with these counts by arm: bad, good."""
    state = CHECK.opened(CheckState())
    for counts in blocks:
        finding = CHECK.judge(state, events(CHECK, counts), BUDGET)
        state = finding.state
    assert isinstance(finding.figures, EventShares)
    return finding, finding.figures


def test_a_rollback_tells_what_was_counted_what_is_tolerated_and_the_risk() -> None:
    finding, figures = found(((15, 35), (5, 495)), ((15, 35), (5, 495)))
    assert finding.verdict == "Fail"
    assert figures.candidate == EventCount(30, 100)
    assert figures.stable == EventCount(10, 1000)
    assert figures.tolerance == AllowedRate(1.2, 0)
    assert isinstance(figures.conclusion, ShownWorse)
    assert figures.conclusion.risk == BUDGET.false_rollback


def test_a_pass_tells_its_own_risk() -> None:
    finding, figures = found(((0, 5000), (500, 49_500)))
    assert finding.verdict == "Pass"
    assert figures.conclusion == ShownBetter(BUDGET.false_pass, weight=0.5)


def test_of_an_arm_without_requests_nothing_is_shown() -> None:
    finding, figures = found(((0, 0), (10, 990)))
    assert finding.verdict == "Inconclusive"
    assert figures.conclusion is None
    assert finding.message == "The candidate has served no requests yet."
