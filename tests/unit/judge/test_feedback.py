"""feedback, from samples to sentences."""

from tests.support.simulated_analysis import SimulatedAnalysis, feedback


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
    simulated.look()
    simulated.feedback((40, 40), (0, 300))
    found = simulated.look()
    assert (found.verdict, found.message) == (
        "Inconclusive",
        "Feedback counts from 60s after the first traffic, which is in 35s.",
    )
    simulated.look()
    simulated.look()
    simulated.feedback((40, 40), (0, 300))
    assert simulated.look().message == "Feedback counts from now on."
    found = simulated.until("Pass", lambda: simulated.feedback((1, 30), (10, 300)))
    assert found.state.candidate["outcomes"] < 600


def test_which_outcomes_are_bad_is_a_setting() -> None:
    simulated = SimulatedAnalysis(
        feedback(
            outcomes={"metric": "ratings_total"},
            negative=[{"label": "stars", "operator": "=~", "value": "[12]"}],
        )
    )
    for stars in ("1", "2", "5"):
        for pods in (simulated.candidate, simulated.stable):
            pods.add("pod", "ratings_total", 0, stars=stars)
    simulated.scrape()
    simulated.look()
    for _ in range(2):
        for stars, counts in {"1": (10, 5), "2": (10, 10), "5": (30, 485)}.items():
            simulated.candidate.add("pod", "ratings_total", counts[0], stars=stars)
            simulated.stable.add("pod", "ratings_total", counts[1], stars=stars)
        found = simulated.look()
    assert found.verdict == "Fail"
    assert "Candidate negative feedback 40/100 (40%), stable 30/1000 (3.0%)" in found.message
