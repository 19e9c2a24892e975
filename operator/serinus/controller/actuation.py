"""Makes the children match the desired state, and reports what prevents it.

The objects that split the traffic are written first, so that the route of a rollback is written
even if other writes fail; what led people to a candidate that they try no more is deleted before.
If the split would lead to a revision that does not exist yet, that revision is written first.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Final

from serinus.api.reasons import About, Reason
from serinus.cluster import ApiError, Cluster, Family
from serinus.controller.pace import (
    CHANGED_LONGEST,
    EMPTIED_LONGEST,
    FAILED_LONGEST,
    ROUTE_LONGEST,
    Pace,
)
from serinus.controller.queue import RETRY_AFTER_LONGEST
from serinus.manifests.adoption import foreign, handed_over, would_lose
from serinus.manifests.children import Children
from serinus.manifests.covers import over, ports_anew, unlike
from serinus.manifests.kinds import CONTROLLER_REVISION, JOB, KINDS, TRAFFIC, Purpose, is_ours
from serinus.manifests.owner import Manifest, Objects, Owner, is_marked, without_mark
from serinus.manifests.revision import Revision
from serinus.manifests.workloads import WORKLOADS, kind_of, running
from serinus.plan.problems import Problem, Severity
from serinus.plan.situation import World

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """The result of writing the children."""

    changed: bool = False
    """Something changed that the rules read."""
    rerouted: bool = False
    """What changed splits the traffic."""
    refusals: Mapping[str, str] = field(default_factory=dict)
    """By kind of child, why it cannot be written, as a message: rejected by the API server, or its
    name is taken."""
    taken: frozenset[str] = frozenset()
    """Kinds of child of which an object of another owner has a name that we need."""
    taken_before: str = ""
    """Message of the status about such a name, until this process has written; otherwise empty."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """By kind of child, why a write failed that may succeed later."""
    overridden: Mapping[str, str] = field(default_factory=dict)
    """By kind of child, how something else changes it after each write."""
    retry_in: float | None = None
    """Seconds until the next write of a child that failed or is changed by others."""
    error: ApiError | None = None
    """The first failure of this pass; None if all writes succeeded."""
    repaired: tuple[str, ...] = ()
    """What somebody else had deleted or changed, and is as it was, as messages."""

    @property
    def complete(self) -> bool:
        """Whether all children are as desired, as far as this process knows."""
        return not (self.refusals or self.taken_before or self.failures or self.overridden)

    def applied_to(self, world: World) -> World:
        """The world, with what keeps pods, route or Jobs from coming into effect."""
        in_effect = world.split_in_effect and {*self.refusals}.isdisjoint(TRAFFIC)
        return world.with_problems(*self._problems(world), split_in_effect=in_effect)

    def _problems(self, world: World) -> Iterator[Problem]:
        if text := self.taken_before:
            yield Problem(Reason.NAME_TAKEN, Severity.INTERVENTION, About.CHILDREN, text)
        for kind, message in self.refusals.items():
            waits, about = _awaited(kind)
            if kind in self.taken:
                yield Problem(Reason.NAME_TAKEN, Severity.INTERVENTION, about, message)
            else:
                yield Problem(waits, Severity.REPAIR, about, message)
        for kind, message in self.overridden.items():
            severity, about = Severity.NOTE, About.CHILDREN
            if kind in TRAFFIC and not world.split_in_effect:
                severity, about = Severity.REPAIR, About.ROUTE
            elif _awaited(kind)[0] is Reason.AWAITING_JOB:
                severity, about = Severity.WAIT, _awaited(kind)[1]
            yield Problem(Reason.CHANGED_BY_OTHERS, severity, about, message)
        for kind, message in self.failures.items():
            waits, about = _awaited(kind)
            # pods that are there and not ready have a cause of their own
            if about is not About.PODS or world.first(About.CANDIDATE) is None:
                yield Problem(waits, Severity.WAIT, about, message)


_AWAITED: Final[Mapping[Purpose | None, tuple[Reason, About]]] = {
    Purpose.HISTORY: (Reason.AWAITING_PODS, About.PODS),
    Purpose.PODS: (Reason.AWAITING_PODS, About.PODS),
    Purpose.TRAFFIC: (Reason.AWAITING_ROUTE, About.ROUTE),
    Purpose.TASK: (Reason.AWAITING_JOB, About.TASK),
}


_TRAINING: Final = "training"
"""In the place of a kind: what retrains, which is of any kind, and for which no rollout waits."""


def _awaited(kind: str) -> tuple[Reason, About]:
    """What waits for a child."""
    if kind == _TRAINING:
        return Reason.AWAITING_JOB, About.RETRAINING
    return _AWAITED[KINDS[kind].purpose]


async def actuate(
    cluster: Cluster,
    family: Family,
    owner: Owner,
    desired: Children,
    lacking: Callable[[Objects], object],
    pace: Pace,
    *,
    split_alone: bool = False,
) -> WriteOutcome:
    """Apply the children that differ; then delete the others. `lacking` has what the split leads to
    and does not exist. `split_alone`: leave what only pods need, unless the split leads to it.

    Each child is tried independently of the others; failures are in the outcome.
    """
    writing = _Writing(cluster, family, owner, pace, desired.splits, desired.serving)
    pace.forget_all_but((*desired, *writing.objects().values()))
    pace.desires(desired)
    await writing.remove(desired.left_over, urgent=True)
    first = not lacking(writing.objects())
    if first:
        await writing.bring_about(desired.routes, urgent=True)
        if split_alone:
            return writing.outcome()
    await writing.bring_about(desired.pods)
    if not first:
        if lacking(writing.objects()):
            return writing.outcome()
        await writing.bring_about(desired.routes, urgent=True)
    await writing.start(desired)
    if not writing.leaves_routes:
        # otherwise traffic may still go to what is no longer desired
        await writing.prune(desired)
    return writing.outcome()


async def bring_about(
    cluster: Cluster,
    family: Family,
    owner: Owner,
    routes: Iterable[Manifest],
    splits: Iterable[Manifest],
    pace: Pace,
) -> WriteOutcome:
    """Apply only the objects that split the traffic; of one that is refused, the split alone."""
    writing = _Writing(cluster, family, owner, pace, splits, {})
    await writing.bring_about(routes, urgent=True)
    return writing.outcome()


async def put_labels_back(cluster: Cluster, owner: Owner, revisions: Iterable[Revision]) -> None:
    """To a ControllerRevision that is missed because it lost them: only what it holds can be
    returned to. Its event causes a pass that knows it again; the next pass tries again what fails.
    """
    for each in revisions:
        if not each.recovered:
            continue
        name = owner.child(each.hash)
        wanted = owner.object(CONTROLLER_REVISION, name, each.hash)["metadata"]["labels"]
        try:
            found = await cluster.find(CONTROLLER_REVISION.name, owner.namespace, name)
            if found is not None and owner.owns(found):
                await cluster.merge(found, {"metadata": {"labels": wanted}})
        except ApiError as error:
            problem = f"ControllerRevision {name} cannot get its labels back: {error}"
            log.warning("%s/%s: %s", owner.namespace, owner.name, problem)


class _Writing:
    """The writes of one pass, and their results so far."""

    def __init__(
        self,
        cluster: Cluster,
        family: Family,
        owner: Owner,
        pace: Pace,
        splits: Iterable[Manifest],
        serving: Mapping[str, int],
    ) -> None:
        self._serving = serving
        self._splits = {(each["kind"], each["metadata"]["name"]): each for each in splits}
        self._cluster = cluster
        self._family = family
        self._owner = owner
        self._pace = pace
        self._changed = self._rerouted = False
        self._refusals: dict[str, str] = {}
        self._taken: set[str] = set()
        self._failures: dict[str, str] = {}
        self._overridden: dict[str, str] = {}
        self._retry_in = inf
        self._error: ApiError | None = None
        self._repaired: list[str] = []

    def objects(self) -> Objects:
        """The known children."""
        return self._family.objects()

    @property
    def leaves_routes(self) -> bool:
        """Whether the objects that split the traffic may differ from the desired state."""
        return not {*self._refusals, *self._failures, *self._overridden}.isdisjoint(TRAFFIC)

    def outcome(self) -> WriteOutcome:
        """The result of all writes."""
        return WriteOutcome(
            self._changed,
            self._rerouted,
            refusals=self._refusals,
            taken=frozenset(self._taken),
            failures=self._failures,
            overridden=self._overridden,
            retry_in=None if self._retry_in == inf else self._retry_in,
            error=self._error,
            repaired=tuple(self._repaired),
        )

    async def bring_about(self, manifests: Iterable[Manifest], *, urgent: bool = False) -> None:
        """Apply those that differ."""
        cluster = self._cluster.urgent if urgent else self._cluster
        objects = self.objects()
        for manifest in manifests:
            try:
                await self._bring_one_about(cluster, objects, manifest, urgent)
            except ApiError as error:
                self._note(manifest, error, "written", urgent)
                if error.refused:
                    await self._split_at_least(cluster, objects, manifest)

    async def _split_at_least(self, cluster: Cluster, objects: Objects, refused: Manifest) -> None:
        """What a user wrote into a route must not keep a candidate from losing its traffic."""
        key = refused["kind"], refused["metadata"]["name"]
        found, split = objects.get(key), self._splits.get(key)
        if found is None or split is None or unlike(found, split) is None:
            return
        try:
            found = await cluster.apply(split, force=True)
        except ApiError as error:
            log.warning("%s", _sentence(split, error, "written"))
            return
        self._changed |= self._family.put(found)
        self._rerouted = True

    async def _bring_one_about(
        self, cluster: Cluster, objects: Objects, manifest: Manifest, urgent: bool
    ) -> None:
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        found = objects.get((kind, name))
        difference = None if found is None else unlike(found, manifest)
        withdrawn = found is not None and is_marked(found)
        if found is not None and difference is None:
            self._pace.unchanged(manifest)
            self._pace.found_as_desired(manifest)
            self._tell_if_overridden(manifest)
            return
        if difference is not None:
            longest = EMPTIED_LONGEST if _is_emptied(found, manifest) else CHANGED_LONGEST
            self._pace.changed(manifest, difference, longest=longest)
        if self._must_wait(manifest):
            self._tell_if_overridden(manifest)
            return
        known = found is not None
        found = found or await _create_or_find(cluster, manifest)
        if found is not None and (taken := foreign(kind, found, self._owner)):
            self._refusals[kind] = taken
            self._taken.add(kind)
            return
        if found is not None and not known and kind in WORKLOADS:
            await self._learn_of(cluster, found, manifest)
            return
        given = found is not None and handed_over(kind, found, self._owner)
        theirs = given and found is not None and not self._owner.left_behind(found)
        if found is not None and theirs and (lost := would_lose(found, manifest)):
            self._refusals[kind] = lost
            self._taken.add(kind)
            return
        if given and not _all_ready(self._serving, objects):
            return  # what it leads to serves until our pods are ready
        written = kind == CONTROLLER_REVISION.name  # it was created
        if found is None or unlike(found, manifest) is not None:
            written = True
            # an object that was created since the lookup is not ours
            wanted = over(found, manifest) if found else manifest
            if found and (ports := ports_anew(found, wanted)):
                found = await cluster.merge(found, {"spec": {"ports": ports}})
            if found and (unmarked := without_mark(found, wanted)):
                found = await cluster.merge(found, unmarked)
            found = await cluster.apply(wanted, force=found is not None)
            self._pace.wrote(manifest, longest=FAILED_LONGEST if urgent else CHANGED_LONGEST)
        # a no-op apply keeps the resourceVersion, and the store reports no change
        changed = self._family.put(found)
        self._changed |= changed
        self._rerouted |= changed and urgent
        if (message := unlike(found, manifest)) is not None:
            self._pace.changed(manifest, message)
            self._retry_in = min(self._retry_in, self._pace.wait(manifest))
        elif written:
            if not withdrawn:  # that was our own write
                self._note_repair(manifest, difference)
            self._pace.brought_about(manifest)
        self._tell_if_overridden(manifest)

    async def _learn_of(self, cluster: Cluster, found: Manifest, manifest: Manifest) -> None:
        """What runs pods, and is known only now, such as one that lost its labels, gets these back;
        the next pass reads from it what it was created with, before it changes anything."""
        labels = manifest["metadata"]["labels"]
        if not labels.items() <= (found["metadata"].get("labels") or {}).items():
            found = await cluster.merge(found, {"metadata": {"labels": labels}})
            self._pace.wrote(manifest)
            self._note_repair(manifest, None)
            if not labels.items() <= (found["metadata"].get("labels") or {}).items():
                what = f"{manifest['kind']} {manifest['metadata']['name']}"
                self._pace.changed(manifest, f"{what} lacks the labels that it was given.")
                self._retry_in = min(self._retry_in, self._pace.wait(manifest))
                self._tell_if_overridden(manifest)
        self._changed |= self._family.put(found)

    async def start(self, desired: Children) -> None:
        """Create the tasks that are missing, but for what is over. What a Job runs cannot change,
        so none is applied. Only the Job waits for what it needs."""
        objects = self.objects()
        for manifest in desired.tasks:
            kind, name = manifest["kind"], manifest["metadata"]["name"]
            if name in desired.over:
                continue
            waits = _TRAINING if name in desired.trains else JOB.name
            if (kind, name) in objects:
                self._pace.unchanged(manifest)
            else:
                self._pace.changed(manifest, f"{kind} {name} was deleted before it ended.")
                if not self._must_wait(manifest, waits):
                    await self._start_one(manifest, waits)
            self._tell_if_overridden(manifest, waits)

    async def _start_one(self, manifest: Manifest, waits: str) -> None:
        try:
            found = await _create(self._cluster, manifest)
        except ApiError as error:
            self._note(manifest, error, "written", urgent=False, kind=waits)
            return
        if found is not None and (taken := foreign(manifest["kind"], found, self._owner)):
            self._refusals[waits] = taken
        elif found is not None:
            self._pace.wrote(manifest)
            # what is not watched is looked up in each pass
            watched = is_ours(found["apiVersion"], found["kind"])
            self._changed |= not watched or self._family.put(found)

    def _must_wait(self, manifest: Manifest, kind: str = "") -> bool:
        """Whether it was written, or tried to, only now. `kind`: as for `_note`."""
        if (wait := self._pace.wait(manifest)) <= 0:
            return False
        if failure := self._pace.failure(manifest):
            self._failures[kind or manifest["kind"]] = failure
        self._retry_in = min(self._retry_in, wait)
        return True

    def _note_repair(self, manifest: Manifest, difference: str | None) -> None:
        """A child that was as it is desired, and was found not to be, is so again. What is changed
        after each write is reported otherwise, and what is done again and again only now and then.
        """
        if self._pace.was_as_desired(manifest) and not self._pace.overridden(manifest):
            what = f"{manifest['kind']} {manifest['metadata']['name']}"
            how = (
                f"was changed, and is put back. {difference}"
                if difference
                else "was deleted, or lost its labels, and is restored."
            )
            if self._pace.may_be_told(f"{what} {how}"):
                self._repaired.append(f"{what} {how}")

    def _tell_if_overridden(self, manifest: Manifest, kind: str = "") -> None:
        if message := self._pace.overridden(manifest):
            self._overridden[kind or manifest["kind"]] = (
                f"{message} Something else, such as an admission webhook or another controller, "
                "changes it after every write; it is written again with increasing delays."
            )

    async def prune(self, wanted: Children) -> None:
        """Delete all children that are not among these."""
        kept = {(each["kind"], each["metadata"]["name"]) for each in wanted}
        others = (live for key, live in self.objects().items() if key not in kept)
        await self.remove(live for live in others if not wanted.spares(live))

    async def remove(self, unwanted: Iterable[Manifest], *, urgent: bool = False) -> None:
        """Delete these children."""
        cluster = self._cluster.urgent if urgent else self._cluster
        for live in unwanted:
            head = {"kind": live["kind"], "metadata": {"name": live["metadata"]["name"]}}
            if self._must_wait(head):
                continue
            try:
                await cluster.delete(live)
            except ApiError as error:
                self._note(head, error, "deleted", urgent=False)
            else:
                self._family.remove(live)
                self._changed = True

    def _note(
        self, manifest: Manifest, error: ApiError, done: str, urgent: bool, kind: str = ""
    ) -> None:
        """`kind`: of what waits for it, if that is another one."""
        kind = kind or manifest["kind"]
        message = _sentence(manifest, error, done)
        log.warning("%s/%s: %s", self._owner.namespace, self._owner.name, message)
        if done == "written" and (error.refused or error.absent):
            self._refusals[kind] = message
            return
        self._failures[kind] = message
        self._error = self._error or error
        longest = ROUTE_LONGEST if urgent else RETRY_AFTER_LONGEST
        self._pace.failed(manifest, message, retry_after=error.retry_after, longest=longest)
        self._retry_in = min(self._retry_in, self._pace.wait(manifest))


def _is_emptied(live: Manifest | None, desired: Manifest) -> bool:
    """Whether a workload that should have pods was scaled to 0."""
    if live is None or desired["kind"] not in WORKLOADS:
        return False
    kind = kind_of(desired)
    return kind.pods(live).replicas == 0 < kind.pods(desired).replicas


def _all_ready(serving: Mapping[str, int], objects: Objects) -> bool:
    """Whether each of these revisions has all its pods, and at least one."""
    ready = {name: kind_of(live).pods(live).ready for name, live in running(objects).items()}
    return all(ready.get(name, 0) >= max(1, replicas) for name, replicas in serving.items())


async def _create_or_find(cluster: Cluster, manifest: Manifest) -> Manifest | None:
    """An object that is not in the store: its owner must be checked before it is applied.

    A ControllerRevision never changes and is not applied; creating it shows whether it exists.
    """
    if manifest["kind"] == CONTROLLER_REVISION.name:
        return await _create(cluster, manifest)
    return await _find(cluster, manifest)


async def _create(cluster: Cluster, manifest: Manifest) -> Manifest | None:
    try:
        return await cluster.create(manifest)
    except ApiError as error:
        if not error.conflict:
            raise
    return await _find(cluster, manifest)


async def _find(cluster: Cluster, manifest: Manifest) -> Manifest | None:
    return await cluster.find_like(manifest)


def _sentence(manifest: Manifest, error: ApiError, done: str) -> str:
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    if error.absent and done == "written":
        why = f"the API server does not know {kind} in {manifest['apiVersion']}: install its CRD"
    else:
        why = str(error)
    return f"{kind} {name} cannot be {done}: {why}"
