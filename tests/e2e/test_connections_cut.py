"""A candidate that counts requests as answered and cuts their connections: its own counters have no
error, and the gateway's have."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.stage.broken_servers import cutting
from tests.stage.deadline import until
from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.prometheus import query
from tests.stage.stage import Stage

pytestmark = pytest.mark.live

CUTS: Final = cutting(0.1)
BY_PODS: Final[Any] = {"name": "errors", "errorRate": {}}
BY_GATEWAY: Final[Any] = {"name": "gateway", "preset": "EnvoyGateway", "errorRate": {}}

ENDS_AT_ONCE: Final[Any] = {
    "type": "StrategicMerge",
    "value": {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}},
}
"""The proxy: otherwise it drains for six minutes, and the namespace stays as long."""


@pytest.fixture(scope="module")
def gateway(product: Stage, namespace: str) -> dict[str, str]:
    """One like the cluster's own, which counts by Service; Prometheus scrapes its proxy."""
    name = product.gateway["name"]
    for kind in ("EnvoyProxy", "Gateway"):
        live = product.api.get(kind, product.gateway["namespace"], name)
        spec = live["spec"]
        if kind == "EnvoyProxy":
            spec["mergeBackends"] = {}
            spec["provider"]["kubernetes"]["envoyDeployment"]["patch"] = ENDS_AT_ONCE
        own = {"name": name, "namespace": namespace}
        product.api.apply(
            {"apiVersion": live["apiVersion"], "kind": kind, "metadata": own, "spec": spec}
        )

    def serves() -> bool:
        live = product.api.get("Gateway", namespace, name)
        told = (live.get("status") or {}).get("conditions") or []
        return any((each["type"], each["status"]) == ("Programmed", "True") for each in told)

    until("the gateway serves", serves, 180)
    return {**product.gateway, "namespace": namespace}


@pytest.fixture
def model(product: Stage, gateway: dict[str, str]) -> Model:
    """It is judged by its own counters and by the gateway's."""
    return Model(
        gateway["namespace"],
        "loan",
        product.model_image,
        gateway=gateway,
        steps=[{"setWeight": 50}],
        analysis={"interval": "2s", "checks": [BY_PODS, BY_GATEWAY]},
    )


@pytest.fixture
def loan(product: Stage, model: Model) -> Iterator[Deployed]:
    """Version v1 serves, which cuts nothing."""
    product.api.apply(model.manifest())
    found = Deployed(product.api, model.namespace, model.name)
    found.until_healthy("v1")
    yield found
    product.api.delete("ModelDeployment", model.namespace, model.name)
    until("its pods are gone", lambda: not found.pods(), 120)


@pytest.fixture
def clients(
    product: Stage, gateway: dict[str, str], loan: Deployed, model: Model
) -> Iterator[Load]:
    url = "http://{name}.{namespace}.svc.cluster.local".format_map(gateway)
    target = Target(url, model.host, rate=60)
    with Load(product.api, product.model_image, loan.namespace, target) as load:
        load.begin()
        yield load


def counted(product: Stage, revision: str) -> dict[str, float]:
    """Requests by code, as the pods of a revision count them."""
    asked = f'sum by (code) (model_requests_total{{pod=~"loan-{revision}-.*"}})'
    found = query(product.prometheus_url, asked)
    return {each["metric"]["code"]: float(each["value"][1]) for each in found}


def test_one_that_cuts_connections_is_found_by_what_the_gateway_counts(
    product: Stage, loan: Deployed, model: Model, clients: Load
) -> None:
    product.api.apply(replace(model, version="v2", container=CUTS).manifest())
    by_name: dict[str, Any] = {}

    def rejected(status: Status) -> Any:
        checks = (status.get("candidate") or {}).get("checks", [])
        by_name.update({each["name"]: each for each in checks})
        return status.get("rejected")

    found = loan.until("rejected", rejected, within=420)["rejected"]
    assert found["reason"] == "CheckFailed"
    assert found["message"].startswith("Check gateway: Candidate errors ")
    assert ", stable 0/" in found["message"]
    assert by_name["errors"]["verdict"] != "Fail"
    by_code = until("its pods are scraped", lambda: counted(product, found["revision"]), 60)
    print(json.dumps({"rejected": found["message"], "by its pods": by_code}))
    assert by_code["200"] > 0
    assert not any(count for code, count in by_code.items() if code != "200")
    assert not clients.seen.model_failures
    assert clients.seen.other_failures["http_503"]


def test_by_its_own_counters_it_is_promoted(
    product: Stage, loan: Deployed, model: Model, clients: Load
) -> None:
    by_pods = {**model.analysis, "checks": [BY_PODS]}
    product.api.apply(replace(model, version="v2", container=CUTS, analysis=by_pods).manifest())
    loan.until_healthy("v2", within=420)
    assert not clients.seen.model_failures
    assert clients.seen.other_failures["http_503"]


def test_one_that_cuts_none_is_promoted_by_both(
    product: Stage, loan: Deployed, model: Model, clients: Load
) -> None:
    product.api.apply(replace(model, version="v2").manifest())
    loan.until_healthy("v2", within=420)
    assert not clients.stop().unexplained, clients.unexplained_at
