"""Models that speak gRPC: their calls are split by an HTTPRoute, as other requests are."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.stage.api import ApiError
from tests.stage.deadline import until
from tests.stage.deployed import Deployed, Status
from tests.stage.images import Source
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import CLUSTER, Stage

IMAGE: Final = Source("localhost/grpc-model", Path(__file__).parent / "grpc_model")
SERVING: Final = {
    "ports": [{"name": "grpc", "containerPort": 8081}, {"name": "metrics", "containerPort": 8080}],
    "readinessProbe": {"grpc": {"port": 8081}, "periodSeconds": 1},
    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
}
CHECKS: Final = [{"name": "errors", "errorRate": {}}, {"name": "split", "trafficShare": {}}]
CALLS: Final = 400
"""So many are split within 9 points of the share asked for: four standard deviations."""


@pytest.fixture(scope="module")
def image(product: Stage) -> str:
    return IMAGE.put(CLUSTER)


@pytest.fixture
def model(product: Stage, namespace: str, image: str) -> Model:
    return Model(
        namespace,
        "loan",
        image,
        container=SERVING,
        gateway=product.gateway,
        steps=[{"setWeight": 25}, {"pause": {}}],
        analysis={"interval": "1s", "checks": CHECKS},
    )


class Client:
    """A pod that calls the model without a pause, from one connection."""

    def __init__(self, product: Stage, model: Model) -> None:
        self._product = product
        self._namespace = model.namespace
        product.api.apply(_pod(product, model))
        until("calls are answered", self.answers, 240)

    def answers(self) -> Counter[str]:
        """All calls so far, by status and version."""
        try:
            told = self._product.api.log(self._namespace, "client", follow=False)
            return Counter(line.rstrip("\n") for line in told)
        except ApiError:  # it does not run yet
            return Counter()

    def next(self, calls: int) -> Counter[str]:
        """So many calls from now, or a few more."""
        before = self.answers()

        def later() -> Counter[str] | None:
            answers = self.answers() - before
            return answers if answers.total() >= calls else None

        return until(f"{calls} calls", later, 240)


def _waits_for_a_person(status: Status) -> bool:
    return bool(status["candidate"].get("hold", {}).get("reason") == "AwaitingCommand")


def _pod(product: Stage, model: Model) -> dict[str, Any]:
    target = product.gateway_url.removeprefix("http://") + ":80"
    container = {
        "name": "client",
        "image": model.image,
        "command": ["python", "client.py", target, model.host],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "client", "namespace": model.namespace},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
    }


def test_calls_of_one_connection_are_split_and_all_are_answered(
    product: Stage, model: Model
) -> None:
    loan = Deployed(product.api, model.namespace, "loan")
    product.api.apply(model.manifest())
    loan.until_healthy("v1")
    client = Client(product, model)
    loan.patch(model={"version": "v2"})
    candidate = loan.until_weight(25)["candidate"]["revision"]
    split = client.next(CALLS)
    assert split["OK v2"] / split.total() == pytest.approx(0.25, abs=0.09)
    loan.until("both checks have passed the step", _waits_for_a_person)
    loan.command(f"promote/{candidate}")
    loan.until_healthy("v2")
    assert client.next(100).keys() == {"OK v2"}
    assert client.answers().keys() == {"OK v1", "OK v2"}


def test_a_model_that_speaks_http_takes_over_at_once_and_not_in_steps(
    product: Stage, model: Model
) -> None:
    grpc = replace(model, name="moved")
    moved = Deployed(product.api, grpc.namespace, "moved")
    product.api.apply(grpc.manifest())
    moved.until_healthy("v1")
    http = Model(
        grpc.namespace, "moved", product.model_image, version="v2", gateway=product.gateway
    )
    product.api.apply(replace(http, steps=grpc.steps).manifest())
    status = moved.until("it is not started", lambda s: s["phase"] == "Degraded")
    assert "port grpc uses kubernetes.io/h2c" in status["message"]
    assert "candidate" not in status
    product.api.apply(http.manifest())
    moved.until_healthy("v2")
    target = Target(product.gateway_url, http.host, rate=20)
    with Load(product.api, http.image, http.namespace, target) as clients:
        assert clients.seen.versions.keys() == {"v2"}
