"""errorRate, from samples to sentences."""

import math

import pytest

from serinus.judge import judge
from serinus.metrics.queries import QueryError
from tests.unit.judge.judging import SINCE, Judging, error_rate


def judging(**settings: object) -> Judging:
    """Both arms are up, and were scraped before the weight took effect."""
    paper = Judging(error_rate(**settings))
    paper.errors((0, 0), (0, 0))
    paper.scrape()
    return paper


def test_a_candidate_that_fails_five_times_as_often_is_failed_with_its_figures() -> None:
    paper = judging()
    found = paper.until("Fail", lambda: paper.errors((4, 75), (14, 1425)))
    assert found.message == (
        "Candidate errors 12/225 (5.3%) against stable 42/4275 (0.98%); the rate is above "
        "1.1 times stable's + 0.1%, with 99% anytime-valid confidence."
    )


def test_the_evidence_of_a_whole_count_goes_just_to_what_is_enough() -> None:
    paper = judging(tolerance=1, absoluteTolerance="0%")
    found = paper.until("Fail", lambda: paper.errors((4, 75), (14, 1425)))
    assert math.log(100) <= found.state.peak <= math.log(100) + 1e-4


def test_a_failed_candidate_stays_failed_whatever_comes_later() -> None:
    paper = judging()
    paper.look()
    paper.errors((60, 75), (14, 1425))
    failed = paper.look()
    assert failed.verdict == "Fail"
    for _ in range(20):
        paper.errors((0, 750), (14, 1425))
        assert paper.look() == failed


def test_two_perfect_arms_pass_with_the_defaults_within_700_requests() -> None:
    paper = judging()
    found = paper.until("Pass", lambda: paper.errors((0, 75), (0, 1425)))
    assert 500 <= found.state.candidate["requests"] <= 700
    assert found.message == (
        "Candidate errors 0/675 (0%) against stable 0/12825 (0%); the rate is below "
        "1.5 times stable's + 1%, with 95% anytime-valid confidence."
    )


def test_the_forecast_comes_true_if_it_goes_on_like_that() -> None:
    paper = judging()
    paper.look()
    paper.errors((1, 100), (19, 1900))
    found = paper.look()
    assert found.message == (
        "Candidate errors 1/100 (1.0%) against stable 19/1900 (1.0%). Passes after about 670 more "
        "candidate requests if it goes on like this."
    )
    found = paper.until("Pass", lambda: paper.errors((1, 100), (19, 1900)))
    assert 700 <= found.state.candidate["requests"] <= 800


def test_a_bad_candidate_is_told_when_it_will_fail() -> None:
    paper = judging()
    paper.look()
    paper.errors((3, 60), (11, 1140))
    found = paper.look()
    assert found.message.endswith(
        "Fails after about 160 more candidate requests if it goes on like this."
    )
    found = paper.until("Fail", lambda: paper.errors((1, 20), (4, 380)))
    assert 160 <= found.state.candidate["requests"] <= 240


def test_no_step_is_passed_on_fewer_requests_than_asked_for() -> None:
    paper = Judging(error_rate(margin=50, absoluteMargin="50%"), minRequests=200)
    paper.errors((0, 0), (0, 0))
    paper.scrape()
    paper.look()
    paper.errors((0, 190), (0, 190))
    assert paper.look().verdict == "Inconclusive"
    assert "about 10 more candidate requests" in paper.progress.checks[0].message
    paper.errors((0, 10), (0, 0))
    assert paper.look().verdict == "Pass"


def test_a_limit_fails_a_candidate_that_is_no_worse_than_stable() -> None:
    paper = judging(limit="5%")
    found = paper.until("Fail", lambda: paper.errors((12, 100), (228, 1900)))
    assert "the rate is above the limit of 5%, with 99% anytime-valid confidence." in found.message


def test_a_limit_fails_a_candidate_even_where_stable_tells_nothing() -> None:
    paper = Judging(error_rate(limit="5%"))
    paper.candidate.add("pod", "model_requests_total", 0, code="200")
    paper.candidate.scrape(paper.at)
    assert paper.look().verdict == "NoData"
    paper.candidate.add("pod", "model_requests_total", 100, code="500")
    assert paper.look().verdict == "Fail"


def test_a_limit_has_to_be_shown_to_be_kept_before_a_pass() -> None:
    paper = judging(limit="1%")
    paper.look()
    paper.errors((7, 1000), (133, 19_000))
    found = paper.look()
    assert found.verdict == "Inconclusive"
    for _ in range(20):
        paper.errors((3, 1000), (133, 19_000))
        found = paper.look()
    assert found.verdict == "Pass"
    assert "and below the limit of 1%" in found.message


def test_pods_that_export_nothing_are_no_data_and_the_message_names_metric_and_arm() -> None:
    paper = Judging(error_rate())
    paper.stable.add("pod", "model_requests_total", 0, code="200")
    found = paper.look()
    assert found.verdict == "NoData"
    assert found.message == (
        "Prometheus has model_requests_total from the stable pods and none from the candidate "
        "pods: no request to them has ended yet, or they do not export it, or they are not scraped."
    )


