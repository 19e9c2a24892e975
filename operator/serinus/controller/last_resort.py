"""What is done for an object whose passes raise exceptions: it is reported, and a candidate that
nobody judges loses its traffic. It also does where there is no spec to act on.

Passes fail where the rules, the manifests or the views are wrong, so this uses none of them: only
the object as it was read, and what routers and workloads say of their own live objects.
"""

import logging
from collections.abc import Iterator
from typing import Any, Final

from serinus.api.reasons import Reason
from serinus.api.stages import COMPARED, Stage
from serinus.api.status import Condition, Status
from serinus.api.validation import read_status
from serinus.cluster import ApiError, Cluster, Store
from serinus.controller.events import write_event
from serinus.controller.queue import Key
from serinus.manifests.owner import WITHDRAWN, Manifest
from serinus.manifests.routers import ROUTERS
from serinus.manifests.workloads import WORKLOADS
from serinus.plan.situation import InternalError

log = logging.getLogger(__name__)

FAILING_FOR: Final = 120.0
"""Seconds for which passes may fail before the candidate's traffic is withdrawn."""
_TYPE: Final = Reason.INTERNAL_ERROR


async def tell_and_withdraw(
    cluster: Cluster, store: Store, key: Key, error: InternalError, now: float
) -> None:
    """`error`: what the passes raise."""
    live = store.get("ModelDeployment", *key)
    if live is None:
        return
    try:
        status, _ = read_status(live.get("status") or {})
        if not _says(status, error):
            written = _with_condition(status, live, error, now)
            store.put(await cluster.update_status(live, written.to_json()))
            await write_event(cluster, live, _TYPE, error.message, warning=True)
        if _goes_unjudged(status) and now - _failing_since(status, error) < FAILING_FOR:
            return
        why = "every pass over this object fails"
        await withdraw(cluster, store, key, live, status, why, now)
    except ApiError as failed:
        log.warning("%s: %s", key, failed)  # the next pass tries it again


def _goes_unjudged(status: Status) -> bool:
    """Whether there is a candidate that should be judged, or was, and is to lose its traffic. One
    that is guarded had it by decision."""
    candidate = status.candidate
    return candidate is not None and candidate.stage in COMPARED - {Stage.GUARDED}


def _failing_since(status: Status, error: InternalError) -> float:
    """Unix seconds; a step that began later gets its time."""
    candidate = status.candidate
    begun = candidate and (candidate.step_since or candidate.since)
    return max(error.since, begun or error.since)


def _says(status: Status, error: InternalError) -> bool:
    return any(
        each.type == _TYPE and each.status == "True" and error.message in each.message
        for each in status.conditions
    )


def _with_condition(status: Status, live: Manifest, error: InternalError, now: float) -> Status:
    condition = Condition(
        type=_TYPE,
        status="True",
        reason=_TYPE,
        message=error.message[:1024],
        observed_generation=live["metadata"]["generation"],
        last_transition_time=now,
    )
    others = [each for each in status.conditions if each.type != _TYPE]
    return status.replace(conditions=[*others, condition])


async def withdraw(
    cluster: Cluster, store: Store, key: Key, live: Manifest, status: Status, why: str, now: float
) -> bool:
    """Have stable get all traffic, if it serves and the candidate should be judged or is about to
    lose it; whether that is so. `why` it is not judged, as the end of a sentence."""
    stable, candidate = status.stable, status.candidate
    if stable is None or not (candidate is None or _goes_unjudged(status)):
        return False
    name = f"{key.name}-{stable.revision}"
    pods = ((kind, store.get(of, key.namespace, name)) for of, kind in WORKLOADS.items())
    if not any(live and kind.serves(live) for kind, live in pods):
        return False  # nobody else serves
    for found, changes in _changes(store, key, live, stable.revision):
        mark = {WITHDRAWN: f"{candidate.revision}/{int(now)}"} if candidate else {}
        changes = {**changes, "metadata": {"annotations": mark}}
        store.put(await cluster.urgent.merge(found, changes))
        message = f"Revision {stable.revision} gets all traffic, because {why}."
        log.warning("%s: %s", key, message)
        await write_event(cluster, live, Reason.WEIGHT_LOWERED, message, warning=True)
    return True


def _changes(
    store: Store, key: Key, live: Manifest, stable: str
) -> Iterator[tuple[Manifest, dict[str, Any]]]:
    """Objects of ours that lead to another revision than stable, and what to change in them."""
    for router in ROUTERS:
        for kind in router.kinds:
            found = store.get(kind.name, *key)
            owners = (found or {}).get("metadata", {}).get("ownerReferences") or []
            if found is None or live["metadata"]["uid"] not in {each["uid"] for each in owners}:
                continue
            if changes := router.only(found, stable):
                yield found, changes
