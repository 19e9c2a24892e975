"""The hour before a rollout, in which stable served alone, and the result of its history."""

import math
from dataclasses import dataclass

from serinus.api.baseline import Baseline
from serinus.api.spec import Spec
from serinus.judge import CannotFail
from serinus.metrics.queries import QueryError
from serinus.metrics.requests import HISTORY, HISTORY_STEP
from serinus.plan.analysis import baseline_from, history_request
from serinus.simulation.exports import Behaviour
from serinus.simulation.scrapes import Scrapes
from serinus.simulation.traffic import Failing


@dataclass(frozen=True, slots=True)
class HourBefore:
    """It may be shared by many rollouts, each of which uses a copy of stable."""

    end: float
    """Start of the rollout, Unix seconds."""
    phase: float
    """Phase of the traffic's cycle at the start, 0 to 1."""
    stable: Scrapes
    found: Baseline | QueryError | CannotFail
    """The result of that hour."""


def run_before(
    stable: Scrapes,
    behaviour: Behaviour,
    end: float,
    phase: float,
    spec: Spec,
    failing: Failing | None = None,
) -> HourBefore:
    """Let stable serve alone for an hour; it is read as by the operator."""
    first = math.floor((end - HISTORY) / HISTORY_STEP)
    for minute in range(first, math.floor(end / HISTORY_STEP) + 1):
        stable.serve(minute * HISTORY_STEP, 1.0, behaviour, failing)
    stable.serve(end, 1.0, behaviour, failing)
    request = history_request(stable.arm, spec.rollout.analysis)
    return HourBefore(end, phase, stable, baseline_from(spec, request.read(stable, end)))
