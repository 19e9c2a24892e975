"""How traffic is split between revisions: one file per router, all with one interface.

A router renders the objects that split traffic, and reads back what they do; which weight is
desired, and when, is decided elsewhere.
"""

from collections.abc import Mapping
from typing import Final

from serinus.api.spec import Spec
from serinus.manifests.kinds import Kind
from serinus.manifests.routers.gateway import GatewayRouter
from serinus.manifests.routers.replicas import ReplicaRouter
from serinus.manifests.routers.router import NeededKind, Router

ROUTERS: Final[tuple[type[Router], ...]] = (GatewayRouter, ReplicaRouter)
"""The first one that spec.traffic has settings for is used; the last needs none."""

ROUTER_KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind for router in ROUTERS for kind in router.kinds
}
"""By name, the kinds of the objects that routers write."""

NEEDED_KINDS: Final[Mapping[str, NeededKind]] = {
    kind.name: kind for router in ROUTERS for kind in router.needed_kinds
}
"""By name, the kinds of the objects that routers need and others own."""


def router_for(spec: Spec) -> Router:
    """The router that a spec asks for."""
    routers = (router.of(spec) for router in ROUTERS)
    return next(router for router in routers if router is not None)
