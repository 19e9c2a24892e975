"""Counts in, alarms out: whether stable's inputs or predictions have left their reference, and
whether its errors or its negative feedback are above their limits.

This is not about a candidate: when something changes for stable too, a rollback does not help. Nor
is there a control on the same traffic, so no cause is shown.
"""

from serinus.judge.drift.distribution import distributions, predictions
from serinus.judge.drift.feature import Tolerance
from serinus.judge.drift.limit import Limited, LimitState
from serinus.judge.drift.monitor import DriftState, Watched
from serinus.judge.drift.rarity import Rarity
from serinus.judge.drift.reference import given
from serinus.judge.drift.unknown import unreadable
from serinus.judge.drift.watched import feature_queries, reference_queries
from serinus.judge.drift.weekly import HOURS, recorded_hours

__all__ = [
    "HOURS",
    "DriftState",
    "LimitState",
    "Limited",
    "Rarity",
    "Tolerance",
    "Watched",
    "distributions",
    "feature_queries",
    "given",
    "predictions",
    "recorded_hours",
    "reference_queries",
    "unreadable",
]
