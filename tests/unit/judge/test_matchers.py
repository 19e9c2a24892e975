"""Matchers by which nothing can be told apart: such a check never passes a candidate."""

from collections.abc import Mapping

import pytest

from serinus.api.analysis import Analysis
from serinus.api.checks import LabelMatcher
from serinus.api.status import CheckStatus
from serinus.judge import CannotFail, asks_of_history, learn
from serinus.metrics.queries import History
from tests.support.simulated_analysis import (
    SimulatedAnalysis,
    drift,
    error_rate,
    fairness,
    feedback,
)
from tests.support.simulated_pods import Pods

FLASK = {"metric": "flask_http_request_total"}
NOW = 1_000_000.0
Counted = tuple[str, int, dict[str, str]]
"""A metric, how much it counts, and its labels."""


def counted(metric: str, amount: int, **labels: str) -> Counted:
    return metric, amount, labels


def judged(
    check: Mapping[str, object],
    candidate: list[Counted],
    stable: list[Counted] | None = None,
    looks: int = 20,
) -> CheckStatus:
    """After so many looks, at each of which both arms count that; the candidate does what stable
    does, if nothing is said of stable."""
    simulated = SimulatedAnalysis(check)
    for _ in range(looks):
        for pods, counts in ((simulated.candidate, candidate), (simulated.stable, stable)):
            for metric, amount, labels in counts or candidate:
                pods.add("pod", metric, amount, **labels)
        found = simulated.look()
    return found


def answered(code: str, amount: int = 100, label: str = "status") -> Counted:
    return counted("flask_http_request_total", amount, **{"method": "POST", label: code})


def errors(*matchers: Mapping[str, str], **settings: object) -> dict[str, object]:
    return error_rate(**{"requests": FLASK, "errors": list(matchers), **settings})


CLASS_OF_CODES = {"label": "status", "value": "5xx"}
CODES_OF_ERRORS = {"label": "status", "operator": "=~", "value": "5.."}


def test_a_class_of_codes_where_single_codes_are_counted_is_an_error_with_the_remedy() -> None:
    bad = [answered("200", 90), answered("500", 10)]
    found = judged(errors(CLASS_OF_CODES), bad, [answered("200")])
    assert found.verdict == "Error"
    assert found.message == (
        'The matcher status="5xx" can select nothing of flask_http_request_total of the stable '
        "pods: the values of status are 200. Set {label: status, "
        'operator: "=~", value: "5..|408|429"} instead.'
    )


def test_a_label_that_no_series_has_is_an_error_that_names_those_that_are_there() -> None:
    bad = [answered("200", 90), answered("500", 10)]
    found = judged(errors({"label": "code", "operator": "=~", "value": "5.."}), bad)
    assert found.verdict == "Error"
    assert "it has no label code; its labels are method (POST), status (200, 500)." in found.message
    assert 'Set {label: status, operator: "=~", value: "5..|408|429"} instead.' in found.message


def test_a_label_that_a_manifest_cannot_name_is_listed_and_not_proposed() -> None:
    """Prometheus 3 takes names of any characters, as OpenTelemetry has them."""
    otel = [answered("200", label="http.response.status_code")]
    found = judged(errors({"label": "status", "operator": "=~", "value": "5.."}), otel)
    assert found.verdict == "Error"
    assert found.message.endswith(
        "its labels are http.response.status_code (200), method (POST). Set a matcher of a label "
        "and values that are exported."
    )


def of_requests(counted: Mapping[str, str], *failed: Mapping[str, str]) -> CheckStatus:
    """Of an errorRate among so many requests, of which the candidate fails half."""
    check = errors(*failed, requests={**FLASK, "matchers": [counted]})
    return judged(check, [answered("200", 50), answered("500", 50)], [answered("200")])


GOOD, BAD = {"label": "status", "value": "200"}, {"label": "status", "value": "500"}


