"""The first requests of a pod: no latency of a model, and errors all the same."""

from tests.unit.judge.judging import INTERVAL, Judging, buckets, error_rate, latency
from tests.unit.judge.metrics import Pods

DURATIONS = "model_request_duration_seconds"


def judging(**settings: object) -> Judging:
    """Stable has served for long; the candidate's pod is there, and has not served yet."""
    paper = Judging(latency(warmUp="30s", **settings))
    stable_serves(paper, slow=0, quick=100)
    observe(paper.candidate, "new", slow=0, quick=0)
    for _ in range(6):
        paper.at -= INTERVAL
    for _ in range(6):
        paper.scrape()
        paper.at += INTERVAL
    paper.scrape()
    return paper


def observe(pods: Pods, pod: str, slow: int, quick: int) -> None:
    buckets(pods, pod, DURATIONS, {0.1: quick, 1.0: slow})


def stable_serves(paper: Judging, slow: int = 10, quick: int = 990) -> None:
    observe(paper.stable, "old", slow, quick)


def counted(paper: Judging) -> float:
    """Candidate's requests that the check has counted."""
    return paper.progress.checks[0].state.candidate.get("requests", 0.0)


def test_requests_of_a_pod_count_once_it_has_served_for_so_long() -> None:
    paper = judging()
    found = []
    for _ in range(6):
        observe(paper.candidate, "new", slow=1, quick=99)
        stable_serves(paper)
        paper.look()
        found.append(counted(paper))
    assert found == [0, 0, 0, 100, 200, 300]


def test_a_model_that_starts_slowly_and_is_as_quick_then_passes() -> None:
    paper = judging()

    def serve() -> None:
        observe(paper.candidate, "new", slow=5, quick=495)
        stable_serves(paper)

    for _ in range(2):
        observe(paper.candidate, "new", slow=400, quick=100)
        stable_serves(paper)
        assert paper.look().verdict == "Inconclusive"
    message = paper.progress.checks[0].message
    assert message == "The candidate pods have served no request yet beyond their warm-up of 30s."
    paper.until("Pass", serve)


def test_a_model_that_stays_slow_fails() -> None:
    paper = judging()

    def serve() -> None:
        observe(paper.candidate, "new", slow=400, quick=100)
        stable_serves(paper)

    paper.until("Fail", serve, looks=6)


def test_that_a_pod_is_there_is_no_warm_up_yet() -> None:
    paper = judging()
    for _ in range(10):
        stable_serves(paper)
        paper.look()
    observe(paper.candidate, "new", slow=400, quick=100)
    stable_serves(paper)
    assert paper.look().verdict == "Inconclusive"
    assert counted(paper) == 0


def test_a_pod_that_starts_again_warms_up_again_and_so_does_one_of_stable() -> None:
    paper = judging()
    for _ in range(6):
        observe(paper.candidate, "new", slow=1, quick=99)
        stable_serves(paper)
        paper.look()
    before, requests = counted(paper), dict(paper.progress.checks[0].state.stable)
    paper.candidate.restart("new")
    paper.stable.restart("old")
    for _ in range(3):  # 30 seconds from the first sample that has some on
        observe(paper.candidate, "new", slow=50, quick=40)
        stable_serves(paper, slow=500, quick=490)
        paper.look()
        assert counted(paper) == before
        assert paper.progress.checks[0].state.stable == requests
    observe(paper.candidate, "new", slow=1, quick=99)
    stable_serves(paper)
    paper.look()
    assert counted(paper) == before + 100


def test_a_new_pod_that_warms_up_does_not_keep_the_others_from_counting() -> None:
    paper = judging()
    for turn in range(6):
        observe(paper.candidate, "new", slow=1, quick=99)
        if turn > 3:
            observe(paper.candidate, "newer", slow=90, quick=10)
        stable_serves(paper)
        paper.look()
    assert counted(paper) == 300


def test_errors_of_the_first_minute_count_at_once() -> None:
    paper = Judging(error_rate())
    paper.errors((0, 0), (0, 0))
    paper.scrape()
    paper.look()
    paper.errors((60, 75), (14, 1425))
    assert paper.look().verdict == "Fail"


def test_an_operator_that_was_away_still_knows_who_had_warmed_up() -> None:
    paper, resumed = judging(), judging()
    for _ in range(8):
        for each in (paper, resumed):
            observe(each.candidate, "new", slow=1, quick=99)
            stable_serves(each)
            each.look()
        resumed.resume()
    assert counted(resumed) == counted(paper) == 500
