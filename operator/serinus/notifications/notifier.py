"""All endpoints: what they are to get goes into the status, and from there to them."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, get_args

from serinus.api.isolation import Fault, Part
from serinus.api.notifications import Endpoint
from serinus.api.status import Decision, Notice, Status
from serinus.api.validation import in_full, of_type
from serinus.manifests.revision import Revision
from serinus.notifications.attempts import AttemptOutcome
from serinus.notifications.forms import Subject
from serinus.notifications.outbox import addressed, bounded, receiver, without
from serinus.notifications.sender import Outgoing, Sender
from serinus.views.notices import announced, notices
from serinus.views.told_back import told_back

RESTART_AFTER: Final = 10.0
"""Seconds after which an endpoint is notified again when our own code has raised."""

_DENIED: Final = (
    "spec.model.registry.tellBack needs a registry of a kind that can be written to, with "
    "writeBack in its configuration"
)

log = logging.getLogger(__name__)


class Notifier:
    """Notifies the endpoints of what the statuses hold. `done` is called with the namespace and
    name of each object whose status holds something that no longer needs to be there, `raised` with
    what our own code raises meanwhile."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        page: str,
        done: Callable[[str, str], None],
        raised: Callable[[Fault], None],
        writers: Sequence[Outgoing] = (),
    ) -> None:
        self._endpoints = endpoints
        self._raised = raised
        self._page = page.rstrip("/")
        senders = [Sender(each, lambda of: done(of.namespace, of.name)) for each in endpoints]
        self._writers = writers
        self._senders: list[Outgoing] = [*senders, *writers]
        self._dropped: Counter[str] = Counter()

    async def run(self) -> None:
        """Notify the endpoints until cancelled."""
        async with asyncio.TaskGroup() as group:
            for sender in self._senders:
                group.create_task(self._run(sender))

    async def _run(self, sender: Outgoing) -> None:
        """Until cancelled, whatever our own code raises: no endpoint may stop another, or a
        rollout."""
        while True:
            try:
                await sender.run()
            except Exception as error:
                self._raised(Fault(Part.NOTIFICATIONS, f"to {sender.receiver}", error))
                await asyncio.sleep(RESTART_AFTER)

    def settled(self, uid: str, status: Status) -> Status:
        """A status without what has been sent since it was written, and what is for endpoints that
        are no longer configured."""
        if not status.notices:
            return status
        configured = {sender.receiver for sender in self._senders}
        done = {
            (identifier, sender.receiver)
            for sender in self._senders
            for identifier in sender.done_of(uid)
        }
        done |= {
            (each.id, name) for each in status.notices for name in each.to if name not in configured
        }
        return status.replace(notices=without(status.notices, done))

    def noted(
        self,
        live: Mapping[str, Any],
        before: Status,
        after: Status,
        decisions: Iterable[Decision],
        revisions: Mapping[str, Revision],
        now: float,
    ) -> tuple[Status, Counter[str]]:
        """The status after a pass with what is to be sent of it, and how many older notices have no
        room, by receiver. `revisions`: by hash."""
        metadata, spec = live["metadata"], live.get("spec") or {}
        happened = notices(metadata["uid"], before, after, decisions, now, spec)
        found = list(told_back(happened, spec, revisions, before.candidate))
        writers = {each.receiver for each in self._writers}
        for each in found:
            if each.write and receiver(each.write.registry) not in writers:
                where = f"{metadata['namespace']}/{metadata['name']}"
                log.warning("%s: registry %s is not told: %s", where, each.write.registry, _DENIED)
        new = addressed(found, self._endpoints, metadata["namespace"], writers)
        kept, dropped = bounded([*after.notices, *new])
        if not new:
            return after, dropped
        known = announced(after, new, now, spec)
        return after.replace(notices=kept, announced=known), dropped

    def committed(self, live: Mapping[str, Any], dropped: Counter[str]) -> None:
        """Send what the status holds that has been written. Returns at once."""
        self._dropped += dropped
        if not self._senders:
            return
        metadata = live["metadata"]
        written = in_full(live.get("status") or {})[0].get("notices", ())
        # a newer version may have written what this one cannot read
        due = [Notice.model_validate(each) for each in written if not of_type(Notice, each, "")]
        namespace, name = metadata["namespace"], metadata["name"]
        page = self._page and f"{self._page}/rollouts/{namespace}/{name}"
        subject = Subject(namespace, name, page)
        for sender in self._senders:
            sender.offer(metadata["uid"], subject, due)

    def forget(self, uid: str) -> None:
        """The object was deleted; what is due of it is still sent."""
        for sender in self._senders:
            sender.forget(uid)

    def forget_everything(self) -> None:
        """Another replica leads now, and sends what the statuses hold."""
        for sender in self._senders:
            sender.forget_everything()

    def outcomes(self) -> Mapping[tuple[str, str], int]:
        """By endpoint and outcome, from 0, so that the first one is an increase."""
        return {
            (sender.receiver, outcome): self._dropped[sender.receiver]
            if outcome == "dropped"
            else sender.outcomes[outcome]
            for sender in self._senders
            for outcome in get_args(AttemptOutcome)
        }
