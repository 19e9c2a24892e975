"""What neither an event nor a list shows has a time at which a pass looks at it: here, no list
causes a pass over what it does not show as new."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch

import pytest

from serinus.api.notifications import Endpoint
from serinus.controller.internal_errors import STANDS_FOR
from serinus.controller.pace import LASTS_AFTER
from serinus.controller.passes import RAISES_AGAIN, TELL_AFTER
from serinus.controller.reconcile import AMISS_LOOK_AGAIN
from serinus.controller.status_writes import SHOW_WITHIN
from serinus.manifests.kinds import HTTP_ROUTE
from serinus.manifests.owner import NAME_LABEL
from tests.campaign.history import Snapshot
from tests.campaign.memory.world import NAMESPACE, World, run
from tests.campaign.raising import planted, targets
from tests.campaign.stage import Manifest, children_refused, spec

HOUR = 3600.0
SHOWN = SHOW_WITHIN + TELL_AFTER


@pytest.fixture(autouse=True)
def _no_list_looks_at_all() -> Iterator[None]:
    """Only the first one does."""
    with patch("serinus.controller.informer.LOOK_AT_ALL", 10**9):
        yield


def test_what_others_changed_is_told_no_longer_once_it_lasts_and_what_waited_for_it_goes() -> None:
    async def course(world: World) -> None:
        await _serving(world)
        await world.apply(spec("v2"))
        await world.until(lambda s: s.hold == "AwaitingPause", HOUR)
        async with _route_changed_after_each_write(world):
            await world.until(lambda s: s.role("stable").get("version") == "v2", HOUR)
            last = await world.until(_is_true("Overridden"))
            await world.wait(120.0)
            assert len(_deployments(world)) == 2, "a route may lead to the pods of either"
        await world.until(lambda s: not _differs(world))
        await world.until(
            lambda s: not _is_true("Overridden")(s), LASTS_AFTER + AMISS_LOOK_AGAIN + SHOWN
        )
        await world.wait(SHOWN)
        assert _deployments(world) == {f"fraud-{last.revision('stable')}"}

    run(course)


def test_an_exception_that_is_over_is_told_no_longer() -> None:
    async def course(world: World) -> None:
        await _serving(world)
        [target] = [each for each in targets() if each.name == "views.notices.notices"]
        with planted(target, []):
            await world.edit("labels it", lambda live: live["metadata"].update(labels={"a": "b"}))
            await world.until(_is_true("InternalError"))
            await world.wait(RAISES_AGAIN)
        longest = RAISES_AGAIN + STANDS_FOR + AMISS_LOOK_AGAIN + SHOWN
        await world.until(lambda s: not _is_true("InternalError")(s), longest)

    run(course)


def test_that_another_route_gets_the_requests_is_seen_though_only_that_route_changes() -> None:
    async def course(world: World) -> None:
        world.gateway.write_status = lambda live, status: _overlap(world, live, status)
        wanted = spec("v1")
        wanted["traffic"]["gateway"]["hostnames"] = ["a.example.com"]
        await world.apply(wanted)
        await world.until(_serves)
        await world.wait(HOUR)
        world.api.put(_older_route("a.example.com"))
        await world.until(lambda s: _condition(s, "Available") == "False", AMISS_LOOK_AGAIN + SHOWN)
        world.api.put(_older_route("b.example.com"))
        await world.until(lambda s: _condition(s, "Available") == "True", AMISS_LOOK_AGAIN + SHOWN)

    run(course)


def test_labels_that_could_not_be_restored_are_restored_once_they_can_be() -> None:
    async def course(world: World) -> None:
        await _serving(world)
        world.model("v2", errors=0.2)
        await world.apply(spec("v2"))
        last = await world.until(lambda s: s.status.get("phase") == "RolledBack", HOUR)
        await world.wait(HOUR)
        world.fault(children_refused(500, "ControllerRevision"), "children")
        name = f"fraud-{last.revision('stable')}"
        live = await world.user.get("ControllerRevision", NAMESPACE, name)
        await world.user.update({**live, "metadata": {**live["metadata"], "labels": {}}})
        await world.wait(200.0)
        await world.mend()
        await world.wait(AMISS_LOOK_AGAIN)
        live = await world.user.get("ControllerRevision", NAMESPACE, name)
        assert live["metadata"]["labels"][NAME_LABEL] == "fraud"

    run(course)


def test_what_had_no_room_among_the_notices_is_offered_again_within_a_minute_or_two() -> None:
    async def course(world: World) -> None:
        world.end()
        world.endpoints = [Endpoint(name="chat", form="Slack", folder="/nowhere")]
        world.launch()
        with patch("serinus.notifications.sender.MOST_OBJECTS", 0):
            await _serving(world)
            world.model("v2", errors=0.2)
            await world.apply(spec("v2"))
            await world.until(lambda s: s.status.get("phase") == "RolledBack", HOUR)
            await world.wait(HOUR)
        assert not _attempts(world)
        await world.wait(AMISS_LOOK_AGAIN + SHOWN)
        assert _attempts(world)

    run(course)


def _attempts(world: World) -> int:
    assert world.app
    return sum(world.app._notifier.outcomes().values())


async def _serving(world: World) -> None:
    await world.apply(spec("v1"))
    await world.until(_serves)
    await world.wait(60.0)


def _serves(s: Snapshot) -> bool:
    return bool(s.status.get("phase") == "Healthy")


def _condition(s: Snapshot, type_: str) -> str | None:
    found = {each["type"]: each["status"] for each in s.status.get("conditions", ())}
    return found.get(type_)


def _is_true(type_: str) -> Any:
    return lambda s: _condition(s, type_) == "True"


def _deployments(world: World) -> set[str]:
    return {each["metadata"]["name"] for each in world.api.all("Deployment", NAMESPACE)}


def _differs(world: World) -> bool:
    route = world.api.find("HTTPRoute", NAMESPACE, "fraud")
    assert route
    return "filters" in route["spec"]["rules"][0]


@asynccontextmanager
async def _route_changed_after_each_write(world: World) -> AsyncIterator[None]:
    """By something that adds another header each time."""
    written: list[None] = []

    def admit(manifest: Manifest) -> None:
        if manifest["kind"] == HTTP_ROUTE.name:
            written.append(None)
            header = {"set": [{"name": "x-written", "value": str(len(written))}]}
            filters = [{"type": "RequestHeaderModifier", "requestHeaderModifier": header}]
            manifest["spec"]["rules"][0]["filters"] = filters

    world.webhook(admit)
    yield
    await world.mend()


def _older_route(host: str) -> Manifest:
    """Of another ModelDeployment."""
    return {
        "apiVersion": HTTP_ROUTE.api_version,
        "kind": HTTP_ROUTE.name,
        "metadata": {
            "name": "loan",
            "namespace": NAMESPACE,
            "uid": "loan",
            "generation": 1,
            "creationTimestamp": "2020-01-01T00:00:00Z",
            "labels": {"app.kubernetes.io/managed-by": "serinus", NAME_LABEL: "loan"},
        },
        "spec": {
            "parentRefs": [{"name": "public"}],
            "hostnames": [host],
            "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}],
        },
    }


def _overlap(world: World, live: Manifest, status: Manifest) -> None:
    """A Gateway says the same of a route whichever others it overlaps with."""
    told = {
        "type": "RouteRulesOverlap",
        "status": "True",
        "reason": "RouteRulesOverlap",
        "message": "as others",
        "observedGeneration": live["metadata"]["generation"],
    }
    for parent in status["parents"]:
        parent["conditions"].append(told)
    if (live.get("status") or {}).get("parents") != status["parents"]:
        world.api.set_status(live, status)
