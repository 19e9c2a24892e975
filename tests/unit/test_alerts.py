"""The alerts of the chart name metrics, conditions and reasons that exist, and have a runbook."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from serinus.api.reasons import Ending, Reason
from serinus.controller.metrics import Metrics
from serinus.controller.object_metrics import ObjectMetrics
from serinus.notifications.attempts import AttemptOutcome
from tests.reference.meanings import CONDITIONS
from tests.unit.controller.test_metrics import gauges

ROOT = Path(__file__).parents[2]
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "charts/serinus/files/alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
RUNBOOK = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")


def by_name(rule: dict[str, Any]) -> str:
    return str(rule["alert"])


@pytest.mark.parametrize("rule", RULES, ids=by_name)
def test_the_runbook_says_what_an_alert_means_and_what_to_do(rule: dict[str, Any]) -> None:
    name = rule["alert"]
    [section] = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert "**Meaning.**" in section and "**Do.**" in section
    assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{name.lower()}"
    assert rule["annotations"]["summary"] and rule["annotations"]["description"]
    assert rule["labels"]["severity"] in ("critical", "warning", "info")


def test_the_runbook_has_no_section_without_an_alert() -> None:
    sections = re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE)
    assert sections == [rule["alert"] for rule in RULES]


@pytest.mark.parametrize("rule", RULES, ids=by_name)
def test_an_alert_reads_metrics_that_are_exported(rule: dict[str, Any]) -> None:
    metrics = Metrics(gauges(), ObjectMetrics(dict, lambda: 0.0))
    exported = {
        line.split()[2]
        for line in metrics.exposition().decode().splitlines()
        if line[:6] == "# TYPE"
    }
    read = set(re.findall(r"serinus_\w+", rule["expr"]))
    assert read and read <= exported


@pytest.mark.parametrize("rule", RULES, ids=by_name)
def test_an_alert_names_values_that_exist(rule: dict[str, Any]) -> None:
    values = re.findall(r'(reason|condition|outcome)\W{1,2}"([\w|]+)"', rule["expr"])
    outcomes = {*get_args(Ending), *get_args(AttemptOutcome)}
    known = {"reason": set(Reason), "outcome": outcomes}
    known["condition"] = set(CONDITIONS)
    for label, alternatives in values:
        assert set(alternatives.split("|")) <= known[label]
