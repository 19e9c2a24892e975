"""A registry of models whose aliases a test moves."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from serinus.api.isolation import Fault
from serinus.api.registry import Answer, Reference, Version
from serinus.api.status import Notice, VersionWrite
from serinus.notifications.attempts import AttemptResult
from serinus.notifications.forms import Subject
from serinus.notifications.outbox import receiver
from serinus.notifications.sender import Outgoing

CHAMPION = {"registry": {"name": "company", "model": "fraud", "alias": "champion"}}
REFERENCE = Reference("company", "fraud", "champion")


def version(name: str, again: str = "") -> Version:
    """A version of the model fraud; another one of the same name, if it was registered `again`."""
    return Version(
        version=name,
        uri=f"models:/fraud/{name}",
        digest=f"sha256:{name}{again}",
        run=f"run-{name}",
        link=f"https://models.company/fraud/{name}",
    )


class PaperRegistry:
    """What is known of each reference; the objects that follow it are woken when it changes."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._changed: Callable[[str, str], None] = lambda namespace, name: None
        self.answers: dict[Reference, Answer] = {}
        self.may_write = False
        self.writable = True
        """Whether a write is answered."""
        self.written: list[tuple[str, VersionWrite]] = []
        """What it was told, by the kind of the notice."""
        self.followers: dict[tuple[str, str], Reference] = {}
        self.followed_first: dict[tuple[str, str], Reference] = {}
        """Who followed what when the operator began to lead."""

    def heard(self, changed: Callable[[str, str], None], raised: Callable[[Fault], None]) -> None:
        """Tell this of changes."""
        self._changed = changed

    def follow(self, namespace: str, name: str, reference: Reference) -> Answer | None:
        """What is known by now."""
        self.followers[namespace, name] = reference
        return self.answers.get(reference)

    def forget(self, namespace: str, name: str) -> None:
        """The object follows nothing any more."""
        self.followers.pop((namespace, name), None)

    def writers(self, done: Callable[[str, str], None]) -> Sequence[Outgoing]:
        """One, if a test lets it write."""
        return (
            [PaperWriter(self, "company", lambda each: done(each.namespace, each.name))]
            if self.may_write
            else []
        )

    def forget_everything(self) -> None:
        """Another replica leads now."""
        self.followers.clear()

    async def run(self) -> None:
        """Nothing is asked: a test says it."""
        self.followed_first = dict(self.followers)
        await asyncio.Event().wait()

    def outcomes(self) -> Mapping[tuple[str, str], int]:
        """None."""
        return {}

    def told(self) -> Mapping[tuple[str, str], int]:
        """None."""
        return {}

    def ages(self) -> Mapping[tuple[str], float]:
        """None."""
        return {}

    def names(self, found: Version, reference: Reference = REFERENCE) -> None:
        """From now on the alias names this version."""
        self._know(reference, Answer(found, self._now()))

    def fails(self, error: str, reference: Reference = REFERENCE, *, refused: bool = False) -> None:
        """From now on it does not say what the alias names."""
        before = self.answers.get(reference, Answer(None, self._now()))
        since = before.failing_since or self._now()
        failing = replace(before, failing_since=since, error=error, refused=refused)
        self._know(reference, failing)

    def forgets(self) -> None:
        """As after a start: nothing was asked yet."""
        self.answers.clear()

    def _know(self, reference: Reference, answer: Answer) -> None:
        self.answers[reference] = answer
        for (namespace, name), followed in self.followers.items():
            if followed == reference:
                self._changed(namespace, name)


class PaperWriter(Outgoing):
    """Notes what the registry is told."""

    def __init__(self, registry: PaperRegistry, name: str, done: Callable[[Subject], None]) -> None:
        super().__init__(receiver(name), done)
        self._registry = registry

    async def run(self) -> None:
        """Until cancelled."""
        await self._tell_all()

    async def _attempt(self, subject: Subject, notice: Notice) -> AttemptResult:
        if not self._registry.writable:
            return AttemptResult("retried", "down")
        assert notice.write is not None
        self._registry.written.append((notice.kind, notice.write))
        return AttemptResult("delivered", "noted")
