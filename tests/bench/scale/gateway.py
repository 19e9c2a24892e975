"""A gateway that takes up every route at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from serinus.cluster import ApiError
from serinus.manifests.kinds import KINDS
from tests.bench.scale.control import Control, Manifest, Seen
from tests.stage.gateways import serve

NAME = "public"


@asynccontextmanager
async def gateway(control: Control) -> AsyncIterator[None]:
    """Is there, and accepts each HTTPRoute, at each of its generations, until left."""
    await serve(control.client, "default", NAME)
    async with asyncio.TaskGroup() as group:

        def take(seen: Seen) -> None:
            route = seen.object
            if seen.type != "DELETED" and not _answered(route):
                group.create_task(_accept(control, route))

        async with control.following(KINDS["HTTPRoute"].path(), take):
            yield


def _answered(route: Manifest) -> bool:
    parents = (route.get("status") or {}).get("parents") or []
    generation = route["metadata"]["generation"]
    return any(
        condition["observedGeneration"] == generation
        for parent in parents
        for condition in parent["conditions"]
    )


async def _accept(control: Control, route: Manifest) -> None:
    told = {"status": "True", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    observed = {"observedGeneration": route["metadata"]["generation"]}
    answer = {
        "parentRef": route["spec"]["parentRefs"][0],
        "controllerName": "bench.serinus.dev/gateway",
        "conditions": [
            {**told, **observed, "type": name, "reason": name}
            for name in ("Accepted", "ResolvedRefs")
        ],
    }
    try:
        await control.client.update_status(route, {"parents": [answer]})
    except ApiError as error:
        # a route that changed meanwhile comes again
        if not (error.conflict or error.absent):
            raise
