"""A file for each kind of check: what it asks, and the figures that it comes to at a look. How they
are worded is for findings/."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from serinus.api.checks import (
    Check,
    ErrorRate,
    Fairness,
    Feedback,
    Latency,
    PredictionDrift,
    Settings,
    Threshold,
    TrafficShare,
)
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
