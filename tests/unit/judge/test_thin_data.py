"""Little data, late data, data that goes away: no verdict before its time."""

from collections.abc import Iterator

from serinus.judge import EffectiveWeight
from serinus.metrics.resets import SETTLED_AFTER
from tests.support.simulated_analysis import (
    SINCE,
    SimulatedAnalysis,
    drift,
    error_rate,
    feedback,
    latency,
    requests,
    traffic_share,
)

EVERY_COMPARISON = (error_rate(), drift(), latency(), feedback(), traffic_share())


def judging() -> SimulatedAnalysis:
    simulated = SimulatedAnalysis(*EVERY_COMPARISON)
    simulated.weight = EffectiveWeight(0.5, SINCE)
    return simulated


def one_request_each(simulated: SimulatedAnalysis) -> None:
    """Answered well, and to the user's liking."""
    simulated.errors((0, 1), (0, 1))
    simulated.classes({"approve": 1, "deny": 0}, {"approve": 1, "deny": 0})
    simulated.durations({0.1: 1, 1.0: 0}, {0.1: 1, 1.0: 0})
    simulated.feedback((0, 1), (0, 1))


def verdicts(simulated: SimulatedAnalysis) -> Iterator[str]:
    return (check.verdict for check in simulated.progress.checks)


def test_one_request_a_minute_passes_nothing_within_half_an_hour() -> None:
    simulated = judging()
    for look in range(120):
        if look % 4 == 0:
            one_request_each(simulated)
        simulated.look()
        assert set(verdicts(simulated)) <= {"NoData", "Inconclusive"}


def test_no_request_at_all_passes_nothing_though_the_pods_are_scraped() -> None:
    simulated = judging()
    simulated.errors((0, 0), (0, 0))
    simulated.classes({"approve": 0}, {"approve": 0})
    simulated.durations({0.1: 0}, {0.1: 0})
    simulated.feedback((0, 0), (0, 0))
    for _ in range(120):
        simulated.look()
        assert set(verdicts(simulated)) <= {"NoData", "Inconclusive"}


def test_scrapes_that_come_late_bring_what_those_in_time_bring() -> None:
    in_time, late = SimulatedAnalysis(error_rate()), SimulatedAnalysis(error_rate())
    for simulated in (in_time, late):
        simulated.errors((0, 0), (0, 0))
        simulated.scrape()
    for turn in range(12):
        for simulated in (in_time, late):
            simulated.errors((turn % 3, 75), (14, 1425))
        in_time.look()
        late.at += 15
        late.scrape()
        late.at -= 40
        late.judge()
        late.at += 40
    counts = [dict(p.progress.checks[0].state.candidate) for p in (in_time, late)]
    assert counts[0]["requests"] > counts[1]["requests"], "some are still on their way"
    late.judge()
    [one], [other] = (p.progress.checks for p in (in_time, late))
    assert one.state.candidate == other.state.candidate
    assert one.state.comparisons[0].candidate == other.state.comparisons[0].candidate


def test_a_candidate_that_is_scraped_no_more_in_mid_step_loses_its_pass() -> None:
    simulated = SimulatedAnalysis(error_rate())
    simulated.errors((0, 0), (0, 0))
    simulated.scrape()
    simulated.until("Pass", lambda: simulated.errors((0, 75), (0, 1425)))
    simulated.candidate.values.clear()
    found = [simulated.look().verdict for _ in range(30)]
    assert found[-1] == "NoData"


def test_a_candidate_that_restarts_in_its_first_minute_is_counted_before_and_after() -> None:
    simulated = SimulatedAnalysis(error_rate())
    requests(simulated.candidate, "new", 0, 0)
    requests(simulated.stable, "old", 0, 0)
    simulated.scrape()
    for failed in (3, 7):
        requests(simulated.candidate, "new", failed, 10)
        requests(simulated.stable, "old", 30, 100)
        simulated.look()
        simulated.candidate.restart("new")
        requests(simulated.candidate, "new", 0, 0)
        simulated.look(2)
    for _ in range(SETTLED_AFTER):  # as long as it may be another process that answers
        simulated.look()
    state = simulated.progress.checks[0].state
    assert state.candidate["requests"] == 20
    assert state.comparisons[0].candidate == 10
