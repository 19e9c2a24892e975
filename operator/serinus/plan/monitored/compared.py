"""A quantity whose distributions are compared with a reference."""

from abc import abstractmethod

from serinus.api.monitoring import RecordedReference
from serinus.api.reasons import Reason
from serinus.api.status import Distributions
from serinus.plan.monitored.quantity import ConditionState, Quantity


class Compared(Quantity):
    """Features, or predictions."""

    def basis(self, revision: str) -> str:
        """Every revision records its own reference."""
        return f"{self._settings.digest}-{revision}"

    def begun(self, basis: str) -> Distributions:
        """The reference is recorded first."""
        return Distributions(basis=basis)

    def reported(self, known: Distributions | None) -> ConditionState:
        """What has drifted, or else why nothing is known, or what is within the reference."""
        known = known or Distributions()
        if beyond := [each for each in known.features if each.drifted]:
            return "True", self.amiss, " ".join(each.message for each in beyond)
        if known.unknown is not None:
            return "Unknown", Reason(known.unknown.reason), known.unknown.message
        if known.features:
            names = ", ".join(each.feature for each in known.features)
            return "False", Reason.WITHIN_REFERENCE, f"Within the reference: {names}."
        return self.awaited(known)

    @abstractmethod
    def awaited(self, known: Distributions) -> ConditionState:
        """While nothing was compared yet."""


def recording(what: str, reference: RecordedReference) -> ConditionState:
    """While a reference is recorded."""
    message = (
        f"Recording the reference: the {what} of stable for {reference.record_for}, and at "
        f"least {reference.min_values} values. If the operator restarts, it begins again."
    )
    return "Unknown", Reason.RECORDING_REFERENCE, message
