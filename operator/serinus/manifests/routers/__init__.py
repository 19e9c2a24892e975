"""How traffic is split between revisions: a file a router, all with one interface.

A router renders the objects that split, and reads back what they do; which weight is wanted, and
when, is decided above.
"""

from collections.abc import Mapping
from typing import Final

from serinus.api.spec import Spec
from serinus.manifests.kinds import Kind
from serinus.manifests.routers.gateway import GatewayRouter
from serinus.manifests.routers.replicas import ReplicaRouter
from serinus.manifests.routers.router import NeededKind, Router

ROUTERS: Final[tuple[type[Router], ...]] = (GatewayRouter, ReplicaRouter)
"""The first that the traffic has settings for splits it; the last needs none."""

ROUTER_KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind for router in ROUTERS for kind in router.kinds
}
"""Kinds by name of what routers write."""

NEEDED_KINDS: Final[Mapping[str, NeededKind]] = {
    kind.name: kind for router in ROUTERS for kind in router.needed_kinds
}
"""Kinds by name of what routers need of others."""


def router_for(spec: Spec) -> Router:
    """The router that a spec asks for."""
    routers = (router.of(spec.traffic) for router in ROUTERS)
    return next(router for router in routers if router is not None)
