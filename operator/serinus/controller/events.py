"""Events, as shown by `kubectl describe`. A lost event delays nothing."""

import logging
from collections.abc import Iterable

from serinus.api.reasons import Reason, meaning_of
from serinus.api.status import Decision
from serinus.cluster import ApiError, Cluster
from serinus.manifests.owner import Manifest

log = logging.getLogger(__name__)


async def announce(
    cluster: Cluster, live: Manifest, new_decisions: Iterable[Decision], repaired: Iterable[str]
) -> None:
    """Create an event for each decision, and for each child that was put back."""
    metadata = live["metadata"]
    for decision in new_decisions:
        reason, message = decision.reason, decision.message
        log.info("%s/%s %s: %s", metadata["namespace"], metadata["name"], reason, message)
        # if that fails, the decision is still in the status
        await write_event(cluster, live, reason, message, warning=meaning_of(reason).warns)
    for message in repaired:
        await write_event(cluster, live, Reason.REPAIRED, message, warning=False)


async def write_event(
    cluster: Cluster, live: Manifest, reason: str, note: str, *, warning: bool
) -> bool:
    """Create an event; whether that succeeded."""
    try:
        await cluster.create_event(live, reason, note, warning=warning)
    except ApiError as error:
        log.warning("cannot write event %s: %s", reason, error)
        return False
    return True
