"""feedback, from samples to sentences."""

import re
from dataclasses import replace

import pytest

from serinus.judge import EffectiveWeight, enter_step
from tests.support.simulated_analysis import SINCE, SimulatedAnalysis, feedback


def judging(**settings: object) -> SimulatedAnalysis:
    """Both arms are up, and were scraped before the weight took effect."""
    simulated = SimulatedAnalysis(feedback(**settings))
    simulated.feedback((0, 0), (0, 0))
    simulated.scrape()
    return simulated


def test_a_candidate_that_users_dislike_is_failed_with_its_figures() -> None:
    simulated = judging()
    found = simulated.until("Fail", lambda: simulated.feedback((9, 30), (30, 300)))
    assert found.message == (
        "Candidate negative feedback 27/90 (30%), stable 90/900 (10%); worse than tolerated "
        "(1.1 times stable's + 1%). "
        "False-alarm risk at most 1% per rollout, all looks and checks included."
    )


def test_a_candidate_that_users_like_as_much_passes_on_feedback_and_not_on_requests() -> None:
    simulated = judging()
    simulated.look()
    for _ in range(40):
        simulated.errors((0, 1000), (0, 9000))
        assert simulated.look().verdict == "NoData"
    found = simulated.until("Pass", lambda: simulated.feedback((3, 30), (30, 300)))
    assert found.message.endswith(
        "within the margin (1.5 times stable's + 5%); "
        "risk of passing a candidate beyond it at most 5%, for this check and step."
    )


def test_no_feedback_is_no_good_news() -> None:
    simulated = judging()
    found = simulated.look()
    assert (found.verdict, found.message) == (
        "NoData",
        "The candidate has received no feedback yet.",
    )
    simulated.feedback((0, 100), (0, 0))
    found = simulated.look()
    assert (found.verdict, found.message) == (
        "NoData",
        "Candidate negative feedback 0/100 (0%); stable has received no feedback yet.",
    )


def test_a_forecast_counts_outcomes_and_not_requests() -> None:
    simulated = judging()
    simulated.look()
    simulated.feedback((2, 20), (30, 300))
    assert simulated.look().message.endswith("more candidate outcomes at these rates.")


def test_no_step_passes_on_less_feedback_than_asked_for() -> None:
    simulated = judging(minFeedback=400, margin=50, absoluteMargin="50%")
    simulated.look()
    simulated.feedback((3, 390), (30, 3000))
    assert simulated.look().verdict == "Inconclusive"
    simulated.feedback((0, 10), (0, 0))
    assert simulated.look().verdict == "Pass"


def test_an_absolute_limit_needs_no_feedback_about_stable() -> None:
    simulated = judging(limit="20%")
    simulated.look()
    found = simulated.until("Fail", lambda: simulated.feedback((15, 30), (0, 0)))
    assert "above the limit of 20%" in found.message


def test_what_comes_before_its_time_is_not_counted() -> None:
    simulated = judging(after="60s")
    simulated.weight = EffectiveWeight(0.1, SINCE)
    simulated.look()
    simulated.feedback((40, 40), (0, 300))
    found = simulated.look()
    assert (found.verdict, found.message) == (
        "Inconclusive",
        "Feedback counts from 60s after the weight took effect, which is in 35s: until then, the "
        "outcomes of the two revisions differ in age.",
    )
    simulated.look()
    simulated.look()
    simulated.feedback((40, 40), (0, 300))
    assert simulated.look().message == "Feedback counts from now on."
    found = simulated.until("Pass", lambda: simulated.feedback((1, 30), (10, 300)))
    assert found.state.candidate["outcomes"] < 600


def raised_to_half(**settings: object) -> SimulatedAnalysis:
    """The candidate has taken 10% of the traffic for long, and half of it since the last look."""
    simulated = judging(after="60s", **settings)
    simulated.weight = EffectiveWeight(0.1, SINCE)
    simulated.until("Pass", lambda: simulated.feedback((3, 30), (27, 270)))
    simulated.weight = EffectiveWeight(0.5, simulated.at)
    simulated.progress = replace(
        simulated.progress, checks=tuple(enter_step(simulated.progress.checks, again=False))
    )
    return simulated


def test_what_comes_soonest_after_a_greater_weight_is_no_evidence() -> None:
    simulated = raised_to_half()
    before = simulated.progress.checks[0].state
    for _ in range(4):
        # bad news of the requests since then, and good news of those before
        simulated.feedback((15, 42), (15, 258))
        found = simulated.look()
        assert found.verdict == "Inconclusive"
        assert found.message.startswith("Feedback counts from ")
        assert found.state.comparisons == before.comparisons
    found = simulated.until("Pass", lambda: simulated.feedback((15, 150), (15, 150)))
    assert found.state.peak == before.peak


def test_a_block_that_began_before_feedback_counts_again_is_left_out_pod_by_pod() -> None:
    simulated = raised_to_half()
    for _ in range(3):
        simulated.look()
    before = simulated.progress.checks[0].state.candidate["outcomes"]
    simulated.feedback((20, 20), (0, 20))
    simulated.at += 10
    simulated.scrape()
    assert simulated.judge().message.startswith("Feedback counts from 60s")
    simulated.feedback((20, 20), (0, 20))
    assert simulated.look().message == "Feedback counts from now on."
    simulated.feedback((2, 20), (2, 20))
    assert simulated.look().state.candidate["outcomes"] == before + 20


def test_a_bad_candidate_is_found_once_its_feedback_is_of_age() -> None:
    simulated = raised_to_half()
    simulated.until("Fail", lambda: simulated.feedback((45, 150), (15, 150)))


def test_nothing_counts_while_the_weight_is_not_in_effect() -> None:
    simulated = judging(after="60s")
    simulated.weight = None
    simulated.feedback((40, 40), (0, 300))
    assert simulated.look().message == "Feedback counts from 60s after the weight takes effect."


def test_a_candidate_without_feedback_is_missing_nothing_before_it_counts() -> None:
    simulated = judging(after="60s")
    simulated.weight = EffectiveWeight(0.2, SINCE)
    for _ in range(5):
        simulated.feedback((0, 0), (30, 300))
        found = simulated.look()
        assert found.verdict == "Inconclusive"
        assert found.message.startswith("Feedback counts from ")
    for _ in range(2):
        simulated.feedback((0, 0), (30, 300))
        found = simulated.look()
    assert found.verdict == "NoData"
    assert found.message.startswith("The candidate has received no feedback yet")


@pytest.mark.parametrize("after", [None, "0s", "1h"])
def test_feedback_that_cannot_be_read_is_told_before_it_counts(after: str | None) -> None:
    simulated = judging(after=after)
    simulated.weight = EffectiveWeight(0.2, SINCE)
    simulated.candidate.add("pod", "model_feedback_total", 2.0**60, outcome="correct")
    for _ in range(3):
        simulated.feedback((0, 0), (30, 300))
        found = simulated.look()
        assert found.verdict == "Error" and found.own_metrics
        assert "which no counter of requests reaches" in found.message


def test_the_rate_of_a_forecast_is_that_since_feedback_counts() -> None:
    simulated = raised_to_half()
    for _ in range(4):
        simulated.look()
    for _ in range(5):
        simulated.feedback((1, 3), (1, 3))
        found = simulated.look()
    told = re.search(r"about (\d+) more candidate outcomes \((\d+)m\)", found.message)
    assert told is not None
    outcomes, minutes = map(int, told.groups())
    assert minutes == pytest.approx(outcomes / 12, abs=1)
