"""What every kind of step says."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from serinus.api.reasons import Reason
from serinus.api.status import Candidate
from serinus.plan.situation import Situation


class StepKind:
    """A step with settings of its kind. What a kind does not define is that of a step that is over
    at once and may be skipped."""

    guards: ClassVar[bool] = False
    """Whether no command may skip it."""
    must: ClassVar[str] = ""
    """What has to happen to such a step, as in `step 2 must be approved`."""
    unset: ClassVar[Mapping[str, Any]] = {}
    """The fields of a view that it sets, with their values for other kinds."""

    def __init__(self, settings: Any) -> None:
        self._settings = settings

    def wait(self, s: Situation) -> Situation | None:
        """Why it is not over; None: it is, as far as it is concerned."""
        return None

    def ends(self, candidate: Candidate) -> float:
        """When it ends by itself, Unix seconds; infinity: not by time."""
        return math.inf

    def is_closed(self, candidate: Candidate, digest: str) -> bool:
        """Whether this candidate, which is in the step, may not leave it; for kinds that guard.
        `digest` is that of the spec, see `Desired.digest`."""
        return False

    def how_to_pass(self, s: Situation) -> str:
        """The remedy in messages, for kinds that guard."""
        raise NotImplementedError

    def let_pass(self, s: Situation) -> Situation | str:
        """Obey the command by which a person lets it pass, or say why not, for kinds that guard."""
        raise NotImplementedError

    @property
    def person(self) -> Reason | None:
        """The reason of a wait that only a person ends; None: there is none."""
        return None

    def ended_by(self, s: Situation, nonce: int) -> str:
        """The command of a person who ends that wait; with another number it is a new one."""
        raise NotImplementedError

    def shown(self) -> Mapping[str, Any]:
        """The fields of a view that it sets."""
        return {}

    def text(self, weight: int) -> str:
        """The step in a list, by the candidate's weight in percent."""
        raise NotImplementedError

    def short(self, weight: int) -> str:
        """The same where there is little room."""
        return self.text(weight)
