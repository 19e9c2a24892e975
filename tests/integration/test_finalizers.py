"""Children that a finalizer keeps for a while after the operator has deleted them."""

import asyncio
import time
from collections.abc import Callable
from math import inf

import pytest

from serinus.cluster import Cluster
from serinus.controller import informer, reconcile
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import healthy, spec

FINALIZER = "example.com/load-balancer"


async def test_what_was_kept_by_a_finalizer_is_created_anew_as_soon_as_it_is_gone(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # no list helps, and no pass that looks again because the route is missing
    monkeypatch.setattr(informer, "RESYNC", 3600.0)
    monkeypatch.setattr(reconcile, "AMISS_LOOK_AGAIN", inf)
    async with Operator(cluster, namespace) as operator:
        await _there_and_back(operator)


async def _there_and_back(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    await _finalizers(operator, FINALIZER)
    await operator.apply("fraud", **spec("v1", traffic={}))
    kept = await _until(operator, lambda route: "deletionTimestamp" in route["metadata"])
    await operator.rest()
    live = await operator.apply("fraud", **spec("v1"))
    generation = live["metadata"]["generation"]
    await operator.until("fraud", lambda s: s["observedGeneration"] == generation)
    await operator.rest()
    await _finalizers(operator)
    route = await _until(
        operator, lambda route: route["metadata"]["uid"] != kept["metadata"]["uid"]
    )
    assert "deletionTimestamp" not in route["metadata"]


async def _finalizers(operator: Operator, *names: str) -> None:
    route = await operator.cluster.get("HTTPRoute", operator.namespace, "fraud")
    await operator.cluster.merge(route, {"metadata": {"finalizers": list(names)}})


async def _until(operator: Operator, holds: Callable[[Manifest], bool]) -> Manifest:
    deadline = time.monotonic() + 30.0
    while True:
        route = await operator.cluster.find("HTTPRoute", operator.namespace, "fraud")
        if route is not None and holds(route):
            return route
        assert time.monotonic() < deadline, f"it does not come about: {route}"
        await asyncio.sleep(0.03)
