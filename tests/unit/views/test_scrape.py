"""What is told of a scrape before a rollout depends on it."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from serinus.api.analysis import Analysis
from serinus.api.checks.metrics import LabelMatcher
from serinus.api.presets import PRESETS
from serinus.prometheus.exposition import scraped_samples
from serinus.views.scrape import ScrapeView, scrape_view
from tests.unit.presets.exposition import sample

ENVOY = sample("EnvoyGateway")

FASTAPI = (Path(__file__).parent / "scrapes" / "fastapi-instrumentator.txt").read_text()
"""Of prometheus-fastapi-instrumentator 8.1 with its defaults, after 101 predictions, one of which
failed, 30 probes and three scrapes."""
SET_UP = (Path(__file__).parent / "scrapes" / "fastapi-instrumentator-set-up.txt").read_text()
"""The same, set up as docs/your-server.md has it."""
REQUESTS = {"metric": "http_requests_total"}
FAILED = [{"label": "status", "value": "5xx"}]
PREDICT = {"label": "handler", "value": "/predict"}


def seen(*checks: Mapping[str, object], scrapes: tuple[str, ...] = (FASTAPI,)) -> ScrapeView:
    """The view of scrapes, for an analysis with these checks or the default one."""
    written = {"checks": list(checks)} if checks else {}
    return scrape_view(
        Analysis.model_validate(written), [scraped_samples(each) for each in scrapes]
    )


def errors(*matchers: Mapping[str, str]) -> Mapping[str, object]:
    """An errorRate by the counter of the instrumentator."""
    requests = {**REQUESTS, "matchers": list(matchers)}
    return {"name": "errors", "errorRate": {"requests": requests, "errors": FAILED}}


def slow(metric: str, *matchers: Mapping[str, str]) -> Mapping[str, object]:
    """A latency by a histogram."""
    return {
        "name": "slow",
        "latency": {"histogram": {"metric": metric, "matchers": list(matchers)}},
    }


def test_a_plain_server_lacks_the_default_metrics_and_is_told_which() -> None:
    found = seen()
    assert not found.complete
    assert [check.state for check in found.checks] == ["Missing", "Missing"]
    assert "model_requests_total is not exported" in found.checks[0].message
    assert "One of the two is enough." in found.checks[1].message


def test_its_own_counters_can_be_judged_and_its_probes_would_be_too() -> None:
    found = seen(errors())
    assert found.complete
    [warning] = found.warnings
    assert "counts probes and scrapes (/health, /metrics)" in warning
    assert "{label: handler, operator: \"!~\", value: '/health|/metrics'}" in warning


def test_the_matcher_that_the_warning_names_ends_it() -> None:
    without = {"label": "handler", "operator": "!~", "value": "/health|/metrics"}
    assert seen(errors(without)).warnings == ()


def test_a_matcher_that_selects_nothing_is_told_from_a_metric_that_is_not_there() -> None:
    [check] = seen(errors({"label": "handler", "value": "/v1/predict"})).checks
    assert check.state == "Missing"
    assert check.message == (
        "http_requests_total has no series that the matchers select; its labels are handler "
        "(/health, /metrics, /predict), method (GET, POST), status (2xx, 5xx)."
    )


def test_a_histogram_whose_observations_share_a_bucket_is_named() -> None:
    [warning] = seen(slow("http_request_duration_seconds", PREDICT)).warnings
    assert "nearly all of 101 observations are in the bucket up to 0.1" in warning


def test_a_histogram_without_a_path_may_count_probes() -> None:
    warnings = " ".join(seen(slow("http_request_duration_highr_seconds")).warnings)
    assert "http_request_duration_highr_seconds_bucket has no label for the path" in warnings


def test_a_few_observations_in_one_bucket_are_no_fault() -> None:
    registry = CollectorRegistry()
    durations = Histogram("took_seconds", "", registry=registry)
    for _ in range(5):
        durations.observe(0.02)
    assert seen(slow("took_seconds"), scrapes=(generate_latest(registry).decode(),)).warnings == ()


def test_observations_in_many_buckets_are_no_fault() -> None:
    registry = CollectorRegistry()
    durations = Histogram("took_seconds", "", registry=registry)
    for number in range(100):
        durations.observe(number / 50)
    assert seen(slow("took_seconds"), scrapes=(generate_latest(registry).decode(),)).warnings == ()


def _scrape_of(worker_counted: int) -> str:
    registry = CollectorRegistry()
    counter = Counter("http_requests", "", ["handler", "status"], registry=registry)
    counter.labels("/predict", "2xx").inc(worker_counted)
    return generate_latest(registry).decode()


def test_workers_that_answer_in_turn_are_found() -> None:
    scrapes = tuple(_scrape_of(counted) for counted in (40, 12, 40))
    [warning] = seen(errors(), scrapes=scrapes).warnings
    assert warning.startswith(
        "Several processes answer in turn (http_requests_total decreased between two scrapes)"
    )


def test_a_single_process_that_goes_on_counting_is_no_fault() -> None:
    scrapes = tuple(_scrape_of(counted) for counted in (40, 41, 50))
    assert seen(errors(), scrapes=scrapes).warnings == ()


def test_a_threshold_cannot_be_told() -> None:
    threshold = {"name": "queue", "threshold": {"query": "queue_length{$arm}", "max": 5}}
    found = seen(threshold)
    assert [check.state for check in found.checks] == ["Unknown"]
    assert found.complete


@pytest.mark.parametrize("matchers", ["requests", "errors"])
def test_neither_can_what_an_expression_selects_that_only_prometheus_reads(matchers: str) -> None:
    only = {"label": "status", "operator": "=~", "value": "5[[:digit:]]{2}"}
    check = {"name": "errors", "errorRate": {"requests": REQUESTS, "errors": [only]}}
    found = seen(errors(only) if matchers == "requests" else check)
    [errors_] = found.checks
    assert (errors_.state, found.complete) == ("Unknown", True)
    assert errors_.message == (
        'The regular expression of status=~"5[[:digit:]]{2}" is one that only Prometheus reads.'
    )
    assert found.warnings == ()


@pytest.mark.parametrize("value", ["NaN", "+Inf", "1e300"])
def test_a_counter_that_counts_nothing_is_told_as_the_operator_would(value: str) -> None:
    found = seen(errors(), scrapes=(f'http_requests_total{{status="5xx"}} {value}\n',))
    assert not found.complete
    assert found.checks[0].message.startswith("http_requests_total has samples ")


def test_names_that_a_manifest_cannot_have_are_told_and_not_proposed() -> None:
    """As a server of OpenTelemetry and Prometheus 3 have them."""
    otel = """\
{"http.requests_total","http.response.status_code"="200"} 5
calls_total{"http.response.status_code"="200"} 5
calls_total{"http.response.status_code"="500"} 1
"""
    found = seen(scrapes=(otel,))
    assert found.proposed == ()
    assert found.warnings[-1].startswith("No check can name http.requests_total: names in a ")


@pytest.mark.parametrize("name", PRESETS)
def test_the_preset_of_a_server_is_recognised_by_its_metrics(name: str) -> None:
    assert any(name in warning for warning in seen(scrapes=(sample(name),)).warnings)


def test_a_gateway_that_counts_all_backends_of_a_rule_together_is_none_that_can_be_read() -> None:
    of_rules = re.sub(r"service/shop/[^/]*/80/http", "httproute/shop/fraud/rule/0", ENVOY)
    gateway = {"name": "gateway", "preset": "EnvoyGateway", "errorRate": {}}
    assert seen(gateway, scrapes=(ENVOY,)).checks[0].state == "Judged"
    found = seen(gateway, scrapes=(of_rules,))
    assert found.checks[0].state == "Missing"
    assert not any("EnvoyGateway" in warning for warning in found.warnings)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_can_judge_what_its_server_exports(name: str) -> None:
    found = scrape_view(Analysis.model_validate({"preset": name}), [scraped_samples(sample(name))])
    assert found.complete
    assert not any("counts probes" in warning for warning in found.warnings)


def test_open_metrics_are_read_too() -> None:
    text = 'http_requests_total{handler="/predict",status="2xx"} 3 # {trace="a"} 1.0\n# EOF\n'
    assert seen(errors(), scrapes=("# TYPE http_requests counter\n" + text,)).complete


@pytest.mark.parametrize("text", ["<html> <p> </html>", "", "# HELP a b\n"])
def test_what_is_no_scrape_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"could not convert|no samples|[Ii]nvalid"):
        scraped_samples(text)


def test_the_fastapi_app_of_the_guide_can_be_judged_by_the_checks_of_the_guide() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "your-server.md").read_text()
    analysis, _ = re.findall(r"```yaml\nanalysis:\n(.*?)```", guide, re.DOTALL)
    found = seen(*yaml.safe_load(analysis)["checks"], scrapes=(SET_UP,))
    assert {check.state for check in found.checks} == {"Judged"}
    assert found.warnings == ()


def test_the_grpc_checks_of_the_guide_are_valid() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "your-server.md").read_text()
    _, analysis = re.findall(r"```yaml\nanalysis:\n(.*?)```", guide, re.DOTALL)
    seen(*yaml.safe_load(analysis)["checks"])


def pasted(name: str) -> ScrapeView:
    """What is said of a server's metrics for the checks that were proposed for them."""
    scrape = (Path(__file__).parent / "scrapes" / name).read_text()
    proposed = seen(scrapes=(scrape,)).proposed
    return seen(*proposed, scrapes=(scrape,))


