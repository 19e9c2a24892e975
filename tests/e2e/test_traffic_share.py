"""Clients that go around the route: the rollout is held, blames no model, and goes on by itself."""

import pytest

from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.recordings import keep
from tests.stage.stage import Stage

pytestmark = pytest.mark.live

CHECKS = [{"name": "split", "trafficShare": {}}, {"name": "errors", "errorRate": {}}]


def _split_is_wrong(status: Status) -> bool:
    hold = (status.get("candidate") or {}).get("hold") or {}
    return hold.get("reason") == "TrafficSplitWrong"


def test_requests_that_go_around_the_route_hold_the_rollout_until_they_end(
    product: Stage, namespace: str
) -> None:
    model = Model(
        namespace,
        "loan",
        product.model_image,
        gateway=product.gateway,
        steps=[{"setWeight": 20}, {"pause": {"duration": "60s"}}],
        analysis={"interval": "1s", "checks": CHECKS},
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    loan.until_healthy("v1")
    route = Target(product.gateway_url, model.host, 60)
    with Load(product.api, product.model_image, namespace, route) as clients:
        loan.patch(model={"version": "v2"})
        revision = loan.until_weight(20)["candidate"]["revision"]
        service = f"http://loan-{revision}.{namespace}.svc.cluster.local"
        around = Target(service, "around.example.com", 30)
        with Load(product.api, product.model_image, namespace, around):
            status = loan.until("the split is wrong", _split_is_wrong)
            assert status["phase"] == "Degraded"
            assert "at a weight of 20%" in status["message"]
            assert loan.status().get("rejected") is None
        loan.until_healthy("v2")
        assert not clients.stop().unexplained, clients.unexplained_at
    keep(product, loan, "traffic-share")
