"""Somebody edits children in the middle of a rollout: who gets the traffic is put right."""

import asyncio
import json
import time
from typing import Any

import pytest

from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import healthy, in_mid_rollout, spec

Patch = list[dict[str, Any]]

BACKENDS = "/spec/rules/0/backendRefs"
MATCH = "/spec/rules/0/matches/0"
REVISION = "/spec/selector/serinus.dev~1revision"
HEADER = {"name": "x", "value": "y"}
FILTERS = [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [HEADER]}}]
ONE_MORE = {
    "matches": [{"path": {"type": "PathPrefix", "value": "/v2"}}],
    "backendRefs": [{"name": "fraud-STABLE", "port": 80}],
}

ROUTES: dict[str, Patch] = {
    "a filter of the rule": [{"op": "add", "path": "/spec/rules/0/filters", "value": FILTERS}],
    "a filter of a backend": [{"op": "add", "path": f"{BACKENDS}/1/filters", "value": FILTERS}],
    "a header to match": [{"op": "add", "path": f"{MATCH}/headers", "value": [HEADER]}],
    "another path": [{"op": "replace", "path": f"{MATCH}/path/value", "value": "/v2"}],
    "a second match": [
        {"op": "add", "path": "/spec/rules/0/matches/-", "value": {"method": "GET"}}
    ],
    "a rule before ours": [{"op": "add", "path": "/spec/rules/0", "value": ONE_MORE}],
    "no rules": [{"op": "remove", "path": "/spec/rules"}],
    "a backend": [{"op": "add", "path": f"{BACKENDS}/-", "value": {"name": "guest", "port": 80}}],
    "other weights": [{"op": "replace", "path": f"{BACKENDS}/1/weight", "value": 100}],
    "stable alone": [{"op": "remove", "path": f"{BACKENDS}/1"}],
    "another Gateway": [{"op": "add", "path": "/spec/parentRefs/-", "value": {"name": "other"}}],
    "a listener": [{"op": "add", "path": "/spec/parentRefs/0/sectionName", "value": "http"}],
    "a host": [{"op": "add", "path": "/spec/hostnames", "value": ["other.example.com"]}],
}
SERVICES: dict[str, tuple[str, Patch]] = {
    "no selector": ("fraud", [{"op": "remove", "path": "/spec/selector"}]),
    "no selector of the candidate's": (
        "fraud-CANDIDATE",
        [{"op": "remove", "path": "/spec/selector"}],
    ),
    "all revisions": ("fraud-STABLE", [{"op": "remove", "path": REVISION}]),
    "the other revision": (
        "fraud-CANDIDATE",
        [{"op": "replace", "path": REVISION, "value": "STABLE"}],
    ),
    "few of the pods": ("fraud", [{"op": "add", "path": "/spec/selector/zone", "value": "a"}]),
    "another port": (
        "fraud-CANDIDATE",
        [{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 1}],
    ),
}
DEPLOYMENTS: dict[str, tuple[str, Patch]] = {
    "no pods of stable": ("STABLE", [{"op": "replace", "path": "/spec/replicas", "value": 0}]),
    "more of the candidate": (
        "CANDIDATE",
        [{"op": "replace", "path": "/spec/replicas", "value": 4}],
    ),
    "another image": (
        "CANDIDATE",
        [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "m:2"}],
    ),
}


async def is_put_right(
    operator: Operator, kind: str, name: str, patch: Patch, status: Manifest
) -> None:
    """The part of the spec that the patch changes is as before; the rest may be the server's."""
    stable, candidate = status["stable"]["revision"], status["candidate"]["revision"]

    def named(text: str) -> str:
        return text.replace("STABLE", stable).replace("CANDIDATE", candidate)

    name = named(name)
    before = await operator.cluster.get(kind, operator.namespace, name)
    changed = {each["path"].split("/")[2] for each in patch}
    await operator.patch(kind, name, json.loads(named(json.dumps(patch))))
    deadline = time.monotonic() + 10
    while True:
        live = await operator.cluster.get(kind, operator.namespace, name)
        if all(live["spec"].get(field) == before["spec"].get(field) for field in changed):
            break
        assert time.monotonic() < deadline, live["spec"]
        await asyncio.sleep(0.1)
    after = await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    assert after["candidate"]["revision"] == candidate


@pytest.mark.parametrize("edit", ROUTES)
async def test_a_route_that_somebody_edits_is_put_right(operator: Operator, edit: str) -> None:
    status = await in_mid_rollout(operator)
    await is_put_right(operator, "HTTPRoute", "fraud", ROUTES[edit], status)


@pytest.mark.parametrize("edit", SERVICES)
async def test_a_service_that_somebody_edits_is_put_right(operator: Operator, edit: str) -> None:
    status = await in_mid_rollout(operator)
    await is_put_right(operator, "Service", *SERVICES[edit], status)


@pytest.mark.parametrize("edit", DEPLOYMENTS)
async def test_a_deployment_that_somebody_edits_is_put_right(operator: Operator, edit: str) -> None:
    status = await in_mid_rollout(operator)
    revision, patch = DEPLOYMENTS[edit]
    await is_put_right(operator, "Deployment", f"fraud-{revision}", patch, status)


async def test_an_event_tells_of_an_edit_that_is_undone_and_of_a_child_that_is_restored(
    operator: Operator,
) -> None:
    status = await in_mid_rollout(operator)
    stable = f"fraud-{status['stable']['revision']}"
    assert await repairs(operator) == [], "nobody has touched anything"
    weight = [{"op": "replace", "path": f"{BACKENDS}/1/weight", "value": 99}]
    await operator.patch("HTTPRoute", "fraud", weight)
    await until_repaired(operator, 1)
    candidate = f"fraud-{status['candidate']['revision']}"
    deleted = ("Deployment", stable), ("Service", stable), ("ControllerRevision", candidate)
    for count, (kind, name) in enumerate(deleted, 2):
        await operator.delete(kind, name)
        await until_repaired(operator, count)
    told = sorted(await repairs(operator))
    restored = "was deleted, or lost its labels, and is restored."
    assert told[0] == f"ControllerRevision {candidate} {restored}"
    assert told[1] == f"Deployment {stable} {restored}"
    assert told[2].startswith(
        "HTTPRoute fraud was changed, and is put back. HTTPRoute fraud differs"
    )
    assert "weight" in told[2]
    assert told[3] == f"Service {stable} {restored}"


async def repairs(operator: Operator) -> list[str]:
    events = await operator.cluster.list("Event", operator.namespace)
    return [event["note"] for event in events if event["reason"] == "Repaired"]


async def until_repaired(operator: Operator, count: int) -> None:
    deadline = time.monotonic() + 15
    while len(found := await repairs(operator)) < count:
        assert time.monotonic() < deadline, found
        operator.move(1)
        await asyncio.sleep(0.1)


async def test_without_a_gateway_a_service_without_a_selector_gets_it_back(
    operator: Operator,
) -> None:
    more: dict[str, Any] = {"traffic": {}}
    await operator.apply("fraud", **spec("v1", **more))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", **more))
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] > 0)
    before = await operator.cluster.get("Service", operator.namespace, "fraud")
    await operator.patch("Service", "fraud", [{"op": "remove", "path": "/spec/selector"}])
    await operator.until("fraud", healthy("v2"), moving=5)
    live = await operator.cluster.get("Service", operator.namespace, "fraud")
    assert live["spec"]["selector"].keys() >= before["spec"]["selector"].keys()
