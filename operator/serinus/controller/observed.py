"""What one pass goes by, read at its beginning and handed from step to step."""

from dataclasses import dataclass, replace
from typing import Self

from serinus.api.status import Status
from serinus.cluster import Store
from serinus.controller.object_state import ObjectState
from serinus.controller.queue import Key
from serinus.manifests.owner import Manifest, Objects, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.routers.gateway import unserved
from serinus.plan.observe import obstacle, read_revisions, who_serves
from serinus.plan.situation import Wish


@dataclass(frozen=True, slots=True)
class Observed:
    """A ModelDeployment, its children, and what else is known of it."""

    key: Key
    live: Manifest
    owner: Owner
    wish: Wish
    objects: Objects
    """The children."""
    revisions: dict[str, Revision]
    """By hash."""
    unserved: tuple[str, ...]
    """Why Gateways that the spec names serve no route, each in words."""
    state: ObjectState
    now: float
    """When the pass began, Unix seconds."""

    @classmethod
    def read(
        cls, store: Store, key: Key, live: Manifest, wish: Wish, state: ObjectState, now: float
    ) -> Self:
        """From the store, and by the status with the evidence since it was written."""
        owner = Owner(key.namespace, key.name, live["metadata"]["uid"])
        status = state.memory.current
        objects = store.children(key.namespace, key.name, owner.uid)
        revisions = read_revisions(wish, live["spec"], status, objects)
        serving = who_serves(owner, wish, objects)
        wish = replace(wish, obstacle=obstacle(wish, status, revisions, serving))
        gateways = _unserved(store, key, wish)
        return cls(key, live, owner, wish, objects, revisions, gateways, state, now)

    def anew(self, store: Store, status: Status) -> Self:
        """With the children as they are by now, and the revisions that this status numbers."""
        objects = store.children(self.key.namespace, self.key.name, self.owner.uid)
        revisions = read_revisions(self.wish, self.live["spec"], status, objects)
        return replace(self, objects=objects, revisions=revisions)


def _unserved(store: Store, key: Key, wish: Wish) -> tuple[str, ...]:
    gateway = wish.spec.traffic.gateway
    named = [(p.namespace or key.namespace, p.name) for p in gateway.parent_refs] if gateway else []
    known = [each for each in dict.fromkeys(named) if store.has("Gateway", *each) is not None]
    reasons = (unserved(*each, store.get("Gateway", *each)) for each in known)
    return tuple(filter(None, reasons))
