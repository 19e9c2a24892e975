"""One bad pod of a candidate is evicted, and the candidate is promoted with the pod in its place.

The cluster has one node, so that the successor tells the pod from the model, and accuses no node.
"""

from dataclasses import replace

import pytest

from tests.stage.broken_servers import failing
from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage

pytestmark = pytest.mark.live


def _replaces(status: Status) -> bool:
    return bool((status.get("candidate") or {}).get("replaced"))


def test_a_bad_pod_of_a_good_candidate_is_evicted_and_its_successor_is_promoted(
    product: Stage, namespace: str
) -> None:
    model = Model(
        namespace,
        "loan",
        product.model_image,
        replicas=4,
        container=failing(0.0),
        gateway=product.gateway,
        steps=[{"setWeight": 50}, {"pause": {"duration": "30s"}}],
        analysis={"interval": "2s", "checks": [{"name": "errors", "errorRate": {}}]},
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    loan.until_healthy("v1")
    target = Target(product.gateway_url, model.host, rate=30)
    with Load(product.api, product.model_image, namespace, target) as load:
        product.api.apply(replace(model, version="v2").manifest())
        candidate = loan.until_weight(50)["candidate"]["revision"]
        bad, *_ = loan.pods(candidate)
        name, where = bad["metadata"]["name"], f"--namespace={namespace}"
        product.api.run("exec", name, where, "--", "sh", "-c", "kill -USR1 1")
        [replaced] = loan.until("to be replaced", _replaces)["candidate"]["replaced"]
        assert (replaced["name"], replaced["node"]) == (name, bad["spec"]["nodeName"])
        status = loan.until_healthy("v2", within=600.0)
        assert not load.stop().unexplained, load.unexplained_at
    assert name not in {each["metadata"]["name"] for each in loan.pods(candidate)}
    reasons = [each["reason"] for each in status["decisions"]]
    assert "PodReplaced" in reasons and "NodeSuspected" not in reasons
