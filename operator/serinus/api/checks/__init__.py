"""The checks of an analysis: what is compared, and how much worse is too much. A file a kind."""

from serinus.api.checks.check import KINDS, Check, CheckName
from serinus.api.checks.error_rate import ErrorRate
from serinus.api.checks.fairness import EqualisedOdds, Fairness
from serinus.api.checks.feedback import Feedback
from serinus.api.checks.latency import Latency, SlowLimit
from serinus.api.checks.metrics import Counter, Histogram, LabelMatcher, LabelName, MetricName
from serinus.api.checks.prediction_drift import PredictionDrift
from serinus.api.checks.server import LatencyName, ServerMetrics
from serinus.api.checks.settings import Settings
from serinus.api.checks.threshold import Threshold
from serinus.api.checks.traffic_share import TrafficShare

__all__ = [
    "KINDS",
    "Check",
    "CheckName",
    "Counter",
    "EqualisedOdds",
    "ErrorRate",
    "Fairness",
    "Feedback",
    "Histogram",
    "LabelMatcher",
    "LabelName",
    "Latency",
    "LatencyName",
    "MetricName",
    "PredictionDrift",
    "ServerMetrics",
    "Settings",
    "SlowLimit",
    "Threshold",
    "TrafficShare",
]