@pytest.mark.parametrize(
    ("server", "kinds", "metric", "failed"),
    [
        (
            "flask-exporter.txt",
            ["errorRate", "latency", "predictionDrift"],
            "flask_http_request_duration_seconds_count",
            {"label": "status", "operator": "=~", "value": "5..|408|429"},
        ),
        (
            "starlette-exporter.txt",
            ["errorRate", "latency"],
            "starlette_requests_total",
            {"label": "status_code", "operator": "=~", "value": "5..|408|429"},
        ),
        (
            "aiohttp.txt",
            ["errorRate", "latency", "predictionDrift"],
            "inference_requests_total",
            {"label": "http_status", "operator": "=~", "value": "5..|408|429"},
        ),
        (
            "fastapi-instrumentator.txt",
            ["errorRate", "latency"],
            "http_requests_total",
            {"label": "status", "value": "5xx"},
        ),
        (
            "django.txt",
            ["errorRate", "latency"],
            "django_http_responses_total_by_status_view_method_total",
            {"label": "status", "operator": "=~", "value": "5..|408|429"},
        ),
    ],
)
def test_the_checks_proposed_for_a_plain_server_can_be_pasted_and_count_its_failures(
    server: str, kinds: list[str], metric: str, failed: Mapping[str, str]
) -> None:
    scrape = (Path(__file__).parent / "scrapes" / server).read_text()
    proposed = seen(scrapes=(scrape,)).proposed
    assert [next(key for key in check if key != "name") for check in proposed] == kinds
    requests = proposed[0]["errorRate"]["requests"]
    assert requests["metric"] == metric
    assert requests["matchers"], "probes are left out"
    assert proposed[0]["errorRate"]["errors"] == [failed]
    found = pasted(server)
    assert found.complete
    assert "selected nothing" not in found.checks[0].message, "its failures were counted"
    assert not any("counts probes" in warning for warning in found.warnings)


