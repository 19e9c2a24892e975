"""What each preset says of a server, against what that server exports."""

from collections.abc import Iterator, Mapping

import pytest

from serinus.api.analysis import Analysis
from serinus.api.checks import LabelMatcher
from serinus.api.checks.error_rate import ErrorRate
from serinus.api.presets import PRESETS
from serinus.api.validation import problems
from serinus.judge import queries_of
from serinus.metrics.queries import CounterQuery
from serinus.prometheus.exposition import scraped_samples
from tests.support.simulated_analysis import SINCE, SimulatedAnalysis
from tests.support.simulated_pods import Pods
from tests.unit.presets.exposition import BACKEND, ERRORS, SAMPLES, SLOWER, sample


def exported(preset: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    """What the sample has of one server, or of one that a gateway leads to."""
    backend = PRESETS[preset].error_rate.requests.backend
    for each in scraped_samples(sample(preset)):
        if backend is None or backend.of(each.labels) == BACKEND:
            yield each.name, each.labels, each.value


def serve(pods: Pods, preset: str, times: int = 1) -> None:
    """The pod serves what its server's sample has counted, so many times."""
    for name, labels, value in exported(preset):
        pods.add("pod", name, times * value, **labels)


def judging(preset: str, *checks: dict[str, object]) -> SimulatedAnalysis:
    """Both arms are up, and have served the sample before the weight took effect."""
    simulated = SimulatedAnalysis(*checks, preset=preset)
    serve(simulated.candidate, preset)
    serve(simulated.stable, preset)
    simulated.scrape()
    simulated.at = SINCE
    return simulated


def matcher(label: str, value: str, operator: str = "=") -> dict[str, str]:
    return {"label": label, "operator": operator, "value": value}


def error_rate(preset: str | None, **written: object) -> ErrorRate:
    """An errorRate of which only so much is written."""
    spec = {"preset": preset, "checks": [{"name": "errors", "errorRate": written}]}
    settings = Analysis.model_validate(spec).checks[0].error_rate
    assert settings
    return settings


def problem(preset: str | None, check: dict[str, object]) -> str:
    """What is wrong with a manifest that has this one check."""
    container = {"name": "m", "image": "i", "ports": [{"containerPort": 80}]}
    analysis = {"preset": preset, "checks": [{"name": "x", **check}]}
    spec = {
        "template": {"spec": {"containers": [container]}},
        "rollout": {"analysis": analysis},
    }
    return "; ".join(map(str, problems("default", "fraud", spec)))


def test_each_preset_has_a_sample_and_each_sample_a_preset() -> None:
    assert {path.stem for path in SAMPLES.iterdir()} == set(PRESETS)


@pytest.mark.parametrize("preset", PRESETS)
def test_each_sample_says_where_it_is_from(preset: str) -> None:
    head = [line for line in sample(preset).splitlines()[:4] if line.startswith("# ")]
    assert any("https://" in line for line in head)
    assert all(source.startswith("https://") for source in PRESETS[preset].sources)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_counter_that_a_preset_names_is_in_its_sample(preset: str) -> None:
    names = {name for name, _, _ in exported(preset)}
    asked = queries_of(Analysis.model_validate({"preset": preset}))
    counters = [q for q in asked if isinstance(q, CounterQuery) and not q.native]
    assert counters
    assert {name for counter in counters for name in counter.metrics} <= names


@pytest.mark.parametrize("preset", PRESETS)
def test_how_the_traffic_is_split_is_read_from_what_a_preset_counts_or_times(preset: str) -> None:
    split = {"name": "split", "trafficShare": {}}
    [asked] = queries_of(Analysis.model_validate({"preset": preset, "checks": [split]}))
    assert isinstance(asked, CounterQuery)
    assert set(asked.metrics) <= {name for name, _, _ in exported(preset)}
    errors = [{"name": "errors", "errorRate": {}}, split]
    if preset in ERRORS:
        counters = queries_of(Analysis.model_validate({"preset": preset, "checks": errors}))
        assert len(counters) == 2, "it asks for nothing that errorRate does not ask for"


def test_each_preset_counts_errors() -> None:
    assert set(PRESETS) == set(ERRORS)


def test_a_preset_times_requests_or_says_why_not() -> None:
    timed = {name for name, preset in PRESETS.items() if "request" in preset.latencies}
    assert {(name, of) for name, preset in PRESETS.items() for of in preset.latencies} == set(
        SLOWER
    )
    assert all("latency" in PRESETS[name].lacks for name in set(PRESETS) - timed)


@pytest.mark.parametrize("preset", ERRORS)
def test_two_scrapes_of_a_sample_come_to_its_requests_and_errors(preset: str) -> None:
    simulated = judging(preset, {"name": "errors", "errorRate": {}})
    found = simulated.look()
    # the rest of what succeeded is taken for failed a look later
    blocks = 2 if PRESETS[preset].error_rate.successes else 1
    for _ in range(blocks):
        serve(simulated.candidate, preset)
        serve(simulated.stable, preset, times=10)
        found = simulated.look()
    requests, errors = ERRORS[preset]
    assert found.verdict in ("Inconclusive", "Pass")
    assert found.state.candidate["requests"] == blocks * requests
    assert found.state.comparisons[0].candidate == errors
    assert found.state.comparisons[0].stable == 10 * errors


@pytest.mark.parametrize(("preset", "of"), SLOWER)
def test_scrapes_of_a_sample_come_to_its_requests_and_how_many_were_slow(
    preset: str, of: str
) -> None:
    simulated = judging(preset, {"name": "slow", "latency": {"of": of, "warmUp": "0s"}})
    simulated.look()
    for _ in "the block that shows the bounds", "the block that is weighed at them":
        serve(simulated.candidate, preset)
        serve(simulated.stable, preset, times=10)
        found = simulated.look()
    bound, slower, requests = SLOWER[preset, of]
    assert found.verdict == "Pass"
    assert found.state.candidate["requests"] == requests
    compared = {each.name: (each.candidate, each.stable) for each in found.state.comparisons}
    assert compared[f"slower than {bound}"] == (slower, 10 * slower)


@pytest.mark.parametrize(
    ("preset", "bound", "told"),
    [("Istio", "10ms", "10ms"), ("TensorFlowServing", "3ms", "3.57ms"), ("vLLM", "1s", "1s")],
)
def test_limits_and_what_is_said_of_them_are_times_whatever_the_server_counts_in(
    preset: str, bound: str, told: str
) -> None:
    limit = {"bound": bound, "share": "1%"}
    simulated = judging(preset, {"name": "slow", "latency": {"limit": limit}})

    def both_serve() -> None:
        serve(simulated.candidate, preset)
        serve(simulated.stable, preset)

    found = simulated.until("Fail", both_serve, looks=5)
    assert found.message.startswith(f"Slower than {told}: candidate ")
    assert "above the limit of 1%" in found.message


def test_a_candidate_that_only_fails_is_failed_though_it_has_counted_no_success() -> None:
    simulated = SimulatedAnalysis(preset="MLServer")
    labels = {"model": "fraud", "version": "v2"}
    serve(simulated.stable, "MLServer")
    simulated.candidate.add("pod", "model_infer_request_failure_total", 0, **labels)
    simulated.scrape()
    simulated.at = SINCE
    simulated.look()
    for _ in range(2):
        serve(simulated.stable, "MLServer")
        simulated.candidate.add("pod", "model_infer_request_failure_total", 100, **labels)
        found = simulated.look()
    assert found.verdict == "Fail"
    assert "Candidate errors 200/200 (100%), stable 120/6000 (2.0%)" in found.message


def test_what_nobody_exports_is_named_in_full() -> None:
    simulated = SimulatedAnalysis(preset="Triton")
    found = simulated.look()
    assert found.verdict == "NoData"
    assert "nv_inference_request_success or nv_inference_request_failure" in found.message


def test_what_the_user_writes_wins_and_the_rest_is_as_the_preset_has_it() -> None:
    narrowed = {"metric": "nv_inference_request_success", "matchers": [matcher("model", "fraud")]}
    found = error_rate("Triton", requests=narrowed, tolerance=1.2)
    assert found.requests.matchers == [LabelMatcher(label="model", value="fraud")]
    assert found.tolerance == 1.2
    assert found.failures == "nv_inference_request_failure"
    assert found.failed == [LabelMatcher(label="reason", operator="!=", value="CANCELED")]


def test_what_a_preset_says_of_failures_does_not_hold_for_another_counter() -> None:
    found = error_rate("Triton", requests={"metric": "http_requests_total"})
    assert found == error_rate(None, requests={"metric": "http_requests_total"})
    assert found.failures is None
    assert found.failed == [LabelMatcher(label="code", operator="=~", value="5..|408|429")]


def test_what_the_user_says_of_failures_takes_the_place_of_the_presets_successes() -> None:
    assert error_rate("KServe").successes == "request_postprocess_seconds_count"
    by_label = error_rate("KServe", errors=[matcher("model_name", "bad")])
    assert (by_label.successes, by_label.requests.metric) == (None, "request_predict_seconds_count")
    assert error_rate("KServe", failures="failed_total").successes is None
    by_rest = error_rate("Triton", successes="ok_total")
    assert (by_rest.failures, by_rest.errors) == (None, None)


def test_all_that_failures_counts_has_failed_unless_errors_says_which() -> None:
    requests = {"metric": "ok_total"}
    assert error_rate(None, requests=requests, failures="bad_total").failed == []
    some = error_rate(None, requests=requests, failures="bad_total", errors=[matcher("why", "oom")])
    assert some.failed == [LabelMatcher(label="why", value="oom")]


def test_without_a_preset_the_metric_contract_is_read() -> None:
    found = Analysis.model_validate({})
    assert [check.kind for check in found.checks] == ["errorRate", "predictionDrift"]
    assert error_rate(None).requests.metric == "model_requests_total"


@pytest.mark.parametrize("preset", PRESETS)
def test_a_server_that_exports_no_predictions_is_not_asked_for_them(preset: str) -> None:
    kinds = [check.kind for check in Analysis.model_validate({"preset": preset}).checks]
    assert kinds
    assert "predictionDrift" not in kinds


def test_a_latency_is_chosen_by_its_name_or_replaced_by_a_histogram() -> None:
    def metric(**latency: object) -> str:
        spec = {"preset": "vLLM", "checks": [{"name": "slow", "latency": latency}]}
        settings = Analysis.model_validate(spec).checks[0].latency
        assert settings
        return settings.histogram.metric

    assert metric() == "vllm:e2e_request_latency_seconds"
    assert metric(of="queueTime") == "vllm:request_queue_time_seconds"
    assert metric(histogram={"metric": "own_seconds"}) == "own_seconds"


@pytest.mark.parametrize(
    ("preset", "check", "told"),
    [
        (
            "vLLM",
            {"latency": {"of": "queue"}},
            "latency: queue is not a latency of vLLM; it has requ",
        ),
        ("Triton", {"latency": {"of": "request"}}, "it has firstResponse"),
        ("Triton", {"latency": {}}, "latency: Triton exports total durations"),
        (None, {"latency": {"of": "queueTime"}}, "latency: queueTime is a latency of a preset"),
        (
            "Istio",
            {"errorRate": {"failures": "istio_requests_total"}},
            "errorRate.failures: istio_requests_total is the counter of requests",
        ),
        (
            None,
            {"errorRate": {"successes": "model_requests_total"}},
            "errorRate.successes: model_requests_total is the counter of requests",
        ),
    ],
)
def test_what_cannot_be_had_is_told_with_its_field_and_reason(
    preset: str | None, check: dict[str, object], told: str
) -> None:
    assert told in problem(preset, check)


@pytest.mark.parametrize(
    ("preset", "check"),
    [
        ("KServe", {"errorRate": {"requests": {"metric": "istio_requests_total"}}}),
        ("Triton", {"latency": {"histogram": {"metric": "istio_request_duration_milliseconds"}}}),
    ],
)
def test_what_a_server_lacks_may_be_had_from_elsewhere(
    preset: str, check: dict[str, object]
) -> None:
    assert problem(preset, check) == ""


def test_a_latency_has_one_name() -> None:
    twice = {"of": "queueTime", "histogram": {"metric": "a_seconds"}}
    assert "not both" in problem("vLLM", {"latency": twice})


def test_an_empty_list_of_checks_stays_empty_under_a_preset() -> None:
    assert Analysis.model_validate({"preset": "Istio", "checks": []}).checks == []


def test_an_unknown_preset_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"must be one of BentoML, .*, vLLM"):
        Analysis.model_validate({"preset": "Tritonn"})


@pytest.mark.parametrize("preset", PRESETS)
def test_what_a_preset_brings_can_be_audited(preset: str) -> None:
    errors = {"name": "errors", "errorRate": {}}
    audited, usual = (
        Analysis.model_validate({"preset": preset, "checks": [each]})
        for each in ({**errors, "mode": "Audit"}, errors)
    )
    assert [check.mode for check in audited.checks] == ["Audit"]
    assert queries_of(audited) == queries_of(usual)
