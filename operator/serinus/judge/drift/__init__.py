"""Counts in, drifted features out: whether stable's inputs have left their reference.

This is not about a candidate: when inputs change for stable too, a rollback does not help.
"""

from serinus.judge.drift.monitor import DriftState, feature_queries, watch
from serinus.judge.drift.reference import given

__all__ = ["DriftState", "feature_queries", "given", "watch"]
