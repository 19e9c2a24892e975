"""The first requests of a pod: no latency of a model, and errors all the same."""

from tests.support.simulated_analysis import (
    INTERVAL,
    SimulatedAnalysis,
    buckets,
    error_rate,
    latency,
)
from tests.support.simulated_pods import Pods

DURATIONS = "model_request_duration_seconds"


def judging(**settings: object) -> SimulatedAnalysis:
    """Stable has served for long; the candidate's pod is there, and has not served yet."""
    simulated = SimulatedAnalysis(latency(warmUp="30s", **settings))
    stable_serves(simulated, slow=0, quick=100)
    observe(simulated.candidate, "new", slow=0, quick=0)
    for _ in range(6):
        simulated.at -= INTERVAL
    for _ in range(6):
        simulated.scrape()
        simulated.at += INTERVAL
    simulated.scrape()
    return simulated


def observe(pods: Pods, pod: str, slow: int, quick: int) -> None:
    buckets(pods, pod, DURATIONS, {0.1: quick, 1.0: slow})


def stable_serves(simulated: SimulatedAnalysis, slow: int = 10, quick: int = 990) -> None:
    observe(simulated.stable, "old", slow, quick)


def counted(simulated: SimulatedAnalysis) -> float:
    """Candidate's requests that the check has counted."""
    return simulated.progress.checks[0].state.candidate.get("requests", 0.0)


def test_requests_of_a_pod_count_once_it_has_served_for_so_long() -> None:
    simulated = judging()
    found = []
    for _ in range(6):
        observe(simulated.candidate, "new", slow=1, quick=99)
        stable_serves(simulated)
        simulated.look()
        found.append(counted(simulated))
    assert found == [0, 0, 0, 100, 200, 300]


def test_a_model_that_starts_slowly_and_is_as_quick_then_passes() -> None:
    simulated = judging()

    def serve() -> None:
        observe(simulated.candidate, "new", slow=5, quick=495)
        stable_serves(simulated)

    for _ in range(2):
        observe(simulated.candidate, "new", slow=400, quick=100)
        stable_serves(simulated)
        assert simulated.look().verdict == "Inconclusive"
    message = simulated.progress.checks[0].message
    assert message == "The candidate pods have served no requests yet after their warm-up of 30s."
    simulated.until("Pass", serve)


def test_a_model_that_stays_slow_fails() -> None:
    simulated = judging()

    def serve() -> None:
        observe(simulated.candidate, "new", slow=400, quick=100)
        stable_serves(simulated)

    simulated.until("Fail", serve, looks=6)


def test_that_a_pod_is_there_is_no_warm_up_yet() -> None:
    simulated = judging()
    for _ in range(10):
        stable_serves(simulated)
        simulated.look()
    observe(simulated.candidate, "new", slow=400, quick=100)
    stable_serves(simulated)
    assert simulated.look().verdict == "Inconclusive"
    assert counted(simulated) == 0


def test_a_pod_that_starts_again_warms_up_again_and_so_does_one_of_stable() -> None:
    simulated = judging()
    for _ in range(6):
        observe(simulated.candidate, "new", slow=1, quick=99)
        stable_serves(simulated)
        simulated.look()
    before, requests = counted(simulated), dict(simulated.progress.checks[0].state.stable)
    simulated.candidate.restart("new")
    simulated.stable.restart("old")
    for _ in range(3):  # 30 seconds from the first sample that has some on
        observe(simulated.candidate, "new", slow=50, quick=40)
        stable_serves(simulated, slow=500, quick=490)
        simulated.look()
        assert counted(simulated) == before
        assert simulated.progress.checks[0].state.stable == requests
    observe(simulated.candidate, "new", slow=1, quick=99)
    stable_serves(simulated)
    simulated.look()
    assert counted(simulated) == before + 100


def test_a_new_pod_that_warms_up_does_not_keep_the_others_from_counting() -> None:
    simulated = judging()
    for turn in range(6):
        observe(simulated.candidate, "new", slow=1, quick=99)
        if turn > 3:
            observe(simulated.candidate, "newer", slow=90, quick=10)
        stable_serves(simulated)
        simulated.look()
    assert counted(simulated) == 300


def test_errors_of_the_first_minute_count_at_once() -> None:
    simulated = SimulatedAnalysis(error_rate())
    simulated.errors((0, 0), (0, 0))
    simulated.scrape()
    simulated.look()
    for _ in range(2):
        simulated.errors((60, 75), (14, 1425))
        found = simulated.look()
    assert found.verdict == "Fail"


def test_an_operator_that_was_away_still_knows_who_had_warmed_up() -> None:
    simulated, resumed = judging(), judging()
    for _ in range(8):
        for each in (simulated, resumed):
            observe(each.candidate, "new", slow=1, quick=99)
            stable_serves(each)
            each.look()
        resumed.resume()
    assert counted(resumed) == counted(simulated) == 500
