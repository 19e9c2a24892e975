"""Little data, late data, data that goes away: no verdict before its time."""

from collections.abc import Iterator

from serinus.judge import EffectiveWeight
from serinus.metrics.resets import SETTLED_AFTER
from tests.unit.judge.judging import (
    SINCE,
    Judging,
    drift,
    error_rate,
    feedback,
    latency,
    requests,
    traffic_share,
)

EVERY_COMPARISON = (error_rate(), drift(), latency(), feedback(), traffic_share())


def judging() -> Judging:
    paper = Judging(*EVERY_COMPARISON)
    paper.weight = EffectiveWeight(0.5, SINCE)
    return paper


def one_request_each(paper: Judging) -> None:
    """Answered well, and to the user's liking."""
    paper.errors((0, 1), (0, 1))
    paper.classes({"approve": 1, "deny": 0}, {"approve": 1, "deny": 0})
    paper.durations({0.1: 1, 1.0: 0}, {0.1: 1, 1.0: 0})
    paper.feedback((0, 1), (0, 1))


def verdicts(paper: Judging) -> Iterator[str]:
    return (check.verdict for check in paper.progress.checks)


def test_one_request_a_minute_passes_nothing_within_half_an_hour() -> None:
    paper = judging()
    for look in range(120):
        if look % 4 == 0:
            one_request_each(paper)
        paper.look()
        assert set(verdicts(paper)) <= {"NoData", "Inconclusive"}


def test_no_request_at_all_passes_nothing_though_the_pods_are_scraped() -> None:
    paper = judging()
    paper.errors((0, 0), (0, 0))
    paper.classes({"approve": 0}, {"approve": 0})
    paper.durations({0.1: 0}, {0.1: 0})
    paper.feedback((0, 0), (0, 0))
    for _ in range(120):
        paper.look()
        assert set(verdicts(paper)) <= {"NoData", "Inconclusive"}


def test_scrapes_that_come_late_bring_what_those_in_time_bring() -> None:
    in_time, late = Judging(error_rate()), Judging(error_rate())
    for paper in (in_time, late):
        paper.errors((0, 0), (0, 0))
        paper.scrape()
    for turn in range(12):
        for paper in (in_time, late):
            paper.errors((turn % 3, 75), (14, 1425))
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
    paper = Judging(error_rate())
    paper.errors((0, 0), (0, 0))
    paper.scrape()
    paper.until("Pass", lambda: paper.errors((0, 75), (0, 1425)))
    paper.candidate.values.clear()
    found = [paper.look().verdict for _ in range(30)]
    assert found[-1] == "NoData"


def test_a_candidate_that_restarts_in_its_first_minute_is_counted_before_and_after() -> None:
    paper = Judging(error_rate())
    requests(paper.candidate, "new", 0, 0)
    requests(paper.stable, "old", 0, 0)
    paper.scrape()
    for failed in (3, 7):
        requests(paper.candidate, "new", failed, 10)
        requests(paper.stable, "old", 30, 100)
        paper.look()
        paper.candidate.restart("new")
        requests(paper.candidate, "new", 0, 0)
        paper.look(2)
    for _ in range(SETTLED_AFTER):  # as long as it may be another process that answers
        paper.look()
    state = paper.progress.checks[0].state
    assert state.candidate["requests"] == 20
    assert state.comparisons[0].candidate == 10
