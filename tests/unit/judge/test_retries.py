"""Failed requests that are repeated, each by the revision that it failed with."""

from dataclasses import dataclass

import numpy as np
import pytest

from serinus.api.baseline import NO_HISTORY, CheckBaseline
from serinus.api.checks.error_rate import ErrorRate
from serinus.api.status import CheckState
from serinus.judge import EffectiveWeight
from serinus.judge.checks.error_rate import ErrorRateCheck
from serinus.judge.evidence.look import ErrorBudget, Look
from serinus.metrics.counters import Growth, Increase
from serinus.metrics.queries import CounterQuery, Series
from tests.support.exhaustive import short
from tests.support.simulated_analysis import SINCE, SimulatedAnalysis, traffic_share

CHECK = ErrorRateCheck(ErrorRate(tolerance=1, absolute_tolerance="0%"))
BUDGET = ErrorBudget(false_fail=0.01, false_pass=0.05, false_rollback=0.01, min_requests=50)
LOOKS = 60
RUNS = pytest.mark.parametrize("runs", short([100, 300], [100]))


@dataclass(frozen=True)
class Retries:
    """What comes of a request that failed: it is sent again, twice at most."""

    hopeless: bool
    """It fails each time, since the cause lies in the request."""

    def look(self, rng: np.random.Generator, at: float, baseline: CheckBaseline) -> Look:
        """15 s of 100 requests a second, 5% to the candidate; 2% fail of either."""
        arms = [self._served(rng, at, rng.poisson(mean)) for mean in (75, 1425)]
        weight = EffectiveWeight(0.05, since=0.0)
        return Look(at, arms[0], arms[1], {}, baseline=baseline, weight=weight)

    def _served(self, rng: np.random.Generator, at: float, sent: int) -> dict[CounterQuery, Growth]:
        failing = rng.binomial(sent, 0.02)
        requests, errors = sent, failing
        for _ in range(2):
            requests += failing
            failing = failing if self.hopeless else rng.binomial(failing, 0.02)
            errors += failing
        whole, part = CHECK.queries()
        return {whole: _growth(at, requests), part: _growth(at, errors)}


def _growth(at: float, count: int) -> Growth:
    return Growth((Increase(Series({}, ()), "pod", 0.0, at, float(count), True),), at)


def rolled_back(retries: Retries, runs: int, *, learned: bool = False) -> float:
    """The share of rollouts of an equally good candidate that are rolled back."""
    return sum(_fails(retries, np.random.default_rng(run), learned) for run in range(runs)) / runs


def _fails(retries: Retries, rng: np.random.Generator, learned: bool) -> bool:
    history = [retries.look(rng, 15.0 * minute, NO_HISTORY) for minute in range(60 * learned)]
    baseline = CHECK.learn(history) if learned else NO_HISTORY
    state = CheckState()
    for look in range(LOOKS):
        found = CHECK.judge(state, retries.look(rng, 15.0 * look, baseline), BUDGET)
        state = found.state
        if found.verdict == "Fail":
            return True
    return False


@RUNS
def test_retries_that_fail_by_chance_like_any_request_roll_no_equal_candidate_back(
    runs: int,
) -> None:
    assert rolled_back(Retries(hopeless=False), runs) <= 0.01


@RUNS
def test_requests_that_fail_at_each_retry_come_in_clumps_which_stables_history_shows(
    runs: int,
) -> None:
    assert rolled_back(Retries(hopeless=True), runs) > 0.03, "three errors pass for three"
    assert rolled_back(Retries(hopeless=True), runs, learned=True) <= 0.01


def test_retries_that_stay_with_a_failing_candidate_show_in_its_share_of_the_requests() -> None:
    simulated = SimulatedAnalysis(traffic_share())
    simulated.weight = EffectiveWeight(0.05, SINCE)
    simulated.errors((0, 0), (0, 0))
    simulated.scrape()

    def half_of_the_candidates_fail_twice() -> None:
        simulated.errors((37 + 37, 75 + 37 + 37), (0, 1425))

    found = simulated.until("Fail", half_of_the_candidates_fail_twice)
    assert found.split_is_wrong
    assert "at a weight of 5%" in found.message
    assert "retries" in found.message
