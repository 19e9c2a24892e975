"""A step that copies requests to the candidate. How it does is for `plan/stepping.py`."""

from typing import Any, ClassVar

from serinus.api.steps.given import Given
from serinus.plan.steps.kind import StepKind


class MirrorStep(StepKind):
    """Over once the checks have passed by the copies, like each step before more traffic."""

    unset: ClassVar[dict[str, Any]] = {"mirror": None}

    def shown(self) -> dict[str, int]:
        """The percentage of requests that are copied."""
        return {"mirror": self._settings.percent}

    def text(self, given: Given) -> str:
        """What is copied."""
        return given.short