@pytest.mark.parametrize(
    ("counted", "failed"),
    [
        (GOOD, BAD),
        (GOOD, {"label": "status", "operator": "=~", "value": "5..|408|429"}),
        (GOOD, {"label": "status", "operator": "!=", "value": "200"}),
        ({"label": "status", "operator": "=~", "value": "2..|3.."}, BAD),
        ({"label": "status", "operator": "=~", "value": "2.."}, CODES_OF_ERRORS),
        ({"label": "status", "operator": "!~", "value": "5.."}, BAD),
        ({"label": "status", "operator": "!~", "value": "5.."}, CODES_OF_ERRORS),
        ({"label": "status", "operator": "!~", "value": "[45].."}, CODES_OF_ERRORS),
    ],
)
def test_where_no_request_that_counts_can_be_an_error_the_check_passes_nothing(
    counted: Mapping[str, str], failed: Mapping[str, str]
) -> None:
    """As if requests were those that went well, which they only are with a counter of failures."""
    found = of_requests(counted, failed)
    already = LabelMatcher.model_validate(counted)
    assert found.verdict == "Error"
    assert found.message == (
        f"The matcher {LabelMatcher.model_validate(failed)} distinguishes nothing in "
        f"flask_http_request_total of the stable pods: {already} already selects what is counted, "
        f"so it matches all or nothing. Leave out {already}."
    )


@pytest.mark.parametrize("failed", [BAD, {"label": "status", "operator": "=~", "value": "5.."}])
def test_where_each_request_that_counts_is_an_error_the_check_passes_nothing(
    failed: Mapping[str, str],
) -> None:
    bad = [answered("200", 50), answered("500", 50)]
    check = errors(failed, requests={**FLASK, "matchers": [BAD]})
    assert judged(check, bad, [answered("500", 1)], looks=60).verdict == "Error"


def test_where_all_codes_that_count_are_errors_the_check_passes_nothing() -> None:
    bad = [answered("200", 50), answered("500", 50)]
    for failed in ("5..|408|429", "[45]..", "..."):
        matcher = {"label": "status", "operator": "=~", "value": failed}
        check = errors(matcher, requests={**FLASK, "matchers": [CODES_OF_ERRORS]})
        found = judged(check, bad, [answered("500", 1)], looks=60)
        assert found.verdict == "Error"
        assert 'Leave out status=~"5..".' in found.message


def test_requests_may_be_chosen_by_the_label_that_tells_the_errors() -> None:
    """Without those that a client gave up, for example."""
    for counted in (
        {"label": "status", "operator": "=~", "value": "2..|5.."},
        {"label": "status", "operator": "!=", "value": "499"},
        {"label": "method", "value": "POST"},
    ):
        assert of_requests(counted, CODES_OF_ERRORS).verdict == "Fail"


def test_a_label_that_only_the_new_version_lost_is_an_error_of_the_candidate() -> None:
    found = judged(
        errors({"label": "status", "operator": "=~", "value": "5.."}),
        [answered("200", label="outcome")],
        [answered("200"), answered("503", 1)],
    )
    assert found.verdict == "Error"
    assert "of the candidate pods: it has no label status" in found.message


def test_a_few_requests_of_the_candidate_that_all_ended_oddly_are_no_error() -> None:
    """A sidecar counts the code 0 if the client has gone."""
    well = errors({"label": "status", "operator": "=~", "value": "5.."})
    gone, good = [answered("0", 1)], [answered("200"), answered("0", 1)]
    few = judged(well, gone, good, looks=19)
    assert few.verdict == "Inconclusive" and few.own_metrics is None
    assert judged(well, gone, good, looks=20).verdict == "Error"


def test_errors_that_never_happened_are_no_fault_of_the_matcher() -> None:
    well = {"label": "status", "operator": "=~", "value": "5.."}
    assert judged(errors(well), [answered("200")]).verdict == "Pass"
    only_client_errors = [answered("200"), answered("404", 3)]
    assert judged(errors(well), only_client_errors).verdict == "Pass"
    by_class = {"label": "status", "value": "5xx"}
    assert judged(errors(by_class), [answered("2xx")]).verdict == "Pass"


def test_a_label_that_only_failures_have_can_be_asked_for() -> None:
    """error.type of OpenTelemetry."""
    check = errors({"label": "error_type", "operator": "!=", "value": ""})
    assert judged(check, [answered("200")]).verdict == "Pass"


def test_a_condition_that_leaves_nothing_out_makes_everything_an_error_and_passes_nothing() -> None:
    found = judged(errors({"label": "status", "operator": "!=", "value": "OK"}), [answered("200")])
    assert found.verdict == "Error"
    assert 'The matcher status!="OK" can leave out nothing' in found.message


def test_a_candidate_that_fails_every_request_is_failed_by_the_same_condition() -> None:
    check = errors({"label": "status", "operator": "!=", "value": "OK"})
    bad = [counted("flask_http_request_total", 100, status="INVALID_ARGUMENT")]
    assert judged(check, bad, [answered("OK")]).verdict == "Fail"


