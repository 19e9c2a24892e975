"""`serinus simulate --compare`: what other policies would cost."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.api.spec import Rollout
from serinus.cli import comparing
from serinus.cli.__main__ import main
from serinus.simulation.policies import policies

MANIFEST: dict[str, Any] = {
    "apiVersion": "serinus.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "loan"},
    "spec": {
        "replicas": 2,
        "traffic": {"gateway": {"parentRefs": [{"name": "public"}]}},
        "template": {
            "spec": {
                "containers": [
                    {"name": "m", "image": "m:1", "ports": [{"name": "http", "containerPort": 80}]}
                ]
            }
        },
        "rollout": {"analysis": {"checks": [{"name": "errors", "errorRate": {}}]}},
    },
}


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    path = tmp_path / "loan.yaml"
    path.write_text(yaml.safe_dump(MANIFEST))
    return str(path)


def test_the_policy_comes_first_and_none_comes_twice() -> None:
    assert [each.name for each in policies(Rollout())] == [
        *("as in the manifest", "no steps, target 2h", "steps 5%, 25%, 50%", "steps 50%")
    ]
    given = Rollout.model_validate(
        {"steps": [{"setWeight": 50}], "maxRestarts": 7, "analysis": {"minRequests": 9}}
    )
    found = policies(given)
    assert [each.name for each in found] == [
        *("as in the manifest", "no steps, target 30m", "no steps, target 2h"),
        "steps 5%, 25%, 50%",
    ]
    for each in found:
        assert (each.rollout.max_restarts, each.rollout.analysis.min_requests) == (7, 9)


def test_a_greater_first_weight_is_sooner_and_costs_more_clients(
    manifest: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "policies", lambda rollout: policies(rollout)[:2])
    arguments = ["simulate", "-f", manifest, "--requests-per-second", "10", "--runs", "1"]
    assert main([*arguments, "--compare", "-o", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["runs"] == 1
    quick, slow = found["policies"][0], found["policies"][1]
    assert (quick["weights"], slow["weights"]) == ([50], [5, 25, 50])
    assert quick["promoted"] == slow["promoted"] == 1.0
    assert quick["secondsMedian"] < slow["secondsMedian"] / 2
    at_once = [policy["bad"][-1] for policy in (quick, slow)]
    assert [each["times"] for each in at_once] == [100, 100]
    assert at_once[0]["failedRequestsMedian"] > at_once[1]["failedRequestsMedian"]
    assert not any(each["promoted"] for each in at_once)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--candidate-errors", "3%"], "sets the candidate's errors itself"),
        (["--stable-errors", "0%"], "some times stable's errors, which are 0%"),
        (["--scenario", "random"], "needs one scenario"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    options: list[str], told: str, manifest: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", "-f", manifest, "--compare", *options]) != 0
    assert told in capsys.readouterr().err
