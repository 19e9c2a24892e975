"""errorRate, from samples to sentences."""

import math

import pytest

from serinus.judge import judge
from serinus.metrics.queries import QueryError
from tests.support.simulated_analysis import SINCE, SimulatedAnalysis, error_rate


def judging(**settings: object) -> SimulatedAnalysis:
    """Both arms are up, and were scraped before the weight took effect."""
    simulated = SimulatedAnalysis(error_rate(**settings))
    simulated.errors((0, 0), (0, 0))
    simulated.scrape()
    return simulated


def test_a_candidate_that_fails_five_times_as_often_is_failed_with_its_figures() -> None:
    simulated = judging()
    found = simulated.until("Fail", lambda: simulated.errors((4, 75), (14, 1425)))
    assert found.message == (
        "Candidate errors 12/225 (5.3%), stable 42/4275 (0.98%); worse than tolerated "
        "(1.1 times stable's + 0.1%). "
        "False-alarm risk at most 1% per rollout, all looks and checks included."
    )


def test_the_evidence_of_a_whole_count_goes_just_to_what_is_enough() -> None:
    simulated = judging(tolerance=1, absoluteTolerance="0%")
    found = simulated.until("Fail", lambda: simulated.errors((4, 75), (14, 1425)))
    assert math.log(100) <= found.state.peak <= math.log(100) + 1e-4


def test_a_failed_candidate_stays_failed_whatever_comes_later() -> None:
    simulated = judging()
    failed = simulated.until("Fail", lambda: simulated.errors((60, 75), (14, 1425)), looks=2)
    assert failed.verdict == "Fail"
    for _ in range(20):
        simulated.errors((0, 750), (14, 1425))
        assert simulated.look() == failed


def test_two_perfect_arms_pass_with_the_defaults_within_1400_requests() -> None:
    simulated = judging()
    found = simulated.until("Pass", lambda: simulated.errors((0, 75), (0, 1425)))
    assert 1200 <= found.state.candidate["requests"] <= 1400
    assert found.message == (
        "Candidate errors 0/1350 (0%), stable 0/25650 (0%); within the margin "
        "(1.5 times stable's + 0.5%); "
        "risk of passing a candidate beyond it at most 5%, for this check and step."
    )


def test_the_forecast_comes_true_if_it_goes_on_like_that() -> None:
    simulated = judging()
    simulated.look()
    simulated.errors((1, 100), (19, 1900))
    found = simulated.look()
    assert found.message == (
        "Candidate errors 1/100 (1.0%), stable 19/1900 (1.0%); neither shown worse than tolerated "
        "nor within the margin. Passes after about 1,300 more candidate requests at these rates."
    )
    found = simulated.until("Pass", lambda: simulated.errors((1, 100), (19, 1900)))
    assert 1100 <= found.state.candidate["requests"] <= 1500


def test_a_bad_candidate_is_told_when_it_will_fail() -> None:
    simulated = judging()
    simulated.look()
    simulated.errors((3, 60), (11, 1140))
    found = simulated.look()
    assert found.message.endswith("Fails after about 160 more candidate requests at these rates.")
    found = simulated.until("Fail", lambda: simulated.errors((1, 20), (4, 380)))
    assert 160 <= found.state.candidate["requests"] <= 240


def test_no_step_is_passed_on_fewer_requests_than_asked_for() -> None:
    simulated = SimulatedAnalysis(error_rate(margin=50, absoluteMargin="50%"), minRequests=200)
    simulated.errors((0, 0), (0, 0))
    simulated.scrape()
    simulated.look()
    simulated.errors((0, 190), (0, 190))
    assert simulated.look().verdict == "Inconclusive"
    assert "about 10 more candidate requests" in simulated.progress.checks[0].message
    simulated.errors((0, 10), (0, 0))
    assert simulated.look().verdict == "Pass"


def test_a_limit_fails_a_candidate_that_is_no_worse_than_stable() -> None:
    simulated = judging(limit="5%")
    found = simulated.until("Fail", lambda: simulated.errors((12, 100), (228, 1900)))
    assert "; above the limit of 5%. False-alarm risk at most 1% per rollout" in found.message


def test_a_limit_fails_a_candidate_even_where_stable_tells_nothing() -> None:
    simulated = SimulatedAnalysis(error_rate(limit="5%"))
    simulated.candidate.add("pod", "model_requests_total", 0, code="200")
    simulated.candidate.scrape(simulated.at)
    assert simulated.look().verdict == "NoData"
    for _ in range(2):
        simulated.candidate.add("pod", "model_requests_total", 100, code="500")
        found = simulated.look()
    assert found.verdict == "Fail"


def test_a_limit_has_to_be_shown_to_be_kept_before_a_pass() -> None:
    simulated = judging(limit="1%")
    simulated.look()
    simulated.errors((7, 1000), (133, 19_000))
    found = simulated.look()
    assert found.verdict == "Inconclusive"
    for _ in range(20):
        simulated.errors((3, 1000), (133, 19_000))
        found = simulated.look()
    assert found.verdict == "Pass"
    assert "and below the limit of 1%" in found.message


