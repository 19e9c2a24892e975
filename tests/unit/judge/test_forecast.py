"""What is said beforehand of a rollout, beside what the judge then does."""

import math
import re
from collections.abc import Sequence
from random import Random

import pytest

from serinus.api.analysis import Analysis
from serinus.api.baseline import Baseline
from serinus.api.spec import StepChoice
from serinus.api.status import CheckState, Verdict
from serinus.judge import asks_of_history, learn
from serinus.judge.analysis import budget_of
from serinus.judge.checks import kind_of
from serinus.judge.evidence.history import minutes
from serinus.judge.evidence.look import EffectiveWeight, Look
from serinus.judge.forecast.choosing import WEIGHTS
from serinus.judge.forecast.cost import Cost, costs
from serinus.judge.forecast.waits import Change, Paper, Wait, waits
from serinus.metrics.counters import Growth, Increase
from serinus.metrics.queries import CounterQuery, History, Series
from serinus.simulation.draws import binomial, poisson
from tests.support.simulated_analysis import drift, error_rate, feedback, latency
from tests.support.simulated_pods import Pods
from tests.unit.judge.test_learning import NOW, Serve, analysis, requests

RATE, ERRORS = 100.0, 0.01
"""Requests a second of all pods, and the share of them that fails."""
SUCCESSES = "model_successes_total"
EITHER = pytest.mark.parametrize(
    "counted", [{}, {"successes": SUCCESSES}], ids=["failures", "successes"]
)
"""What the server counts beside all requests."""


def quiet(pods: Pods, rng: Random, minute: int) -> None:
    for pod in "abcde":
        requests(pods, pod, poisson(rng, 12 * RATE * ERRORS), 1200)
        pods.add(pod, SUCCESSES, 1200)


def hour(wanted: Analysis, serve: Serve) -> History:
    pods, rng = Pods(), Random(3)
    for minute in range(61):
        serve(pods, rng, minute)
        pods.scrape(NOW - 60 * (60 - minute))
    return History(NOW, pods.answers(asks_of_history(wanted), NOW - 3601, NOW))


def told(wanted: Analysis, serve: Serve, weights: Sequence[int] = (5, 50)) -> str:
    found = learn(wanted, hour(wanted, serve), weights)
    assert isinstance(found, Baseline)
    return found.message


def forecast(wanted: Analysis, serve: Serve, weights: Sequence[int]) -> list[Wait]:
    history = hour(wanted, serve)
    found = learn(wanted, history)
    assert isinstance(found, Baseline)
    return list(waits(wanted, minutes(history.stable), found, weights))


@EITHER
def test_what_a_bad_candidate_costs_is_said_beforehand(counted: dict[str, str]) -> None:
    message = told(analysis(error_rate(**counted)), quiet)
    assert "with 2, 5 and 100 times stable's errors fail about " in message
    assert "requests of clients until rolled back at 5%." in message


def test_the_sentence_about_a_single_bad_candidate_is_about_one() -> None:
    one, two = Cost(5, {2: math.inf, 100: 110.0}), Cost(5, {5: 20.0, 100: 110.0})
    assert one.sentence.startswith("A candidate with 100 times stable's errors fails about 110 ")
    assert two.sentence.startswith("Candidates with 5 and 100 times stable's errors fail about 20 ")


def test_it_is_not_said_where_nothing_failed_or_most_did() -> None:
    def faultless(pods: Pods, rng: Random, minute: int) -> None:
        for pod in "abcde":
            requests(pods, pod, 0, 1200)

    def mostly_failing(pods: Pods, rng: Random, minute: int) -> None:
        for pod in "abcde":
            requests(pods, pod, 3000, 1200)

    for serve in (faultless, mostly_failing):
        assert "of clients" not in told(analysis(error_rate()), serve)


def test_that_most_requests_failed_is_a_reason_why_the_cost_is_unknown() -> None:
    def mostly_failing(pods: Pods, rng: Random, minute: int) -> None:
        for pod in "abcde":
            requests(pods, pod, 3000, 1200)

    wanted = analysis(error_rate())
    choice = StepChoice(within=1800.0, may_fail=50.0)
    found = learn(wanted, hour(wanted, mostly_failing), choice=choice)
    assert isinstance(found, Baseline)
    assert "no request of stable failed in that hour, or most did, or no check" in found.message


