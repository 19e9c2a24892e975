"""Counts in, verdict with evidence out: the statistics that decide between stable and candidate.

Pure: no clock, no I/O, no knowledge of Kubernetes or of how Prometheus is reached.
"""

from serinus.judge.analysis import (
    Progress,
    as_asked,
    begins_to_fail,
    enter_step,
    in_error,
    judge,
    longest_warm_up,
    overall,
    queries_of,
)
from serinus.judge.evidence.look import EffectiveWeight, GuardWindow
from serinus.judge.evidence.restarts import (
    Exposed,
    forgiven,
    restarts_more_often,
    restarts_more_often_by_both,
    weighed,
)
from serinus.judge.evidence.stable_pods import suspects
from serinus.judge.forecast.learning import CannotFail, asks_of_history, has_learned, learn
from serinus.judge.forecast.splits import Split, by_pods, exact
from serinus.judge.modes import ByMode, judge_by_mode

__all__ = [
    "ByMode",
    "CannotFail",
    "EffectiveWeight",
    "Exposed",
    "GuardWindow",
    "Progress",
    "Split",
    "as_asked",
    "asks_of_history",
    "begins_to_fail",
    "by_pods",
    "enter_step",
    "exact",
    "forgiven",
    "has_learned",
    "in_error",
    "judge",
    "judge_by_mode",
    "learn",
    "longest_warm_up",
    "overall",
    "queries_of",
    "restarts_more_often",
    "restarts_more_often_by_both",
    "suspects",
    "weighed",
]
