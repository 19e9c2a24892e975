"""The API server in memory refuses what the real one refuses."""

import asyncio
from typing import Any

import pytest

from serinus.cluster import ApiError
from tests.campaign.memory.world import NAME, World, in_moved_time, run
from tests.campaign.stage import spec


async def _applied(world: World, *statuses: dict[str, Any]) -> dict[str, Any]:
    """The status after each of these was applied by the same manager, over the last."""
    await world.kill()
    await world.apply(spec("v1"))
    live: dict[str, Any] = {}
    for status in statuses:
        live = await world.user.get("ModelDeployment", world.namespace, NAME)
        manifest = {
            "apiVersion": live["apiVersion"],
            "kind": live["kind"],
            "metadata": {"name": NAME, "namespace": world.namespace},
            "status": status,
        }
        path = f"/apis/serinus.dev/v1alpha1/namespaces/{world.namespace}/modeldeployments/{NAME}"
        live = await world.user._call(
            *("apply", "ModelDeployment", "PATCH", f"{path}/status"),
            manifest,
            [("fieldManager", "serinus"), ("force", "true"), ("fieldValidation", "Strict")],
            "application/apply-patch+yaml",
        )
    found: dict[str, Any] = live["status"]
    return found


def candidate(**more: Any) -> dict[str, Any]:
    return {
        "candidate": {
            "revision": "a",
            "number": 1,
            "stage": "Stepping",
            "since": "2026-01-01T00:00:00Z",
            "progressSince": "2026-01-01T00:00:00Z",
            **more,
        }
    }


def test_a_part_of_status_that_is_left_out_is_gone() -> None:
    assert "candidate" not in run(
        lambda w: _applied(w, candidate(counted={"p": 1.0}), {"replicas": 1})
    )


def test_more_items_than_the_schema_allows_are_refused() -> None:
    retiring = [{"revision": f"a{n}", "since": "2026-01-01T00:00:00Z"} for n in range(17)]
    with pytest.raises(ApiError, match="must have at most 16 items"):
        run(lambda w: _applied(w, {"retiring": retiring}))


def test_an_unknown_field_is_refused() -> None:
    retiring = {"revision": "a", "since": "2026-01-01T00:00:00Z", "til": "2026-01-01T00:00:00Z"}
    with pytest.raises(ApiError, match="unknown field"):
        run(lambda w: _applied(w, {"retiring": [retiring]}))


async def _annotated(world: World, *annotations: dict[str, str]) -> dict[str, Any]:
    live: dict[str, Any] = {}
    for each in annotations:
        live = await world.apply(spec("v1"), each)
    found: dict[str, Any] = live["metadata"]
    return found


def test_an_annotation_that_is_left_out_is_gone() -> None:
    found = run(lambda w: _annotated(w, {"example.com/a": "1"}, {}))
    assert "annotations" not in found
    assert found["name"] == NAME


async def _replaced(world: World) -> None:
    await world.kill()
    await world.apply(spec("v1"))
    live = await world.user.get("ModelDeployment", world.namespace, NAME)
    await world.user.update({**live, "spec": {**live["spec"], "replicas": 2}})
    await world.user.update({**live, "spec": {**live["spec"], "replicas": 3}})


def test_whoever_writes_what_is_not_the_latest_gets_a_conflict() -> None:
    with pytest.raises(ApiError, match="has been modified"):
        run(_replaced)


def test_a_loop_in_which_time_never_passes_is_ended() -> None:
    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="round and round"):
        in_moved_time(spin())