def ten_a_second(errors: float, pods_there: str = "abcde") -> Serve:
    """Requests of all pods of stable, of which such a share fails."""
    each = 600 // len(pods_there)

    def serve(pods: Pods, rng: Random, minute: int) -> None:
        for pod in pods_there:
            requests(pods, pod, poisson(rng, each * errors), each)

    return serve


def chosen_within(may_fail: float, wanted: Analysis, serve: Serve) -> tuple[list[int], str]:
    """The weights, and what is said of them."""
    choice = StepChoice(within=1800.0, may_fail=may_fail)
    found = learn(wanted, hour(wanted, serve), choice=choice)
    assert isinstance(found, Baseline)
    return found.weights or [], found.message


def test_a_limit_that_cannot_be_kept_since_stable_served_too_briefly_is_said_not_to_be() -> None:
    def of_late(pods: Pods, rng: Random, minute: int) -> None:
        if minute > 40:
            quiet(pods, rng, minute)

    weights, message = chosen_within(50.0, analysis(error_rate()), of_late)
    assert not weights
    assert "rollout.atMost is not applied: that needs 30 minutes with requests" in message
    assert "atMost" not in chosen_within(math.inf, analysis(error_rate()), of_late)[1]


def test_a_bad_candidate_that_is_not_found_costs_more_than_any_limit_and_it_is_said() -> None:
    """Twice the errors, which a single pod hides."""
    weights, message = chosen_within(
        1000.0, analysis(error_rate(absoluteTolerance="0.2%")), ten_a_second(0.01, "a")
    )
    assert weights == [5, 25, 50], "the smallest, not the quickest"
    assert (
        "At 5% candidates with 2 times stable's errors are not expected to be rolled back, so they "
        "may cost more than rollout.atMost allows (1,000); no other first weight keeps to it"
    ) in message


def test_a_first_weight_at_which_a_bad_candidate_is_not_found_is_no_cheap_one() -> None:
    """100 times the errors, which are hardly more than what is tolerated."""

    def seldom(pods: Pods, rng: Random, minute: int) -> None:
        for pod in "abcde":
            requests(pods, pod, int(minute == 7 and pod != "e"), 1200)

    wanted = analysis(error_rate(absoluteMargin="0.1%"))
    history = hour(wanted, seldom)
    found = learn(wanted, history)
    assert isinstance(found, Baseline)
    cost = costs(wanted, minutes(history.stable), found, [[5], [50]], ())
    assert cost[5].failed == {100: math.inf} and cost[50].failed[100] < 5000
    assert chosen_within(5000.0, wanted, seldom)[0] == [50]


def test_a_candidate_that_the_check_tolerates_is_no_bad_one() -> None:
    wanted = analysis(error_rate(tolerance=2, margin=3))
    weights, message = chosen_within(100.0, wanted, ten_a_second(0.05))
    assert weights == [5, 25, 50]
    assert "Candidates with 5 and 100 times" in message and "atMost" not in message


def test_a_bad_candidate_that_passes_before_it_is_found_is_not_said_to_be_rolled_back() -> None:
    """0.4% in place of 0.2% are within the margin. 1% in place of 0.5% are as well, but take longer
    to pass."""

    def among(errors: float) -> Serve:
        def serve(pods: Pods, rng: Random, minute: int) -> None:
            for pod in "abcde":
                requests(pods, pod, poisson(rng, 12 * RATE * errors), 1200)

        return serve

    weights, message = chosen_within(1e6, analysis(error_rate()), among(0.002))
    assert weights == [5, 25, 50]
    assert "Candidates with 5 and 100 times stable's errors fail about " in message
    assert "At 5% candidates with 2 times stable's errors are not expected" in message
    weights, message = chosen_within(1e6, analysis(error_rate()), among(0.005))
    assert "Candidates with 2, 5 and 100 times" in message and "atMost" not in message