def test_pods_that_export_nothing_are_no_data_and_the_message_names_metric_and_arm() -> None:
    simulated = SimulatedAnalysis(error_rate())
    simulated.stable.add("pod", "model_requests_total", 0, code="200")
    found = simulated.look()
    assert found.verdict == "NoData"
    assert found.message == (
        "Prometheus has model_requests_total from the stable pods but not from the candidate "
        "pods: no request to them has completed yet, or they do not export it, or they are not "
        "scraped."
    )


def test_nobody_is_told_to_check_what_pods_export_before_they_must_have_been_scraped() -> None:
    """Only what was scraped since the first traffic is read, however long stable exports it."""
    simulated = SimulatedAnalysis(error_rate())
    found = simulated.look()
    assert found.verdict == "NoData"
    assert found.message == (
        "Prometheus has had no sample of model_requests_total from the candidate pods in the 10s "
        "since the candidate first got traffic. The first scrape is expected within 2m."
    )
    simulated.candidate.add("pod", "model_requests_total", 0, code="200")
    found = simulated.look()
    assert "no sample of model_requests_total from the stable pods in the 25s" in found.message
    simulated.at += 120
    assert "from the stable pods: check that they export it" in simulated.look().message


def test_pods_that_stopped_being_scraped_are_no_data_and_no_pass() -> None:
    simulated = judging()
    simulated.look()
    simulated.errors((0, 2000), (0, 20_000))
    assert simulated.look().verdict == "Pass"
    simulated.at += 400
    simulated.stable.scrape(simulated.at)
    simulated.progress = judge(
        simulated.analysis, simulated.progress, simulated.measurement(), SINCE
    )
    (found,) = simulated.progress.checks
    assert found.verdict == "NoData"
    assert found.message == (
        "The newest sample of model_requests_total from the candidate pods is 6m40s old: check "
        "that they run and are scraped."
    )


def test_no_requests_yet_is_neither_no_data_nor_a_pass() -> None:
    found = judging().look()
    assert found.verdict == "Inconclusive"
    assert found.message == "The candidate has served no requests yet."


@pytest.mark.parametrize("arm", ["candidate", "stable"])
def test_an_answer_that_cannot_be_read_is_an_error_and_keeps_the_evidence(arm: str) -> None:
    simulated = judging()
    simulated.look()
    simulated.errors((1, 100), (19, 1900))
    before = simulated.look()
    sentence = "Prometheus did not answer within 5s."
    measurement = simulated.measurement()
    answers = {query: QueryError(sentence) for query in measurement.candidate}
    broken = (
        type(measurement)(simulated.at, answers, measurement.stable)
        if arm == "candidate"
        else type(measurement)(simulated.at, measurement.candidate, answers)
    )
    simulated.progress = judge(simulated.analysis, simulated.progress, broken, SINCE)
    (found,) = simulated.progress.checks
    assert (found.verdict, found.message) == ("Error", sentence)
    assert found.state == before.state
    assert simulated.look().verdict == "Inconclusive"


def test_errors_are_found_by_the_matchers_of_the_policy() -> None:
    simulated = SimulatedAnalysis(
        error_rate(
            requests={"metric": "http_total", "matchers": [{"label": "path", "value": "/v2"}]},
            errors=[{"label": "status", "operator": "!=", "value": "ok"}],
        )
    )
    for pods in (simulated.candidate, simulated.stable):
        for path in ("/v2", "/health"):
            for status in ("ok", "bad"):
                pods.add("pod", "http_total", 0, path=path, status=status)
    simulated.scrape()
    simulated.look()
    for pods in (simulated.candidate, simulated.stable):
        pods.add("pod", "http_total", 90, path="/v2", status="ok")
        pods.add("pod", "http_total", 10, path="/v2", status="bad")
        pods.add("pod", "http_total", 1000, path="/health", status="bad")
    assert simulated.look().message.startswith("Candidate errors 10/100 (10%), stable 10/100")


def counting_successes() -> SimulatedAnalysis:
    """Of servers that count requests, and those of them that succeeded."""
    simulated = SimulatedAnalysis(
        error_rate(requests={"metric": "asked_total"}, successes="answered_total")
    )
    answered(simulated, (0, 0), (0, 0))
    simulated.scrape()
    return simulated


def answered(
    simulated: SimulatedAnalysis, candidate: tuple[int, int], stable: tuple[int, int]
) -> None:
    """Each arm is asked so often, and answers so often: (answered, asked)."""
    for pods, (well, asked) in ((simulated.candidate, candidate), (simulated.stable, stable)):
        pods.add("pod", "asked_total", asked)
        pods.add("pod", "answered_total", well)


