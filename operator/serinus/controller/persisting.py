"""The status write: the commit of a pass."""

from math import inf

from serinus.api.evidence import packed
from serinus.api.status import KEPT, Status
from serinus.api.validation import in_full
from serinus.cluster import ApiError, Cluster, Store
from serinus.controller.object_state import ObjectState
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
) -> tuple[Manifest, float | None]:
    """Write the status if that is due: the object with the written status, and the seconds until
    the rest must be written, or None if nothing is left.

    Raises ApiError if it cannot be written; that is noted, and the content is kept.
    """
    wanted, (written, _) = status.in_full(), in_full(live.get("status") or {})
    differs = wanted != written
    due = min(state.due, now + write_within(written, wanted)) if differs else inf
    # after a failure nothing else is done until the status can be written again
    if state.unwritten is None and not differs:
        state.unsaved = None
        return live, None
    if state.unwritten is None and due > now:
        state.keep(live, status, due)
        return live, due - now
    try:
        content = packed(wanted, KEPT)
        with store.expecting({**live, "status": content}):
            answer = await cluster.update_status(live, content)
    except ApiError as error:
        if not (error.conflict or error.absent):
            await note_unwritten(cluster, key, live, state, error)
        raise
    state.unwritten = state.unsaved = None
    store.put(answer)
    return answer, None
