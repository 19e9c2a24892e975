"""Counts in, what has drifted out: whether stable's inputs have left their reference.

No question about a candidate: when the world moves for stable too, rolling back does not help.
"""

from serinus.judge.drift.monitor import DriftState, feature_queries, watch
from serinus.judge.drift.reference import given

__all__ = ["DriftState", "feature_queries", "given", "watch"]
