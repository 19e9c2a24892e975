"""What the campaign found, each in the shortest course that shows it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import pytest

from tests.campaign.history import Snapshot, Write
from tests.campaign.memory.world import World, run
from tests.campaign.stage import Manifest, children_refused, revision_of, spec, status_refused
from tests.campaign.table import MINUTE, rejected, serves
from tests.campaign.wire import Fault, Request, refusal

NO_GATEWAY: Final[Manifest] = {"traffic": {}}


async def _refused(world: World) -> list[Write]:
    world.fault(children_refused(403, "Deployment"), "children")
    await world.apply(spec("v1"))
    await world.wait(600.0)
    return [each for each in world.history.writes if each.kind == "Deployment"]


def test_a_deployment_that_is_refused_is_tried_again_every_so_often() -> None:
    assert 10 < len(run(_refused)) < 100


async def _refused_twice(world: World) -> tuple[list[str], list[str]]:
    """Of a ModelDeployment and of a namesake that takes its place while watches tell nothing."""
    world.fault(status_refused(), "status")
    uids = []
    for _ in range(2):
        uids.append((await world.apply(spec("v1")))["metadata"]["uid"])
        await world.wait(300.0)
        world.watches.withheld = True
        await world.delete()
    events = await world.user.list("Event", world.namespace)
    return uids, [e["regarding"]["uid"] for e in events if e["reason"] == "StatusNotWritten"]


def test_what_is_known_of_an_object_does_not_count_for_a_namesake_after_it() -> None:
    uids, applied_to = run(_refused_twice)
    assert sorted(applied_to) == sorted(uids)


def _theirs(world: World, kind: str, name: str) -> Manifest:
    """An object of somebody else with a name that is needed."""
    api_version = {
        "HTTPRoute": "gateway.networking.k8s.io/v1",
        "Deployment": "apps/v1",
        "Service": "v1",
    }[kind]
    metadata = {"name": name, "namespace": world.namespace}
    container = {"name": "theirs", "image": "t:1"}
    labels = {"app": "theirs"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec: Manifest = {"parentRefs": [{"name": "public"}]}
    if kind == "Deployment":
        spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    if kind == "Service":
        spec = {"selector": labels, "ports": [{"port": 80}]}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def _reason(s: Snapshot) -> str:
    return str(next((c["reason"] for c in s.status.get("conditions", [])), ""))


async def _take(world: World, kind: str, name: str) -> Manifest:
    found = await world.user.find(kind, world.namespace, name)
    if found is not None:
        await world.user.delete(found)
    return await world.user.create(_theirs(world, kind, name))


async def _taken_and_aborted(world: World) -> Snapshot:
    await world.apply(spec("v1"))
    await world.until(serves("v1").holds)
    await world.apply(spec("v2"))
    await world.until(lambda s: bool(s.role("candidate").get("counted")))
    theirs = await _take(world, "HTTPRoute", "fraud")
    taken = await world.until(lambda s: _reason(s) == "NameTaken", 20.0)
    assert "HTTPRoute shop/fraud exists and was not created by Serinus" in taken.status["message"]
    await world.edit("scales", lambda live: live["spec"].update(replicas=6))
    await world.until(lambda s: s.ready.get(revision_of(spec("v1"))) == 6, 20.0)
    await world.command(f"abort/{revision_of(spec('v2'))}")
    await world.until(lambda s: bool(s.role("rejected")), 5.0)
    await world.user.delete(theirs)
    await world.until(lambda s: s.split == {revision_of(spec("v1")): 100.0}, 16.0)
    return await world.until(rejected("v2", "Aborted").holds, 60.0)


def test_a_taken_name_keeps_no_command_from_being_obeyed_and_is_noticed_once_it_is_free() -> None:
    assert _reason(run(_taken_and_aborted)) == "Aborted"


async def _taken_at_that_moment(world: World) -> None:
    """Somebody makes an object of the name between the look at it and the write."""

    def matches(request: Request) -> bool:
        absent = world.api.find("HTTPRoute", world.namespace, "fraud") is None
        if absent and request.method == "PATCH" and request.place[0] == "HTTPRoute":
            theirs = _theirs(world, "HTTPRoute", "fraud")
            query = {**request.query, "fieldManager": "somebody"}
            world.api.answer(replace(request, query=query, body=theirs))
        return False

    world.fault(Fault("somebody is quicker", matches, lambda _: refusal(500, "", "")), "route")
    await world.apply(spec("v1"))
    await world.until(lambda s: _reason(s) == "NameTaken", 30.0)
    live = await world.user.get("HTTPRoute", world.namespace, "fraud")
    assert "ownerReferences" not in live["metadata"]
    assert live["spec"] == _theirs(world, "HTTPRoute", "fraud")["spec"]


def test_an_object_that_somebody_makes_at_the_same_moment_is_not_taken() -> None:
    run(_taken_at_that_moment)


async def _pods_name_taken(world: World) -> Snapshot:
    await world.apply(spec("v1"))
    await world.until(serves("v1").holds)
    name = f"fraud-{revision_of(spec('v2'))}"
    theirs = await _take(world, "Deployment", name)
    await world.apply(spec("v2"))
    taken = await world.until(lambda s: _reason(s) == "NameTaken", 5.0)
    assert taken.hold == "AwaitingPods"
    assert taken.status["message"].count(f"Deployment shop/{name} exists") == 1
    await world.wait(30.0)
    writes = len(world.history.writes)
    await world.wait(300.0)
    await world.kill()
    await world.start()
    await world.wait(60.0)
    assert len(world.history.writes) == writes, world.history.writes[writes:]
    await world.user.delete(theirs)
    return await world.until(lambda s: s.hold == "AwaitingVerdict", 60.0)


def test_a_candidate_waits_for_the_name_of_its_deployment_and_writes_nothing_meanwhile() -> None:
    run(_pods_name_taken)


async def _lost(world: World, more: Manifest) -> str:
    """v2 is measured, and nothing tells any more what stable's pods run."""
    stable = revision_of(spec("v1"))
    await world.apply(spec("v1", **more))
    await world.until(serves("v1").holds)
    await world.apply(spec("v2", **more))
    await world.until(lambda s: bool(s.role("candidate").get("counted")))
    for kind in ("ControllerRevision", "Deployment"):
        await world.user.delete(await world.user.get(kind, world.namespace, f"fraud-{stable}"))
    lost = await world.until(lambda s: _reason(s) == "HistoryLost", 10.0)
    assert f"ControllerRevision fraud-{stable} and Deployment" in lost.status["message"]
    return revision_of(spec("v2"))


