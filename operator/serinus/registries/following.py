"""All registries: who follows what, and what is known of it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, get_args

from serinus.api.isolation import Fault, Part
from serinus.api.registry import (
    Answer,
    AskOutcome,
    Reference,
    Registry,
    RegistryKindName,
    ToldOutcome,
)
from serinus.notifications.sender import Outgoing
from serinus.registries.connection import HttpConnection
from serinus.registries.kind import Connection, RegistryKind
from serinus.registries.mlflow import MLflow
from serinus.registries.oci import OCI
from serinus.registries.poller import Follower, Poller
from serinus.registries.webhook import Inbox
from serinus.registries.writer import Connected, Writer

RESTART_AFTER: Final = 10.0
"""Seconds after which a registry is asked again when our own code has raised."""

Clock = Callable[[], float]

KINDS: Final[Mapping[RegistryKindName, Callable[[Registry, Connection, Clock], RegistryKind]]] = {
    "MLflow": lambda registry, connection, _: MLflow(registry, connection),
    "OCI": OCI,
}
WRITABLE: Final[Mapping[RegistryKindName, Connected]] = {"MLflow": MLflow}


class Registries:
    """What ModelDeployments follow in registries."""

    def __init__(self, registries: Sequence[Registry], clock: Clock) -> None:
        self._clock = clock
        self._pollers = {each.name: Poller(each, clock) for each in registries}
        self._references: dict[Follower, Reference] = {}
        self._refused: dict[Follower, Answer] = {}
        self.inboxes = {
            name: Inbox(poller.registry, clock, poller.ask_again)
            for name, poller in self._pollers.items()
            if poller.registry.webhook
        }
        """For what registries send, by name of the registry."""

    def heard(self, changed: Callable[[str, str], None], raised: Callable[[Fault], None]) -> None:
        """Call `changed` with the namespace and name of each ModelDeployment that follows what has
        changed, and `raised` with what our own code raises meanwhile."""
        self._raised = raised
        for poller in self._pollers.values():
            poller.changed, poller.raised = changed, raised

    def follow(self, namespace: str, name: str, reference: Reference) -> Answer | None:
        """What is known of what this ModelDeployment follows from now on; None: it was not asked
        yet."""
        who = namespace, name
        if error := self._refusal(namespace, reference):
            now, before = self._clock(), self._refused.get(who)
            self.forget(namespace, name)
            # the same while it lasts: since when is told, too
            refused = Answer(None, now, now, error, refused=True)
            self._refused[who] = before if before and before.error == error else refused
            return self._refused[who]
        self._refused.pop(who, None)
        if self._references.get(who) != reference:
            self.forget(namespace, name)
            self._references[who] = reference
        return self._pollers[reference.registry].follow(who, reference)

    def forget(self, namespace: str, name: str) -> None:
        """It follows nothing any more, or was deleted."""
        who = namespace, name
        self._refused.pop(who, None)
        if (before := self._references.pop(who, None)) is not None:
            self._pollers[before.registry].leave(who, before)

    def writers(self, done: Callable[[str, str], None]) -> Sequence[Outgoing]:
        """What tells the registries that may be told back. `done` is called with the namespace and
        name of each object whose status holds something that no longer needs to be there."""
        return [
            Writer(
                poller.registry,
                WRITABLE[poller.registry.kind],
                partial(self._is_followed, _address(poller)),
                lambda of: done(of.namespace, of.name),
            )
            for poller in self._pollers.values()
            if poller.registry.write_back
        ]

    def _is_followed(self, address: str, reference: Reference) -> bool:
        """Whether anybody follows it in a registry at this address, by whichever name and
        credentials."""
        there = (each for each in self._pollers.values() if _address(each) == address)
        return any(each.is_followed(reference) for each in there)

    def forget_everything(self) -> None:
        """Another replica leads now."""
        self._references.clear()
        self._refused.clear()
        for poller in self._pollers.values():
            poller.forget_everything()

    def wake(self) -> None:
        """An injected clock was moved."""
        for poller in self._pollers.values():
            poller.wake.set()

    async def run(self) -> None:
        """Ask the registries until cancelled."""
        async with asyncio.TaskGroup() as group:
            for poller in self._pollers.values():
                group.create_task(self._run(poller))

    async def _run(self, poller: Poller) -> None:
        """Until cancelled, whatever our own code raises: no registry may stop another, or a
        rollout."""
        registry = poller.registry
        while True:
            try:
                async with HttpConnection(registry) as connection:
                    await poller.run(KINDS[registry.kind](registry, connection, self._clock))
            except Exception as error:
                self._raised(Fault(Part.REGISTRIES, f"registry {registry.name}", error))
                await asyncio.sleep(RESTART_AFTER)

    def outcomes(self) -> Mapping[tuple[str, str], int]:
        """By registry and outcome, from 0, so that the first one is an increase."""
        return {
            (name, outcome): poller.outcomes[outcome]
            for name, poller in self._pollers.items()
            for outcome in get_args(AskOutcome)
        }

    def told(self) -> Mapping[tuple[str, str], int]:
        """Webhooks by registry and outcome, from 0."""
        return {
            (name, outcome): inbox.outcomes[outcome]
            for name, inbox in self.inboxes.items()
            for outcome in get_args(ToldOutcome)
        }

    def ages(self) -> Mapping[tuple[str], float]:
        """Seconds since each registry in which something is followed answered with a version."""
        now = self._clock()
        found = ((name, poller.answered) for name, poller in self._pollers.items())
        return {(name,): max(0.0, now - at) for name, at in found if at is not None}

    def _refusal(self, namespace: str, reference: Reference) -> str:
        """Why a namespace's question is not asked at all; empty: it is."""
        poller = self._pollers.get(reference.registry)
        if poller is not None and poller.registry.allows(namespace):
            return ""
        usable = [name for name, each in self._pollers.items() if each.registry.allows(namespace)]
        those = f"those that it may use are {', '.join(usable)}" if usable else "it has none"
        return (
            f"Namespace {namespace} may use no registry {reference.registry}; {those}: correct "
            "spec.model.registry.name, or have the administrator of Serinus set it up."
        )


def _address(poller: Poller) -> str:
    return poller.registry.url.rstrip("/").lower()
