"""One sick pod of stable does not get a bad candidate promoted."""

from dataclasses import replace
from typing import Final

import pytest

from tests.stage.broken_servers import failing
from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.recordings import keep
from tests.stage.stage import Stage

pytestmark = pytest.mark.live

FORGOTTEN_AFTER: Final = 120.0
"""Seconds after its last scrape for which a pod may only be late."""


def _is_held(status: Status) -> bool:
    hold = (status.get("candidate") or {}).get("hold") or {}
    return hold.get("reason") == "StablePodDiffers" and "is on node" in hold["message"]


def test_a_bad_candidate_is_held_beside_a_sick_pod_and_rolled_back_once_that_is_gone(
    product: Stage, namespace: str
) -> None:
    model = Model(
        namespace,
        "loan",
        product.model_image,
        replicas=3,
        container=failing(0.0),
        gateway=product.gateway,
        steps=[{"setWeight": 50}],
        analysis={"interval": "2s", "checks": [{"name": "errors", "errorRate": {}}]},
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    stable = loan.until_healthy("v1")["stable"]["revision"]
    sick, *_ = loan.pods(stable)
    name, node = sick["metadata"]["name"], sick["spec"]["nodeName"]
    target = Target(product.gateway_url, model.host, rate=30)
    with Load(product.api, product.model_image, namespace, target) as load:
        where = f"--namespace={namespace}"
        product.api.run("exec", name, where, "--", "sh", "-c", "kill -USR1 1")
        product.api.apply(replace(model, version="v2", container=failing(0.12)).manifest())
        message = loan.until("held for the pod", _is_held)["candidate"]["hold"]["message"]
        assert f"Held until stable's pod {name} recovers or is removed." in message
        assert f"Pod {name} is on node {node}." in message
        # longer than the candidate takes to pass by the rate that the pod lifts
        lifted = "within the margin (1.5 times stable's"
        held = loan.until("it would have passed", lambda s: lifted in s["message"])
        assert held["candidate"]["hold"]["reason"] == "StablePodDiffers"
        product.api.delete("Pod", namespace, name)
        rejected = loan.until_rejected(within=FORGOTTEN_AFTER + 240)["rejected"]
        assert rejected["reason"] == "CheckFailed"
        assert not load.stop().unexplained, load.unexplained_at
    reasons = [each["reason"] for each in loan.status()["decisions"]]
    assert "WeightRaised" not in reasons and "Promoting" not in reasons
    keep(product, loan, "sick-baseline")
