"""What every kind of step says."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from serinus.api.reasons import Reason
from serinus.api.status import Candidate, StepTask
from serinus.api.steps import Given
from serinus.manifests.task import Task
from serinus.plan.situation import Situation


@dataclass(frozen=True, slots=True)
class Running:
    """It is not over."""

    reason: Reason
    message: str
    begins: StepTask | None = None
    """The task to remember as begun; None: none begins."""


@dataclass(frozen=True, slots=True)
class Passed:
    """It is over, as far as it is concerned."""

    message: str = ""
    """What has shown that; empty: nothing had to."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The candidate is to be rolled back."""

    reason: Reason
    message: str


class StepKind(ABC):
    """A step with settings of its kind. What a kind does not define is that of a step that is over
    at once."""

    kept_by_edits: ClassVar[bool] = False
    """Whether an edit of the steps leads to it, and not past it to the last step of its weight."""
    unset: ClassVar[Mapping[str, Any]] = {}
    """The fields of a view that it sets, with their values for other kinds."""

    def __init__(self, settings: Any) -> None:
        self._settings = settings

    def look(self, s: Situation) -> Running | Passed:
        """What has become of it, when nothing else is waited for."""
        return Passed()

    def failed(self, s: Situation) -> Failed | None:
        """Why the candidate is to be rolled back, whatever else is waited for."""
        return None

    def noted(self, s: Situation) -> Situation | None:
        """With what has to be remembered of what it runs; None: nothing else than before."""
        return None

    def tasks(self, candidate: Candidate) -> tuple[Task, ...]:
        """What it runs now beside the pods."""
        return ()

    def again(self, s: Situation) -> Situation | None:
        """What it runs begins again, for a person who has repaired what that lacked; None: it is
        not stuck."""
        return None

    def is_skipped(self, s: Situation) -> bool:
        """Whether a command that goes on now leaves out what the step is for."""
        return False

    def ends(self, candidate: Candidate) -> float:
        """When it ends by itself, Unix seconds; infinity: not by time."""
        return math.inf

    @property
    def person(self) -> Reason | None:
        """The reason of a wait that only a person ends; None: there is none."""
        return None

    def ended_by(self, s: Situation, nonce: int) -> str:
        """The command of that person; with another number it is a new one. Empty: there is none."""
        return ""

    def shown(self) -> Mapping[str, Any]:
        """The fields of a view that it sets."""
        return {}

    @abstractmethod
    def text(self, given: Given) -> str:
        """The step in a list, by what the candidate is given in it."""

    def short(self, given: Given) -> str:
        """The same where there is little room."""
        return self.text(given)


class Gate(StepKind):
    """A step that no command may skip: somebody has to let each candidate pass."""

    kept_by_edits = True
    must: ClassVar[str]
    """What has to happen to it, as in `step 2 must be approved`."""

    @abstractmethod
    def is_closed(self, candidate: Candidate, digest: str) -> bool:
        """Whether this candidate, which is in the step, may not leave it. `digest` is that of the
        spec, see `Desired.digest`."""

    @abstractmethod
    def how_to_pass(self, s: Situation) -> str:
        """The remedy in messages."""

    @abstractmethod
    def let_pass(self, s: Situation) -> Situation | str:
        """Obey the command by which a person lets it pass, or say why not."""
