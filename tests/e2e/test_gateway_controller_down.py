"""The gateway's controller stops: its proxies go on by the last routes that they were given, and no
request is lost to a pod that was deleted while they still led to it."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import pytest

from tests.cluster.addons import GATEWAY_SYSTEM
from tests.stage.deadline import until
from tests.stage.deployed import Deployed
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage

pytestmark = [pytest.mark.live, pytest.mark.alone]

COMMANDS: Final = {"rolled-back": "abort", "promoted": "promote"}
DOWN_SECONDS: Final = 45.0
"""Longer than the pods of a revision that lost its traffic stay up by default."""


@dataclass(frozen=True)
class Outage:
    """What was left of a rollout that a command had ended while the controller was down."""

    message: str
    pods: Mapping[str, int]
    """By version."""


@pytest.fixture(scope="module")
def outages(product: Stage, namespace: str) -> Iterator[Mapping[str, tuple[Outage, Load]]]:
    """Both rollouts through one outage; then they are over, and their clients still send."""
    models = {name: _model(product, namespace, name) for name in COMMANDS}
    for model in models.values():
        product.api.apply(model.manifest())
    deployed = {name: Deployed(product.api, namespace, name) for name in COMMANDS}
    for each in deployed.values():
        each.until_healthy("v1")
    with ExitStack() as stack:
        loads = {name: stack.enter_context(_load(product, models[name])) for name in COMMANDS}
        for name, model in models.items():
            product.api.apply(replace(model, version="v2").manifest())
            deployed[name].until_weight(50)
        with _no_controller(product):
            for name, command in COMMANDS.items():
                candidate = deployed[name].status()["candidate"]["revision"]
                deployed[name].command(f"{command}/{candidate}")
            time.sleep(DOWN_SECONDS)
            found = {name: _outage(each) for name, each in deployed.items()}
        for each in deployed.values():
            each.until("what lost its traffic is gone", lambda s: not s["retiring"])
            until("its pods are gone", partial(_alone, each), 180)
        time.sleep(5)
        yield {name: (found[name], loads[name]) for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_pods_that_the_proxies_still_lead_to_stay_and_the_status_says_why(
    outages: Mapping[str, tuple[Outage, Load]], name: str
) -> None:
    outage, _ = outages[name]
    assert outage.pods == {"v1": 1, "v2": 1}
    assert "may still get traffic" in outage.message
    assert "has not yet accepted the current generation of the route" in outage.message


@pytest.mark.parametrize(("name", "stable"), [("rolled-back", "v1"), ("promoted", "v2")])
def test_no_request_is_lost_to_a_deleted_pod(
    outages: Mapping[str, tuple[Outage, Load]], name: str, stable: str
) -> None:
    _, load = outages[name]
    assert set(load.latest.versions) == {stable}
    clients = load.stop()
    assert set(clients.versions) == {"v1", "v2"}
    assert not clients.unexplained, load.unexplained_at
    assert not +clients.model_failures


def _alone(deployed: Deployed) -> bool:
    return len(deployed.pods()) == 1


def _model(product: Stage, namespace: str, name: str) -> Model:
    steps: list[dict[str, Any]] = [{"setWeight": 50}, {"pause": {}}]
    return Model(namespace, name, product.model_image, gateway=product.gateway, steps=steps)


def _load(product: Stage, model: Model) -> Load:
    target = Target(product.gateway_url, model.host, rate=20)
    return Load(product.api, product.model_image, model.namespace, target)


def _outage(deployed: Deployed) -> Outage:
    status = deployed.until("what is waited for is told", lambda s: "may still" in s["message"])
    versions = [_version(pod) for pod in deployed.pods()]
    return Outage(status["message"], {name: versions.count(name) for name in versions})


def _version(pod: Mapping[str, object]) -> str:
    spec = pod["spec"]
    assert isinstance(spec, dict)
    environment = {each["name"]: each.get("value") for each in spec["containers"][0]["env"]}
    return str(environment["MODEL_VERSION"])


@contextmanager
def _no_controller(product: Stage) -> Iterator[None]:
    """Envoy Gateway is down; its proxies run on."""
    _scale(product, 0)
    try:
        until("the gateway's controller is gone", lambda: not _controllers(product), 180)
        yield
    finally:
        _scale(product, 1)


def _scale(product: Stage, replicas: int) -> None:
    scale = {"spec": {"replicas": replicas}}
    product.api.merge("Deployment", GATEWAY_SYSTEM, "envoy-gateway", scale, sub="/scale")


def _controllers(product: Stage) -> list[str]:
    labels = {"control-plane": "envoy-gateway"}
    found = product.api.list("Pod", GATEWAY_SYSTEM, labels)
    return [pod["metadata"]["name"] for pod in found]