def test_the_guide_shows_what_is_proposed_for_a_flask_server() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "your-server.md").read_text()
    [shown] = re.findall(r"```yaml\n(rollout:\n.*?)```", guide, re.DOTALL)
    scrape = (Path(__file__).parent / "scrapes" / "flask-exporter.txt").read_text()
    *of_requests, _ = seen(scrapes=(scrape,)).proposed
    assert yaml.safe_load(shown)["rollout"]["analysis"]["checks"] == of_requests


def test_a_latency_in_milliseconds_is_proposed_with_its_unit() -> None:
    scrape = (Path(__file__).parent / "scrapes" / "aiohttp.txt").read_text()
    _, slow, drift = seen(scrapes=(scrape,)).proposed
    assert slow["latency"]["histogram"]["unit"] == "ms"
    assert drift["predictionDrift"] == {"scores": "fraud_score"}


def test_nothing_is_proposed_if_all_is_there_or_a_preset_reads_it() -> None:
    assert seen(errors()).proposed == ()
    assert seen(scrapes=(sample("Istio"),)).proposed == ()


def test_outcomes_in_words_and_codes_of_grpc_tell_failures_too() -> None:
    words = 'jobs_requests_total{outcome="success"} 5\njobs_requests_total{outcome="timeout"} 1\n'
    [check] = seen(scrapes=(words,)).proposed
    assert check["errorRate"]["errors"] == [
        {"label": "outcome", "operator": "!=", "value": "success"}
    ]
    grpc = 'grpc_server_handled_total{grpc_code="OK",grpc_service="fraud.Model"} 5\n'
    [check] = seen(scrapes=(grpc,)).proposed
    assert check["errorRate"]["errors"][0]["value"].startswith("Unknown|Internal|")


def test_a_counter_with_one_class_and_several_models_has_no_class_label() -> None:
    text = "\n".join(f'predicted_total{{model="{name}",version="1"}} 5' for name in "a")
    assert seen(scrapes=(text + "\n",)).proposed == ()


def test_the_scrapes_that_a_go_server_counts_are_not_taken_for_its_requests() -> None:
    scrapes = 'promhttp_metric_handler_requests_total{code="200"} 12\n'
    assert seen(scrapes=(scrapes,)).proposed == ()
    own = 'scorer_calls_total{result="ok"} 49\nscorer_calls_total{result="error"} 3\n'
    [check] = seen(scrapes=(scrapes + own,)).proposed
    assert check["errorRate"] == {
        "requests": {"metric": "scorer_calls_total"},
        "errors": [{"label": "result", "operator": "!=", "value": "ok"}],
    }


