"""Others write to our children: what changes no meaning stalls nothing, what does is put right."""

import asyncio
import time

from serinus.controller.status_writes import SHOW_WITHIN
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import healthy, spec


async def test_a_route_that_overlaps_with_another_is_told_of_and_stalls_no_rollout(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    route = await operator.cluster.get("HTTPRoute", operator.namespace, "fraud")
    (parent,) = route["status"]["parents"]
    told = {"type": "RouteRulesOverlap", "reason": "RouteRulesOverlap", "message": "as fraud/other"}
    parent["conditions"].append({**parent["conditions"][0], **told})
    await operator.cluster.update_status(route, {"parents": [parent]})
    status = await operator.until("fraud", lambda s: "as fraud/other" in s["message"], moving=5)
    assert status["phase"] == "Healthy"
    await operator.apply("fraud", **spec("v2"))
    await operator.until("fraud", healthy("v2"), moving=5)


async def test_of_two_with_the_same_host_names_the_later_one_is_not_ready(
    operator: Operator,
) -> None:
    """As Envoy Gateway reports it, on both."""
    traffic = {"gateway": {"parentRefs": [{"name": "public"}], "hostnames": ["fraud.example.com"]}}
    for name in ("first", "second"):
        await operator.apply(name, **spec("v1", traffic=traffic))
        await operator.until(name, healthy("v1"))
        await asyncio.sleep(1.1)  # times of creation have no fractions
    for name in ("first", "second"):
        route = await operator.cluster.get("HTTPRoute", operator.namespace, name)
        (parent,) = route["status"]["parents"]
        told = {"type": "RouteRulesOverlap", "reason": "RouteRulesOverlap", "message": "both"}
        parent["conditions"].append({**parent["conditions"][0], **told})
        await operator.cluster.update_status(route, {"parents": [parent]})

    def contested(status: Manifest) -> bool:
        reasons = {each["type"]: (each["status"], each["reason"]) for each in status["conditions"]}
        return reasons["Ready"] == reasons["Available"] == ("False", "RouteContested")

    status = await operator.until("second", contested, moving=1)
    assert status["phase"] == "Unavailable"
    assert f"HTTPRoute {operator.namespace}/first is older" in status["message"]
    status = await operator.until("first", lambda s: "both" in s["message"], moving=1)
    assert status["phase"] == "Healthy", "it is served"


async def test_two_edits_by_hand_are_put_right_and_blamed_on_nothing(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    status = await operator.until("fraud", healthy("v1"))
    name = f"fraud-{status['stable']['revision']}"
    for number in range(2):
        before = await image(operator, name)
        patch = [{"op": "replace", "path": IMAGE, "value": f"by-hand:{number}"}]
        await operator.patch("Deployment", name, patch)
        deadline = time.monotonic() + 10
        while await image(operator, name) != before:
            assert time.monotonic() < deadline, "it is not put right"
            await asyncio.sleep(0.1)
    operator.move(2 * SHOW_WITHIN)
    await asyncio.sleep(2)
    assert not overridden((await operator.get("fraud"))["status"])


async def test_a_deployment_that_is_scaled_to_0_again_and_again_is_soon_put_right(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **spec("v1", replicas=1))
    status = await operator.until("fraud", healthy("v1"))
    name = f"fraud-{status['stable']['revision']}"
    for _ in range(7):
        await operator.patch("Deployment", name, {"spec": {"replicas": 0}})
        scaled = time.monotonic()
        while await replicas(operator, name) != 1:
            assert time.monotonic() < scaled + 8, "it is not put right"
            await asyncio.sleep(0.1)
        await asyncio.sleep(2.5)


async def replicas(operator: Operator, name: str) -> int:
    live = await operator.cluster.get("Deployment", operator.namespace, name)
    found: int = live["spec"]["replicas"]
    return found


IMAGE = "/spec/template/spec/containers/0/image"


async def image(operator: Operator, name: str) -> str:
    live = await operator.cluster.get("Deployment", operator.namespace, name)
    found: str = live["spec"]["template"]["spec"]["containers"][0]["image"]
    return found


def overridden(status: Manifest) -> bool:
    return any(each["type"] == "Overridden" for each in status.get("conditions", []))
