"""A GatewayClass of the installed Gateway API says whether a rollout may mirror, to an operator
that may read it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.cluster import Cluster, connect
from tests.integration.conftest import kubectl
from tests.stage.gateways import ACCEPTED, MIRROR, WITHOUT_MIRROR, gateway_class, public
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import ERRORS, PATIENT, healthy, spec
from tests.support.routes import copies

STEPS = [{"mirror": {"percent": 20}}, {"setWeight": 50}, {"pause": {}}]
ROLLOUT = {"steps": STEPS, "analysis": ERRORS, **PATIENT}


def wanted(version: str) -> dict[str, Any]:
    traffic = {"gateway": {"parentRefs": [{"name": "mirrors"}]}}
    return spec(version, rollout=ROLLOUT, traffic=traffic)


@pytest.fixture
async def class_name(cluster: Cluster, namespace: str) -> AsyncIterator[str]:
    """A class of the test's own, which lists that it cannot mirror by percentage, with a Gateway
    that is named mirrors."""
    kubectl("create", "-f", "-", stdin=json.dumps(gateway_class(name=namespace)))
    list_features(namespace, *WITHOUT_MIRROR)
    live = await cluster.create(public(namespace, "mirrors", namespace))
    await cluster.update_status(live, ACCEPTED)
    yield namespace
    kubectl("delete", "gatewayclass", namespace)


def list_features(name: str, *features: str) -> None:
    status = {"supportedFeatures": gateway_class(*features)["status"]["supportedFeatures"]}
    patch = ("--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))
    kubectl("patch", "gatewayclass", name, *patch)


def is_refused(class_name: str) -> Any:
    says = f"GatewayClass {class_name} of Gateway {class_name}/mirrors does not list {MIRROR} in "
    return lambda status: says in status["message"] and not status.get("candidate")


def mirrors(status: Manifest) -> bool:
    return bool(status["candidate"]["weight"].get("mirrored") == 20)


async def test_what_the_class_lists_decides_whether_a_rollout_starts(
    operator: Operator, cluster: Cluster, class_name: str
) -> None:
    await operator.apply("fraud", **wanted("v1"))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **wanted("v2"))
    await operator.until("fraud", is_refused(class_name))
    assert copies(await cluster.get("HTTPRoute", operator.namespace, "fraud")) == {}
    list_features(class_name, *WITHOUT_MIRROR, MIRROR)
    status = await operator.until("fraud", mirrors, moving=5)
    candidate = status["candidate"]["revision"]
    await operator.until("fraud", lambda s: bool(s["candidate"].get("effectiveSince")), moving=5)
    live = await cluster.get("HTTPRoute", operator.namespace, "fraud")
    assert copies(live) == {f"fraud-{candidate}": 20}
    list_features(class_name, *WITHOUT_MIRROR)
    await operator.until(
        "fraud", lambda s: s["candidate"]["weight"]["actual"] == 50, moving=5, within=60
    )


async def test_a_role_leaves_it_unknown_and_get_is_enough_to_know_it(
    namespace: str,
    class_name: str,
    kubeconfig: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = f"--serviceaccount={namespace}:operator"
    there = f"--namespace={namespace}"
    kubectl("create", "serviceaccount", "operator", there)
    kubectl("create", "rolebinding", "operator", "--clusterrole=cluster-admin", account, there)
    config = yaml.safe_load(kubeconfig.read_text())
    config["users"][0]["user"] = {"token": kubectl("create", "token", "operator", there).stdout}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    async with connect() as limited, Operator(limited, namespace) as operator:
        await operator.apply("fraud", **wanted("v1"))
        await operator.until("fraud", healthy("v1"))
        await operator.apply("fraud", **wanted("v2"))
        await operator.until("fraud", mirrors)
        await operator.apply("fraud", **wanted("v1"))
        await operator.until("fraud", healthy("v1"))
        admin = f"--kubeconfig={kubeconfig}"
        reading = ("--verb=get", "--resource=gatewayclasses.gateway.networking.k8s.io")
        kubectl("create", "clusterrole", namespace, *reading, admin)
        try:
            kubectl(
                *("create", "clusterrolebinding", namespace, account, admin),
                f"--clusterrole={namespace}",
            )
            await operator.apply("fraud", **wanted("v3"))
            await operator.until("fraud", is_refused(class_name))
        finally:
            kubectl("delete", "clusterrole,clusterrolebinding", namespace, admin)
