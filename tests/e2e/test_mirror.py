"""What a candidate shows before a client meets it: by copies of requests, and to people.

The model's own versions: v3 fails on 4.8% of the applications, v4 decides otherwise, and v2 is
better than v1.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.stage.broken_servers import taking
from tests.stage.deadline import until
from tests.stage.deployed import Deployed
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage

ASKS = """
import sys, urllib.request
url, host, *fields = sys.argv[1:]
headers = {"Host": host, **dict(field.split("=") for field in fields)}
request = urllib.request.Request(url + "/v2/models/loan", headers=headers)
with urllib.request.urlopen(request, timeout=10) as answer:
    print(answer.headers["model-version"])
"""
STEPS: Any = [{"mirror": {"percent": 50}}, {"setWeight": 50}, {"pause": {"duration": "5s"}}]
CHECKS: Any = [
    {"name": "errors", "errorRate": {}},
    {"name": "drift", "predictionDrift": {}},
    {"name": "split", "trafficShare": {}},
]


@pytest.fixture
def model(product: Stage, namespace: str) -> Model:
    return Model(
        namespace,
        "loan",
        product.model_image,
        gateway=product.gateway,
        steps=STEPS,
        analysis={"interval": "2s", "checks": CHECKS},
    )


@pytest.fixture
def loan(product: Stage, namespace: str, model: Model) -> Iterator[Deployed]:
    """Version v1 of the model serves."""
    product.api.apply(model.manifest())
    found = Deployed(product.api, namespace, "loan")
    found.until_healthy("v1")
    yield found
    product.api.delete("ModelDeployment", namespace, "loan")
    until("its pods are gone", lambda: not found.pods(), 120)


@pytest.fixture
def clients(product: Stage, loan: Deployed, model: Model) -> Iterator[Load]:
    target = Target(product.gateway_url, model.host, rate=60)
    with Load(product.api, product.model_image, loan.namespace, target) as load:
        load.begin()
        yield load


def not_one_met_it(clients: Load, version: str) -> None:
    """No client got an answer of that version, and none failed."""
    seen = clients.seen
    assert seen.requests(version) == 0
    assert not seen.model_failures
    assert not clients.unexplained_at


@pytest.mark.parametrize(
    ("version", "check"),
    [("v3", "errors"), pytest.param("v4", "drift", marks=pytest.mark.live)],
)
def test_a_bad_one_is_found_by_copies(
    product: Stage, loan: Deployed, model: Model, clients: Load, version: str, check: str
) -> None:
    product.api.apply(replace(model, version=version).manifest())
    rejected = loan.until_rejected(within=240)["rejected"]
    assert rejected["reason"] == "CheckFailed"
    assert f"Check {check}" in rejected["message"]
    not_one_met_it(clients, version)
    print(f"{version}: {rejected['message']}")


@pytest.mark.live
def test_a_good_one_gets_a_weight_after_copies(
    product: Stage, loan: Deployed, model: Model, clients: Load
) -> None:
    product.api.apply(replace(model, version="v2").manifest())
    copied = loan.until("copies", lambda s: s["candidate"]["weight"].get("mirrored") == 50)
    assert copied["candidate"]["weight"]["wanted"] == 0
    loan.until_weight(50, within=240)
    loan.until_healthy("v2", within=240)
    assert not clients.stop().model_failures
    assert not clients.unexplained_at


def test_people_try_it_by_a_header_or_at_a_host_while_clients_do_not(
    product: Stage, loan: Deployed, model: Model, clients: Load
) -> None:
    host = f"try.{model.host}"
    tried = {"headers": [{"name": "x-try", "value": "yes"}], "hostnames": [host]}
    steps: Any = [{"preview": tried}, {"pause": {}}]
    product.api.apply(replace(model, version="v2", steps=steps).manifest())
    paused = loan.until("paused", lambda s: s["candidate"]["hold"]["reason"] == "AwaitingCommand")

    def answered_by(*fields: str, at: str = model.host) -> str:
        [pod, *_] = loan.pods(paused["stable"]["revision"])
        where = (pod["metadata"]["name"], f"--namespace={loan.namespace}", "--container=model")
        asks = ("python", "-c", ASKS, product.gateway_url, at, *fields)
        return product.api.run("exec", *where, "--", *asks).strip()

    assert answered_by("x-try=yes") == answered_by(at=host) == "v2"
    assert answered_by() == answered_by("x-try=no") == "v1"
    not_one_met_it(clients, "v2")
    loan.command(f"promote/{paused['candidate']['revision']}")
    loan.until_healthy("v2")
    assert answered_by("x-try=yes") == "v2"
    with pytest.raises(RuntimeError, match="404"):
        answered_by(at=host)


@pytest.mark.live
def test_one_that_is_slower_by_a_third_is_found_by_copies(
    product: Stage, loan: Deployed, model: Model, clients: Load
) -> None:
    checks = [{"name": "slow", "latency": {}}]
    model = replace(model, analysis={"interval": "2s", "checks": checks}, steps=STEPS)
    slow = replace(model, version="v1", container=taking(0.2), steps=())
    product.api.apply(slow.manifest())
    loan.until("it takes 200 ms", lambda s: not s.get("candidate") and s["phase"] == "Healthy")
    product.api.apply(replace(model, version="v2", container=taking(0.26)).manifest())
    rejected = loan.until_rejected(within=600)["rejected"]
    print(json.dumps(rejected))
    not_one_met_it(clients, "v2")
