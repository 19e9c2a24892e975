"""How what is monitored of the stable revision is reported: conditions and events."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from serinus.api.monitoring import RecordedReference
from serinus.api.reasons import Reason
from serinus.api.status import Distributions, Monitored, MonitoredShare
from serinus.judge.drift import HOURS, recorded_hours
from serinus.plan.situation import Situation


@dataclass(frozen=True, slots=True)
class Report:
    """A condition about what is monitored: True while something is amiss."""

    condition: str
    status: Literal["True", "False", "Unknown"]
    reason: Reason
    message: str


ConditionState = tuple[Literal["True", "False", "Unknown"], Reason, str]

NOT_MEASURED: Final[ConditionState] = ("Unknown", Reason.NO_DATA, "Not measured yet.")


def reports(s: Situation) -> Iterator[Report]:
    """One for each quantity that is monitored."""
    stable = s.status.stable
    for each in _reports(s):
        if s.promoted and stable:  # others take what serves to be meant
            of = f"Of revision {stable.revision}, the previous one: "
            each = replace(each, message=f"{of}{each.message}")
        yield each


def _reports(s: Situation) -> Iterator[Report]:
    monitoring = s.desired.spec.monitoring
    if monitoring is None:
        return
    known = s.status.monitoring or Monitored()
    if (features := monitoring.feature_drift) is not None:
        found = _of_distributions(known, Reason.FEATURES_DRIFTED)
        given = features.reference.given
        waiting = NOT_MEASURED if given else _recording("inputs", features.reference)
        yield Report("Drifted", *(found or waiting))
    if (predictions := monitoring.prediction_drift) is not None:
        known_of_them, reference = known.predictions or Distributions(), predictions.reference
        found = _of_distributions(known_of_them, Reason.PREDICTIONS_DRIFTED)
        waiting = (
            _recording_hours(reference, recorded_hours(known_of_them.reference))
            if reference.by_hour
            else _recording("predictions", reference)
        )
        yield Report("PredictionsDrifted", *(found or waiting))
    if monitoring.error_rate is not None:
        above = Reason.ERRORS_ABOVE_LIMIT
        yield Report("ErrorsAboveLimit", *_of_share(known.error_rate, above))
    if monitoring.feedback is not None:
        above = Reason.FEEDBACK_ABOVE_LIMIT
        yield Report("FeedbackAboveLimit", *_of_share(known.negative_feedback, above))


def _of_distributions(known: Distributions, drifted: Reason) -> ConditionState | None:
    """None: nothing was compared yet."""
    if beyond := [each for each in known.features if each.drifted]:
        return "True", drifted, " ".join(each.message for each in beyond)
    if known.unknown is not None:
        return "Unknown", Reason(known.unknown.reason), known.unknown.message
    if known.features:
        names = ", ".join(each.feature for each in known.features)
        return "False", Reason.WITHIN_REFERENCE, f"Within the reference: {names}."
    return None


def _recording(what: str, reference: RecordedReference) -> ConditionState:
    message = (
        f"Recording the reference: the {what} of stable for {reference.record_for}, and at "
        f"least {reference.min_values} values. If the operator restarts, it begins again."
    )
    return "Unknown", Reason.RECORDING_REFERENCE, message


def _recording_hours(reference: RecordedReference, hours: int) -> ConditionState:
    message = (
        f"Recording the reference: {hours} of the {HOURS} hours of a week so far, each with at "
        f"least {reference.min_values} values."
    )
    return "Unknown", Reason.RECORDING_REFERENCE, message


def _of_share(known: MonitoredShare | None, above: Reason) -> ConditionState:
    if known is not None and known.above_limit:
        return "True", above, known.message
    if known is not None and known.unknown is not None:
        return "Unknown", Reason(known.unknown.reason), known.unknown.message
    if known is None or known.since is None:
        return NOT_MEASURED
    return "False", Reason.WITHIN_LIMIT, known.message


def announce(s: Situation, before: str | None, found: Report) -> Situation:
    """An event when something begins to be amiss and when that ends; `before` is the previous state
    of the condition."""
    began = found.status == "True" and before != "True"
    ended = found.status == "False" and before == "True"
    if s.status.stable is None or not (began or ended):
        return s
    return s.because(found.reason, s.status.stable.revision, found.message)
