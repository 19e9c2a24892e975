"""kustomize changes names and images in a ModelDeployment, configured as in the examples."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.api.validation import problems
from tests.cluster import parts

EXAMPLE = Path(__file__).parents[2] / "examples/kustomize"


def built(folder: Path) -> dict[str, dict[str, Any]]:
    """What kustomize makes of a folder, by kind."""
    kubectl = parts.clients() / "kubectl" / "kubectl"
    command = [str(kubectl), "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {each["kind"]: each for each in yaml.safe_load_all(done.stdout)}


@pytest.fixture(scope="module")
def example() -> dict[str, dict[str, Any]]:
    return built(EXAMPLE)


def test_the_example_has_its_prefix_its_hash_and_its_image(
    example: dict[str, dict[str, Any]],
) -> None:
    spec = example["ModelDeployment"]["spec"]["template"]["spec"]
    [container] = spec["containers"]
    assert example["ModelDeployment"]["metadata"]["name"] == "eu-loan"
    assert container["image"] == "registry.example.com/model-server:v2"
    assert spec["serviceAccountName"] == example["ServiceAccount"]["metadata"]["name"] == "eu-loan"
    generated = example["ConfigMap"]["metadata"]["name"]
    assert generated.startswith("eu-settings-")
    assert container["envFrom"] == [{"configMapRef": {"name": generated}}]


def test_an_autoscaler_scales_the_model_deployment_under_its_new_name(
    example: dict[str, dict[str, Any]],
) -> None:
    assert example["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == "eu-loan"


def test_what_comes_out_is_valid(example: dict[str, dict[str, Any]]) -> None:
    assert problems("shop", "eu-loan", example["ModelDeployment"]["spec"]) == []


REFERENCES: dict[str, list[dict[str, Any]]] = {
    "ConfigMap": [
        {"volumes": [{"name": "v", "configMap": {"name": "it"}}]},
        {"volumes": [{"name": "v", "projected": {"sources": [{"configMap": {"name": "it"}}]}}]},
    ],
    "Secret": [
        {"volumes": [{"name": "v", "secret": {"secretName": "it"}}]},
        {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "it"}}]}}]},
        {"imagePullSecrets": [{"name": "it"}]},
    ],
    "PersistentVolumeClaim": [
        {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "it"}}]}
    ],
    "ServiceAccount": [{"serviceAccountName": "it"}],
}
"""By kind, each place in a pod that names an object of that kind."""
for kind, where in (("ConfigMap", "configMap"), ("Secret", "secret")):
    for containers in ("containers", "initContainers"):
        key = {"name": "N", "valueFrom": {f"{where}KeyRef": {"name": "it", "key": "k"}}}
        REFERENCES[kind] += [
            {containers: [{"name": "model", "env": [key]}]},
            {containers: [{"name": "model", "envFrom": [{f"{where}Ref": {"name": "it"}}]}]},
        ]


def test_every_place_that_names_an_object_follows_its_new_name(tmp_path: Path) -> None:
    pods = [(kind, pod) for kind, places in REFERENCES.items() for pod in places]
    objects: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": kind, "metadata": {"name": "it"}} for kind in REFERENCES
    ]
    objects += [
        {
            "apiVersion": "serinus.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": f"model-{n}"},
            "spec": {"template": {"spec": pod}},
        }
        for n, (_, pod) in enumerate(pods)
    ]
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump_all(objects))
    configuration = (EXAMPLE / "configuration.yaml").read_text(encoding="utf-8")
    (tmp_path / "configuration.yaml").write_text(configuration)
    (tmp_path / "kustomization.yaml").write_text(
        "{namePrefix: eu-, configurations: [configuration.yaml], resources: [objects.yaml],"
        " replicas: [{name: model-0, count: 7}]}"
    )
    kubectl = parts.clients() / "kubectl" / "kubectl"
    done = subprocess.run([kubectl, "kustomize", tmp_path], capture_output=True, check=True)
    found = {
        each["metadata"]["name"]: each["spec"]
        for each in yaml.safe_load_all(done.stdout)
        if each["kind"] == "ModelDeployment"
    }
    for n, (kind, pod) in enumerate(pods):
        renamed = yaml.safe_load(yaml.safe_dump(pod).replace(": it\n", ": eu-it\n"))
        assert renamed != pod
        assert found[f"eu-model-{n}"]["template"]["spec"] == renamed, (kind, pod)
    assert found["eu-model-0"]["replicas"] == 7
