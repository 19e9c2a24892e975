"""No Pass stands on counters that stand still, nor on pods that report nothing."""

from dataclasses import replace

import pytest

from serinus.judge import EffectiveWeight, judge
from serinus.judge.absence import REPORT_WITHIN
from serinus.judge.evidence.look import ENOUGH_EXPECTED
from serinus.metrics.queries import QueryError
from tests.support.simulated_analysis import (
    INTERVAL,
    SINCE,
    SimulatedAnalysis,
    drift,
    error_rate,
    fairness,
    latency,
    requests,
)


def served(simulated: SimulatedAnalysis, candidate: int, stable: int) -> None:
    """Each arm's pod serves so many requests, well and quickly."""
    simulated.errors((0, candidate), (0, stable))
    simulated.durations({0.1: candidate, 1.0: candidate // 5}, {0.1: stable, 1.0: stable // 5})
    simulated.classes({"approve": candidate}, {"approve": stable})


def passed(check: dict[str, object]) -> SimulatedAnalysis:
    """A candidate that has passed the check at 20%."""
    simulated = SimulatedAnalysis(check)
    simulated.weight = EffectiveWeight(0.2, SINCE)
    served(simulated, 0, 0)
    simulated.scrape()
    simulated.until("Pass", lambda: served(simulated, 200, 800))
    return simulated


@pytest.mark.parametrize(
    "check", [error_rate(), latency(), drift()], ids=["errors", "slow", "drift"]
)
def test_a_pass_does_not_stand_on_counters_that_are_scraped_and_stand_still(
    check: dict[str, object],
) -> None:
    simulated = passed(check)
    served(simulated, 0, 800)
    found = simulated.look()
    assert found.verdict == "NoData"
    assert "candidate pods counted nothing while the stable pods counted" in found.message
    served(simulated, 200, 800)
    assert simulated.look().verdict == "Pass"


@pytest.mark.parametrize(
    "check", [error_rate(), latency(), drift()], ids=["errors", "slow", "drift"]
)
def test_a_look_between_two_scrapes_does_not_tell_that_counters_no_longer_stand_still(
    check: dict[str, object],
) -> None:
    simulated = passed(check)
    for _ in range(3):
        served(simulated, 0, 800)
        assert simulated.look().verdict == "NoData"
        simulated.at += INTERVAL
        assert simulated.judge().verdict == "NoData"


@pytest.mark.parametrize("arm", ["candidate", "stable"])
def test_what_could_not_be_read_of_one_arm_is_not_missing_in_the_next_look(arm: str) -> None:
    simulated = passed(error_rate())
    served(simulated, 200, 800)
    simulated.at += INTERVAL
    simulated.scrape()
    measured = simulated.measurement()
    down = QueryError("Prometheus did not answer in time.")
    if arm == "candidate":
        measured = replace(measured, candidate=dict.fromkeys(measured.candidate, down))
    else:
        measured = replace(measured, stable=dict.fromkeys(measured.stable, down))
    assert simulated.judge(measured).verdict == "Error"
    simulated.at += INTERVAL
    assert simulated.judge().verdict != "NoData"


def test_requests_that_are_missing_are_summed_over_looks_in_which_neither_arm_is_asked() -> None:
    simulated = passed(error_rate())
    for stable in (ENOUGH_EXPECTED / 0.25 - 1, 0, 1):
        served(simulated, 0, round(stable))
        found = simulated.look()
    assert found.verdict == "NoData"


def test_counts_that_wait_until_it_is_known_why_they_fell_do_not_stand_still() -> None:
    simulated = SimulatedAnalysis(error_rate())
    simulated.weight = EffectiveWeight(0.2, SINCE)
    for served_at_once in (2000, 40, 40, 40, 40, 40):
        served(simulated, served_at_once, 800)
        simulated.look()
    simulated.candidate.restart("pod")
    for served_at_once in (1000, *[40] * 14):
        served(simulated, served_at_once, 800)
        assert simulated.look().verdict == "Inconclusive"


def test_stable_that_stands_still_is_nothing_to_be_compared_with() -> None:
    simulated = passed(error_rate())
    served(simulated, 200, 0)
    found = simulated.look()
    assert found.verdict == "NoData"
    assert "stable pods counted nothing while the candidate pods counted 200" in found.message


def test_an_arm_that_was_not_expected_to_count_much_may_count_nothing() -> None:
    simulated = passed(error_rate())
    served(simulated, 0, round(ENOUGH_EXPECTED / 0.25) - 1)
    assert simulated.look().verdict == "Pass"
    served(simulated, 0, 1)
    assert simulated.look().verdict == "NoData"


def test_a_hundred_requests_in_which_neither_arm_is_served_prove_nothing_either() -> None:
    simulated = passed(error_rate())
    for _ in range(10):
        assert simulated.look().verdict == "Pass"


def test_fairness_does_not_wait_for_a_stable_that_counts_no_groups() -> None:
    simulated = SimulatedAnalysis(fairness(favourable=[{"label": "class", "value": "approve"}]))
    simulated.weight = EffectiveWeight(0.2, SINCE)
    simulated.groups(north=(0, 0), south=(0, 0))
    simulated.scrape()

    def serve() -> None:
        simulated.groups(north=(500, 1000), south=(500, 1000))
        simulated.stable.values.clear()
        simulated.stable.add(
            "pod", "model_predictions_total", 0, **{"class": "deny", "group": "north"}
        )

    simulated.until("Pass", serve)


class Replicas(SimulatedAnalysis):
    """Of each arm two pods are ready."""

    def judge(self) -> object:  # type: ignore[override]
        self.progress = judge(
            self.analysis, self.progress, self.measurement(), SINCE, self.weight, (2, 2)
        )
        return self.progress.checks[0]


def replicas(*reporting: str) -> Replicas:
    simulated = Replicas(error_rate())
    simulated.weight = EffectiveWeight(0.2, SINCE)
    for pod in reporting:
        requests(simulated.candidate if pod.startswith("new") else simulated.stable, pod, 0, 0)
    simulated.scrape()
    return simulated


def look(simulated: Replicas) -> tuple[str, str]:
    for pods, count in ((simulated.candidate, 200), (simulated.stable, 800)):
        for pod in pods.values:
            requests(pods, pod, 0, count)
    found = simulated.look()
    return found.verdict, found.message


def test_ready_pods_that_report_nothing_hold_the_rollout_and_the_others_are_named() -> None:
    simulated = replicas("new-a", "old-a", "old-b")
    looks = [look(simulated) for _ in range(20)]
    lag = int(REPORT_WITHIN // INTERVAL)
    assert [verdict for verdict, _ in looks[lag + 1 :]] == ["NoData"] * (19 - lag)
    assert looks[-1][1] == (
        "For more than 2m, Prometheus has had samples of only 1 of 2 ready candidate pods: new-a. "
        "Check that the others are scraped and have served a request."
    )


def test_a_pod_that_is_scraped_a_little_later_than_it_is_ready_holds_nothing() -> None:
    simulated = replicas("new-a", "old-a", "old-b")
    for _ in range(4):
        look(simulated)
    requests(simulated.candidate, "new-b", 0, 0)
    assert {look(simulated)[0] for _ in range(20)} <= {"Inconclusive", "Pass"}


def test_missing_pods_of_stable_hold_it_too() -> None:
    simulated = replicas("new-a", "new-b", "old-b")
    looks = [look(simulated) for _ in range(20)]
    assert looks[-1][0] == "NoData"
    assert "samples of only 1 of 2 ready stable pods" in looks[-1][1]


def test_what_fails_is_rolled_back_though_a_pod_reports_nothing() -> None:
    simulated = replicas("new-a", "old-a", "old-b")
    for _ in range(12):
        look(simulated)
    for _ in range(2):
        requests(simulated.candidate, "new-a", 100, 100)
        found = look(simulated)
    assert found[0] == "Fail"
