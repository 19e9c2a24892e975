"""Counts in, alarms out: whether stable's inputs have left their reference, and whether its errors
or its negative feedback are above their limits.

This is not about a candidate: when something changes for stable too, a rollback does not help. Nor
is there a control on the same traffic, so no cause is shown.
"""

from serinus.judge.drift.limit import Limited, LimitState, watch_limit
from serinus.judge.drift.monitor import DriftState, feature_queries, watch
from serinus.judge.drift.rarity import Rarity
from serinus.judge.drift.reference import given

__all__ = [
    "DriftState",
    "LimitState",
    "Limited",
    "Rarity",
    "feature_queries",
    "given",
    "watch",
    "watch_limit",
]
