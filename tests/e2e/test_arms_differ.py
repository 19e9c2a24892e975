"""Clients of one kind that reach the candidate alone: the rollout is held with the feature's name,
blames no model, and goes on by itself."""

import pytest

from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.recordings import keep
from tests.stage.stage import Stage

pytestmark = pytest.mark.live

CHECKS = [{"name": "errors", "errorRate": {}}, {"name": "drift", "predictionDrift": {}}]


def _arms_differ(status: Status) -> bool:
    hold = (status.get("candidate") or {}).get("hold") or {}
    return hold.get("reason") == "ArmsDiffer"


def test_a_candidate_that_is_asked_by_other_clients_is_held_until_they_are_gone(
    product: Stage, namespace: str
) -> None:
    model = Model(
        namespace,
        "loan",
        product.model_image,
        gateway=product.gateway,
        steps=[{"setWeight": 50}, {"pause": {"duration": "120s"}}],
        analysis={"interval": "1s", "checks": CHECKS},
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    stable = loan.until_healthy("v1")["stable"]["revision"]
    route = Target(product.gateway_url, model.host, 60)
    with Load(product.api, product.model_image, namespace, route) as clients:
        loan.patch(model={"version": "v2"})
        revision = loan.until_weight(50)["candidate"]["revision"]
        rich, usual = (
            Target(f"http://loan-{each}.{namespace}.svc.cluster.local", host, rate, income=income)
            for each, host, rate, income in (
                (revision, "rich.example.com", 10, 20),
                (stable, "usual.example.com", 10, 1),
            )
        )
        with (
            Load(product.api, product.model_image, namespace, usual),
            Load(product.api, product.model_image, namespace, rich),
        ):
            status = loan.until("the revisions are asked differently", _arms_differ)
            assert status["phase"] == "Degraded"
            assert "income" in status["message"]
            assert loan.status().get("rejected") is None
        loan.until_healthy("v2")
        assert not clients.stop().unexplained, clients.unexplained_at
    keep(product, loan, "arms-differ")
