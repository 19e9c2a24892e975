"""All objects that a ModelDeployment needs at one time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType
from typing import Final

from serinus.api.initializer import Initializer
from serinus.api.spec import Spec
from serinus.manifests import download
from serinus.manifests.allowed_task import allowed_task
from serinus.manifests.kinds import JOB
from serinus.manifests.owner import REVISION_LABEL, Manifest, Objects, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.routers import router_for
from serinus.manifests.service import pods_service, service
from serinus.manifests.task import Task, ended, job
from serinus.manifests.traffic import Traffic
from serinus.manifests.workloads import USUAL, kind_of, running

_NONE: Final[Objects] = MappingProxyType({})


@dataclass(frozen=True)
class Wanted:
    """Which revisions run, with how many pods, who gets the traffic, and what else is run."""

    replicas: Mapping[str, int]
    """Pods by hash of each running revision."""
    traffic: Traffic
    tasks: tuple[Task, ...] = ()


@dataclass(frozen=True)
class Children:
    """All desired objects; every other object that is not spared is deleted."""

    pods: list[Manifest]
    """The history of the revisions, their Services and their workloads, in the order in which they
    are applied."""
    routes: list[Manifest]
    """The objects that split the traffic between the revisions."""
    splits: list[Manifest] = field(default_factory=list)
    """What to write of them if the API server refuses something else in them."""
    left_over: list[Manifest] = field(default_factory=list)
    """Live objects that must be gone before the routes are written."""
    tasks: list[Manifest] = field(default_factory=list)
    """Jobs and what they need, which serve nothing and are never changed."""
    over: frozenset[str] = frozenset()
    """Names of those that are not created again."""
    trains: frozenset[str] = frozenset()
    """Names of those that retrain, for which no rollout waits."""
    lost: frozenset[str] = frozenset()
    """Revisions that should run, but whose template is unknown."""
    serving: Mapping[str, int] = field(default_factory=dict)
    """Pods of each revision that gets traffic."""

    def spares(self, live: Manifest) -> bool:
        """Whether an object is kept although it is not desired: it leads, or may lead, to the pods
        of a lost revision, or is a Job that has ended."""
        if live["kind"] == JOB.name and ended(live):
            return True
        return bool(self.lost) and live["metadata"]["labels"].get(REVISION_LABEL) in (
            None,
            *self.lost,
        )

    def __iter__(self) -> Iterator[Manifest]:
        """All of them, in the order in which they are created."""
        return chain(self.pods, self.routes, self.tasks)


def children(
    owner: Owner,
    spec: Spec,
    revisions: Mapping[str, Revision],
    wanted: Wanted,
    objects: Objects = _NONE,
    initializer: Initializer | None = None,
) -> Children:
    """The objects that a ModelDeployment needs, given those that it has.

    `revisions` has the revisions to keep in the history by hash, including the running ones. A
    running revision that is missing there is lost: its template is unknown, and its objects are not
    changed. `initializer`: what downloads the models of pods that start now, if something does.
    """
    replicas, runs = wanted.replicas, running(objects)
    by = {name: initializer_of(r, runs.get(name), initializer) for name, r in revisions.items()}
    live = [(revisions[name], count) for name, count in replicas.items() if name in revisions]
    pods = [
        *(each.manifest(owner) for each in revisions.values() if not each.recovered),
        *(service(owner, owner.child(r.hash), r.hash, r) for r, _ in live),
        *(USUAL.manifest(owner, r, count, by[r.hash]) for r, count in live),
    ]
    routes = routes_of(owner, spec, wanted.traffic, revisions, objects)
    router = router_for(spec)
    splits = router.split_alone(owner, wanted.traffic, objects)
    left_over = router.left_over(owner, wanted.traffic, objects)
    stable = wanted.traffic.stable
    known = [task for task in wanted.tasks if task.revision in revisions and not task.over]
    asked = {task.revision for task in known if not task.retrains}
    tasks = [
        *(pods_service(owner, revisions[name]) for name in sorted(asked)),
        *(_task(owner, t, revisions[t.revision], stable, by[t.revision]) for t in known),
        *(owner.object(JOB, task.name) for task in wanted.tasks if task.over),
    ]
    serving = {name: replicas.get(name, 0) for name in wanted.traffic.served_by}
    over = frozenset(task.name for task in wanted.tasks if task.over)
    lost = frozenset(replicas) - set(revisions)
    trains = frozenset(task.name for task in wanted.tasks if task.retrains)
    return Children(pods, routes, splits, left_over, tasks, over, trains, lost, serving)


def _task(
    owner: Owner,
    task: Task,
    revision: Revision,
    stable: str | None,
    initializer: Initializer | None,
) -> Manifest:
    if task.kind is not None:
        return allowed_task(owner, task, task.kind, revision, stable)
    return job(owner, task, revision, stable, initializer)


def initializer_of(
    revision: Revision, live: Manifest | None, setting: Initializer | None
) -> Initializer | None:
    """What downloads the model of a revision, given what runs its pods; None: nothing does."""
    if not revision.recovered and not download.may_be_downloaded(revision):
        return None
    if live is None:
        return setting
    return download.kept(live, kind_of(live).template(live), revision, setting)


def routes_of(
    owner: Owner, spec: Spec, traffic: Traffic, revisions: Mapping[str, Revision], live: Objects
) -> list[Manifest]:
    """The objects that split the traffic, and those that they replace, until they are in effect."""
    router = router_for(spec)
    return [
        *router.manifests(owner, traffic, revisions),
        *router.replaced(owner, traffic, live),
    ]


def lacking(
    owner: Owner, spec: Spec, traffic: Traffic, lost: frozenset[str], live: Objects
) -> set[str]:
    """The revisions that would gain traffic, and lack a Service or what runs their pods.

    A revision that already takes traffic keeps it even if objects are missing, so that traffic can
    always be removed from another one. Lost revisions are not waited for, because their objects
    cannot be created.
    """
    taking = router_for(spec).leads_to(owner, live) or frozenset[str]()
    gaining = set(traffic.served_by) - taking - lost
    reached = {each for each in running(live) if ("Service", owner.child(each)) in live}
    return gaining - reached
