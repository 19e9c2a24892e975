"""A file for each kind of check: what it asks, and the figures that it comes to at a look. How they
are worded is for findings/."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from serinus.api.checks import Check, Settings
from serinus.api.checks.error_rate import ErrorRate
from serinus.api.checks.fairness import Fairness
from serinus.api.checks.feedback import Feedback
from serinus.api.checks.latency import Latency
from serinus.api.checks.prediction_drift import PredictionDrift
from serinus.api.checks.threshold import Threshold
from serinus.api.checks.traffic_share import TrafficShare
from serinus.judge.checks.error_rate import ErrorRateCheck
from serinus.judge.checks.fairness import FairnessCheck
from serinus.judge.checks.feedback import FeedbackCheck
from serinus.judge.checks.latency import LatencyCheck
from serinus.judge.checks.prediction_drift import PredictionDriftCheck
from serinus.judge.checks.threshold import ThresholdCheck
from serinus.judge.checks.traffic_share import TrafficShareCheck
from serinus.judge.evidence.look import CheckKind

_KEPT: Final = 4096
"""Checks of which kinds are not made anew at each look."""

CHECKS: Final[Mapping[type[Settings], Callable[[Any], CheckKind]]] = {
    ErrorRate: ErrorRateCheck,
    Fairness: FairnessCheck,
    Feedback: FeedbackCheck,
    Latency: LatencyCheck,
    PredictionDrift: PredictionDriftCheck,
    Threshold: ThresholdCheck,
    TrafficShare: TrafficShareCheck,
}


@lru_cache(maxsize=_KEPT)
def kind_of(check: Check) -> CheckKind:
    """The kind of a check, with its settings."""
    return CHECKS[type(check.settings)](check.settings)
