"""What to measure for an object, and the effect of measurements on its status."""

import asyncio

from serinus.api.status import Status
from serinus.controller.object_state import ObjectState
from serinus.controller.observed import Observed
from serinus.controller.queue import Key
from serinus.controller.sampling import Purpose, Sampler
from serinus.metrics.queries import History, Measurement
from serinus.metrics.requests import Request
from serinus.plan.analysis import (
    baseline_from,
    covers_many_looks,
    judged,
    learned,
    requested,
)
from serinus.plan.monitoring import MonitoringState, monitored, monitoring_request
from serinus.plan.situation import World


def measure(sampler: Sampler, observed: Observed, status: Status) -> None:
    """Set what to measure for this status."""
    key, owner, state = observed.key, observed.owner, observed.state
    spec, candidate = observed.desired.spec, status.candidate
    reading = requested(owner, spec, status)
    sampler.want(key, reading)
    of_stable = monitoring_request(owner, spec, status, state.monitoring, observed.now)
    sampler.want(key, of_stable, Purpose.MONITORING)
    state.last_look = None
    if isinstance(reading, Request) and candidate is not None:
        began = candidate.analysis_since or candidate.since
        state.last_look = candidate.measured_at or began


def measure_nothing(sampler: Sampler, key: Key, state: ObjectState) -> None:
    """Stop measuring."""
    sampler.forget(key)
    state.monitoring, state.last_look = MonitoringState(), None


async def judge_measured(
    sampler: Sampler, observed: Observed, status: Status, world: World
) -> Status:
    """The status with the measurements since; these are returned once, and must be kept if the
    status is not written."""
    key, spec, state, known = observed.key, observed.desired.spec, observed.state, status
    taken = sampler.take(key)
    if isinstance(taken, History):
        # an hour of samples takes some tenths of a second, which would block this loop
        status = learned(spec, status, await asyncio.to_thread(baseline_from, spec, taken))
    elif taken is not None and covers_many_looks(status, taken):
        # some seconds, in which the lease would not be renewed
        status = await asyncio.to_thread(judged, spec, status, taken, world)
    elif taken is not None:
        status = judged(spec, status, taken, world)
    of_stable = sampler.take(key, Purpose.MONITORING)
    if isinstance(of_stable, Measurement):
        status, state.monitoring = monitored(spec, status, state.monitoring, of_stable)
    if status is not known:
        state.keep(observed.live, status, state.due)
    return status
