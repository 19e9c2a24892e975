"""Makes the children match what is wanted, and tells what stands in the way of that."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from serinus.cluster import ApiError, Cluster, Store
from serinus.manifests.covers import covers
from serinus.manifests.owner import Manifest, Objects, Owner, foreign, handed_over
from serinus.plan.situation import World

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of bringing the children about."""

    changed: bool = False
    """Something changed that the rules read."""
    taken: tuple[str, str] | None = None
    """(kind, name) of an object of someone else that has a name that we need."""
    refusals: Mapping[str, str] = field(default_factory=dict)
    """By kind of child, why the API server refuses one, in a sentence."""

    def told_of(self, world: World) -> World:
        """The world, in which what is refused keeps pods or route from coming about."""
        pods = [told for kind, told in self.refusals.items() if kind in _PODS]
        ways = [told for kind, told in self.refusals.items() if kind not in _PODS]
        if pods:
            world = replace(world, pods_problem=pods[0])
        if ways:
            world = replace(world, split_in_effect=False, route_message=ways[0], route_refused=True)
        return world


_PODS = ("ControllerRevision", "Deployment")
"""Children without which there are no pods; the others are ways to them."""


async def actuate(
    cluster: Cluster, store: Store, owner: Owner, desired: Iterable[Manifest]
) -> Outcome:
    """Apply what is wanted and not so yet, in order; then delete what is not wanted.

    One child that is refused does not keep the others from being written: the route is the last,
    and a rollback depends on it. Raises ApiError if the API server fails or is not there.
    """
    objects = store.children(owner.namespace, owner.name, owner.uid)
    desired = list(desired)
    changed = False
    refusals: dict[str, str] = {}
    wanted: set[tuple[str, str]] = set()
    for manifest in desired:
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        wanted.add((kind, name))
        try:
            found = objects.get((kind, name)) or await _create_or_find(cluster, manifest)
            if found is not None and foreign(kind, found, owner):
                return Outcome(True, (kind, name), refusals)
            given = found is not None and handed_over(kind, found, owner)
            if given and not _all_ready(desired, objects):
                continue  # what it leads to now serves until our pods can
            if found is None or not covers(found, manifest):
                found = await cluster.apply(manifest)
            # a no-op apply keeps the resourceVersion, and the store says that it is nothing new
            changed |= store.put(found)
        except ApiError as error:
            if not (error.refused or error.absent):
                raise
            refusals[kind] = _sentence(manifest, error)
            log.warning("%s/%s: %s", owner.namespace, owner.name, refusals[kind])
    if all(kind in _PODS for kind in refusals):
        # else traffic may still go to what is not wanted any more
        changed |= await _prune(cluster, store, objects, wanted)
    return Outcome(changed, None, refusals)


def _all_ready(desired: Iterable[Manifest], objects: Objects) -> bool:
    """Whether every Deployment that is wanted has all its pods, and one at least."""
    found = [
        (each["spec"]["replicas"], objects.get(("Deployment", each["metadata"]["name"])))
        for each in desired
        if each["kind"] == "Deployment"
    ]
    return all(
        live is not None and (live.get("status") or {}).get("readyReplicas", 0) >= max(1, replicas)
        for replicas, live in found
    )


async def _create_or_find(cluster: Cluster, manifest: Manifest) -> Manifest | None:
    """An object that the store does not know: whose it is has to be seen before it is applied.

    A ControllerRevision never changes, and need not be applied: creating it tells as well.
    """
    kind, metadata = manifest["kind"], manifest["metadata"]
    if kind == "ControllerRevision":
        try:
            return await cluster.create(manifest)
        except ApiError as error:
            if not error.conflict:
                raise
    return await cluster.find(kind, metadata["namespace"], metadata["name"])


async def _prune(
    cluster: Cluster, store: Store, objects: Objects, wanted: set[tuple[str, str]]
) -> bool:
    unwanted = [live for key, live in objects.items() if key not in wanted]
    for live in unwanted:
        await cluster.delete(live)
        store.remove(live)
    return bool(unwanted)


def _sentence(manifest: Manifest, error: ApiError) -> str:
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    if error.absent:
        why = f"the API server does not know {kind} in {manifest['apiVersion']}: install it first"
    else:
        why = str(error)
    return f"{kind} {name} cannot be written: {why}"
