"""A Gateway is deleted in mid-rollout. Its controller leaves what it said of the route last, by
which all would be well; nothing is served, and so nothing goes on."""

from typing import Any

import pytest

from tests.stage.deployed import Deployed
from tests.stage.manifests import IDLE, Model
from tests.stage.stage import Stage

pytestmark = pytest.mark.live

STEPS: list[dict[str, Any]] = [{"setWeight": 50}, {"pause": {"duration": "20s"}}]
GATEWAY = "own"


def test_nothing_is_promoted_without_it_and_once_it_is_back_the_step_begins_anew(
    product: Stage, namespace: str
) -> None:
    public = product.gateway
    live = product.api.get("Gateway", public["namespace"], public["name"])
    own = {
        "apiVersion": live["apiVersion"],
        "kind": "Gateway",
        "metadata": {"name": GATEWAY, "namespace": namespace},
        "spec": {
            "gatewayClassName": live["spec"]["gatewayClassName"],
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
        },
    }
    product.api.apply(own)
    image, gateway = product.model_image, {"name": GATEWAY}
    model = Model(namespace, "lonely", image, container=IDLE, gateway=gateway, steps=STEPS)
    product.api.apply(model.manifest())
    deployed = Deployed(product.api, namespace, "lonely")
    deployed.until_healthy("v1")
    deployed.patch(model={"version": "v2"})
    deployed.until("its step has begun", _in_effect)

    product.api.delete("Gateway", namespace, GATEWAY)
    told = deployed.until("the step is over", lambda s: not _in_effect(s))
    assert f"Gateway {namespace}/{GATEWAY} does not exist" in told["message"]
    assert told["phase"] == "Unavailable"
    route = product.api.get("HTTPRoute", namespace, "lonely")
    assert _accepted(route), "the route tells it as well, and this test of nothing"

    product.api.apply(own)
    deployed.until("its step has begun anew", _in_effect)
    deployed.until_healthy("v2")


def _in_effect(status: dict[str, Any]) -> bool:
    return "effectiveSince" in (status.get("candidate") or {})


def _accepted(route: dict[str, Any]) -> bool:
    conditions = [c for parent in route["status"]["parents"] for c in parent["conditions"]]
    return all(c["status"] == "True" for c in conditions)
