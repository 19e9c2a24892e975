"""A second Prometheus beside the first: an Error names the remedy, nothing is decided, and with the
operator's settings as they should be the rollout goes on."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest

from tests.stage import prometheus
from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.operator import Operator
from tests.stage.stage import Stage

pytestmark = pytest.mark.live

PAIR: Final = ("pair-a", "pair-b")
STORE: Final = "store"
SERVICE: Final = "pair"
TOLD_WITHIN: Final = 40.0
HELD_FOR: Final = 10.0
"""Seconds of an Error in which nothing may be decided."""


@dataclass(frozen=True)
class Setting:
    """How the operator is told of the pair: without care, and as it should be; each the name of a
    Service, and values of the chart."""

    wrong: str
    says: str
    right: str
    values: Mapping[str, str] = field(default_factory=dict)
    """Those that go with the right one."""


SETTINGS: Final = {
    "one-service": Setting(
        wrong=SERVICE,
        says="give the operator the address of one replica",
        right=PAIR[0],
    ),
    "one-store": Setting(
        wrong=STORE,
        says="--prometheus-replica-labels=replica",
        right=STORE,
        values={"prometheus.replicaLabels": "{replica}"},
    ),
}


@pytest.fixture(scope="module")
def pair(product: Stage, namespace: str) -> None:
    """Two Prometheus that scrape the same pods, behind one Service, and a store that both write
    to."""
    receiver = ["--web.enable-remote-write-receiver"]
    idle: dict[str, Any] = {"scrape_configs": []}
    prometheus.start(product.api, namespace, STORE, settings=idle, arguments=receiver)
    write = [{"url": f"{prometheus.address(namespace, STORE)}/api/v1/write"}]
    for name in PAIR:
        told_apart = {"external_labels": {"replica": name}}
        prometheus.start(
            product.api,
            namespace,
            name,
            settings={"global": told_apart, "remote_write": write},
            labels={"pair": "true"},
        )
    product.api.apply(prometheus.service(namespace, SERVICE, {"pair": "true"}))


@contextmanager
def serving(product: Stage, model: Model) -> Iterator[Deployed]:
    """The model's first version, under traffic."""
    deployed = Deployed(product.api, model.namespace, model.name)
    product.api.apply(model.manifest())
    deployed.until_healthy("v1")
    target = Target(product.gateway_url, model.host, rate=60)
    with Load(product.api, product.model_image, model.namespace, target):
        yield deployed


@pytest.mark.parametrize("name", SETTINGS)
def test_a_second_replica_is_an_error_with_the_remedy_and_then_the_rollout_goes_on(
    product: Stage, operator: Operator, namespace: str, pair: None, name: str
) -> None:
    setting = SETTINGS[name]

    def read(service: str, values: Mapping[str, str]) -> None:
        address = {"prometheus.url": prometheus.address(namespace, service)}
        operator.install(product.operator_image, {**address, **values})

    model = Model(
        namespace,
        name,
        product.model_image,
        gateway=product.gateway,
        steps=[{"setWeight": 50}],
        analysis={
            "interval": "2s",
            "minRequests": 3000,
            "maxStepDuration": "30m",
            # what is asked at the same time goes over connections of its own
            "checks": [
                {"name": "errors", "errorRate": {}},
                {"name": "drift", "predictionDrift": {}},
                {"name": "up", "threshold": {"query": "min(up{$arm})", "min": 0}},
                {"name": "down", "threshold": {"query": "max(up{$arm})", "max": 2}},
            ],
        },
        spec={"class": operator.klass},
    )
    read(setting.wrong, {})
    with serving(product, model) as deployed:
        product.api.apply(replace(model, version="v2").manifest())
        _until_told(operator, deployed, setting.says)
        before = deployed.status()
        ends = time.time() + HELD_FOR
        while time.time() < ends and setting.says in _told(now := deployed.status()):
            assert now["decisions"] == before["decisions"]
            assert now["candidate"]["weight"] == before["candidate"]["weight"]
            time.sleep(1)
        read(setting.right, setting.values)
        deployed.until_healthy("v2", within=300)


def _until_told(operator: Operator, deployed: Deployed, words: str) -> None:
    """Where all connections lead to one replica by chance, nothing is wrong: then new ones are
    made."""
    for _ in range(5):
        try:
            deployed.until(words, lambda s: words in _told(s), TOLD_WITHIN)
        except TimeoutError:
            operator.kill()
            operator.until_ready()
        else:
            return
    raise AssertionError(f"nothing said {words!r}: {_told(deployed.status())}")


def _told(status: Status) -> str:
    candidate = status.get("candidate") or {}
    return " ".join(check["message"] for check in candidate.get("checks", []))
