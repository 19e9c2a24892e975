"""What both revisions depend on fails for a minute in mid-canary: nobody is blamed, and the rollout
goes on."""

import time
from dataclasses import replace
from typing import Final

import pytest

from tests.stage.broken_servers import depending
from tests.stage.deadline import until
from tests.stage.deployed import Deployed, Status
from tests.stage.load import Clients, Load, Target
from tests.stage.manifests import Model
from tests.stage.recordings import keep
from tests.stage.stage import Stage

pytestmark = pytest.mark.live

OUTAGE_SECONDS: Final = 60.0
VERSIONS: Final = ("v1", "v2")


def test_requests_that_fail_for_a_minute_in_both_revisions_are_no_fault_of_the_candidate(
    product: Stage, namespace: str
) -> None:
    store = Model(namespace, "features", product.model_image)
    features = Deployed(product.api, namespace, "features")
    product.api.apply(store.manifest())
    features.until_healthy("v1")
    model = Model(
        namespace,
        "loan",
        product.model_image,
        replicas=3,
        container=depending(f"http://features.{namespace}.svc.cluster.local"),
        gateway=product.gateway,
        steps=[{"setWeight": 25}, {"pause": {"duration": "90s"}}],
        analysis={
            "interval": "2s",
            "checks": [{"name": "errors", "errorRate": {"absoluteMargin": "5%"}}],
        },
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    loan.until_healthy("v1")
    target = Target(product.gateway_url, model.host, rate=40)
    with Load(product.api, product.model_image, namespace, target) as load:
        product.api.apply(replace(model, version="v2").manifest())
        loan.until_weight(25)
        until("both answer", lambda: _answered(load.latest, "200"), 60)
        features.patch(replicas=0)
        until("both fail", lambda: _answered(load.latest, "503"), 60)
        ends = time.monotonic() + OUTAGE_SECONDS
        while time.monotonic() < ends:
            _nobody_is_blamed(loan.status())
            time.sleep(1)
        features.patch(replicas=1)
        until("both answer again", lambda: _answered(load.latest, "200"), 60)
        loan.until_healthy("v2")
        seen = load.stop()
    keep(product, loan, "shared-outage")
    for version in VERSIONS:
        assert seen.versions[version].codes["503"] > 0.9 * OUTAGE_SECONDS


def _answered(clients: Clients, code: str) -> bool:
    """Whether in the last second each version's answers all had this code."""
    return all(
        version in clients.versions and set(clients.versions[version].codes) == {code}
        for version in VERSIONS
    )


def _nobody_is_blamed(status: Status) -> None:
    assert status.get("rejected") is None, status["rejected"]
    assert status["candidate"]["weight"]["actual"] == 25
