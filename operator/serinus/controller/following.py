"""What a registry says of the model that a ModelDeployment follows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from serinus.api.isolation import Fault
from serinus.api.registry import Answer, Reference
from serinus.api.status import Status
from serinus.api.validation import followed
from serinus.cluster import Store
from serinus.controller.queue import Key
from serinus.manifests.owner import Manifest
from serinus.notifications.sender import Outgoing
from serinus.plan.following import Following, following
from serinus.plan.observe import read_history
from serinus.plan.summary import await_model, refuse


class AnyRegistries(Protocol):
    """Asks registries on behalf of objects; in production `serinus.registries.Registries`."""

    def heard(self, changed: Callable[[str, str], None], raised: Callable[[Fault], None]) -> None:
        """Tell these of each object for which the answer has changed, and what our own code
        raises."""
        ...

    def follow(self, namespace: str, name: str, reference: Reference) -> Answer | None:
        """What is known by now; None: nothing yet. The object is woken when that changes."""
        ...

    def forget(self, namespace: str, name: str) -> None:
        """The object follows nothing any more."""
        ...

    def writers(self, done: Callable[[str, str], None]) -> Sequence[Outgoing]:
        """What tells registries what has become of their versions."""
        ...

    def forget_everything(self) -> None:
        """Another replica leads now."""
        ...

    async def run(self) -> None:
        """Ask until cancelled."""
        ...

    def outcomes(self) -> Mapping[tuple[str, str], int]:
        """How often each registry was asked, by its name and the outcome."""
        ...

    def told(self) -> Mapping[tuple[str, str], int]:
        """How many webhooks each registry has sent, by its name and the outcome."""
        ...

    def ages(self) -> Mapping[tuple[str], float]:
        """Seconds since the last answer of each registry in which something is followed."""
        ...


def follow(
    registries: AnyRegistries, store: Store, key: Key, live: Manifest, status: Status, now: float
) -> Following | None:
    """What the object follows; None: nothing, or its reference is invalid, as validation says."""
    reference = followed(live["spec"])
    if reference is None:
        registries.forget(*key)
        return None
    answer = registries.follow(*key, reference)
    history = read_history(store.family(*key, live["metadata"]["uid"]).objects(), status)
    return following(live["spec"], reference, answer, status, history, now)


def resolved(live: Manifest, followed: Following | None) -> Manifest | None:
    """The object with the spec to act on; None: nothing is known that could be."""
    if followed is None:
        return live
    return None if followed.spec is None else {**live, "spec": followed.spec}


def refused(
    status: Status,
    live: Manifest,
    followed: Following | None,
    problems: Sequence[str],
    now: float,
    withdrawn: bool,
) -> Status:
    """The status of an object that cannot be acted on: its model is not known, or its spec cannot
    be read. `withdrawn`: its candidate has lost its traffic for that."""
    generation = live["metadata"]["generation"]
    if followed is not None and followed.spec is None:
        return await_model(status, generation, followed, now, withdrawn=withdrawn)
    return refuse(status, generation, problems[0], now, withdrawn=withdrawn)
