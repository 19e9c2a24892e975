"""A quantity whose share is compared with a limit."""

from abc import abstractmethod
from typing import Any

from serinus.api.quantities import fraction
from serinus.api.reasons import Reason
from serinus.api.status import MonitoredShare
from serinus.judge.drift import Limited
from serinus.plan.monitored.quantity import NOT_MEASURED, ConditionState, Quantity


class BelowLimit(Quantity):
    """Errors, or negative feedback. A limit is that of every revision."""

    @property
    @abstractmethod
    def watched(self) -> Limited:
        """What is counted, and its limit."""

    def begun(self, basis: str) -> MonitoredShare:
        """It is not shown to be above its limit."""
        return MonitoredShare(basis=basis)

    def amiss_since(self, known: MonitoredShare | None) -> float | None:
        """Since it was shown to be above the limit."""
        return known.since if known is not None and known.above_limit else None

    def evidence(self, known: MonitoredShare) -> dict[str, Any]:
        """The share, and the limit."""
        limit = fraction(self.watched.limit)
        return {"share": known.share, "limit": limit, "message": known.message}

    def reported(self, known: MonitoredShare | None) -> ConditionState:
        """Above the limit, or else why it is not known, or not above it."""
        if known is not None and known.above_limit:
            return "True", self.amiss, known.message
        if known is not None and known.unknown is not None:
            return "Unknown", Reason(known.unknown.reason), known.unknown.message
        if known is None or known.since is None:
            return NOT_MEASURED
        return "False", Reason.WITHIN_LIMIT, known.message
