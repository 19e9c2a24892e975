"""A second Prometheus beside the first: an Error names the remedy, nothing is decided, and with the
operator's settings as they should be the rollout goes on."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from tests.stage.api import Manifest
from tests.stage.deadline import until
from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage

MONITORING: Final = "monitoring"
PAIR: Final = ("pair-a", "pair-b")
STORE: Final = "store"
TOLD_WITHIN: Final = 40.0
HELD_FOR: Final = 10.0
"""Seconds of an Error in which nothing may be decided."""


@dataclass(frozen=True)
class Setting:
    """How the operator is told of the pair: without care, and as it should be."""

    wrong: dict[str, str]
    says: str
    right: dict[str, str]


SETTINGS: Final = {
    "one-service": Setting(
        wrong={"prometheus.url": "http://pair.monitoring:9090"},
        says="give the operator the address of one replica",
        right={"prometheus.url": "http://pair-a.monitoring:9090"},
    ),
    "one-store": Setting(
        wrong={"prometheus.url": "http://store.monitoring:9090"},
        says="--prometheus-replica-labels=replica",
        right={
            "prometheus.url": "http://store.monitoring:9090",
            "prometheus.replicaLabels": "{replica}",
        },
    ),
}


@pytest.fixture(scope="module")
def pair(product: Stage) -> Iterator[None]:
    """Two Prometheus that scrape the same pods, behind one Service, and a store that both write to;
    the operator reads the cluster's own again at the end."""
    objects = [*_prometheus(product, STORE), *_service("pair", {"pair": "true"})]
    for name in PAIR:
        objects += _prometheus(product, name)
    for each in objects:
        product.api.apply(each)
    for name in (STORE, *PAIR):
        until(f"{name} is ready", lambda name=name: _is_ready(product, name), 90)  # type: ignore[misc]
    yield
    product.operator.install(product.operator_image)
    for each in objects:
        product.api.delete(each["kind"], MONITORING, each["metadata"]["name"])


def _prometheus(product: Stage, name: str) -> list[Manifest]:
    """One like the cluster's own, with a place of its own for what it keeps."""
    own = product.api.get("ConfigMap", MONITORING, "prometheus")["data"]["prometheus.yml"]
    settings, scraping = own.split("scrape_configs:")
    if name == STORE:
        written = "{}"
    else:
        written = (
            settings.replace("}", f", external_labels: {{replica: {name}}}}}")
            + f"remote_write: [{{url: http://{STORE}.{MONITORING}:9090/api/v1/write}}]\n"
            + f"scrape_configs:{scraping}"
        )
    deployment = product.api.get("Deployment", MONITORING, "prometheus")
    pod = json.loads(json.dumps(deployment["spec"]["template"]["spec"]))
    container = pod["containers"][0]
    container["args"] = [
        "--config.file=/etc/prometheus/prometheus.yml",
        "--storage.tsdb.path=/data",
        "--web.enable-remote-write-receiver",
    ]
    pod["securityContext"] = {"fsGroup": 65534}
    pod["volumes"] = [
        {"name": "config", "configMap": {"name": name}},
        {"name": "data", "emptyDir": {}},
    ]
    labels = {"app": name} | ({"pair": "true"} if name in PAIR else {})
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    return [
        _object("ConfigMap", name, data={"prometheus.yml": written}),
        _object("Deployment", name, spec=spec),
        *_service(name, {"app": name}),
    ]


def _service(name: str, selector: dict[str, str]) -> list[Manifest]:
    ports = [{"name": "http", "port": 9090}]
    return [_object("Service", name, spec={"selector": selector, "ports": ports})]


def _object(kind: str, name: str, **content: Any) -> Manifest:
    version = "apps/v1" if kind == "Deployment" else "v1"
    metadata = {"name": name, "namespace": MONITORING}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}


def _is_ready(product: Stage, name: str) -> bool:
    live = product.api.get("Deployment", MONITORING, name)
    return bool(live.get("status", {}).get("availableReplicas"))


@contextmanager
def serving(product: Stage, model: Model) -> Iterator[Deployed]:
    """The model's first version, under traffic."""
    deployed = Deployed(product.api, model.namespace, model.name)
    product.api.apply(model.manifest())
    deployed.until_healthy("v1", within=120)
    target = Target(product.gateway_url, model.host, rate=60, longest=600)
    with Load(product.api, product.model_image, model.namespace, target):
        yield deployed


@pytest.mark.parametrize("name", SETTINGS)
def test_a_second_replica_is_an_error_with_the_remedy_and_then_the_rollout_goes_on(
    product: Stage, namespace: str, pair: None, name: str
) -> None:
    setting = SETTINGS[name]
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
    )
    product.operator.install(product.operator_image, setting.wrong)
    with serving(product, model) as deployed:
        product.api.apply(replace(model, version="v2").manifest())
        _until_told(product, deployed, setting.says)
        before = deployed.status()
        ends = time.time() + HELD_FOR
        while time.time() < ends and setting.says in _told(now := deployed.status()):
            assert now["decisions"] == before["decisions"]
            assert now["candidate"]["weight"] == before["candidate"]["weight"]
            time.sleep(1)
        product.operator.install(product.operator_image, setting.right)
        deployed.until_healthy("v2", within=300)


def _until_told(product: Stage, deployed: Deployed, words: str) -> None:
    """Where all connections lead to one replica by chance, nothing is wrong: then new ones are
    made."""
    for _ in range(3):
        try:
            deployed.until(words, lambda s: words in _told(s), TOLD_WITHIN)
        except TimeoutError:
            product.operator.kill()
            product.operator.until_ready()
        else:
            return
    raise AssertionError(f"nothing said {words!r}: {_told(deployed.status())}")


def _told(status: Status) -> str:
    candidate = status.get("candidate") or {}
    return " ".join(check["message"] for check in candidate.get("checks", []))