async def _lost_and_promoted(world: World, more: Manifest) -> None:
    await world.command(f"promote/{await _lost(world, more)}")
    await world.until(serves("v2").holds, 60.0)


async def _lost_and_aborted(world: World, more: Manifest) -> None:
    candidate = await _lost(world, more)
    await world.command(f"abort/{candidate}")
    refused = await world.until(lambda s: "command" in s.status, 5.0)
    assert "nothing would serve" in refused.status["command"]["outcome"]
    await world.apply(spec("v1", **more))
    serving_on = await world.until(lambda s: s.hold == "AwaitingPods", 5.0)
    assert f"{candidate} serves until" in serving_on.status["message"]
    await world.until(serves("v1").holds, 60.0)


@pytest.mark.parametrize("more", [{}, NO_GATEWAY], ids=["gateway", "no gateway"])
@pytest.mark.parametrize("course", [_lost_and_promoted, _lost_and_aborted])
def test_where_nothing_tells_what_stable_runs_commands_are_answered_all_the_same(
    course: Callable[[World, Manifest], Awaitable[None]], more: Manifest
) -> None:
    run(lambda world: course(world, more))


async def _collected_late(world: World) -> None:
    """v2 is aborted, and v3 applied, where the garbage collector lags."""
    world.pods.collected_after = 600.0
    await world.apply(spec("v1", **NO_GATEWAY))
    await world.until(serves("v1").holds)
    await world.apply(spec("v2", **NO_GATEWAY))
    await world.until(lambda s: bool(s.role("candidate").get("counted")))
    await world.command(f"abort/{revision_of(spec('v2'))}")
    await world.until(lambda s: bool(s.role("rejected")), 5.0)
    await world.apply(spec("v3", **NO_GATEWAY))
    joined = await world.until(lambda s: revision_of(spec("v3")) in s.split, 60.0)
    assert revision_of(spec("v2")) not in joined.split
    await world.until(lambda s: s.pods.keys() == s.ready.keys() == joined.split.keys(), 5.0)


def test_without_a_gateway_a_candidate_joins_only_once_the_pods_of_others_are_gone() -> None:
    run(_collected_late)


async def _gateway_deleted(world: World) -> None:
    """At rest the Gateway goes, and its controller takes back what it said of the route."""
    await world.apply(spec("v1"))
    await world.until(serves("v1").holds)
    await world.wait(MINUTE)
    await world.gateway_is("Silent")
    route = await world.user.get("HTTPRoute", world.namespace, "fraud")
    world.api.set_status(route, {"parents": []})
    await world.until(lambda s: _reason(s) == "AwaitingRoute", 6.0)
    gone = await world.until(lambda s: _reason(s) == "RouteRefused", 12.0)
    stalled = next(c for c in gone.status["conditions"] if c["type"] == "Stalled")
    assert (gone.status["phase"], stalled["status"]) == ("Degraded", "True")
    assert "Gateway shop/public has not reported on the route" in gone.status["message"]
    await world.wait(MINUTE)
    writes = len(world.history.writes)
    await world.wait(10 * MINUTE)
    await world.kill()
    await world.start()
    await world.wait(MINUTE)
    assert len(world.history.writes) == writes, world.history.writes[writes:]
    await world.mend()
    await world.until(serves("v1").holds, 10.0)