def test_a_step_without_a_verdict_may_end_what_a_bad_candidate_costs() -> None:
    """2% of a request in two seconds fail where it is 1%; the rollout is paused, promoted or rolled
    back after five minutes."""

    def costing(then: str) -> float:
        wanted = analysis(error_rate())
        wanted = wanted.replace(max_step_duration="5m", on_inconclusive=then)
        history = hour(wanted, ten_a_second(0.01))
        found, looks = learn(wanted, history), minutes(history.stable)
        assert isinstance(found, Baseline)
        passes = [*waits(wanted, looks, found, [5, 25, 50])]
        return costs(wanted, looks, found, [[5, 25, 50]], passes)[5].failed[2]

    assert 60 < costing("Pause") < math.inf == costing("Promote")
    assert costing("Rollback") == pytest.approx(300 * 0.5 * 0.02, rel=0.2)


def test_a_bad_candidate_is_found_while_another_check_takes_longer_to_pass() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        for pod in "abcde":
            requests(pods, pod, poisson(rng, 12 * RATE * 0.002), 1200)
            pods.add(pod, "model_feedback_total", 30, outcome="good")
            pods.add(pod, "model_feedback_total", poisson(rng, 3.0), outcome="bad")

    wanted = analysis(error_rate(), feedback(margin=1.2, absoluteMargin="1%"))
    assert "with 2, 5 and 100 times stable's errors" in told(wanted, serve, [5, 25, 50])


@pytest.mark.parametrize("errors", [0.0, 0.01])
def test_of_several_checks_the_one_that_counts_most_failures_tells_what_they_cost(
    errors: float,
) -> None:
    """Requests that both count, and a twentieth of them that the first one counts."""

    def serve(pods: Pods, rng: Random, minute: int) -> None:
        quiet(pods, rng, minute)
        for pod in "abcde":
            pods.add(pod, "few_total", 60, code="200")
            pods.add(pod, "few_total", poisson(rng, 60 * errors), code="500")

    few = {**error_rate(requests={"metric": "few_total"}), "name": "few"}
    of_one = told(analysis(error_rate()), serve)
    of_both = told(analysis(few, error_rate()), serve)
    for message in (of_one, of_both):
        assert re.search("fail about [5-7][0-9], 1[0-9] and 150 requests of clients", message)


