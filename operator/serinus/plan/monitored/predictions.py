"""predictionDrift: what stable predicts, by classes and scores."""

from functools import partial

from serinus.api.monitoring import PredictionMonitor
from serinus.api.quantities import fraction
from serinus.api.reasons import Reason
from serinus.api.status import Distributions
from serinus.judge.drift import (
    HOURS,
    Tolerance,
    Watched,
    predictions,
    recorded_hours,
    reference_queries,
)
from serinus.plan.monitored.compared import Compared, recording
from serinus.plan.monitored.quantity import ConditionState


class Predictions(Compared):
    """Scores and classes."""

    name = field = "predictions"
    condition = "PredictionsDrifted"
    amiss = Reason.PREDICTIONS_DRIFTED
    _settings: PredictionMonitor

    @property
    def watched(self) -> Watched:
        """The histogram of scores, and the counter of classes."""
        settings = self._settings
        return Watched(
            reference_queries(settings.scores, settings.classes),
            partial(predictions, class_label=settings.class_label),
            settings.reference,
            Tolerance(settings.tolerance, fraction(settings.absolute_tolerance)),
            settings.class_label,
            "predictionDrift.classLabel",
            settings.reference.by_hour,
        )

    def awaited(self, known: Distributions) -> ConditionState:
        """Each hour of the week has its own reference, or all have one."""
        reference = self._settings.reference
        if not reference.by_hour:
            return recording("predictions", reference)
        message = (
            f"Recording the reference: {recorded_hours(known.reference)} of the {HOURS} hours of a "
            f"week so far, each with at least {reference.min_values} values."
        )
        return "Unknown", Reason.RECORDING_REFERENCE, message