def test_at_rest_a_gateway_that_is_gone_is_told_of_as_in_a_first_deployment() -> None:
    run(_gateway_deleted)


async def _bad_while_unconfirmed(world: World) -> Snapshot:
    """v2 fails, and the route gives it traffic, of which nothing tells that it is in effect."""
    await world.apply(spec("v1"))
    await world.until(serves("v1").holds)
    await _take(world, "Service", "fraud")
    world.model("v2", errors=0.2)
    await world.apply(spec("v2"))
    led = await world.until(lambda s: s.asked.get(revision_of(spec("v2")), 0) == 20, 60.0)
    assert led.role("candidate").get("effectiveSince") is None
    return await world.until(lambda s: bool(s.role("rejected")), 180.0)


def test_a_bad_candidate_is_rolled_back_though_its_weight_is_not_known_to_be_in_effect() -> None:
    found = run(_bad_while_unconfirmed)
    assert found.role("rejected")["reason"] == "CheckFailed"
    assert found.role("stable")["version"] == "v1"


async def _taken_in_a_first_deployment(world: World) -> Snapshot:
    """v1 serves through the gateway, and never is complete; v3 fails."""
    await world.user.create(_theirs(world, "Service", "fraud"))
    await world.apply(spec("v1"))
    first = revision_of(spec("v1"))
    await world.until(lambda s: s.split == {first: 100.0} and s.ready.get(first) == 4, 60.0)
    world.model("v3", errors=0.2, starts_after=30.0)
    await world.apply(spec("v3"))
    await world.until(lambda s: s.revision("stable") == first, 10.0)
    found = await world.until(lambda s: bool(s.role("rejected")), 300.0)
    given = [each.asked.get(revision_of(spec("v3")), 0) for each in world.history.snapshots]
    assert max(given) == 20
    return found


def test_a_first_deployment_whose_name_is_taken_is_not_replaced_unjudged() -> None:
    assert run(_taken_in_a_first_deployment).role("rejected")["reason"] == "CheckFailed"


async def _with_the_role_of_before(world: World) -> Snapshot:
    """The operator is upgraded, and its role is not: it may not list Gateways."""
    await world.apply(spec("v1"))
    await world.until(serves("v1").holds)
    await world.apply(spec("v2"))
    await world.until(lambda s: s.asked.get(revision_of(spec("v2")), 0) == 20, 60.0)
    await world.kill()
    forbidden = Fault(
        "Gateways may not be listed",
        lambda request: request.place[0] == "Gateway",
        lambda _: refusal(403, "Forbidden", "gateways is forbidden"),
    )
    world.fault(forbidden, "route")
    await world.start()
    world.model("v2", errors=0.5)
    return await world.until(lambda s: bool(s.role("rejected")), 300.0)


def test_a_bad_candidate_is_rolled_back_though_gateways_may_not_be_listed() -> None:
    assert run(_with_the_role_of_before).role("rejected")["reason"] == "CheckFailed"


async def _changed_by_a_webhook(world: World, kind: str) -> list[str]:
    """What is told of repairs while everything of a kind is changed as it is written."""
    seen: list[int] = []

    def admit(manifest: Manifest) -> None:
        seen.append(0)
        if manifest["kind"] == kind == "HTTPRoute":
            header = {"set": [{"name": "x-seen", "value": str(len(seen))}]}
            filters = [{"type": "RequestHeaderModifier", "requestHeaderModifier": header}]
            manifest["spec"]["rules"][0]["filters"] = filters
        elif manifest["kind"] == kind:
            manifest["spec"]["replicas"] += 1

    await world.apply(spec("v1"))
    await world.until(serves("v1").holds)
    world.webhook(admit)
    await world.apply(spec("v2"))
    await world.wait(600.0)
    return [each.note for each in world.history.told if each.reason == "Repaired"]


@pytest.mark.parametrize("kind", ["HTTPRoute", "Deployment"])
def test_a_child_that_a_webhook_changes_at_each_write_was_not_repaired(kind: str) -> None:
    assert run(lambda world: _changed_by_a_webhook(world, kind)) == []


async def _deleted_again_and_again(world: World) -> list[float]:
    await world.apply(spec("v1"))
    await world.until(serves("v1").holds)
    for _ in range(60):
        route = await world.user.find("HTTPRoute", world.namespace, "fraud")
        if route is not None:
            await world.user.delete(route)
        await world.wait(20.0)
    return [each.at for each in world.history.told if each.reason == "Repaired"]


def test_a_child_that_is_deleted_again_and_again_is_told_of_at_times() -> None:
    told = run(_deleted_again_and_again)
    assert len(told) == 2
    assert told[1] - told[0] > 600