def test_a_check_that_finds_bad_candidates_no_sooner_adds_few_trials_of_when_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An equal candidate needs a search at each weight, of seven trials; bad ones few trials."""
    tried, judged = Paper._tried, list[Paper]()

    def counted(paper: Paper, verdict: Verdict, span: float, change: Change) -> Verdict:
        judged.append(paper)
        return tried(paper, verdict, span, change)

    def trials(checks: int) -> int:
        judged.clear()
        each = [{**error_rate(), "name": f"errors{number}"} for number in range(checks)]
        chosen_within(50.0, analysis(*each), quiet)
        return len(judged)

    monkeypatch.setattr(Paper, "_tried", counted)
    assert trials(4) - trials(2) < 2 * (7 * len(WEIGHTS) + 16)


def test_with_a_limit_weights_are_chosen_even_if_stable_itself_would_not_pass() -> None:
    wanted = analysis(error_rate(limit="0.5%"))
    assert chosen_within(math.inf, wanted, ten_a_second(0.01))[0] == []
    weights, message = chosen_within(100.0, wanted, ten_a_second(0.01))
    assert weights == [5, 25, 50]
    assert "steps of 5%, 25% and 50% are chosen, but not expected to end. " in message


@pytest.mark.parametrize("deciding", [[], [{"name": "split", "trafficShare": {}}], [drift()]])
def test_with_a_limit_and_no_error_rate_that_decides_it_is_said_that_the_cost_is_unknown(
    deciding: list[dict[str, object]],
) -> None:
    wanted = analysis({**error_rate(), "mode": "Audit"}, *deciding)
    choice = StepChoice(within=1800.0, may_fail=50.0)
    found = learn(wanted, hour(wanted, quiet), [5, 25, 50], choice=choice)
    assert isinstance(found, Baseline)
    assert "or no check that decides counts failures, or" in found.message
    assert "rollout.atMost then starts at 5%." in found.message


def test_that_a_hundred_times_as_many_are_tolerated_is_a_reason_why_the_cost_is_unknown() -> None:
    serve = ten_a_second(0.01)
    wanted = analysis(error_rate(absoluteTolerance="99%", absoluteMargin="99.5%"))
    weights, message = chosen_within(100.0, wanted, serve)
    assert weights == [5, 25, 50]
    assert "is unknown: " in message
    assert "or 100 times as many would be tolerated. rollout.atMost then starts at 5%." in message


def test_what_is_expected_is_told_before_how_pods_differ_for_which_there_may_be_no_room() -> None:
    def two_pods(pods: Pods, rng: Random, minute: int) -> None:
        for pod in "ab":
            requests(pods, pod, poisson(rng, 15.0), 1500)
            for le, count in (("0.1", 1125), ("0.5", 1425), ("+Inf", 1500)):
                pods.add(pod, "model_request_duration_seconds_bucket", count, le=le)
            for name in ("cat", "dog"):
                pods.add(pod, "model_predictions_total", poisson(rng, 750.0), **{"class": name})

    classes = drift(classes={"metric": "model_predictions_total"})
    _, message = chosen_within(1.0, analysis(error_rate(), latency(), classes), two_pods)
    assert len(message) == 1024
    assert message.startswith("The spec has no steps: ")
    assert "That is more than rollout.atMost allows (1): no first weight is low enough" in message


@EITHER
@pytest.mark.parametrize("times", [2, 5, 100])
def test_a_bad_candidate_costs_about_as_much_as_was_forecast(
    times: int, counted: dict[str, str]
) -> None:
    wanted = analysis(error_rate(**counted))
    history = hour(wanted, quiet)
    found = learn(wanted, history)
    assert isinstance(found, Baseline)
    cost = costs(wanted, minutes(history.stable), found, [[5]], ())[5].failed[times]
    errors = min(times * ERRORS, 1.0)
    lasted = [judged_until(wanted, "Fail", errors, seed) for seed in range(20)]
    failed = sorted(each * RATE * 0.05 * errors for each in lasted)[10]
    assert cost and 0.4 * failed <= cost <= 2.5 * max(failed, 2 * 15 * RATE * 0.05 * errors)


@pytest.mark.parametrize(
    ("settings", "seconds"), [({}, 67), ({"warmUp": "0s"}, 30), ({"warmUp": "2m"}, 150)]
)
def test_what_a_start_that_is_waited_for_costs_is_in_the_forecast(
    settings: dict[str, str], seconds: float
) -> None:
    """30% fail where it was 0.3%."""

    def seldom(pods: Pods, rng: Random, minute: int) -> None:
        for pod in "abcde":
            requests(pods, pod, poisson(rng, 12 * RATE * 0.003), 1200)

    wanted = analysis(error_rate(**settings))
    history = hour(wanted, seldom)
    found = learn(wanted, history)
    assert isinstance(found, Baseline)
    cost = costs(wanted, minutes(history.stable), found, [[5]], ())[5].failed[100]
    assert cost == pytest.approx(seconds * RATE * 0.05 * 0.3, rel=0.15)


def judged_until(wanted: Analysis, verdict: str, errors: float, seed: int) -> float:
    """Seconds of random traffic, 5% of it the candidate's, until the first check decides so."""
    check, rng = wanted.checks[0], Random(seed)
    kind, budget = kind_of(check), budget_of(wanted, check)
    state, whole_and_part = CheckState(), [q for q in kind.queries() if isinstance(q, CounterQuery)]
    for second in range(5, 7200, 5):
        arms = []
        for share, failing in ((0.05, errors), (0.95, ERRORS)):
            n = poisson(rng, share * RATE * 5)
            failed = binomial(rng, n, failing)
            counts = (float(n), float(failed if whole_and_part[1].part else n - failed))
            arms.append({q: _grown(c) for q, c in zip(whole_and_part, counts, strict=True)})
        weight = EffectiveWeight(0.05, since=0.0)
        look = Look(float(second), arms[0], arms[1], {}, weight=weight)
        found = kind.judge(state, look, budget)
        state = found.state
        if found.verdict == verdict:
            return second
    raise AssertionError("it is never decided")


