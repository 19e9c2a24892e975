"""A quantity whose distributions are compared with a reference."""

from abc import abstractmethod
from typing import Any, Final

from serinus.api.monitoring import RecordedReference
from serinus.api.reasons import Reason
from serinus.api.status import Distributions
from serinus.plan.monitored.quantity import ConditionState, Quantity, as_told

_LONGEST: Final = 32768
"""Characters of references in an environment variable, of which Linux takes 131072."""


class Compared(Quantity):
    """Features, or predictions."""

    def basis(self, revision: str) -> str:
        """Every revision records its own reference."""
        return f"{self._settings.digest}-{revision}"

    def begun(self, basis: str) -> Distributions:
        """The reference is recorded first."""
        return Distributions(basis=basis)

    def amiss_since(self, known: Distributions | None) -> float | None:
        """Since the first of those that have drifted now."""
        each = known.features if known else []
        return min((one.since for one in each if one.drifted), default=None)

    def evidence(self, known: Distributions) -> dict[str, Any]:
        """With the reference of what has drifted, unless it is too long."""
        drifted = [one for one in known.features if one.drifted]
        names = {one.feature.partition(" at ")[0] for one in drifted}
        room, references = _LONGEST, []
        for each in known.reference:
            found = _rounded(each.to_json()) if each.feature in names else None
            if found is not None and (room := room - len(as_told(found))) > 0:
                references.append(found)
        fields = ("feature", "since", "part", "share", "expected")
        figures = [{k: v for k, v in one.to_json().items() if k in fields} for one in drifted]
        return {"drifted": figures, "reference": references}

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


def _rounded(value: Any) -> Any:
    """JSON with six decimals."""
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return round(value, 6) if isinstance(value, float) else value
