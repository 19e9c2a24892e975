"""The quantities of stable that are monitored: what is compared, and how it is reported. A file a
quantity; its settings are in api/monitoring.py."""

from collections.abc import Mapping
from typing import Final

from serinus.api.monitoring import (
    ErrorLimit,
    FeatureDrift,
    FeedbackLimit,
    Monitor,
    Monitoring,
    PredictionMonitor,
)
from serinus.plan.monitored.errors import Errors
from serinus.plan.monitored.features import Features
from serinus.plan.monitored.feedback import NegativeFeedback
from serinus.plan.monitored.predictions import Predictions
from serinus.plan.monitored.quantity import Quantity

QUANTITIES: Final[Mapping[type[Monitor], type[Quantity]]] = {
    FeatureDrift: Features,
    PredictionMonitor: Predictions,
    ErrorLimit: Errors,
    FeedbackLimit: NegativeFeedback,
}
"""By the type of their settings."""


def quantities_of(monitoring: Monitoring | None) -> dict[str, Quantity]:
    """What is monitored, by its key in the spec."""
    settings = monitoring.monitors if monitoring else {}
    return {key: QUANTITIES[type(each)](each) for key, each in settings.items()}
