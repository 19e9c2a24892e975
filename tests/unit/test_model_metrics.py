"""The metric helper: the contract that the operator's checks read."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

import serinus_metrics
from serinus_metrics import ModelMetrics

CONTRACT = {
    "model_requests": ("counter", {"code"}),
    "model_request_duration_seconds": ("histogram", set()),
    "model_predictions": ("counter", {"class", "group"}),
    "model_prediction_score": ("histogram", set()),
    "model_feature_value": ("histogram", {"feature"}),
    "model_feature_category": ("counter", {"feature", "category"}),
    "model_feedback": ("counter", {"outcome", "group"}),
}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> ModelMetrics:
    return ModelMetrics(
        classes=("approve", "deny"),
        groups=("a", "b"),
        features={"age": (20, 40, 60), "ratio": (0.5,)},
        categories={"purpose": ("home", "car")},
        max_label_values=4,
        registry=registry,
    )


def test_names_types_and_labels_are_those_of_the_contract(
    metrics: ModelMetrics, registry: CollectorRegistry
) -> None:
    exported = {
        family.name: (
            family.type,
            {
                label
                for sample in family.samples
                if not sample.name.endswith("_created")
                for label in sample.labels
            }
            - {"le"},
        )
        for family in registry.collect()
    }
    assert exported == CONTRACT


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("model_requests_total", {"code": "200"}),
        ("model_requests_total", {"code": "500"}),
        ("model_predictions_total", {"class": "deny", "group": "b"}),
        ("model_feedback_total", {"outcome": "incorrect", "group": "a"}),
        ("model_feature_category_total", {"feature": "purpose", "category": "car"}),
        ("model_feature_category_total", {"feature": "age", "category": "missing"}),
        ("model_feature_value_count", {"feature": "ratio"}),
        ("model_prediction_score_count", {}),
        ("model_request_duration_seconds_count", {}),
    ],
)
def test_what_is_known_beforehand_starts_at_zero(
    metrics: ModelMetrics, registry: CollectorRegistry, name: str, labels: dict[str, str]
) -> None:
    assert registry.get_sample_value(name, labels) == 0


def test_a_model_without_groups_has_its_classes_at_zero_too() -> None:
    registry = CollectorRegistry()
    ModelMetrics(classes=("yes", "no"), registry=registry)
    labels = {"class": "no", "group": ""}
    assert registry.get_sample_value("model_predictions_total", labels) == 0


def test_a_request_is_counted_and_timed_once_with_the_code_it_was_given(
    metrics: ModelMetrics, registry: CollectorRegistry
) -> None:
    with metrics.request():
        pass
    with metrics.request() as request:
        request.code = 400
    assert registry.get_sample_value("model_requests_total", {"code": "200"}) == 1
    assert registry.get_sample_value("model_requests_total", {"code": "400"}) == 1
    assert registry.get_sample_value("model_request_duration_seconds_count") == 2


def test_an_exception_counts_as_500_and_goes_on_to_the_server(
    metrics: ModelMetrics, registry: CollectorRegistry
) -> None:
    with pytest.raises(ZeroDivisionError), metrics.request():
        _ = 1 / 0
    assert registry.get_sample_value("model_requests_total", {"code": "500"}) == 1
    assert registry.get_sample_value("model_requests_total", {"code": "200"}) == 0


def test_a_cancelled_request_was_not_answered_and_is_not_counted(
    metrics: ModelMetrics, registry: CollectorRegistry
) -> None:
    with pytest.raises(asyncio.CancelledError), metrics.request():
        raise asyncio.CancelledError
    assert registry.get_sample_value("model_request_duration_seconds_count") == 0
    assert registry.get_sample_value("model_requests_total", {"code": "500"}) == 0


def test_a_score_of_exactly_a_bound_falls_into_the_bucket_below_it(
    metrics: ModelMetrics, registry: CollectorRegistry
) -> None:
    for score in (0, 0.05, 0.3, 1):
        metrics.prediction("approve", score, "a")
    counts = [
        registry.get_sample_value("model_prediction_score_bucket", {"le": le})
        for le in ("0.05", "0.25", "0.3", "0.95", "1.0", "+Inf")
    ]
    assert counts == [2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize("score", [-0.1, 1.01, float("nan")])
def test_a_score_outside_0_to_1_is_refused_and_leaves_no_trace(
    metrics: ModelMetrics, registry: CollectorRegistry, score: float
) -> None:
    with pytest.raises(ValueError, match=r"score must lie in \[0, 1\]"):
        metrics.prediction("approve", score, "a")
    labels = {"class": "approve", "group": "a"}
    assert registry.get_sample_value("model_predictions_total", labels) == 0
    assert registry.get_sample_value("model_prediction_score_sum") == 0


def test_features_have_bounds_of_their_own(
    metrics: ModelMetrics, registry: CollectorRegistry
) -> None:
    metrics.feature("age", 30)
    metrics.feature("ratio", 0.4)
    name = "model_feature_value_bucket"
    assert registry.get_sample_value(name, {"feature": "age", "le": "20.0"}) == 0
    assert registry.get_sample_value(name, {"feature": "age", "le": "40.0"}) == 1
    assert registry.get_sample_value(name, {"feature": "ratio", "le": "0.5"}) == 1
    assert registry.get_sample_value(name, {"feature": "ratio", "le": "40.0"}) is None


@pytest.mark.parametrize("feature", ["age", "purpose"])
@pytest.mark.parametrize("value", [None, float("nan")])
def test_a_missing_value_is_counted_as_missing_and_spoils_no_sum(
    metrics: ModelMetrics, registry: CollectorRegistry, feature: str, value: float | None
) -> None:
    metrics.feature(feature, value)
    labels = {"feature": feature, "category": "missing"}
    assert registry.get_sample_value("model_feature_category_total", labels) == 1
    assert registry.get_sample_value("model_feature_value_sum", {"feature": "age"}) == 0


def test_clients_cannot_make_the_number_of_series_grow_without_end(
    metrics: ModelMetrics, registry: CollectorRegistry
) -> None:
    for i in range(100):
        metrics.prediction(f"class {i}", 0.5, f"group {i}")
        metrics.feature("purpose", f"purpose {i}")
        metrics.feedback(f"outcome {i}", "a")
    taken: dict[str, set[str]] = {}
    for family in registry.collect():
        for sample in family.samples:
            for label, value in sample.labels.items():
                taken.setdefault(label, set()).add(value)
    for label in ("class", "group", "category", "outcome"):
        assert len(taken[label]) <= 5
        assert "other" in taken[label]
    assert {"approve", "deny"} < taken["class"]


def test_an_undeclared_feature_is_refused(metrics: ModelMetrics) -> None:
    with pytest.raises(ValueError, match="'salary' was not declared"):
        metrics.feature("salary", 1.0)


def test_a_feature_is_a_number_or_a_category_and_not_both() -> None:
    with pytest.raises(ValueError, match="declared in features and in categories: age"):
        ModelMetrics(features={"age": (1,)}, categories={"age": ("1",)})


def test_two_of_them_in_one_registry_are_refused(
    metrics: ModelMetrics, registry: CollectorRegistry
) -> None:
    with pytest.raises(ValueError, match="model_requests"):
        ModelMetrics(registry=registry)


def test_it_needs_nothing_but_prometheus_client() -> None:
    code = (
        "import sys; before = set(sys.modules); import serinus_metrics; "
        "print(*{m.split('.')[0] for m in set(sys.modules) - before})"
    )
    folder = Path(serinus_metrics.__file__).parent.parent
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.split()
    third_party = set(loaded) - sys.stdlib_module_names
    assert third_party == {"serinus_metrics", "prometheus_client"}
