"""A third version over a measured second one, by each way that manifests take to a cluster."""

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.stage.api import Manifest
from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage

pytestmark = pytest.mark.live

CHECKS = [{"name": "errors", "errorRate": {}}]

Apply = Callable[[Stage, Manifest, Path], None]


def _kubectl(product: Stage, manifest: Manifest, folder: Path, *options: str) -> None:
    file = folder / "manifest.json"
    file.write_text(json.dumps(manifest))
    product.api.run("apply", *options, f"--filename={file}")


def _client_side(product: Stage, manifest: Manifest, folder: Path) -> None:
    _kubectl(product, manifest, folder)


def _server_side(product: Stage, manifest: Manifest, folder: Path) -> None:
    _kubectl(product, manifest, folder, "--server-side", "--field-manager=gitops")


def _helm(product: Stage, manifest: Manifest, folder: Path) -> None:
    chart = folder / "chart"
    (chart / "templates").mkdir(parents=True, exist_ok=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: model, version: 0.0.1}")
    (chart / "templates" / "model.yaml").write_text(json.dumps(manifest))
    metadata = manifest["metadata"]
    place = (
        f"--namespace={metadata['namespace']}",
        f"--kubeconfig={product.api.kubeconfig}",
    )
    words = ("upgrade", "--install", metadata["name"], str(chart), *place)
    subprocess.run([str(product.operator.helm), *words], check=True, capture_output=True)


WAYS: Mapping[str, Apply] = {
    "kubectl apply": _client_side,
    "kubectl apply --server-side": _server_side,
    "helm upgrade": _helm,
}


def _measured(status: Status) -> bool:
    return bool((status.get("candidate") or {}).get("counted"))


@pytest.mark.parametrize("way", WAYS)
def test_a_third_version_replaces_a_measured_second_one_and_takes_all_of_its_traffic(
    product: Stage, namespace: str, way: str, tmp_path: Path
) -> None:
    name = way.replace(" ", "-").replace("---", "-")[:30]
    model = Model(
        namespace,
        name,
        product.model_image,
        gateway=product.gateway,
        steps=[{"setWeight": 50}, {"pause": {}}],
        analysis={"interval": "1s", "checks": CHECKS},
    )
    fraud = Deployed(product.api, namespace, name)
    apply = WAYS[way]
    apply(product, model.manifest(), tmp_path)
    v1 = fraud.until_healthy("v1")["stable"]["revision"]
    route = Target(product.gateway_url, model.host, 40)
    with Load(product.api, product.model_image, namespace, route) as clients:
        apply(product, replace(model, version="v2").manifest(), tmp_path)
        v2 = fraud.until("v2 is measured", _measured)["candidate"]["revision"]
        apply(product, replace(model, version="v4").manifest(), tmp_path)
        status = fraud.until(
            "v4 is measured",
            lambda s: _measured(s) and s["candidate"]["revision"] != v2,
        )
        v4 = status["candidate"]["revision"]
        (route_now,) = fraud.children("HTTPRoute")
        (rule,) = route_now["spec"]["rules"]
        taking = {each["name"]: each["weight"] for each in rule["backendRefs"]}
        assert taking == {f"{name}-{v1}": 50, f"{name}-{v4}": 50}
        fraud.command(f"abort/{v4}")
        fraud.until_rejected()
        assert not clients.stop().unexplained, clients.unexplained_at
