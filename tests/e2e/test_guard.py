"""A model that goes bad after its promotion: the previous revision takes the traffic back."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import pytest

from tests.stage.broken_servers import depending
from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage

RATE: Final = 40.0


@dataclass(frozen=True)
class Guarded:
    """v2 is promoted and guarded, and depends on a server that v1 does without."""

    loan: Deployed
    features: Deployed
    load: Load


@pytest.fixture
def guarded(product: Stage, namespace: str) -> Iterator[Guarded]:
    store = Model(namespace, "features", product.model_image)
    product.api.apply(store.manifest())
    features = Deployed(product.api, namespace, "features")
    features.until_healthy("v1")
    model = Model(
        namespace,
        "loan",
        product.model_image,
        replicas=2,
        gateway=product.gateway,
        steps=[{"setWeight": 50}],
        analysis={"interval": "2s", "checks": [{"name": "errors", "errorRate": {}}]},
        rollout={"guard": {"duration": "30m", "holdback": "10%"}, "scaleDownDelay": "5s"},
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    loan.until_healthy("v1")
    target = Target(product.gateway_url, model.host, rate=RATE)
    with Load(product.api, product.model_image, namespace, target) as load:
        needy = depending(f"http://features.{namespace}.svc.cluster.local")
        product.api.apply(replace(model, version="v2", container=needy).manifest())
        loan.until("v2 is promoted and guarded", _is_guarded)
        yield Guarded(loan, features, load)


def test_it_takes_the_traffic_back_and_no_request_is_lost_but_the_models_own(
    guarded: Guarded,
) -> None:
    loan = guarded.loan
    loan.until_weight(90)
    assert loan.status()["phase"] == "Healthy"
    guarded.features.patch(replicas=0)
    status = loan.until_rejected()
    assert status["rejected"]["reason"] == "GuardFailed"
    assert status["stable"]["version"] == "v1"
    loan.until("only v1's pods are left", lambda s: not s.get("retiring"))
    clients = guarded.load.stop()
    assert not clients.unexplained, guarded.load.unexplained_at
    assert set(+clients.model_failures) == {"v2"}
    assert set(guarded.load.latest.versions) == {"v1"}


def _is_guarded(status: Status) -> bool:
    candidate = status.get("candidate") or {}
    return bool(candidate.get("guarding") and candidate.get("effectiveSince"))
