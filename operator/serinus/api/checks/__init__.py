"""The checks of an analysis: what is compared, and how much worse is too much. A file a kind."""

from serinus.api.checks.check import KINDS, Check, CheckName, Mode, kinds_that
from serinus.api.checks.metrics import (
    Backend,
    Counter,
    Histogram,
    LabelMatcher,
    LabelName,
    MetricName,
)
from serinus.api.checks.server import LatencyName, ServerMetrics
from serinus.api.checks.settings import Settings

__all__ = [
    "KINDS",
    "Backend",
    "Check",
    "CheckName",
    "Counter",
    "Histogram",
    "LabelMatcher",
    "LabelName",
    "LatencyName",
    "MetricName",
    "Mode",
    "ServerMetrics",
    "Settings",
    "kinds_that",
]
