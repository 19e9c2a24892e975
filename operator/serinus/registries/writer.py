"""Tells a registry what has become of its versions, from what the statuses hold.

Nothing is written unless whoever runs the operator has allowed it for the registry, and the spec
wants it.
"""

from collections.abc import Callable, Mapping
from typing import Final

from serinus.api.base import rfc3339
from serinus.api.notifications import NoticeKind
from serinus.api.registry import Reference, Registry
from serinus.api.status import Notice, VersionWrite
from serinus.notifications.attempts import AttemptResult
from serinus.notifications.forms import Subject
from serinus.notifications.outbox import receiver
from serinus.notifications.sender import Outgoing
from serinus.registries.connection import HttpConnection
from serinus.registries.kind import Connection, UnreadableError, WritableKind

_OUTCOMES: Final[Mapping[NoticeKind, str]] = {
    "Promoted": "promoted",
    "RolledBack": "rolledBack",
    "Cancelled": "rolledBack",  # by the spec or a command, after it was promoted
}

Connected = Callable[[Registry, Connection], WritableKind]


class Writer(Outgoing):
    """What one registry is yet to be told. `is_followed` says whether an alias of it is: such a one
    is never set."""

    def __init__(
        self,
        registry: Registry,
        connected: Connected,
        is_followed: Callable[[Reference], bool],
        done: Callable[[Subject], None],
    ) -> None:
        super().__init__(receiver(registry.name), done)
        self._registry = registry
        self._connected = connected
        self._is_followed = is_followed

    async def run(self) -> None:
        """Tell the registry until cancelled."""
        async with HttpConnection(self._registry) as connection:
            self._kind = self._connected(self._registry, connection)
            await self._tell_all()

    async def _attempt(self, subject: Subject, notice: Notice) -> AttemptResult:
        """All of it is repeated if a part fails; the outcome is the last tag that is set."""
        write = notice.write
        if write is None:
            return AttemptResult("refused", "nothing is to be written")
        if not self._registry.allows(subject.namespace):
            return AttemptResult("refused", f"namespace {subject.namespace} may not use it")
        try:
            await self._kind.tag(write.model, write.version, tags(subject, notice))
            if write.alias:
                if problem := self._problem(write):
                    return AttemptResult("refused", problem)
                await self._kind.set_alias(write.model, write.alias, write.version)
        except UnreadableError as error:
            again = error.outcome == "failed"
            return AttemptResult("retried" if again else "refused", str(error), error.asked)
        except Exception as error:  # of our own code; its message may have more than a log should
            return AttemptResult("retried", type(error).__name__)
        return AttemptResult("delivered", f"version {write.version} of {write.model}")

    def _problem(self, write: VersionWrite) -> str:
        """Why the alias is not set; empty: it is."""
        if write.alias not in self._registry.rollback_aliases:
            return f"alias {write.alias} is not among the registry's rollbackAliases"
        if self._is_followed(Reference(write.registry, write.model, write.alias)):
            return f"alias {write.alias} of {write.model} is followed, and so never set"
        return ""


def tags(subject: Subject, notice: Notice) -> dict[str, str]:
    """What is said of a version, in the order in which it is set."""
    return {
        "serinus.object": str(subject),
        "serinus.time": rfc3339(notice.at),
        "serinus.reason": notice.reason,
        "serinus.message": notice.message,
        "serinus.outcome": _OUTCOMES[notice.kind],
    }
