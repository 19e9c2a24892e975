"""The hour before a rollout, in which stable served alone, and what it told."""

import math
from dataclasses import dataclass

from serinus.api.baseline import Baseline
from serinus.api.spec import Spec
from serinus.judge import asks_of_history
from serinus.judge.questions import History, Unreadable
from serinus.plan.analysis import HISTORY, MINUTE, told
from serinus.rehearsal.exports import Behaviour
from serinus.rehearsal.scrapes import Scrapes


@dataclass(frozen=True, slots=True)
class Past:
    """It may be the past of many rollouts: whoever goes on from it takes a copy of stable."""

    end: float
    """Unix seconds of when the rollout starts."""
    phase: float
    """Where in its cycle the traffic is when it starts, 0 to 1."""
    stable: Scrapes
    found: Baseline | Unreadable
    """What it told."""


def lived(stable: Scrapes, behaviour: Behaviour, end: float, phase: float, spec: Spec) -> Past:
    """Let stable serve alone until then; it is read as the operator reads it."""
    first = math.floor((end - HISTORY) / MINUTE)
    for minute in range(first, math.floor(end / MINUTE) + 1):
        stable.serve(minute * MINUTE, 1.0, behaviour)
    stable.serve(end, 1.0, behaviour)
    history = {
        asked: stable.history(asked, end) for asked in asks_of_history(spec.rollout.analysis)
    }
    return Past(end, phase, stable, told(spec, History(end, history)))