def test_pods_that_stopped_being_scraped_are_no_data_and_no_pass() -> None:
    paper = judging()
    paper.look()
    paper.errors((0, 2000), (0, 20_000))
    assert paper.look().verdict == "Pass"
    paper.at += 400
    paper.stable.scrape(paper.at)
    paper.progress = judge(paper.analysis, paper.progress, paper.measurement(), SINCE)
    (found,) = paper.progress.checks
    assert found.verdict == "NoData"
    assert found.message == (
        "The newest model_requests_total from the candidate pods is 6m40s old: do they run, and "
        "are they scraped?"
    )


def test_no_requests_yet_is_neither_no_data_nor_a_pass() -> None:
    found = judging().look()
    assert found.verdict == "Inconclusive"
    assert found.message == "The candidate has served no request yet."


@pytest.mark.parametrize("arm", ["candidate", "stable"])
def test_an_answer_that_cannot_be_read_is_an_error_and_keeps_the_evidence(arm: str) -> None:
    paper = judging()
    paper.look()
    paper.errors((1, 100), (19, 1900))
    before = paper.look()
    sentence = "Prometheus did not answer within 5s."
    measurement = paper.measurement()
    answers = {query: QueryError(sentence) for query in measurement.candidate}
    broken = (
        type(measurement)(paper.at, answers, measurement.stable)
        if arm == "candidate"
        else type(measurement)(paper.at, measurement.candidate, answers)
    )
    paper.progress = judge(paper.analysis, paper.progress, broken, SINCE)
    (found,) = paper.progress.checks
    assert (found.verdict, found.message) == ("Error", sentence)
    assert found.state == before.state
    assert paper.look().verdict == "Inconclusive"


def test_errors_are_found_by_the_matchers_of_the_policy() -> None:
    paper = Judging(
        error_rate(
            requests={"metric": "http_total", "matchers": [{"label": "path", "value": "/v2"}]},
            errors=[{"label": "status", "operator": "!=", "value": "ok"}],
        )
    )
    for pods in (paper.candidate, paper.stable):
        for path in ("/v2", "/health"):
            for status in ("ok", "bad"):
                pods.add("pod", "http_total", 0, path=path, status=status)
    paper.scrape()
    paper.look()
    for pods in (paper.candidate, paper.stable):
        pods.add("pod", "http_total", 90, path="/v2", status="ok")
        pods.add("pod", "http_total", 10, path="/v2", status="bad")
        pods.add("pod", "http_total", 1000, path="/health", status="bad")
    assert paper.look().message.startswith("Candidate errors 10/100 (10%) against stable 10/100")


def counting_successes() -> Judging:
    """Of servers that count requests, and those of them that succeeded."""
    paper = Judging(error_rate(requests={"metric": "asked_total"}, successes="answered_total"))
    answered(paper, (0, 0), (0, 0))
    paper.scrape()
    return paper


def answered(paper: Judging, candidate: tuple[int, int], stable: tuple[int, int]) -> None:
    """Each arm is asked so often, and answers so often: (answered, asked)."""
    for pods, (well, asked) in ((paper.candidate, candidate), (paper.stable, stable)):
        pods.add("pod", "asked_total", asked)
        pods.add("pod", "answered_total", well)


def test_what_has_not_succeeded_has_failed() -> None:
    paper = counting_successes()
    found = paper.until("Fail", lambda: answered(paper, (71, 75), (1411, 1425)))
    assert found.message.startswith("Candidate errors 12/300 (4.0%) against stable 42/5700 (0.74%)")


def test_a_candidate_of_which_nothing_succeeds_has_no_series_of_successes_and_is_failed() -> None:
    paper = Judging(error_rate(requests={"metric": "asked_total"}, successes="answered_total"))
    paper.stable.add("pod", "asked_total", 10)
    paper.stable.add("pod", "answered_total", 10)
    paper.candidate.add("pod", "asked_total", 0)
    paper.scrape()
    paper.at = SINCE

    def serve() -> None:
        paper.candidate.add("pod", "asked_total", 60)
        paper.stable.add("pod", "asked_total", 1000)
        paper.stable.add("pod", "answered_total", 1000)

    found = paper.until("Fail", serve, looks=3)
    assert found.message.startswith("Candidate errors 60/120 (50%)")


def test_requests_under_way_at_a_scrape_are_no_errors() -> None:
    paper = counting_successes()
    paper.look()
    for _ in range(10):
        answered(paper, (70, 75), (1400, 1425))
        paper.look()
        answered(paper, (80, 75), (1450, 1425))
        found = paper.look()
    assert found.verdict == "Pass"
    assert found.message.startswith("Candidate errors 0/1500 (0%) against stable 0/28500 (0%)")


def test_what_failed_in_a_rush_is_never_more_than_what_was_asked() -> None:
    paper = counting_successes()
    paper.look()
    answered(paper, (0, 500), (500, 500))
    paper.look()
    answered(paper, (10, 10), (500, 500))
    found = paper.look()
    assert found.state.comparisons[0].candidate == 10
