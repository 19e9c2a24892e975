"""`serinus convert`: what is taken over, what is lost, and that the result can be applied."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.cli.__main__ import main

POD = {
    "containers": [{"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}],
    "nodeSelector": {"gpu": "a100"},
}
TEMPLATE = {"metadata": {"labels": {"app": "loan"}, "creationTimestamp": None}, "spec": POD}
DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "loan",
        "namespace": "shop",
        "labels": {"team": "risk"},
        "uid": "1",
        "annotations": {"deployment.kubernetes.io/revision": "4"},
    },
    "spec": {
        "replicas": 3,
        "progressDeadlineSeconds": 300,
        "selector": {"matchLabels": {"app": "loan"}},
        "strategy": {"rollingUpdate": {"maxSurge": 1}},
        "template": TEMPLATE,
    },
    "status": {"replicas": 3},
}
ROLLOUT: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Rollout",
    "metadata": {"name": "loan"},
    "spec": {
        "template": TEMPLATE,
        "strategy": {
            "canary": {
                "steps": [
                    {"setWeight": 10},
                    {"pause": {"duration": 300}},
                    {"analysis": {"templates": [{"templateName": "success-rate"}]}},
                    {"setWeight": 50},
                    {"pause": {"duration": "1h"}},
                    {"pause": {}},
                    {"setWeight": 100},
                ],
                "trafficRouting": {"istio": {"virtualService": {"name": "loan"}}},
            }
        },
    },
}
CANARY: dict[str, Any] = {
    "apiVersion": "flagger.app/v1beta1",
    "kind": "Canary",
    "metadata": {"name": "loan"},
    "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "loan"},
        "progressDeadlineSeconds": 60,
        "service": {
            "port": 80,
            "hosts": ["loan.example.com"],
            "gatewayRefs": [{"name": "public", "namespace": "gateways"}],
        },
        "analysis": {
            "interval": "30s",
            "threshold": 5,
            "maxWeight": 50,
            "stepWeight": 20,
            "metrics": [{"name": "request-success-rate"}],
        },
    },
}
INFERENCE: dict[str, Any] = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"name": "loan"},
    "spec": {
        "predictor": {
            "minReplicas": 2,
            "canaryTrafficPercent": 10,
            "model": {"modelFormat": {"name": "sklearn"}, "storageUri": "pvc://models/loan"},
        }
    },
}


def convert(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *documents: dict[str, Any]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The ModelDeployments, and the remarks."""
    path = tmp_path / "from.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    assert main(["convert", str(path)]) == 0
    told = capsys.readouterr()
    return list(yaml.safe_load_all(told.out)), told.err.splitlines()


@pytest.mark.parametrize(
    ("documents", "rollout", "lost"),
    [
        (
            [DEPLOYMENT],
            {"progressDeadline": "300s"},
            ["spec.selector.matchLabels.app", "spec.strategy.rollingUpdate.maxSurge"],
        ),
        (
            [ROLLOUT],
            {
                "steps": [
                    {"setWeight": 10},
                    {"pause": {"duration": "300s"}},
                    {"setWeight": 50},
                    {"pause": {"duration": "1h"}},
                    {"pause": {}},
                ]
            },
            [
                "spec.strategy.canary.trafficRouting.istio.virtualService.name",
                "spec.strategy.canary.steps[2].analysis.templates[0].templateName",
                "spec.strategy.canary.steps[6].setWeight",
            ],
        ),
        (
            [DEPLOYMENT, CANARY],
            {
                "progressDeadline": "60s",
                "steps": [{"setWeight": 20}, {"setWeight": 40}],
                "analysis": {"interval": "30s"},
            },
            [
                "spec.service.port",
                "spec.analysis.threshold",
                "spec.analysis.metrics[0].name",
                "Deployment loan: metadata.labels.team",
                "Deployment loan: spec.selector.matchLabels.app",
                "Deployment loan: spec.strategy.rollingUpdate.maxSurge",
            ],
        ),
    ],
    ids=["Deployment", "Rollout", "Canary"],
)
def test_what_has_a_counterpart_is_taken_over_and_the_rest_is_named(
    documents: list[dict[str, Any]],
    rollout: dict[str, Any],
    lost: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    [found], told = convert(tmp_path, capsys, *documents)
    source = documents[-1]["kind"]
    assert found["spec"]["rollout"] == rollout
    assert found["spec"]["template"]["spec"] == POD
    assert sorted(told) == sorted(f"{source} loan: {path} is lost" for path in lost)
    (tmp_path / "loan.yaml").write_text(yaml.safe_dump(found))
    assert main(["lint", str(tmp_path / "loan.yaml")]) == 0


def test_metadata_replicas_and_gateway_are_taken_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [found], _ = convert(tmp_path, capsys, DEPLOYMENT)
    metadata = {"name": "loan", "namespace": "shop", "labels": {"team": "risk"}}
    assert (found["metadata"], found["spec"]["replicas"]) == (metadata, 3)
    [found], _ = convert(tmp_path, capsys, DEPLOYMENT, CANARY)
    assert found["spec"]["traffic"]["gateway"] == {
        "parentRefs": [{"name": "public", "namespace": "gateways"}],
        "hostnames": ["loan.example.com"],
    }


def test_an_inference_service_lacks_an_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [found], told = convert(tmp_path, capsys, INFERENCE)
    assert found["spec"]["model"] == {"storageUri": "pvc://models/loan"}
    assert found["spec"]["replicas"] == 2
    assert found["spec"]["rollout"] == {
        "analysis": {"preset": "KServe"},
        "steps": [{"setWeight": 10}],
    }
    assert told == [
        "InferenceService loan: spec.predictor.model.modelFormat.name is lost",
        "InferenceService loan: correct spec.template: fill in IMAGE-OF-THE-MODEL-SERVER",
    ]


def test_nothing_to_convert_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other.yaml").write_text("kind: Service\nmetadata: {name: a}\nspec: {}\n")
    assert main(["convert", str(tmp_path / "other.yaml")]) == 2
    assert "none of the objects is a Deployment" in capsys.readouterr().err


def test_a_list_as_kubectl_prints_it_is_converted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [found], _ = convert(tmp_path, capsys, {"kind": "List", "items": [DEPLOYMENT, CANARY]})
    assert found["spec"]["rollout"]["steps"] == [{"setWeight": 20}, {"setWeight": 40}]


@pytest.mark.parametrize("step", [{"setWeight": "20"}, {"pause": 10}, None], ids=str)
def test_what_its_own_tool_would_refuse_is_refused(
    step: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = {**ROLLOUT, "spec": {"strategy": {"canary": {"steps": [step]}}}}
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump(odd))
    assert main(["convert", str(tmp_path / "odd.yaml")]) == 2
    assert "Rollout loan: a field is not of the type" in capsys.readouterr().err
