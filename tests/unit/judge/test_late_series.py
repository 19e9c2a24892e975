"""Behind sharded remote write the series of one scrape arrive apart: none may be judged without the
others."""

import random
from collections.abc import Mapping

import pytest

from serinus.metrics.counters import LATE_WITHIN, Growth, count, covered_until
from serinus.metrics.queries import CounterQuery, Series
from tests.support.exhaustive import short
from tests.support.simulated_analysis import SimulatedAnalysis, requests
from tests.support.simulated_pods import Pods
from tests.unit.metrics.test_counters import ERRORS, REQUESTS, SINCE

ERROR_RATE = {"name": "errors", "errorRate": {}}


class Sharded(Pods):
    """Whose series reach what we read some seconds after their scrape, each as its shard does."""

    def __init__(self, late: Mapping[str, float]) -> None:
        super().__init__()
        self.late = late
        """Seconds by code."""

    def answer(self, query: CounterQuery, start: float, end: float) -> tuple[Series, ...]:
        """What has arrived of it."""
        found = []
        for series in super().answer(query, start, end):
            late = self.late[series.labels["code"]]
            if arrived := tuple(sample for sample in series.samples if sample[0] <= end - late):
                found.append(Series(series.labels, arrived))
        return tuple(found)


def rollout(candidate: Mapping[str, float], stable: Mapping[str, float]) -> SimulatedAnalysis:
    judging = SimulatedAnalysis(ERROR_RATE)
    judging.candidate, judging.stable = Sharded(candidate), Sharded(stable)
    return judging


@pytest.mark.parametrize("seed", short(range(20), range(5)))
def test_an_identical_model_behind_sharded_remote_write_is_not_rolled_back(seed: int) -> None:
    """Each series is in a shard; the slowest of them has one of stable's, which has more."""
    rng = random.Random(seed)
    candidate = [rng.choice((0.0, 20.0, 40.0, 100.0)) for _ in range(2)]
    stable = rng.sample((max(candidate), 0.0), 2)
    codes = ("200", "500")
    judging = rollout(*[dict(zip(codes, of, strict=True)) for of in (candidate, stable)])
    requests(judging.stable, "stable", 400, 4000)
    for at in range(int(SINCE) - 200, int(SINCE), 15):
        judging.stable.scrape(at)
    for _ in range(60):
        requests(judging.candidate, "candidate", 10, 100)
        requests(judging.stable, "stable", 100, 1000)
        assert judging.look().verdict != "Fail"
    state = judging.progress.checks[0].state
    late = max(candidate) // 15 + 2
    assert state.candidate["requests"] >= 100 * (60 - late)
    assert state.comparisons[0].candidate == state.candidate["requests"] / 10


def test_a_candidate_of_which_only_failures_have_arrived_is_not_judged_by_them() -> None:
    """Its requests that succeeded are on their way in the shard that brings stable's late too."""
    judging = rollout({"200": 20.0, "500": 0.0}, {"200": 20.0, "500": 0.0})
    requests(judging.stable, "stable", 400, 4000)
    for _ in range(4):
        judging.look()
    requests(judging.candidate, "candidate", 10, 100)
    requests(judging.stable, "stable", 100, 1000)
    found = judging.look()
    assert found.state.candidate.get("requests", 0) == 0
    assert found.verdict != "Fail"


@pytest.mark.parametrize("seed", range(20))
def test_however_late_its_series_are_what_a_pod_served_is_counted_once(seed: int) -> None:
    rng = random.Random(seed)
    pods = Sharded({code: rng.uniform(0, LATE_WITHIN - 30) for code in ("200", "500")})
    for code in ("200", "500"):
        pods.add("a", "requests_total", 1000, code=code)
    for at in range(int(SINCE) - 200, int(SINCE), 15):
        pods.scrape(at)
    counted: dict[str, float] = {}
    found, failed = 0.0, 0.0
    for at in range(int(SINCE) + 10, int(SINCE) + 900, 15):
        if at < SINCE + 600:
            pods.add("a", "requests_total", rng.randrange(50), code="200")
            pods.add("a", "requests_total", rng.randrange(5), code="500")
        pods.scrape(at)
        answers = pods.answers((REQUESTS, ERRORS), covered_until(counted, SINCE) - 60, at + 1)
        (grown,), counted = count((answers,), counted, SINCE)
        requests, errors = grown[REQUESTS], grown[ERRORS]
        assert isinstance(requests, Growth)
        assert isinstance(errors, Growth)
        found, failed = found + requests.total, failed + errors.total
    assert found == sum(pods.values["a"].values()) - 2000
    assert failed == pods.values["a"]["requests_total", (("code", "500"),)] - 1000


def test_a_series_that_ends_without_a_restart_holds_its_pod_up_for_two_minutes_and_no_longer() -> (
    None
):
    pods = Pods()
    for code in ("200", "500"):
        pods.add("a", "requests_total", 100, code=code)
    pods.scrape(SINCE - 5)
    del pods.values["a"]["requests_total", (("code", "500"),)]
    counted: dict[str, float] = {}
    total = {}
    for at in range(int(SINCE) + 10, int(SINCE) + 300, 15):
        pods.add("a", "requests_total", 10, code="200")
        pods.scrape(at)
        answers = pods.answers((REQUESTS,), covered_until(counted, SINCE) - 60, at + 1)
        (grown,), counted = count((answers,), counted, SINCE)
        reading = grown[REQUESTS]
        assert isinstance(reading, Growth)
        total[at] = reading.total
    assert max(at for at, grown in total.items() if not grown) <= SINCE + LATE_WITHIN
    assert sum(total.values()) == 10 * len(total)
