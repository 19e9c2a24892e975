"""A step in which people try the candidate. How they reach it is for `plan/stepping.py`."""

from typing import Any, ClassVar

from serinus.api.steps.given import Given
from serinus.plan.steps.kind import StepKind


class PreviewStep(StepKind):
    """Over once the requests are led to the candidate; a step after it ends the preview."""

    unset: ClassVar[dict[str, Any]] = {"preview": None}

    def shown(self) -> dict[str, str]:
        """The requests that reach the candidate."""
        return {"preview": str(self._settings.gives.preview)}

    def text(self, given: Given) -> str:
        """With these requests."""
        return str(given)

    def short(self, given: Given) -> str:
        """Without them."""
        return given.short
