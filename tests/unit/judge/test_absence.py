"""No Pass stands on counters that stand still, nor on pods that report nothing."""

import pytest

from serinus.judge import EffectiveWeight, judge
from serinus.judge.absence import EXPECTED, REPORT_WITHIN
from tests.unit.judge.judging import (
    INTERVAL,
    SINCE,
    Judging,
    drift,
    error_rate,
    fairness,
    latency,
    requests,
)


def served(paper: Judging, candidate: int, stable: int) -> None:
    """Each arm's pod serves so many requests, well and quickly."""
    paper.errors((0, candidate), (0, stable))
    paper.durations({0.1: candidate, 1.0: candidate // 5}, {0.1: stable, 1.0: stable // 5})
    paper.classes({"approve": candidate}, {"approve": stable})


def passed(check: dict[str, object]) -> Judging:
    """A candidate that has passed the check at 20%."""
    paper = Judging(check)
    paper.weight = EffectiveWeight(0.2, SINCE)
    served(paper, 0, 0)
    paper.scrape()
    paper.until("Pass", lambda: served(paper, 200, 800))
    return paper


@pytest.mark.parametrize(
    "check", [error_rate(), latency(), drift()], ids=["errors", "slow", "drift"]
)
def test_a_pass_does_not_stand_on_counters_that_are_scraped_and_stand_still(
    check: dict[str, object],
) -> None:
    paper = passed(check)
    served(paper, 0, 800)
    found = paper.look()
    assert found.verdict == "NoData"
    assert "candidate pods have counted nothing while stable counted" in found.message
    served(paper, 200, 800)
    assert paper.look().verdict == "Pass"


def test_counts_that_wait_until_it_is_known_why_they_fell_do_not_stand_still() -> None:
    paper = Judging(error_rate())
    paper.weight = EffectiveWeight(0.2, SINCE)
    for served_at_once in (2000, 40, 40, 40, 40, 40):
        served(paper, served_at_once, 800)
        paper.look()
    paper.candidate.restart("pod")
    for served_at_once in (1000, *[40] * 14):
        served(paper, served_at_once, 800)
        assert paper.look().verdict == "Inconclusive"


def test_stable_that_stands_still_is_nothing_to_be_compared_with() -> None:
    paper = passed(error_rate())
    served(paper, 200, 0)
    found = paper.look()
    assert found.verdict == "NoData"
    assert "stable pods have counted nothing while candidate counted 200" in found.message


def test_an_arm_that_was_not_expected_to_count_much_may_count_nothing() -> None:
    paper = passed(error_rate())
    served(paper, 0, round(EXPECTED / 0.25) - 1)
    assert paper.look().verdict == "Pass"
    served(paper, 0, 1)
    assert paper.look().verdict == "NoData"


def test_a_hundred_requests_in_which_neither_arm_is_served_prove_nothing_either() -> None:
    paper = passed(error_rate())
    for _ in range(10):
        assert paper.look().verdict == "Pass"


def test_fairness_does_not_wait_for_a_stable_that_counts_no_groups() -> None:
    paper = Judging(fairness(favourable=[{"label": "class", "value": "approve"}]))
    paper.weight = EffectiveWeight(0.2, SINCE)
    paper.groups(north=(0, 0), south=(0, 0))
    paper.scrape()

    def serve() -> None:
        paper.groups(north=(500, 1000), south=(500, 1000))
        paper.stable.values.clear()
        paper.stable.add("pod", "model_predictions_total", 0, **{"class": "deny", "group": "north"})

    paper.until("Pass", serve)


class Replicas(Judging):
    """Of each arm two pods are ready."""

    def judge(self) -> object:  # type: ignore[override]
        self.progress = judge(
            self.analysis, self.progress, self.measurement(), SINCE, self.weight, (2, 2)
        )
        return self.progress.checks[0]


def replicas(*reporting: str) -> Replicas:
    paper = Replicas(error_rate())
    paper.weight = EffectiveWeight(0.2, SINCE)
    for pod in reporting:
        requests(paper.candidate if pod.startswith("new") else paper.stable, pod, 0, 0)
    paper.scrape()
    return paper


def look(paper: Replicas) -> tuple[str, str]:
    for pods, count in ((paper.candidate, 200), (paper.stable, 800)):
        for pod in pods.values:
            requests(pods, pod, 0, count)
    found = paper.look()
    return found.verdict, found.message


def test_ready_pods_that_report_nothing_hold_the_rollout_and_the_others_are_named() -> None:
    paper = replicas("new-a", "old-a", "old-b")
    looks = [look(paper) for _ in range(20)]
    lag = int(REPORT_WITHIN // INTERVAL)
    assert [verdict for verdict, _ in looks[lag + 1 :]] == ["NoData"] * (19 - lag)
    assert looks[-1][1] == (
        "1 of 2 ready candidate pods report to Prometheus, for more than 2m: new-a. The others "
        "must be scraped, and have served a request."
    )


def test_a_pod_that_is_scraped_a_little_later_than_it_is_ready_holds_nothing() -> None:
    paper = replicas("new-a", "old-a", "old-b")
    for _ in range(4):
        look(paper)
    requests(paper.candidate, "new-b", 0, 0)
    assert {look(paper)[0] for _ in range(20)} <= {"Inconclusive", "Pass"}


def test_missing_pods_of_stable_hold_it_too() -> None:
    paper = replicas("new-a", "new-b", "old-b")
    looks = [look(paper) for _ in range(20)]
    assert looks[-1][0] == "NoData"
    assert looks[-1][1].startswith("1 of 2 ready stable pods report")


def test_what_fails_is_rolled_back_though_a_pod_reports_nothing() -> None:
    paper = replicas("new-a", "old-a", "old-b")
    for _ in range(12):
        look(paper)
    requests(paper.candidate, "new-a", 100, 100)
    assert look(paper)[0] == "Fail"
