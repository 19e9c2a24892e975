"""Counts in, verdict with evidence out: the statistics that decide between stable and candidate.

Pure: no clock, no I/O, no knowledge of Kubernetes or of how Prometheus is reached.
"""

from serinus.judge.analysis import Progress, enter_step, judge, overall, questions_of
from serinus.judge.counters import covered_until

__all__ = ["Progress", "covered_until", "enter_step", "judge", "overall", "questions_of"]
