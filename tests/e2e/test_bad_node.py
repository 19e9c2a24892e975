"""Two nodes, on one of which a good model fails: its pod there is replaced and the node is named. A
model that fails on both is rolled back.

The cluster is of this module alone: others have one node.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.cluster.nodes import FIRST, SECOND
from tests.stage.api import Manifest
from tests.stage.broken_servers import failing, failing_on
from tests.stage.deployed import Deployed, Status
from tests.stage.images import ROOT
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage, stage

pytestmark = [pytest.mark.live, pytest.mark.alone]

CLUSTER: Final = "two-nodes"
NAMESPACE: Final = "e2e-bad-node"
BAD: Final = SECOND.name
MARGIN: Final = {"absoluteMargin": "2%"}
"""Takes a quarter of the requests of the default, and of the time of the test."""


@pytest.fixture(scope="module")
def product(progress_shown: Callable[[], AbstractContextManager[None]]) -> Iterator[Stage]:
    """The product on a cluster with a second node, which is gone afterwards."""
    with progress_shown(), stage(CLUSTER, ["--backend=bare", "--second-node"]) as ready:
        ready.fresh_namespace(NAMESPACE)
        yield ready
    tool = [sys.executable, "-m", "tests.cluster", "down", f"--name={CLUSTER}"]
    subprocess.run(tool, cwd=ROOT, check=True)


def ballast(image: str) -> Manifest:
    """Takes room on the bad node, so that the scheduler prefers the other one for a pod that has as
    many neighbours of its kind on each. Nothing else keeps a successor off (design note 0084)."""
    container = {
        "name": "ballast",
        "image": image,
        "command": ["sleep", "infinity"],
        "resources": {"requests": {"cpu": "500m"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "ballast", "namespace": NAMESPACE},
        "spec": {
            "nodeName": BAD,
            "terminationGracePeriodSeconds": 0,
            "containers": [container],
        },
    }


def model(product: Stage, name: str) -> Model:
    """Both pods that it is to have are there before it is promoted."""
    return Model(
        NAMESPACE,
        name,
        product.model_image,
        replicas=2,
        gateway=product.gateway,
        steps=[{"setWeight": 75}],
        analysis={"interval": "2s", "checks": [{"name": "errors", "errorRate": MARGIN}]},
    )


def nodes(pods: Any) -> list[str]:
    return sorted(pod["spec"]["nodeName"] for pod in pods)


def condition(status: Status) -> dict[str, Any]:
    [found] = (each for each in status["conditions"] if each["type"] == "NodeSuspected")
    return dict(found)


def test_a_pod_on_a_bad_node_is_replaced_elsewhere_the_node_is_named_and_the_model_promoted(
    product: Stage,
) -> None:
    product.api.apply(ballast(product.model_image))
    good = model(product, "loan")
    loan = Deployed(product.api, NAMESPACE, "loan")
    product.api.apply(good.manifest())
    loan.until_healthy("v1")
    target = Target(product.gateway_url, good.host, rate=30)
    with Load(product.api, product.model_image, NAMESPACE, target) as load:
        load.begin()
        v2 = replace(good, version="v2", container=failing_on(BAD))
        product.api.apply(v2.manifest())
        candidate = loan.until_weight(75)["candidate"]["revision"]
        before = loan.pods(candidate)
        assert nodes(before) == [FIRST.name, SECOND.name]
        [bad] = (pod["metadata"]["name"] for pod in before if pod["spec"]["nodeName"] == BAD)

        status = loan.until("one is replaced", lambda s: (s["candidate"] or {}).get("replaced"))
        [replaced] = status["candidate"]["replaced"]
        assert (replaced["name"], replaced["node"]) == (bad, BAD)

        status = loan.until_healthy("v2", within=600.0)
        clients = load.stop()
    assert not clients.unexplained, load.unexplained_at
    after = loan.pods(candidate)
    assert nodes(after) == [FIRST.name, FIRST.name]
    [successor] = {each["metadata"]["name"] for each in after} - {
        each["metadata"]["name"] for each in before
    }
    reasons = [each["reason"] for each in status["decisions"]]
    assert reasons.count("PodReplaced") == reasons.count("NodeSuspected") == 1
    suspected = condition(status)
    assert suspected["status"] == "True"
    assert suspected["message"].startswith(f"Look at node {BAD}: pod {bad} on node {BAD} was bad")
    assert successor in suspected["message"]
    assert loan.events()["NodeSuspected"] == 1


def test_a_model_that_fails_on_both_nodes_is_rolled_back_and_no_node_is_named(
    product: Stage,
) -> None:
    good = model(product, "everywhere")
    everywhere = Deployed(product.api, NAMESPACE, "everywhere")
    product.api.apply(good.manifest())
    everywhere.until_healthy("v1")
    target = Target(product.gateway_url, good.host, rate=30)
    with Load(product.api, product.model_image, NAMESPACE, target) as load:
        load.begin()
        product.api.apply(replace(good, version="v2", container=failing(0.7)).manifest())
        candidate = everywhere.until_weight(75)["candidate"]["revision"]
        assert nodes(everywhere.pods(candidate)) == [FIRST.name, SECOND.name]
        status = everywhere.until_rejected()
    assert status["rejected"]["reason"] == "CheckFailed", status["rejected"]
    assert "NodeSuspected" not in everywhere.events()
