"""The checks proposed for servers in Node, Go and others, and what is told where none can be."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from serinus.api.analysis import Analysis
from serinus.prometheus.exposition import scraped_samples
from serinus.views.scrape import ScrapeView, scrape_view

SCRAPES = Path(__file__).parent / "scrapes"
GO = (SCRAPES / "go-promhttp.txt").read_text()
"""Of a Go server with promhttp, after 1080 predictions, 58 of which failed, and 120 probes."""
FAILURES_APART = (SCRAPES / "node-failures-apart.txt").read_text()
"""Of a Node server with prom-client whose http_requests_total counts what succeeded only."""
SUMMARY = (SCRAPES / "node-summary.txt").read_text()
"""Of a Node server with prom-client that times requests in a summary."""


def seen(text: str, *checks: Mapping[str, object]) -> ScrapeView:
    """The view of a scrape, for an analysis with these checks or the default one."""
    written = {"checks": list(checks)} if checks else {}
    return scrape_view(Analysis.model_validate(written), [scraped_samples(text)])


def proposed(text: str) -> Mapping[str, Any]:
    """The settings that are proposed, by the kind of the check."""
    return {
        kind: settings
        for check in seen(text).proposed
        for kind, settings in check.items()
        if kind != "name"
    }


def test_the_metrics_of_a_go_server_are_all_found() -> None:
    found = proposed(GO)
    assert found["errorRate"]["requests"]["metric"] == "http_requests_total"
    assert found["latency"]["histogram"]["metric"] == "http_request_duration_seconds"
    assert found["predictionDrift"] == {
        "scores": "prediction_score",
        "classes": {"metric": "predictions_total"},
    }
    assert not any("nothing" in warning for warning in seen(GO).warnings)


def test_the_counter_that_has_counted_failures_is_proposed() -> None:
    requests = proposed(FAILURES_APART)["errorRate"]["requests"]
    assert requests["metric"] == "http_request_duration_seconds_count"
    assert not any("nothing" in warning for warning in seen(FAILURES_APART).warnings)


@pytest.fixture
def only_successes() -> str:
    """A scrape whose counter of requests has no failures, beside a counter of failures."""
    lines = FAILURES_APART.splitlines()
    return "\n".join(each for each in lines if "duration" not in each) + "\n"


def test_a_proposal_that_has_selected_no_failure_so_far_says_so(only_successes: str) -> None:
    warnings = seen(only_successes).warnings
    assert (
        'error-rate: code=~"5..|408|429" selected nothing so far: cause such an event, and look '
        "again."
    ) in warnings


def test_it_is_said_once_of_a_check_that_was_asked_for() -> None:
    text = 'model_requests_total{code="200"} 40\n'
    found = seen(text)
    assert "selected nothing so far" in found.checks[0].message
    assert not any("nothing" in each for each in found.warnings)


def test_a_counter_of_failures_is_named_where_the_requests_show_none(only_successes: str) -> None:
    told = "prediction_failures_total has counted 58: if these are failed requests, set it"
    [warning] = [each for each in seen(only_successes).warnings if told in each]
    assert warning.endswith("as failures of the errorRate.")
    [check] = [each for each in seen(only_successes).proposed if "errorRate" in each]
    asked = seen(only_successes, check)
    assert any(told in each for each in asked.warnings), "where a manifest asks for it, too"
    requests = check["errorRate"]["requests"]
    mended = {
        "name": "errors",
        "errorRate": {"requests": requests, "failures": "prediction_failures_total"},
    }
    assert seen(only_successes, mended).complete
    assert not any("counted" in each for each in seen(only_successes, mended).warnings)


def rate(handler: str, **more: str) -> Mapping[str, object]:
    """An errorRate by a counter of the Node server."""
    matchers = [{"label": "handler", "value": handler}]
    requests = {"metric": "http_requests_total", "matchers": matchers}
    return {"name": "errors", "errorRate": {"requests": requests, **more}}


def test_matchers_that_can_select_nothing_of_the_failures_are_told(only_successes: str) -> None:
    metric = "prediction_failures_total"
    found = seen(only_successes, rate("/predict", failures=metric))
    [check] = found.checks
    assert check.state == "Missing"
    assert check.message.startswith(f"{metric} has no series that the matchers select; its labels")
    assert check.message.endswith("The matchers of requests apply to both counters.")
    assert not any(f"{metric} has counted" in each for each in found.warnings)


def test_matchers_that_may_select_something_later_are_no_fault(only_successes: str) -> None:
    apart = only_successes.replace('reason="model"', 'handler="/explain"')
    found = seen(apart, rate("/predict", failures="prediction_failures_total"))
    assert found.checks[0].state == "Judged"
    assert "counted nothing so far" in found.checks[0].message
    none = only_successes.replace("prediction_failures_total{", "other_total{")
    assert seen(none, rate("/predict", failures="prediction_failures_total")).complete


def test_no_counter_of_failures_is_named_where_the_requests_show_theirs() -> None:
    failures = 'model_errors_total{reason="input"} 3\n'
    assert not any("model_errors" in each for each in seen(GO + failures).warnings)


def test_a_counter_of_failures_is_named_where_no_request_tells_its_outcome() -> None:
    text = "requests_total 1000\nrequest_errors_total 60\n"
    warnings = seen(text).warnings
    assert any(each.startswith("request_errors_total has counted 60:") for each in warnings)
    text = 'requests_total 1000\nrequest_errors_total{kind="a"} 0\nerror_bytes 5\n'
    assert not any("counted" in each for each in seen(text).warnings)


def test_that_no_counter_tells_failures_is_said() -> None:
    told = "No counter has a label that is known to distinguish failed requests"
    assert any(each.startswith(told) for each in seen("requests_total 1000\n").warnings)
    assert not any(each.startswith(told) for each in seen(GO).warnings)
    drift = {"name": "drift", "predictionDrift": {}}
    assert not any(each.startswith(told) for each in seen("requests_total 1\n", drift).warnings)


def test_a_summary_is_named_as_one_and_no_other_histogram_stands_in_for_it() -> None:
    assert "latency" not in proposed(SUMMARY)
    told = (
        "http_request_duration_seconds is a summary, whose quantiles cannot be compared: export a "
        "histogram."
    )
    assert told in seen(SUMMARY).warnings
    histogram = {"metric": "http_request_duration_seconds"}
    [check] = seen(SUMMARY, {"name": "slow", "latency": {"histogram": histogram}}).checks
    assert (check.state, check.message) == ("Missing", told)


def test_a_histogram_under_another_name_is_proposed_and_the_likelier_summary_named() -> None:
    text = 'model_inference_seconds_bucket{le="+Inf"} 9\n'
    found = proposed(SUMMARY + text)["latency"]["histogram"]["metric"]
    assert found == "model_inference_seconds"
    assert any("is a summary" in each for each in seen(SUMMARY + text).warnings)


def test_a_histogram_is_proposed_beside_a_summary() -> None:
    text = 'http_request_duration_histogram_seconds_bucket{le="+Inf"} 9\n'
    found = proposed(SUMMARY + text)["latency"]["histogram"]["metric"]
    assert found == "http_request_duration_histogram_seconds"
    assert not any("is a summary" in each for each in seen(SUMMARY + text).warnings)


@pytest.mark.parametrize(
    "metric",
    [
        "nodejs_gc_duration_seconds",
        "scorer_nodejs_gc_duration_seconds",
        "go_gc_pauses_seconds",
        "go_sched_latencies_seconds",
        "jvm_gc_pause_seconds",
    ],
)
def test_the_times_of_a_runtime_are_not_taken_for_those_of_requests(metric: str) -> None:
    bucket = '_bucket{le="0.1"} 4\n'
    assert "latency" not in proposed(f"{metric}{bucket}")
    assert "latency" in proposed(f"{metric}{bucket}model_seconds{bucket}")


@pytest.mark.parametrize(
    "probes",
    ["health_requests_total", "healthz_hits_total", "http_probe_requests_total", "readyz_total"],
)
def test_a_counter_of_probes_is_not_taken_for_requests(probes: str) -> None:
    text = f'{probes}{{code="200"}} 4000\n'
    assert proposed(text) == {}
    calls = 'predict_calls_total{code="200"} 900\n'
    assert proposed(text + calls)["errorRate"]["requests"] == {"metric": "predict_calls_total"}


@pytest.mark.parametrize(
    "requests",
    ["healthcare_requests_total", "health_risk_requests_total", "problem_requests_total"],
)
def test_a_model_of_health_counts_requests(requests: str) -> None:
    assert proposed(f'{requests}{{code="200"}} 4000\n')["errorRate"]["requests"]["metric"]


@pytest.mark.parametrize(
    ("label", "values", "failed"),
    [
        ("success", ("true", "false"), "false"),
        ("success", ("true",), "false"),
        ("ok", ("1", "0"), "0"),
        ("succeeded", ("True", "False"), "False"),
        ("error", ("false", "true"), "true"),
        ("failed", ("no",), "yes"),
        ("is_error", ("false",), "true"),
    ],
)
def test_a_label_that_says_yes_or_no_tells_failures(
    label: str, values: tuple[str, ...], failed: str
) -> None:
    text = "".join(f'inference_requests_total{{{label}="{each}"}} 9\n' for each in values)
    [matcher] = proposed(text)["errorRate"]["errors"]
    assert matcher == {"label": label, "value": failed}


@pytest.mark.parametrize("label", ["result", "code", "error", "cached", "failure"])
def test_a_label_whose_yes_may_mean_anything_tells_no_failures(label: str) -> None:
    values = ("none", "ValueError") if label == "error" else ("true", "false")
    text = "".join(f'requests_total{{{label}="{each}"}} 9\n' for each in values)
    assert "errorRate" not in proposed(text)


@pytest.mark.parametrize("odd", ["0", "000", "", "unknown"])
def test_requests_without_an_answer_are_no_reason_to_overlook_the_codes(odd: str) -> None:
    text = "".join(f'http_requests_total{{code="{each}"}} 9\n' for each in ("200", "500", odd))
    [matcher] = proposed(text)["errorRate"]["errors"]
    assert matcher == {"label": "code", "operator": "=~", "value": "5..|408|429"}
    without = text.replace('"200"', f'"{odd}"').replace('"500"', f'"{odd}"')
    assert "errorRate" not in proposed(without)


def test_words_with_a_capital_tell_successes_too() -> None:
    text = 'requests_total{status="Success"} 9\nrequests_total{status="Failed"} 1\n'
    [matcher] = proposed(text)["errorRate"]["errors"]
    assert matcher == {"label": "status", "operator": "!=", "value": "Success"}


def test_observations_beyond_all_bounds_are_told_with_what_to_export() -> None:
    bucket = "took_seconds_bucket"
    check = {"name": "slow", "latency": {"histogram": {"metric": "took_seconds"}}}
    [warning] = seen(f'{bucket}{{le="1"}} 0\n{bucket}{{le="+Inf"}} 90\n', check).warnings
    assert warning == (
        "took_seconds_bucket: nearly all of 90 observations are above the last bound, 1, so they "
        "cannot be compared. Export bounds around the usual values."
    )
    [warning] = seen(f'{bucket}{{le="+Inf"}} 90\n', check).warnings
    assert warning == (
        "took_seconds_bucket has no bound besides +Inf, so nothing can be compared. Export bounds "
        "around the usual values, unless this is a native histogram, whose buckets are not in the "
        "text of a scrape."
    )


def test_predictions_are_found_without_total() -> None:
    text = 'predictions{class="a"} 9\npredictions{class="b"} 1\n'
    assert proposed(text)["predictionDrift"] == {"classes": {"metric": "predictions"}}


def test_open_metrics_of_a_go_server_are_read_though_two_families_share_a_name() -> None:
    text = (
        "# TYPE go_memstats_alloc_bytes gauge\n"
        "go_memstats_alloc_bytes 3.7e+06\n"
        "# TYPE go_memstats_alloc_bytes counter\n"
        "go_memstats_alloc_bytes_total 1.2e+07\n"
        "# TYPE http_requests counter\n"
        'http_requests_total{code="200",note="a # {b}"} 9.0 # {trace_id="a b"} 1.0 1764407000.5\n'
        'http_requests_total{code="500",note="a # {b}"} 1.0\n'
        "http_requests_created 1764407000.25\n"
        "# EOF\n"
    )
    found = [sample for sample in scraped_samples(text) if sample.name == "http_requests_total"]
    assert [(sample.labels["code"], sample.value) for sample in found] == [("200", 9), ("500", 1)]
    assert {sample.labels["note"] for sample in found} == {"a # {b}"}


def test_open_metrics_that_nothing_can_read_are_refused() -> None:
    with pytest.raises(ValueError, match=r".+"):
        scraped_samples("http requests total 9 9 9\n# EOF\n")