@pytest.mark.parametrize(
    ("label", "probe", "answers"),
    [
        ("uri", "/actuator/health/readiness", "/predict"),
        ("uri", "/actuator/prometheus", "/v1/models/fraud:predict"),
        ("path", "/api/health", "/health/predict"),
        ("path", "/v2/models/fraud/ready", "/v2/models/fraud/infer"),
        ("path", "/-/healthy", "/liveness-of-faces"),
        ("path", "/metrics/", "/predict/metrics-of-a-day"),
        ("handler", "HealthHandler", "PredictHandler"),
        ("view", "health_check", "predict"),
        ("view", "prometheus-django-metrics", "metric-learning"),
        ("grpc_service", "grpc.health.v1.Health", "fraud.Model"),
    ],
)
def test_probes_and_scrapes_are_left_out_wherever_a_server_has_them(
    label: str, probe: str, answers: str
) -> None:
    series = "".join(
        f'http_requests_total{{{label}="{path}",status="200"}} 5\n' for path in (probe, answers)
    )
    [check] = seen(scrapes=(series,)).proposed
    [matcher] = check["errorRate"]["requests"]["matchers"]
    left_out = LabelMatcher.model_validate(matcher)
    assert not left_out.matches({label: probe})
    assert left_out.matches({label: answers})


def test_probes_are_left_out_too_where_the_prometheus_operator_has_an_endpoint_of_its_own() -> None:
    series = 'axum_http_requests_total{endpoint="/predict",status="200"} 5\n'
    [check] = seen(scrapes=(series,)).proposed
    matchers = check["errorRate"]["requests"]["matchers"]
    left_out = [LabelMatcher.model_validate(each) for each in matchers]
    for path, counted in (("/predict", True), ("/healthz", False)):
        for labels in ({"endpoint": path}, {"endpoint": "http", "exported_endpoint": path}):
            assert all(each.matches(labels) for each in left_out) is counted
    renamed = series.replace("endpoint=", 'endpoint="http",exported_endpoint=')
    by_port = {**check, "errorRate": {**check["errorRate"]}}
    by_port["errorRate"]["requests"] = {"metric": "axum_http_requests_total"}
    [warning] = seen(by_port, scrapes=(renamed.replace("/predict", "/healthz"),)).warnings
    assert "counts probes and scrapes (/healthz)" in warning


def test_numbers_that_look_like_codes_are_taken_for_codes_only_in_a_label_of_codes() -> None:
    series = (
        'requests_total{batch="256",result="ok"} 5\nrequests_total{batch="512",result="no"} 1\n'
    )
    [check] = seen(scrapes=(series,)).proposed
    assert [each["label"] for each in check["errorRate"]["errors"]] == ["result"]


@pytest.mark.parametrize("label", ["path", "status", "model", "version"])
def test_what_was_asked_and_how_it_ended_is_no_class_of_predictions(label: str) -> None:
    values = ("200", "500") if label == "status" else ("/a", "/b")
    series = "".join(f'predictions_total{{{label}="{value}"}} 5\n' for value in values)
    proposed = seen(scrapes=(series,)).proposed
    assert not any("predictionDrift" in check for check in proposed)


def test_a_matcher_that_can_select_nothing_is_told_with_the_remedy() -> None:
    scrape = (Path(__file__).parent / "scrapes" / "flask-exporter.txt").read_text()
    check = {
        "name": "errors",
        "errorRate": {"requests": {"metric": "flask_http_request_total"}, "errors": FAILED},
    }
    only_good = "\n".join(line for line in scrape.splitlines() if 'status="5' not in line)
    found = seen(check, scrapes=(only_good,))
    assert not found.complete
    assert found.checks[0].message.startswith(
        'The matcher status="5xx" can select nothing of flask_http_request_total: '
        "the values of status are 200"
    )
    assert 'Set {label: status, operator: "=~", value: "5..|408|429"}' in found.checks[0].message


def test_errors_that_were_not_seen_yet_are_asked_for() -> None:
    text = 'http_requests_total{handler="/predict",status="2xx"} 3\n'
    [check] = seen(errors(), scrapes=(text,)).checks
    assert check.state == "Judged"
    assert check.message == (
        'Reads http_requests_total. status="5xx" selected nothing so far: cause such an event, and '
        "look again."
    )


def test_a_label_to_compare_within_that_no_series_has_is_told() -> None:
    written = {"stratify": ["tenant"], "checks": [errors()]}
    found = scrape_view(Analysis.model_validate(written), [scraped_samples(FASTAPI)])
    assert not found.complete
    assert found.checks[0].message.startswith(
        "http_requests_total has series without the label tenant: export it with every request"
    )