def test_what_has_not_succeeded_has_failed() -> None:
    simulated = counting_successes()
    found = simulated.until("Fail", lambda: answered(simulated, (71, 75), (1411, 1425)))
    assert found.message.startswith("Candidate errors 16/375 (4.3%), stable 56/7125 (0.79%)")


def test_a_candidate_of_which_nothing_succeeds_has_no_series_of_successes_and_is_failed() -> None:
    simulated = SimulatedAnalysis(
        error_rate(requests={"metric": "asked_total"}, successes="answered_total")
    )
    simulated.stable.add("pod", "asked_total", 10)
    simulated.stable.add("pod", "answered_total", 10)
    simulated.candidate.add("pod", "asked_total", 0)
    simulated.scrape()
    simulated.at = SINCE

    def serve() -> None:
        simulated.candidate.add("pod", "asked_total", 60)
        simulated.stable.add("pod", "asked_total", 1000)
        simulated.stable.add("pod", "answered_total", 1000)

    found = simulated.until("Fail", serve, looks=3)
    assert found.message.startswith("Candidate errors 120/180 (67%)")


def test_requests_under_way_at_a_scrape_are_no_errors() -> None:
    simulated = counting_successes()
    simulated.look()
    for _ in range(10):
        answered(simulated, (70, 75), (1400, 1425))
        simulated.look()
        answered(simulated, (80, 75), (1450, 1425))
        found = simulated.look()
    assert found.verdict == "Pass"
    assert found.message.startswith("Candidate errors 0/1500 (0%), stable 0/28500 (0%)")


def test_what_is_unanswered_in_the_first_look_does_not_look_like_a_later_step() -> None:
    """Which would lay out weight that is held back for faults that begin later."""
    failures, successes = judging(), counting_successes()
    for simulated in (failures, successes):
        simulated.look()
    failures.errors((5, 75), (25, 1425))
    answered(successes, (70, 75), (1400, 1425))
    first = [simulated.look().state for simulated in (failures, successes)]
    assert [each.releases for each in first] == [1, 1]
    assert [each.held_back for each in first] == pytest.approx([0.03, 0.03])


def test_what_failed_in_a_rush_is_never_more_than_what_was_asked() -> None:
    simulated = counting_successes()
    simulated.look()
    answered(simulated, (0, 500), (500, 500))
    simulated.look()
    answered(simulated, (10, 10), (500, 500))
    found = simulated.look()
    assert found.state.comparisons[0].candidate == 10


def test_a_limit_that_the_whole_rollout_keeps_is_said_to_be_broken_lately() -> None:
    simulated = judging(limit="5%")
    for _ in range(30):
        simulated.errors((10, 1000), (190, 19_000))
        simulated.look()
    found = simulated.until("Fail", lambda: simulated.errors((80, 1000), (1500, 19_000)))
    assert "2.0%" in found.message
    assert (
        "; above the limit of 5% in recent requests: candidate 320/4000 (8.0%), "
        "stable 6000/76000 (7.9%). False-alarm"
    ) in found.message


def test_errors_that_began_late_are_told_with_the_counts_since() -> None:
    simulated = judging()
    for _ in range(60):
        simulated.errors((10, 1000), (190, 19_000))
        simulated.look()
    found = simulated.until("Fail", lambda: simulated.errors((40, 1000), (190, 19_000)))
    assert found.message.startswith("Candidate errors 680/62000 (1.1%), stable")
    assert (
        "worse than tolerated (1.1 times stable's + 0.1%) in recent requests: candidate "
        "80/2000 (4.0%), stable 380/38000 (1.0%). False-alarm" in found.message
    )


def test_every_fifth_answer_without_a_prediction_is_found_by_counting_predictions() -> None:
    """As docs/checks/errorRate.md has it: all of them are answered 200."""
    simulated = SimulatedAnalysis(
        error_rate(requests={"metric": "model_requests_total"}, successes="model_predictions_total")
    )
    simulated.errors((0, 0), (0, 0))
    simulated.classes({"a": 0}, {"a": 0})
    simulated.scrape()

    def serve() -> None:
        simulated.errors((0, 75), (0, 1425))
        simulated.classes({"a": 60}, {"a": 1425})

    found = simulated.until("Fail", serve)
    assert found.message.startswith("Candidate errors ")


def test_requests_that_are_refused_for_their_number_count_as_failed_by_default() -> None:
    simulated = judging()

    def serve() -> None:
        simulated.errors((0, 60), (0, 1425))
        simulated.candidate.add("pod", "model_requests_total", 15, code="429")

    simulated.until("Fail", serve)


def test_requests_that_the_client_got_wrong_do_not() -> None:
    simulated = judging()

    def serve() -> None:
        simulated.errors((0, 60), (0, 1425))
        simulated.candidate.add("pod", "model_requests_total", 15, code="422")

    simulated.until("Pass", serve)
