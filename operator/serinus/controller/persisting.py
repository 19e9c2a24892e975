"""The status write: the commit of a pass."""

from dataclasses import replace
from math import inf

from serinus.api.status import Status
from serinus.cluster import ApiError, Cluster, Store
from serinus.controller.object_state import Memory, ObjectState
from serinus.controller.queue import Key
from serinus.controller.status_writes import write_within
from serinus.controller.unwritten import note_unwritten
from serinus.manifests.owner import Manifest


async def persist(
    cluster: Cluster,
    store: Store,
    key: Key,
    live: Manifest,
    state: ObjectState,
    status: Status,
    now: float,
) -> float | None:
    """Write the status if that is due; otherwise return the seconds until it is, or None if nothing
    is new.

    Raises ApiError if it cannot be written; that is noted, and the content is kept.
    """
    memory, wanted, written = state.memory, status.to_json(), state.memory.written
    differs = wanted != written
    due = min(memory.due, now + write_within(written, wanted)) if differs else inf
    # after a failure nothing else is done until the status can be written again
    if state.unwritten is None and due > now:
        state.memory = replace(memory, current=status, due=due)
        return due - now if due < inf else None
    try:
        answer = await cluster.update_status(live, wanted)
    except ApiError as error:
        if not (error.conflict or error.absent):
            await note_unwritten(cluster, key, live, state, error)
        raise
    state.unwritten = None
    store.put(answer)
    state.memory = Memory.of(answer, status)
    return None
