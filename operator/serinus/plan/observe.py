"""From raw objects to what the rules read."""

from collections.abc import Mapping
from typing import Any

from serinus.api.spec import Spec
from serinus.api.status import Status
from serinus.manifests.children import router_for
from serinus.manifests.owner import REVISION_LABEL, Manifest, Objects, Owner
from serinus.manifests.revision import Revision, revision_hash
from serinus.manifests.routers.face import Split
from serinus.plan.situation import Known, Wish, Workload, World

COMMAND = "serinus.dev/command"


def read_wish(live: Manifest, spec: Spec, problems: tuple[str, ...] = ()) -> Wish:
    """What a ModelDeployment asks for; `spec` is its spec, typed and with defaults."""
    metadata, raw = live["metadata"], live["spec"]
    return Wish(
        spec=spec,
        generation=metadata["generation"],
        revision=revision_hash(raw.get("model"), raw["template"]),
        command=(metadata.get("annotations") or {}).get(COMMAND),
        problems=problems,
    )


def read_history(objects: Objects) -> dict[str, Revision]:
    """Revisions by hash, from the ControllerRevisions."""
    found = (Revision.read(o) for (kind, _), o in objects.items() if kind == "ControllerRevision")
    return {revision.hash: revision for revision in found}


def read_world(
    owner: Owner,
    wish: Wish,
    status: Status,
    objects: Objects,
    history: Mapping[str, Revision],
    **facts: Any,
) -> World:
    """What is there; `facts` are fields of World that no child tells."""
    workloads = read_workloads(objects)
    known = {name: Known(each.number, each.version) for name, each in history.items()}
    split = asked_split(status)
    if split is None or not set(split.weights) <= set(history):
        return World(history=known, workloads=workloads, **facts)
    ready = {name: workload.ready for name, workload in workloads.items()}
    routed = router_for(wish.spec).read_back(owner, split, history, objects, ready)
    return World(
        history=known,
        workloads=workloads,
        weight=routed.actual_weight,
        split_in_effect=routed.in_effect,
        route_message=routed.message,
        route_refused=routed.refused,
        **facts,
    )


def asked_split(status: Status) -> Split | None:
    """The split that a status asks for; None before the first revision."""
    stable, candidate = status.stable, status.candidate
    if stable is None:
        return Split(None, candidate.revision, 100) if candidate else None
    if candidate is None:
        return Split(stable.revision, None, 0)
    return Split(stable.revision, candidate.revision, int(candidate.weight.wanted))


def read_workloads(objects: Objects) -> dict[str, Workload]:
    """Pods by revision, from the Deployments."""
    return {
        live["metadata"]["labels"][REVISION_LABEL]: Workload(
            replicas=live["spec"].get("replicas", 1),
            ready=(live.get("status") or {}).get("readyReplicas", 0),
        )
        for (kind, _), live in objects.items()
        if kind == "Deployment" and REVISION_LABEL in live["metadata"].get("labels", {})
    }
