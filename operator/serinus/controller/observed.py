"""The input of one pass, read at its beginning."""

import json
from dataclasses import dataclass, replace
from typing import Self

from serinus.api.initializer import Initializer
from serinus.api.problem import Problem
from serinus.api.spec import Spec
from serinus.api.status import Status
from serinus.api.validation import readable, typed
from serinus.cluster import Family, Store
from serinus.controller.object_state import ObjectState, SpecRead
from serinus.controller.queue import Key
from serinus.manifests.following import as_written
from serinus.manifests.kinds import SERVICE
from serinus.manifests.owner import Manifest, Objects, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.routers import router_for
from serinus.manifests.routers.router import Router
from serinus.plan.observe import identified, incompatibility, mountable, read_revisions, who_serves
from serinus.plan.situation import Desired


@dataclass(frozen=True, slots=True)
class Observed:
    """A ModelDeployment, its children, and other facts."""

    key: Key
    live: Manifest
    owner: Owner
    family: Family
    """The children as the store has them by now."""
    desired: Desired
    objects: Objects
    """The children as they were when the pass began."""
    revisions: dict[str, Revision]
    """By hash."""
    unserved: str
    """Why the objects that split the traffic serve nothing, regardless of their status, as a
    message; otherwise empty."""
    outranked: str
    """Why another object gets all of the requests, in sentences; otherwise empty."""
    state: ObjectState
    now: float
    """Start of the pass, Unix seconds."""

    @classmethod
    def read(
        cls,
        store: Store,
        initializer: Initializer | None,
        key: Key,
        live: Manifest,
        desired: Desired,
        state: ObjectState,
        status: Status,
        now: float,
    ) -> Self:
        """From the store, with the status and its unwritten evidence. `initializer`: what downloads
        the models of pods that start now, if something does."""
        owner = Owner(key.namespace, key.name, live["metadata"]["uid"])
        family = store.family(key.namespace, key.name, owner.uid)
        objects = family.objects()
        desired = identified(desired, owner, live["spec"], status, objects)
        revisions = read_revisions(desired, live["spec"], status, objects)
        desired = mountable(desired, status, revisions, objects, initializer)
        serving = who_serves(owner, desired, objects, status)
        desired = replace(
            desired, incompatibility=incompatibility(desired, status, revisions, serving)
        )
        router = router_for(desired.spec)
        return cls(
            key=key,
            live=live,
            owner=owner,
            family=family,
            desired=desired,
            objects=objects,
            revisions=revisions,
            unserved=_unserved(store, owner, router),
            outranked=_outranked(store, owner, router, objects),
            state=state,
            now=now,
        )

    def anew(self, status: Status) -> Self:
        """With the present children, and the revisions that this status has."""
        objects = self.family.objects()
        revisions = read_revisions(self.desired, self.live["spec"], status, objects)
        return replace(self, objects=objects, revisions=revisions)


def _unserved(store: Store, owner: Owner, router: Router) -> str:
    needs = [need for need in router.needs(owner) if store.has(*need) is not None]
    return router.unserved({need: store.get(*need) for need in needs})


def _outranked(store: Store, owner: Owner, router: Router, objects: Objects) -> str:
    routes = (kind for kind in router.kinds if kind is not SERVICE)
    others = (live for kind in routes for live in store.each(kind.name))
    return router.outranked(owner, objects, others)


def read_spec(live: Manifest, state: ObjectState) -> SpecRead:
    """What the last pass read of this spec, or read it anew: its types and rules take as long as
    some steps of a pass."""
    written = json.dumps(live["spec"])
    if state.spec is None or state.spec.written != written:
        state.spec = SpecRead(written, *_read(live))
    return state.spec


def _read(live: Manifest) -> tuple[Spec | None, tuple[str, ...], tuple[str, ...]]:
    """The typed spec, its problems, and its unknown fields."""
    name, written = (
        (live["metadata"]["namespace"], live["metadata"]["name"]),
        as_written(live["spec"]),
    )
    spec, found = typed(*name, written)
    unknown: list[Problem] = []
    if spec is None:
        known, unknown = readable(Spec, written, "spec", unknown_only=True)
        spec, found = typed(*name, known)
    ignored = tuple(f"{problem.field} is unknown to this version." for problem in unknown)
    return spec, tuple(str(problem) for problem in found), ignored
