"""docs/retraining.md: its manifests are valid, its JSON is JSON, and it names what there is."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from serinus.api.monitoring import Retrain
from serinus.api.reasons import Reason
from serinus.api.status import NewVersion
from serinus.api.validation import problems

TEXT = (Path(__file__).parents[2] / "docs" / "retraining.md").read_text()
CONTAINER = {"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def example() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(blocks("yaml")[0])
    return found


def test_the_example_is_valid_and_has_the_defaults_that_it_names() -> None:
    spec = {"template": {"spec": {"containers": [CONTAINER]}}}
    assert problems("default", "loan", {**spec, **example()}) == []
    written = example()["monitoring"]["retrain"]
    short = {"alarms": written["alarms"], "job": {"template": written["job"]["template"]}}
    assert Retrain.model_validate(short).to_json() == Retrain.model_validate(written).to_json()
    for field in ("after", "cooldown", "maxPerWeek", "timeout"):
        assert f"`{field}`" in TEXT


def test_what_is_json_can_be_read() -> None:
    assert [json.loads(each).keys() for each in blocks("json")]


def test_every_reason_and_outcome_is_named() -> None:
    reasons = {each.value for each in Reason if each.meaning.retrains}
    outcomes = set(NewVersion.model_fields["outcome"].annotation.__args__)  # type: ignore[union-attr]
    told = set(re.findall(r"`(\w+)`", TEXT))
    assert not (reasons | outcomes) - told - {"RetrainingStarted"}