def _grown(amount: float) -> Growth:
    return Growth((Increase(Series({}, ()), "pod", 0.0, 1.0, amount, True),), 1e9)


@pytest.mark.parametrize(("verdict", "errors"), [("Pass", ERRORS), ("Fail", 2 * ERRORS)])
def test_the_forecast_is_near_to_the_median_of_what_happens(verdict: str, errors: float) -> None:
    wanted = analysis(error_rate())
    [wait] = forecast(wanted, quiet, [5])
    happened = sorted(judged_until(wanted, verdict, errors, seed) for seed in range(31))
    earlier, later = 0.6 * happened[15], 1.6 * happened[15]
    if verdict == "Pass":
        assert earlier < (wait.passes or 0) < later
    else:
        assert wait.detects
        assert wait.detects.within(later) and not wait.detects.within(earlier)


def test_more_weight_is_sooner_and_so_is_a_check_that_asks_for_less() -> None:
    passes = [wait.passes or 0 for wait in forecast(analysis(error_rate()), quiet, [5, 25, 50])]
    assert passes == sorted(passes, reverse=True)
    [strict] = forecast(analysis(error_rate(margin=1.2, absoluteMargin="0%")), quiet, [5])
    assert (strict.passes or 0) > 2 * passes[0]


def test_bursts_make_it_longer() -> None:
    def bursts(pods: Pods, rng: Random, minute: int) -> None:
        for pod in "abc":
            requests(pods, pod, 5 * poisson(rng, 4 * RATE * ERRORS), 2000)

    calm, stormy = (forecast(analysis(error_rate()), serve, [5])[0] for serve in (quiet, bursts))
    assert (stormy.passes or 0) > 3 * (calm.passes or 0)


def test_every_kind_that_compares_counts_has_a_forecast() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        quiet(pods, rng, minute)
        for pod in "abcde":
            pods.add(pod, "model_feedback_total", 50, outcome="good")
            pods.add(pod, "model_feedback_total", poisson(rng, 5.0), outcome="bad")
            for name in ("cat", "dog"):
                pods.add(pod, "model_predictions_total", poisson(rng, 900.0), **{"class": name})
            for le, count in (("0.1", 1500), ("0.5", 1900), ("+Inf", 2000)):
                pods.add(pod, "model_request_duration_seconds_bucket", count, le=le)

    psi = {"name": "psi", "threshold": {"query": "max(psi{$arm})", "max": 1}}
    wanted = analysis(error_rate(), feedback(after="10m"), drift(), latency(), psi)
    found = forecast(wanted, serve, [10])
    assert [wait.check.kind for wait in found] == [
        *("errorRate", "feedback", "predictionDrift", "latency"),
    ]
    assert all(wait.passes for wait in found)
    assert [bool(w.detects and w.detects.within(86400)) for w in found] == [True, True, False, True]


def test_what_is_to_be_expected_is_told_for_each_weight() -> None:
    message = told(analysis(error_rate()), quiet)
    assert (
        "At today's traffic, a candidate as good as stable passes in about 5m at 5% and about "
        in message
    )
    assert "maxStepDuration" not in message
    assert "would have rolled back" not in message


def test_a_policy_that_needs_more_traffic_than_there_is_is_warned_of() -> None:
    def little(pods: Pods, rng: Random, minute: int) -> None:
        for pod in "abcde":
            requests(pods, pod, poisson(rng, 0.12), 12)

    message = told(analysis(error_rate()).replace(max_step_duration="30m"), little)
    assert "Check errors cannot pass at 5% and 50% within maxStepDuration (30m)" in message
    assert "check errors needs longer than maxStepDuration to detect twice stable's" in message


def test_with_very_little_traffic_it_is_said_what_remains() -> None:
    def hardly_any(pods: Pods, rng: Random, minute: int) -> None:
        for pod in "abcde":
            requests(pods, pod, poisson(rng, 0.01), 1)

    said = "With so little traffic no check can detect twice stable's rate of bad events"
    assert said in told(analysis(error_rate()), hardly_any)
    assert said not in told(analysis(error_rate()), quiet)


