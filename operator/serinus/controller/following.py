"""What a registry says of the model that a ModelDeployment follows."""

from collections.abc import Sequence
from typing import Protocol

from serinus.api.registry import Answer, Reference
from serinus.api.status import Status
from serinus.api.validation import followed
from serinus.cluster import Store
from serinus.controller.queue import Key
from serinus.manifests.owner import Manifest
from serinus.plan.following import Following, following
from serinus.plan.observe import read_history
from serinus.plan.summary import await_model, refuse


class Registries(Protocol):
    """Asks registries on behalf of objects."""

    def follow(self, namespace: str, name: str, reference: Reference) -> Answer | None:
        """What is known by now; None: nothing yet. The object is woken when that changes."""
        ...

    def forget(self, namespace: str, name: str) -> None:
        """The object follows nothing any more."""
        ...


class NoRegistries:
    """An operator for which no registry is set up."""

    def follow(self, namespace: str, name: str, reference: Reference) -> Answer:
        """That there is none."""
        del namespace, name
        error = (
            f"This operator has no registry {reference.registry}: whoever runs it sets registries "
            "up."
        )
        return Answer(None, at=0.0, error=error, refused=True)

    def forget(self, namespace: str, name: str) -> None:
        """Nothing is known."""


def follow(
    registries: Registries, store: Store, key: Key, live: Manifest, status: Status, now: float
) -> Following | None:
    """What the object follows; None: nothing, or its reference is invalid, as validation says."""
    reference = followed(live["spec"])
    if reference is None:
        registries.forget(*key)
        return None
    answer = registries.follow(*key, reference)
    history = read_history(store.family(*key, live["metadata"]["uid"]).objects())
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
) -> Status:
    """The status of an object that cannot be acted on: its model is not known, or its spec cannot
    be read."""
    generation = live["metadata"]["generation"]
    if followed is not None and followed.spec is None:
        return await_model(status, generation, followed, now)
    return refuse(status, generation, problems[0], now)
