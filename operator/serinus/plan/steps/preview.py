"""A step in which people try the candidate. How they reach it is for `plan/stepping.py`."""

from typing import Any, ClassVar

from serinus.api.steps.given import Given, headers
from serinus.plan.steps.kind import StepKind


class PreviewStep(StepKind):
    """Over once the requests are led to the candidate; a step after it ends the preview."""

    unset: ClassVar[dict[str, Any]] = {"preview": None}

    def shown(self) -> dict[str, str]:
        """The header fields."""
        return {"preview": headers(self._settings.gives.preview)}

    def text(self, given: Given) -> str:
        """With the header fields."""
        return str(given)

    def short(self, given: Given) -> str:
        """Without them."""
        return given.short