def test_that_what_is_tolerated_is_not_detected_is_no_warning() -> None:
    def little(pods: Pods, rng: Random, minute: int) -> None:
        requests(pods, "a", poisson(rng, 0.6), 60)

    message = told(analysis(error_rate(tolerance=2, margin=3)), little)
    assert "to detect twice stable's" not in message


def test_that_a_single_pod_of_stable_hides_twice_its_errors_is_told_with_the_remedy() -> None:
    def single(pods: Pods, rng: Random, minute: int) -> None:
        requests(pods, "a", poisson(rng, 60 * RATE * ERRORS), 6000)

    hidden = (
        "At 5% and 50%, check errors cannot show twice stable's rate of bad events, since pods may "
        "differ by as much: run more pods of stable or of the candidate."
    )
    wanted = analysis(error_rate(absoluteTolerance="0.2%"))
    assert hidden in told(wanted, single)
    assert "cannot show" not in told(wanted, quiet)


def test_at_full_weight_there_is_no_stable_to_compare_with() -> None:
    assert [wait.weight for wait in forecast(analysis(error_rate()), quiet, [50, 100])] == [50]


def test_without_traffic_nothing_is_expected() -> None:
    assert "today's traffic" not in told(analysis(error_rate()), lambda pods, rng, minute: None)


@pytest.mark.parametrize("interval", ["15s", "30m"])
def test_a_policy_that_would_have_rolled_back_a_pod_of_stable_is_told_of_with_its_evidence(
    interval: str,
) -> None:
    def one_worse(pods: Pods, rng: Random, minute: int) -> None:
        # one of two cannot be told from chance by how pods differ, and fails the limit all the same
        for pod, share in (("good", 0.01), ("bad", 0.09)):
            requests(pods, pod, poisson(rng, 1000 * share), 1000)

    message = told(analysis(error_rate(limit="5%")).replace(interval=interval), one_worse)
    assert "This policy would have rolled back stable's own pod bad" in message
    assert "Check errors: Candidate errors " in message


def test_an_unchanged_model_of_equal_pods_would_not_have_been_rolled_back() -> None:
    for serve in (quiet, lambda pods, rng, minute: requests(pods, "a", poisson(rng, 30.0))):
        assert "would have rolled back" not in told(analysis(error_rate()), serve)


def test_no_step_is_said_to_pass_before_its_second_look() -> None:
    plenty = forecast(analysis(error_rate(margin=50, absoluteMargin="50%")), quiet, [5, 50])
    assert [wait.passes for wait in plenty] == [30, 30]


def test_nothing_is_said_to_pass_before_it_counts() -> None:
    def serve(pods: Pods, rng: Random, minute: int) -> None:
        pods.add("a", "model_feedback_total", 5000, outcome="good")
        pods.add("a", "model_feedback_total", poisson(rng, 500.0), outcome="bad")
        for le, count in (("0.1", 1500), ("0.5", 1900), ("+Inf", 2000)):
            pods.add("a", "model_request_duration_seconds_bucket", count, le=le)

    wanted = analysis(feedback(after="10m"), latency(warmUp="2m"))
    found = forecast(wanted, serve, [5, 25])
    at = {(wait.check.kind, wait.weight): wait.passes or 0 for wait in found}
    assert at["feedback", 5] > 600 and at["feedback", 25] > 600
    assert at["latency", 5] > 120 > at["latency", 25]


def test_failures_that_are_what_did_not_succeed_are_in_the_forecast() -> None:
    """One look counts them, if no answer to them has come, at the next one."""

    def serve(pods: Pods, rng: Random, minute: int) -> None:
        for pod in "abcde":
            requests(pods, pod, poisson(rng, 12 * RATE * 0.1), 1200)
            pods.add(pod, SUCCESSES, 1200)

    def expected(**settings: str) -> Wait:
        return forecast(analysis(error_rate(**settings)), serve, [5])[0]

    failures, successes = expected(), expected(successes=SUCCESSES)
    assert successes.passes == failures.passes
    assert failures.detects and successes.detects
    soon = next(span for span in range(15, 600, 15) if failures.detects.within(span))
    assert not successes.detects.within(soon) and successes.detects.within(soon + 15)
    assert expected(successes=SUCCESSES, limit="8%").passes is None


