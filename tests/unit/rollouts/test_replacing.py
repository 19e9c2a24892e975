"""The whole operator, nodes of which one is bad, and the pods that it replaces."""

import math
from typing import Any, Final

import pytest

from serinus.api.base import rfc3339
from tests.campaign.history import Snapshot
from tests.campaign.memory import pods as in_memory
from tests.campaign.memory.world import World, run
from tests.campaign.stage import evictions_refused, spec
from tests.campaign.table import held, rejected, serves

HALF: Final = {
    "steps": [{"setWeight": 50}],
    "analysis": {"checks": [{"name": "e", "errorRate": {}}]},
}
FORBIDDEN: Final = evictions_refused(403, "Forbidden", "pods/eviction is forbidden")
BUDGET: Final = evictions_refused(429, "TooManyRequests", "Cannot evict pod: a budget.")


def wanted(version: str) -> dict[str, Any]:
    return spec(version, replicas=8, rollout=HALF)


async def half(world: World) -> str:
    """v2 has four pods and half of the traffic; its revision."""
    await world.apply(wanted("v1"))
    await world.until(serves("v1").holds)
    await world.apply(wanted("v2"))
    found = await world.until(lambda s: bool(s.role("candidate").get("counted")))
    return found.revision("candidate") or ""


def told(world: World) -> list[str]:
    return [each.reason for each in world.history.told]


def evicted(world: World) -> list[tuple[str, int]]:
    return [(each.name, each.status) for each in world.history.writes if each.sub == "eviction"]


def condition(s: Snapshot) -> str:
    found = {each["type"]: each["message"] for each in s.status["conditions"]}
    return str(found.get("NodeSuspected", ""))


def test_a_bad_node_is_named_and_the_model_is_promoted() -> None:
    async def course(world: World) -> None:
        pod = world.pods.of(await half(world))[0]
        world.pods.failing[pod.node] = 0.3
        last = await world.until(serves("v2").holds)
        assert evicted(world) == [(pod.name, 201)]
        assert condition(last).startswith(f"Look at node {pod.node}: pod {pod.name}")
        assert [told(world).count(each) for each in ("PodReplaced", "NodeSuspected")] == [1, 1]
        await world.until(lambda s: not s.status["retiring"])
        assert {p.node for p in world.pods.pods.values()} - {pod.node}

    run(course)


@pytest.mark.parametrize("behind", [-20.0, 1.5, 20.0])
def test_it_is_named_though_the_api_server_has_another_clock(
    monkeypatch: pytest.MonkeyPatch, behind: float
) -> None:
    """By which pods are created."""
    written = in_memory._manifest

    def by_its_clock(pod: in_memory.Pod, deployment: dict[str, Any]) -> dict[str, Any]:
        found = written(pod, deployment)
        found["metadata"]["creationTimestamp"] = rfc3339(pod.born - behind)
        return found

    async def course(world: World) -> None:
        pod = world.pods.of(await half(world))[0]
        world.pods.failing[pod.node] = 0.3
        last = await world.until(serves("v2").holds)
        assert condition(last).startswith(f"Look at node {pod.node}: pod {pod.name}")

    monkeypatch.setattr(in_memory, "_manifest", by_its_clock)
    run(course)


def test_a_bad_node_is_named_too_if_the_model_is_promoted_in_the_same_moment() -> None:
    """All the pods that it is to have are there at its last step."""

    async def course(world: World) -> None:
        rollout = HALF | {"steps": [{"setWeight": 90}]}
        await world.apply(spec("v1", replicas=4, rollout=rollout))
        await world.until(serves("v1").holds)
        await world.apply(spec("v2", replicas=4, rollout=rollout))
        found = await world.until(lambda s: bool(s.role("candidate").get("counted")))
        pods = world.pods.of(found.revision("candidate") or "")
        assert len(pods) == 4
        world.pods.failing[pods[0].node] = 0.3
        last = await world.until(serves("v2").holds)
        assert condition(last).startswith(f"Look at node {pods[0].node}: pod {pods[0].name}")

    run(course)


def test_the_pod_that_takes_its_place_was_placed_while_it_was_there() -> None:
    """The node that it leaves is the emptiest."""

    async def course(world: World) -> None:
        pod = world.pods.of(await half(world))[1]
        world.pods.failing[pod.name] = 0.5
        await world.until(lambda s: pod in world.pods.gone)
        await world.wait(1.0)
        assert len(world.pods.of(pod.revision)) == 4
        assert pod.node not in {each.node for each in world.pods.of(pod.revision)}
        await world.until(serves("v2").holds)

    run(course)


def test_two_bad_pods_in_one_zone_are_replaced() -> None:
    async def course(world: World) -> None:
        pods = world.pods.of(await half(world))
        [zone] = {each.zone for each in pods if [p.zone for p in pods].count(each.zone) == 2}
        bad = [each for each in pods if each.zone == zone]
        for each in bad:
            world.pods.failing[each.name] = 0.3
        last = await world.until(serves("v2").holds)
        assert {name for name, _ in evicted(world)} == {each.name for each in bad}
        assert f"Look at zone {zone}" in condition(last) or not condition(last)

    run(course)


