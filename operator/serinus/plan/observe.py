"""Converts raw objects to the input of the rules."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from serinus.api.initializer import Initializer
from serinus.api.reasons import About, Reason
from serinus.api.spec import Spec
from serinus.api.stages import PROMOTED
from serinus.api.status import Candidate, Status
from serinus.api.storage import is_downloaded
from serinus.manifests.children import initializer_of
from serinus.manifests.kinds import JOB
from serinus.manifests.owner import NAME_LABEL, Manifest, Objects, Owner
from serinus.manifests.revision import (
    Revision,
    approval_digest,
    content_digest,
    revision_hash,
)
from serinus.manifests.routers import router_for
from serinus.manifests.routers.router import Routed
from serinus.manifests.service import selected_revision
from serinus.manifests.workloads import WORKLOADS, Workload, kind_of, running
from serinus.plan.following import Following
from serinus.plan.history import named_in
from serinus.plan.problems import Problem, Severity, gravest_first
from serinus.plan.scraping import less_scraped
from serinus.plan.situation import Desired, KnownRevision, World
from serinus.plan.traffic import asked

COMMAND = "serinus.dev/command"


def read_desired(
    live: Manifest,
    spec: Spec,
    following: Following | None = None,
    problems: tuple[str, ...] = (),
    ignored: tuple[str, ...] = (),
) -> Desired:
    """The desired state of a ModelDeployment; `spec` is typed and has defaults."""
    metadata, raw = live["metadata"], live["spec"]
    return Desired(
        spec=spec,
        generation=metadata["generation"],
        revision=revision_hash(metadata["name"], raw),
        content=content_digest(raw),
        command=(metadata.get("annotations") or {}).get(COMMAND),
        problems=problems,
        selector=f"{NAME_LABEL}={metadata['name']}",
        ignored=ignored,
        name=metadata["name"],
        digest=approval_digest(raw),
        following=following,
    )


def identified(
    desired: Desired, owner: Owner, spec: Manifest, status: Status, objects: Objects
) -> Desired:
    """With the name that the revision of the raw spec already has, if it is a known one; with a
    problem if another model or template has, or had, this name."""
    history = _stored(objects)
    known = {*history, *running(objects), *named_in(status)}
    name = revision_hash(owner.name, spec, known)
    desired, stored = replace(desired, revision=name), history.get(name)
    other = "what was rolled out by it"
    if stored is not None and not stored.stores(spec):
        other = f"ControllerRevision {owner.child(name)}"
    elif _is_remembered(desired, status):
        return desired
    problem = (
        f"spec.template: its hash is {name}, but {other} has "
        "another model or template with this hash, so nothing of the spec is rolled out. This "
        "practically never happens by chance: find out who changed the spec. To roll it out "
        "nevertheless, change the template in any way, for example by an annotation."
    )
    return replace(desired, problems=(*desired.problems, problem))


def _is_remembered(desired: Desired, status: Status) -> bool:
    """Whether the spec may have its name: no other content was rolled out by it."""
    return status.contents.get(desired.revision, desired.content) == desired.content


def mountable(
    desired: Desired,
    status: Status,
    revisions: Mapping[str, Revision],
    objects: Objects,
    initializer: Initializer | None,
) -> Desired:
    """With a problem if a Job is to find the model at its path, and nothing downloads it. There
    will be none for what is stable already."""
    steps = desired.spec.rollout.steps
    index = next((i for i, step in enumerate(steps) if step.mounts_model), None)
    revision = revisions.get(desired.revision)
    stands = status.stable is not None and status.stable.revision == desired.revision
    if index is None or stands or revision is None:
        return desired
    uri = revision.storage_uri
    if uri is None or not is_downloaded(uri):
        return desired
    if initializer_of(revision, running(objects).get(revision.hash), initializer) is not None:
        return desired
    problem = (
        f"spec.rollout.steps[{index}].{steps[index].kind}.mountModel: no model is downloaded: the "
        "template provides its own, the pods of this revision run without a download, or the "
        "operator has no storage initializer (docs/storage.md)."
    )
    return replace(desired, problems=(*desired.problems, problem))


def read_history(
    objects: Objects, status: Status, command: str | None = None
) -> dict[str, Revision]:
    """Revisions by hash, from the ControllerRevisions. Of those that have a role, or that a command
    names, those are left out of which the status remembers other content: anybody who may write the
    spec can have one stored under the name of another that was cleaned up."""
    roles = (status.stable, status.candidate, *status.retiring)
    asked = {*(role.revision for role in roles if role), *(command or "").split("/")[1:2]}
    found = _stored(objects)
    for name in asked & found.keys() & status.contents.keys():
        if found[name].content != status.contents[name]:
            del found[name]
    return found


def _stored(objects: Objects) -> dict[str, Revision]:
    found = (Revision.read(o) for (kind, _), o in objects.items() if kind == "ControllerRevision")
    return {revision.hash: revision for revision in found if revision}


def read_revisions(
    desired: Desired, spec: Manifest, status: Status, objects: Objects
) -> dict[str, Revision]:
    """The template of each revision by hash: from the history, otherwise from the raw spec if it
    has this revision, otherwise from its workload."""
    known = read_history(objects, status)
    numbers = {role.revision: role.number for role in (status.stable, status.candidate) if role}
    if desired.revision not in known and _is_remembered(desired, status):
        number = numbers.get(desired.revision, 0)
        known[desired.revision] = replace(Revision.of(spec, number), hash=desired.revision)
    for name, live in running(objects).items():
        if name not in known:
            template = kind_of(live).template(live)
            known[name] = Revision.recover(name, template, numbers.get(name, 0))
    return known


def incompatibility(
    desired: Desired, status: Status, revisions: Mapping[str, Revision], serving: str | None = None
) -> str | None:
    """Why the desired revision cannot share traffic with stable, or with the revision that may
    become stable in this pass: a first revision that serves, or `serving` if the status has none.
    None if it can, or need not."""
    role = _becomes_stable(status, desired) or status.stable or status.candidate
    stable = revisions.get(role.revision if role else serving or "")
    guard = desired.spec.rollout.guard
    shares = guard is not None or any(step.gives for step in desired.spec.rollout.steps)
    if stable is None or stable.hash == desired.revision or not shares:
        return None
    wanted = revisions.get(desired.revision)
    return router_for(desired.spec).incompatibility(stable, wanted) if wanted else None


def _becomes_stable(status: Status, desired: Desired) -> Candidate | None:
    """A guarded revision, if the spec has neither it nor the previous one."""
    candidate, stable = status.candidate, status.stable
    if candidate is None or candidate.stage not in PROMOTED or stable is None:
        return None
    return candidate if desired.revision not in (candidate.revision, stable.revision) else None


def read_world(
    owner: Owner,
    desired: Desired,
    status: Status,
    objects: Objects,
    revisions: Mapping[str, Revision],
    unserved: str = "",
    outranked: str = "",
    **facts: Any,
) -> World:
    """The observed state. `unserved` says why the objects that split the traffic serve nothing,
    whatever their status says, and `outranked` why they get no requests; `facts` are fields of
    World that are not in any child."""
    workloads = read_workloads(objects)
    history = read_history(objects, status, desired.command)
    known = {name: KnownRevision(each.number, each.version) for name, each in history.items()}
    unremembered = (named_in(status) - status.contents.keys()) & history.keys()
    facts["contents"] = {name: history[name].content for name in unremembered}
    router = router_for(desired.spec)
    leads_to = None if unserved else router.leads_to(owner, objects)
    facts["leads_to"] = leads_to
    jobs = frozenset(name for kind, name in objects if kind == JOB.name)
    facts["tasks"] = facts.get("tasks", frozenset()) | jobs
    facts["serving"] = who_serves(owner, desired, objects, status)
    facts["less_scraped"] = _less_scraped(status, revisions)
    problems = [*_lost(owner, status, revisions), *_unkept(owner, status, revisions)]
    if unserved:
        outage = Problem(Reason.AWAITING_ROUTE, Severity.OUTAGE, About.ROUTE, unserved)
        problems.append(outage)
    if outranked:
        outage = Problem(Reason.ROUTE_CONTESTED, Severity.OUTAGE, About.REQUESTS, outranked)
        problems.append(outage)
    traffic = asked(status)
    if traffic is None:
        return World(history=known, workloads=workloads, problems=gravest_first(problems), **facts)
    ready = {name: workload.ready for name, workload in workloads.items()}
    routed = router.read_back(owner, traffic, revisions, objects, ready)
    return World(
        history=known,
        workloads=workloads,
        weight=routed.actual_weight,
        mirrored=routed.mirrored,
        split_in_effect=routed.in_effect and not unserved,
        problems=gravest_first((*problems, *_of_the_split(routed, unserved))),
        **facts,
    )


def _of_the_split(routed: Routed, unserved: str) -> Iterator[Problem]:
    """What the objects that split the traffic say, but for a status that may be out of date."""
    reason, severity = Reason.AWAITING_ROUTE, Severity.NOTE if routed.in_effect else Severity.WAIT
    if routed.refused:
        reason, severity = Reason.ROUTE_REFUSED, Severity.REPAIR
    if routed.message and not unserved:
        yield Problem(reason, severity, About.ROUTE, routed.message)
    if routed.contested:
        yield Problem(Reason.ROUTE_CONTESTED, Severity.NOTE, About.REQUESTS, routed.contested)


def _less_scraped(status: Status, revisions: Mapping[str, Revision]) -> str:
    roles = (status.stable, status.candidate)
    known = [revisions[role.revision] for role in roles if role and role.revision in revisions]
    return less_scraped(*known) if len(known) == len(roles) else ""


def who_serves(owner: Owner, desired: Desired, objects: Objects, status: Status) -> str | None:
    """The revision behind the Service; of two, the one that is not rolled out."""
    known = set(read_history(objects, status)) & set(running(objects))
    service = objects.get(("Service", owner.name))
    if service is None:
        return None
    selected = selected_revision(service)
    others = known - {desired.revision}
    if selected is None and len(others) == 1:
        (selected,) = others
    return selected if selected in known else None


def read_workloads(objects: Objects) -> dict[str, Workload]:
    """Pods by revision."""
    return {name: kind_of(live).pods(live) for name, live in running(objects).items()}


def containers(objects: Objects) -> dict[str, frozenset[str]]:
    """Names of the containers by revision, as its workload has them."""
    specs = {n: kind_of(live).template(live)["spec"] for n, live in running(objects).items()}
    return {
        name: frozenset(
            each["name"] for each in (*spec["containers"], *(spec.get("initContainers") or ()))
        )
        for name, spec in specs.items()
    }


def _lost(owner: Owner, status: Status, revisions: Mapping[str, Revision]) -> Iterator[Problem]:
    stable = status.stable
    if stable is None or stable.revision in revisions:
        return
    name = owner.child(stable.revision)
    yield Problem(
        Reason.HISTORY_LOST,
        Severity.INTERVENTION,
        About.HISTORY,
        f"ControllerRevision {name} and {' or '.join(WORKLOADS)} {name} are missing, or store "
        "another model or template, so it is unknown what stable's pods run; restore the "
        "ControllerRevision, or restore its model and template in the spec.",
    )


def _unkept(owner: Owner, status: Status, revisions: Mapping[str, Revision]) -> Iterator[Problem]:
    roles = (role.revision for role in (status.stable, status.candidate) if role)
    gone = [name for name in roles if name in revisions and revisions[name].recovered]
    if not gone:
        return
    names = " and ".join(owner.child(name) for name in gone)
    yield Problem(
        Reason.HISTORY_LOST,
        Severity.NOTE,
        About.HISTORY,
        f"ControllerRevision {names} is missing: its pods keep running, but the revision cannot be "
        "restored later; restore it, or restore its model and template in the spec.",
    )
