"""A surge in mid-canary: the real autoscaler and a real metrics-server scale both revisions."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import addons
from tests.stage.deadline import until
from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.manifests import SERVING, Model
from tests.stage.stage import Stage

pytestmark = [pytest.mark.live, pytest.mark.alone]

FEWEST, MOST = 2, 6
WEIGHT = 34
CALM, SURGE = 4.0, 130.0
"""Requests a second, all together."""
AUTOSCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "loan"},
    "spec": {
        "scaleTargetRef": {
            "apiVersion": "serinus.dev/v1alpha1",
            "kind": "ModelDeployment",
            "name": "loan",
        },
        "minReplicas": FEWEST,
        "maxReplicas": MOST,
        "metrics": [
            {
                "type": "Resource",
                "resource": {
                    "name": "cpu",
                    "target": {"type": "AverageValue", "averageValue": "60m"},
                },
            }
        ],
        # within a test's time; by default it waits for five minutes
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 15}},
    },
}


@pytest.fixture(scope="module")
def metrics_server(product: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the autoscaler reads; there for this test alone, for while it starts no namespace can
    be deleted."""
    file = tmp_path_factory.mktemp("metrics") / "metrics-server.yaml"
    file.write_text(addons.manifest("metrics-server.yaml"))
    product.api.run("apply", "--server-side", "-f", str(file))
    product.api.run(
        *("wait", "apiservice/v1beta1.metrics.k8s.io"),
        *("--for=condition=Available", "--timeout=240s"),
    )
    yield
    product.api.run("delete", "-f", str(file))


def pods_of(status: Status) -> tuple[int, int]:
    """Ready pods of stable and of the candidate."""
    return status["stable"]["readyReplicas"], status["candidate"]["readyReplicas"]


def share(replicas: int) -> int:
    """The candidate's pods at its weight."""
    return -(-replicas * WEIGHT // 100)


def scaled(loan: Deployed, what: str, enough: Any) -> int:
    """The number of replicas once it is as asked for and both revisions have their pods."""

    def look() -> int | None:
        live = loan.live()
        replicas: int = live["spec"]["replicas"]
        candidate = live["status"].get("candidate")
        assert candidate, f"the rollout ended: {live['status']['message']}"
        assert candidate["weight"]["wanted"] == WEIGHT
        wanted = (replicas, share(replicas))
        return replicas if enough(replicas) and pods_of(live["status"]) == wanted else None

    def seen() -> str:
        autoscaler = loan.api.run("get", "hpa", "loan", f"-n{loan.namespace}", "-o", "json")
        live = loan.live()
        return json.dumps([live["spec"]["replicas"], live["status"], json.loads(autoscaler)])[
            -3000:
        ]

    return until(what, look, 240, seen=seen)


def test_a_surge_in_mid_canary_scales_both_revisions_in_their_shares_and_down_again(
    product: Stage, namespace: str, metrics_server: None, tmp_path: Path
) -> None:
    model = Model(
        namespace,
        "loan",
        product.model_image,
        replicas=FEWEST,
        container={**SERVING, "resources": {"requests": {"cpu": "10m", "memory": "100Mi"}}},
        gateway=product.gateway,
        steps=[{"setWeight": WEIGHT}, {"pause": {}}],
        rollout={"progressDeadline": "2m"},
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    loan.until_healthy("v1")
    file = tmp_path / "autoscaler.json"
    file.write_text(json.dumps(AUTOSCALER))
    product.api.run("create", f"-n{namespace}", "-f", str(file))

    def load(rate: float) -> Load:
        target = Target(product.gateway_url, model.host, rate)
        return Load(product.api, product.model_image, namespace, target)

    with load(CALM) as calm:
        loan.patch(model={"version": "v2"})
        loan.until_weight(WEIGHT)
        assert scaled(loan, "calm", lambda n: n == FEWEST) == FEWEST
        with load(SURGE) as surge:
            most = scaled(loan, "the surge scales up", lambda n: n > FEWEST + 1)
            assert share(most) > share(FEWEST)
            clients = surge.stop()
            assert not clients.unexplained, surge.unexplained_at
        assert scaled(loan, "down again", lambda n: n == FEWEST) == FEWEST
        revision = loan.status()["candidate"]["revision"]
        loan.command(f"promote/{revision}")
        loan.until_healthy("v2")
        assert not calm.stop().unexplained, calm.unexplained_at
