"""A quantity whose share is compared with a limit."""

from serinus.api.reasons import Reason
from serinus.api.status import MonitoredShare
from serinus.plan.monitored.quantity import NOT_MEASURED, ConditionState, Quantity


class BelowLimit(Quantity):
    """Errors, or negative feedback. A limit is that of every revision."""

    def begun(self, basis: str) -> MonitoredShare:
        """It is not shown to be above its limit."""
        return MonitoredShare(basis=basis)

    def reported(self, known: MonitoredShare | None) -> ConditionState:
        """Above the limit, or else why it is not known, or not above it."""
        if known is not None and known.above_limit:
            return "True", self.amiss, known.message
        if known is not None and known.unknown is not None:
            return "Unknown", Reason(known.unknown.reason), known.unknown.message
        if known is None or known.since is None:
            return NOT_MEASURED
        return "False", Reason.WITHIN_LIMIT, known.message