@EITHER
def test_of_a_stable_that_mostly_fails_twice_as_many_failures_are_all_requests(
    counted: dict[str, str],
) -> None:
    """As if more than all of them failed, it would be found within six minutes."""

    def mostly_failing(pods: Pods, rng: Random, minute: int) -> None:
        for pod in "abcde":
            requests(pods, pod, 36, 24)
            pods.add(pod, SUCCESSES, 24)

    wanted = analysis(error_rate(tolerance=1.3, margin=3, **counted))
    message = told(wanted.replace(max_step_duration="15m"), mostly_failing, [5])
    assert "check errors needs longer than maxStepDuration to detect twice stable's" in message
    [wait] = forecast(wanted, mostly_failing, [5])
    assert wait.detects and wait.detects.within(3 * 3600)


def with_a_pod_that_never_succeeds(pods: Pods, rng: Random, minute: int) -> None:
    requests(pods, "a", 20, 0)
    for pod in "bcde":
        requests(pods, pod, poisson(rng, 1200 * 0.005), 1200)
        pods.add(pod, SUCCESSES, 1200)


def with_pods_that_differ(pods: Pods, rng: Random, minute: int) -> None:
    for pod in "abcde":
        requests(pods, pod, poisson(rng, 1200 * (0.05 if pod == "a" else 0.001)), 1200)
        pods.add(pod, SUCCESSES, 1200)


@pytest.mark.parametrize("serve", [with_a_pod_that_never_succeeds, with_pods_that_differ])
@pytest.mark.parametrize("weight", [5, 50])
def test_what_does_not_succeed_costs_as_much_as_failures_whichever_pods_it_is_of(
    serve: Serve, weight: int
) -> None:
    """The pods of the candidate are taken from those of each counter."""

    def expected(**settings: str) -> float:
        wanted = analysis(error_rate(**settings))
        history = hour(wanted, serve)
        found = learn(wanted, history)
        assert isinstance(found, Baseline)
        return (
            costs(wanted, minutes(history.stable), found, [[weight]], ())[weight].failed[2] or 0.0
        )

    failures, successes = expected(), expected(successes=SUCCESSES)
    assert failures <= successes <= 1.2 * failures


@EITHER
def test_a_candidate_is_not_expected_to_be_like_a_pod_of_which_a_counter_stands_at_zero(
    counted: dict[str, str],
) -> None:
    """The pod that has failed no request, or all of them, is the first or the last one."""

    def expected(odd: str, errors: int, successes: int) -> tuple[object, ...]:
        def serve(pods: Pods, rng: Random, minute: int) -> None:
            for pod in "bcdef":
                requests(pods, pod, poisson(rng, 1200 * ERRORS), 1200)
                pods.add(pod, SUCCESSES, 1200)
            requests(pods, odd, errors, successes)
            pods.add(odd, SUCCESSES, successes)

        wanted = analysis(error_rate(**counted))
        history = hour(wanted, serve)
        found = learn(wanted, history)
        assert isinstance(found, Baseline)
        [wait] = waits(wanted, minutes(history.stable), found, [5])
        return wait.passes, costs(wanted, minutes(history.stable), found, [[5]], ())

    for errors, successes in ((0, 1200), (1, 0)):
        assert expected("a", errors, successes) == expected("g", errors, successes)


def test_latency_that_does_not_show_yet_at_which_bounds_to_compare_is_said_to_pass() -> None:
    """Few requests, and all of them in one bucket."""

    def serve(pods: Pods, rng: Random, minute: int) -> None:
        for le in ("0.1", "0.5", "+Inf"):
            pods.add("a", "model_request_duration_seconds_bucket", 3, le=le)

    [wait] = forecast(analysis(latency()), serve, [50])
    assert 3600 < (wait.passes or 0) < 12 * 3600
