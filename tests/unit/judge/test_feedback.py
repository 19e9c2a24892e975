"""feedback, from samples to sentences."""

from tests.unit.judge.judging import Judging, feedback


def judging(**settings: object) -> Judging:
    """Both arms are up, and were scraped before the weight took effect."""
    paper = Judging(feedback(**settings))
    paper.feedback((0, 0), (0, 0))
    paper.scrape()
    return paper


def test_a_candidate_that_users_dislike_is_failed_with_its_figures() -> None:
    paper = judging()
    found = paper.until("Fail", lambda: paper.feedback((9, 30), (30, 300)))
    assert found.message == (
        "Candidate negative feedback 27/90 (30%) against stable 90/900 (10%); the rate is above "
        "1.1 times stable's + 1%, with 99% anytime-valid confidence."
    )


def test_a_candidate_that_users_like_as_much_passes_on_feedback_and_not_on_requests() -> None:
    paper = judging()
    paper.look()
    for _ in range(40):
        paper.errors((0, 1000), (0, 9000))
        assert paper.look().verdict == "NoData"
    found = paper.until("Pass", lambda: paper.feedback((3, 30), (30, 300)))
    assert found.message.endswith(
        "the rate is below 1.5 times stable's + 5%, with 95% anytime-valid confidence."
    )


def test_no_feedback_is_no_good_news() -> None:
    paper = judging()
    found = paper.look()
    assert (found.verdict, found.message) == (
        "NoData",
        "The candidate has received no feedback yet.",
    )
    paper.feedback((0, 100), (0, 0))
    found = paper.look()
    assert (found.verdict, found.message) == (
        "NoData",
        "Candidate negative feedback 0/100 (0%); stable has received no feedback yet.",
    )


def test_a_forecast_counts_outcomes_and_not_requests() -> None:
    paper = judging()
    paper.look()
    paper.feedback((2, 20), (30, 300))
    assert paper.look().message.endswith("more candidate outcomes if it goes on like this.")


def test_no_step_passes_on_less_feedback_than_asked_for() -> None:
    paper = judging(minFeedback=400, margin=50, absoluteMargin="50%")
    paper.look()
    paper.feedback((3, 390), (30, 3000))
    assert paper.look().verdict == "Inconclusive"
    paper.feedback((0, 10), (0, 0))
    assert paper.look().verdict == "Pass"


def test_an_absolute_limit_needs_no_feedback_about_stable() -> None:
    paper = judging(limit="20%")
    paper.look()
    found = paper.until("Fail", lambda: paper.feedback((15, 30), (0, 0)))
    assert "the rate is above the limit of 20%" in found.message


def test_what_comes_before_its_time_is_not_counted() -> None:
    paper = judging(after="60s")
    paper.look()
    paper.feedback((40, 40), (0, 300))
    found = paper.look()
    assert (found.verdict, found.message) == (
        "Inconclusive",
        "Feedback counts from 60s after the first traffic on, that is in 35s.",
    )
    paper.look()
    paper.look()
    paper.feedback((40, 40), (0, 300))
    assert paper.look().message == "Feedback counts from now on."
    found = paper.until("Pass", lambda: paper.feedback((1, 30), (10, 300)))
    assert found.state.candidate["outcomes"] < 600


def test_which_outcomes_are_bad_is_a_setting() -> None:
    paper = Judging(
        feedback(
            outcomes={"metric": "ratings_total"},
            negative=[{"label": "stars", "operator": "=~", "value": "[12]"}],
        )
    )
    for stars in ("1", "2", "5"):
        for pods in (paper.candidate, paper.stable):
            pods.add("pod", "ratings_total", 0, stars=stars)
    paper.scrape()
    paper.look()
    for stars, counts in {"1": (20, 10), "2": (20, 20), "5": (60, 970)}.items():
        paper.candidate.add("pod", "ratings_total", counts[0], stars=stars)
        paper.stable.add("pod", "ratings_total", counts[1], stars=stars)
    found = paper.look()
    assert found.verdict == "Fail"
    assert "negative feedback 40/100 (40%) against stable 30/1000 (3.0%)" in found.message