def test_all_of_a_counter_of_failures_may_be_failures_whatever_their_reason() -> None:
    """As older releases of Triton, whose failures have no reason."""
    check = error_rate(
        requests={"metric": "succeeded"},
        failures="failed",
        errors=[{"label": "reason", "operator": "!=", "value": "CANCELED"}],
    )
    found = judged(check, [counted("succeeded", 100), counted("failed", 0)])
    assert found.verdict == "Pass"


def test_requests_that_never_succeed_by_a_counter_that_stable_lacks_prove_nothing() -> None:
    check = error_rate(requests={"metric": "requests"}, successes="misspelt", limit="5%")
    found = judged(check, [counted("requests", 100)])
    assert found.verdict == "NoData"
    assert found.message.startswith("Prometheus has no misspelt from the stable pods")


def test_a_candidate_that_never_succeeds_is_failed() -> None:
    check = error_rate(requests={"metric": "requests"}, successes="successes")
    good = [counted("requests", 100), counted("successes", 100)]
    assert judged(check, [counted("requests", 100)], good).verdict == "Fail"


def test_outcomes_by_another_label_are_an_error_of_feedback() -> None:
    told = [counted("model_feedback_total", 100, verdict="false")]
    found = judged(feedback(negative=[{"label": "outcome", "value": "bad"}]), told)
    assert found.verdict == "Error"
    numbers = [counted("model_feedback_total", 100, outcome="1")]
    found = judged(feedback(negative=[{"label": "outcome", "value": "false"}]), numbers)
    assert found.verdict == "Error"
    assert 'Set {label: outcome, value: "0"} instead.' in found.message


def test_answers_of_which_none_could_be_favourable_are_an_error_of_fairness() -> None:
    told = [
        counted("model_predictions_total", 100, group=group, approved=yes)
        for group in ("north", "south")
        for yes in ("True", "False")
    ]
    wrong = [{"label": "class", "value": "approve"}]
    assert judged(fairness(favourable=wrong), told).verdict == "Error"
    wrong = [{"label": "approved", "value": "1"}]
    found = judged(fairness(favourable=wrong), told)
    assert found.verdict == "Error"
    assert 'Set {label: approved, value: "True"} instead.' in found.message


def test_predictions_of_one_unnamed_class_are_an_error_of_drift() -> None:
    check = drift(classes={"metric": "predicted_total"}, classLabel="klass")
    found = judged(check, [counted("predicted_total", 100, outcome="fraud")])
    assert found.verdict == "Error"
    assert found.message == (
        "predicted_total of the stable pods has no label klass, so its series cannot be "
        "distinguished; its labels are outcome (fraud). Set predictionDrift.classLabel to the "
        "label that is meant."
    )


def test_a_counter_without_classes_that_nobody_named_is_no_reason_to_wait_beside_scores() -> None:
    told = [counted("model_predictions_total", 100)]
    scores = [counted("model_prediction_score_bucket", 100, le=bound) for bound in ("0.5", "+Inf")]
    assert judged(drift(), told + scores).verdict == "Pass"
    assert judged(drift(), told).verdict == "NoData"


@pytest.mark.parametrize("mode", ["Enforce", "Audit"])
def test_stables_hour_shows_it_before_the_first_traffic(mode: str) -> None:
    pods = Pods()
    for minute in range(60):
        for metric, amount, labels in (answered("200"), answered("404", 1)):
            pods.add("pod", metric, amount, **labels)
        pods.scrape(NOW - 60 * (59 - minute))
    wanted = Analysis.model_validate({"checks": [{**errors(CLASS_OF_CODES), "mode": mode}]})
    history = pods.answers(asks_of_history(wanted), NOW - 3600, NOW)
    found = learn(wanted, History(NOW, history))
    if mode == "Audit":
        assert not isinstance(found, CannotFail), "an audit holds nothing"
    else:
        assert isinstance(found, CannotFail)
    assert 'Check errors: The matcher status="5xx" can select nothing' in found.message


def test_a_label_to_compare_within_that_stable_lacks_is_told_before_the_first_traffic() -> None:
    pods = Pods()
    for minute in range(60):
        pods.add("pod", "model_requests_total", 100, code="200")
        pods.scrape(NOW - 60 * (59 - minute))
    written = {"stratify": ["tenant"], "checks": [error_rate()]}
    wanted = Analysis.model_validate(written)
    history = pods.answers(asks_of_history(wanted), NOW - 3600, NOW)
    found = learn(wanted, History(NOW, history))
    assert isinstance(found, CannotFail)
    assert "of the stable pods has series without the label tenant" in found.message