def test_what_follows_to_another_pod_is_rolled_back() -> None:
    async def course(world: World) -> None:
        await half(world)
        world.model("v2", errors_of_a_tenant=0.3)
        last = await world.until(rejected("v2", "CheckFailed").holds)
        assert len(evicted(world)) == 1
        assert "has followed to other pods" in last.status["message"]

    run(course)


def test_a_bad_model_evicts_nobody() -> None:
    async def course(world: World) -> None:
        await half(world)
        world.model("v2", errors=0.2)
        await world.until(rejected("v2", "CheckFailed").holds, 300.0)
        assert not evicted(world)

    run(course)


def test_an_operator_killed_before_the_eviction_makes_up_for_it_once() -> None:
    async def course(world: World) -> None:
        await world.spoil_a_pod(await half(world))
        await world.until(lambda s: bool(s.role("candidate").get("replaced")))
        await world.kill()
        await world.wait(30)
        assert not evicted(world)
        await world.start()
        await world.until(serves("v2").holds)
        assert len(evicted(world)) == 1

    run(course)


def test_without_the_right_to_evict_it_is_held_and_asked_seldom() -> None:
    async def course(world: World) -> None:
        revision = await half(world)
        world.fault(FORBIDDEN, "evictions")
        await world.spoil_a_pod(revision)
        last = await world.until(held("v2", "OnePodToBlame").holds)
        assert "cannot be evicted: 403 Forbidden" in last.status["message"]
        await world.wait(1800)
        assert held("v2", "OnePodToBlame").holds(world.history.snapshots[-1])
        assert len(evicted(world)) <= 8
        await world.mend()
        await world.until(serves("v2").holds, 1200.0)

    run(course)


def test_a_budget_that_forbids_it_rolls_the_candidate_back_after_two_minutes() -> None:
    async def course(world: World) -> None:
        revision = await half(world)
        world.fault(BUDGET, "evictions")
        await world.spoil_a_pod(revision)
        last = await world.until(rejected("v2", "CheckFailed").holds)
        assert "Cannot evict pod: a budget." in last.status["message"]
        assert 5 <= len(evicted(world)) <= 13

    run(course)


@pytest.mark.parametrize("retry_after", ["86400", "9" * 400])
def test_an_api_server_that_asks_to_wait_for_a_day_keeps_no_bad_pod_for_as_long(
    retry_after: str,
) -> None:
    async def course(world: World) -> None:
        revision = await half(world)
        busy = evictions_refused(429, "TooManyRequests", "A budget.", retry_after)
        world.fault(busy, "evictions")
        await world.spoil_a_pod(revision)
        await world.until(rejected("v2", "CheckFailed").holds)
        assert 2 <= len(evicted(world)) <= 3

    run(course)


def test_an_operator_that_was_away_for_minutes_evicts_it_and_blames_nobody() -> None:
    async def course(world: World) -> None:
        await world.spoil_a_pod(await half(world))
        await world.until(lambda s: bool(s.role("candidate").get("replaced")))
        await world.kill()
        await world.wait(150)
        await world.start()
        await world.until(serves("v2").holds)
        assert len(evicted(world)) == 1

    run(course)


def test_a_refused_eviction_takes_no_traffic_from_the_only_revision_that_serves() -> None:
    """What took stable's pods is often why the budget forbids it."""

    async def course(world: World) -> None:
        revision = await half(world)
        world.fault(BUDGET, "evictions")
        await world.spoil_a_pod(revision)
        found = await world.until(lambda s: bool(s.role("candidate").get("replaced")))
        world.model("v1", starts_after=math.inf)
        await world.lose_pods(found.revision("stable") or "")
        await world.wait(600)
        last = world.history.snapshots[-1]
        assert last.split[revision] and not last.status.get("rejected")
        tried = len(evicted(world))
        assert tried <= 2
        world.model("v1", starts_after=3.0)
        await world.lose_pods(found.revision("stable") or "")
        await world.mend()
        await world.until(serves("v2").holds, 1200.0)
        assert len(evicted(world)) <= tried + 1

    run(course)


def test_a_pod_of_stable_that_may_not_be_evicted_causes_no_passes() -> None:
    async def course(world: World) -> None:
        analysis = {"checks": [{"name": "e", "errorRate": {}}], "stablePod": "Replace"}
        rollout = {"steps": [{"setWeight": 50}], "analysis": analysis}
        for version in ("v1", "v2"):
            await world.apply(spec(version, replicas=8, rollout=rollout))
            await world.until(lambda s: bool(s.role("stable")))
        found = await world.until(lambda s: bool(s.role("candidate").get("counted")))
        world.fault(BUDGET, "evictions")
        await world.spoil_a_pod(found.revision("stable") or "")
        await world.until(held("v2", "StablePodDiffers").holds)
        await world.wait(600)
        assert 5 <= len(evicted(world)) <= 13

    run(course)
