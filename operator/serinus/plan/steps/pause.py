"""A step that waits for a time, or for a command."""

import math
from typing import Any, ClassVar

from serinus.api.quantities import seconds
from serinus.api.reasons import Reason
from serinus.api.status import Candidate
from serinus.api.steps.given import Given
from serinus.api.steps.pause import Pause
from serinus.plan.situation import Situation
from serinus.plan.steps.kind import Passed, Running, StepKind
from serinus.plan.traffic import given_of


class PauseStep(StepKind):
    """Over after its duration; without one, only by a command."""

    unset: ClassVar[dict[str, Any]] = {"pause": None}

    def __init__(self, settings: Pause) -> None:
        super().__init__(settings)
        self._duration = settings.duration

    def look(self, s: Situation) -> Running | Passed:
        """It counts from when the step was entered, or its weight is in effect."""
        candidate = s.candidate
        if s.reached(self.ends(candidate)):
            return Passed()
        if self._duration is None:
            revision = candidate.revision
            message = f"Waiting for serinus.dev/command: advance/{revision} or promote/{revision}."
            return Running(Reason.AWAITING_COMMAND, message)
        message = f"Pausing at {given_of(candidate).short} for {self._duration}."
        return Running(Reason.AWAITING_PAUSE, message)

    def ends(self, candidate: Candidate) -> float:
        """Unix seconds."""
        if self._duration is None:
            return math.inf
        return (candidate.step_since or candidate.since) + seconds(self._duration)

    @property
    def person(self) -> Reason | None:
        """Nobody is awaited if it has a duration."""
        return Reason.AWAITING_COMMAND if self._duration is None else None

    def ended_by(self, s: Situation, nonce: int) -> str:
        """As `serinus advance` writes it."""
        return f"advance/{s.candidate.revision}/{nonce}"

    def shown(self) -> dict[str, str]:
        """An empty duration: until a command."""
        return {"pause": self._duration or ""}

    def text(self, given: Given) -> str:
        """With the weight at which it waits."""
        return f"pause at {given.short} " + (
            f"for {self._duration}" if self._duration else "until a command"
        )

    def short(self, given: Given) -> str:
        """Without it."""
        return f"pause {self._duration}" if self._duration else "pause until advanced"
