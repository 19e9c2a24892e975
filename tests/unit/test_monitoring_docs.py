"""docs/monitoring.md: its manifests are valid, and it names what there is."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.api.monitoring import FeatureDrift, Monitoring, PredictionMonitor
from serinus.api.validation import problems

TEXT = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
CONTAINER = {"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_is_valid(example: str) -> None:
    spec: dict[str, Any] = {"template": {"spec": {"containers": [CONTAINER]}}}
    assert problems("default", "loan", {**spec, **yaml.safe_load(example)}) == []


def test_defaults_are_as_told() -> None:
    settings = FeatureDrift()
    told = {settings.features, settings.categories.metric, f"({settings.reference.record_for})"}
    assert all(word in TEXT for word in told)
    for key in ("features", "categories", "featureLabel", "categoryLabel", "minValues"):
        assert f"`{key}`" in TEXT
    predictions = PredictionMonitor()
    assert {predictions.scores, f"{predictions.classes.metric}{{class}}"} <= set(TEXT.split("`"))
    assert Monitoring().mean_time_between_false_alarms in TEXT


def test_a_week_is_recorded_by_hour_as_told() -> None:
    week = PredictionMonitor.model_validate({"reference": {"recordFor": "168h"}})
    assert "`recordFor: 168h`" in TEXT
    assert week.reference.by_hour
    assert not PredictionMonitor().reference.by_hour


def test_each_condition_is_named() -> None:
    for name in ("Drifted", "PredictionsDrifted", "ErrorsAboveLimit", "FeedbackAboveLimit"):
        assert f"`{name}`" in TEXT
