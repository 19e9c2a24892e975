"""The interface that every kind of workload has."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from serinus.api.initializer import Initializer
from serinus.manifests.kinds import Kind
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.revision import Revision


@dataclass(frozen=True, slots=True)
class Workload:
    """Pods of a revision, from the status of what runs them."""

    replicas: int
    ready: int
    empty: bool = False
    """It should have no pods, and has none."""


class WorkloadKind(Protocol):
    """A kind of objects that run the pods of a revision. They have the labels of `Owner.pods`, by
    which the revision's Service selects them."""

    kind: ClassVar[Kind]
    counts: ClassVar[tuple[str, ...]]
    """The numbers of its status that are read."""
    conditions: ClassVar[frozenset[str]]
    """The conditions of its status that are read. All else changes more often, and is not kept."""

    def manifest(
        self,
        owner: Owner,
        revision: Revision,
        replicas: int,
        initializer: Initializer | None = None,
    ) -> Manifest:
        """The object that runs so many pods of a revision. `initializer`: what downloads its model,
        if something does; it is stored in the annotation of `download.annotation`."""

    def revision(self, live: Manifest) -> str | None:
        """Whose pods a live object runs; None: it is none of ours."""

    def template(self, live: Manifest) -> Manifest:
        """The template of its pods."""

    def pods(self, live: Manifest) -> Workload:
        """How many it should have, and how many are ready."""

    def uncreated(self, live: Manifest) -> str | None:
        """Why its pods cannot be created, as a message; None: they can, as far as it says."""

    @staticmethod
    def serves(live: Manifest) -> bool:
        """Whether a pod is ready, for when nothing else of this room can be trusted."""
