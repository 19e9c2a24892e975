"""The alerts of the chart, as promtool evaluates them."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import parts

HERE = Path(__file__).parent
ALERTS = HERE.parents[2] / "charts/serinus/files/alerts.yaml"
CASES = HERE / "alerts_test.yaml"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]


def promtool(*arguments: str) -> str:
    program = parts.go_part("promtool") / "bin" / "promtool"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_accepts_the_rules() -> None:
    assert f"{len(RULES)} rules found" in promtool("check", "rules", str(ALERTS))


def test_each_alert_fires_when_it_should_and_not_before() -> None:
    promtool("test", "rules", str(CASES))


@pytest.mark.parametrize("name", [rule["alert"] for rule in RULES])
def test_each_alert_has_a_case_in_which_it_fires(name: str) -> None:
    assert f'alertname="{name}",alertstate="firing"' in CASES.read_text(encoding="utf-8")
