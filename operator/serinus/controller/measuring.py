"""What to measure for an object, and the effect of measurements on its status."""

from functools import partial

from serinus.api.isolation import Fault, Faults, Part, attributed, isolated
from serinus.api.status import Status
from serinus.controller.judging import Judging
from serinus.controller.object_state import ObjectState
from serinus.controller.observed import Observed
from serinus.controller.queue import Key
from serinus.controller.sampling import Purpose, Sampler
from serinus.metrics.queries import History, Measurement
from serinus.metrics.requests import Request
from serinus.plan.analysis import baseline_from, judged, learned, looks_covered, requested
from serinus.plan.monitoring import MonitoringState, monitored, monitoring_request
from serinus.plan.situation import World


class MissingError(Exception):
    """A measurement is not made, and no error of it either."""


def measure(sampler: Sampler, observed: Observed, status: Status) -> None:
    """Set what to measure for this status."""
    key, owner, state = observed.key, observed.owner, observed.state
    spec, candidate = observed.desired.spec, status.candidate
    reading = requested(owner, spec, status)
    sampler.want(key, reading)
    of_stable = isolated(
        Part.MONITORING,
        lambda: monitoring_request(owner, spec, status, state.monitoring, observed.now),
        lambda _: None,
        "stable",
    )
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
    sampler: Sampler,
    judging: Judging,
    observed: Observed,
    status: Status,
    world: World,
    faults: Faults,
) -> Status:
    """The status with the measurements since; these are returned once, and must be kept if the
    status is not written. What is measured next follows from them at once: a rule that raises
    later would have the same hour read and learned again and again."""
    known = status
    status = await _judge_the_rollout(sampler, judging, observed, status, world, faults)
    status = await _judge_stable(sampler, judging, observed, status, faults)
    if status is not known:
        observed.state.keep(observed.live, status, observed.state.due)
        measure(sampler, observed, status)
    return status


async def _judge_the_rollout(
    sampler: Sampler,
    judging: Judging,
    observed: Observed,
    status: Status,
    world: World,
    faults: Faults,
) -> Status:
    key, spec = observed.key, observed.desired.spec
    if not judging.accepts(key, sampler.series(key)):
        return status
    taken = sampler.take(key)
    if taken is None:
        if late := sampler.overdue(key):
            faults.note(Fault(Part.MEASURING, "", MissingError(f"late by {late:.0f} s")))
        return status
    _note(taken, faults)
    if isinstance(taken, History):
        since = status.stable.since if status.stable else taken.at
        found = await judging.run(taken.series, partial(baseline_from, spec, taken, since))
        return learned(spec, status, found)
    looks = looks_covered(spec, status, taken)
    return await judging.run(looks * taken.series, partial(judged, spec, status, taken, world))


def _note(taken: Measurement | History, faults: Faults) -> None:
    """What was raised while it was read."""
    raised = tuple(taken.faults)
    faults.note(*raised)
    if not raised:
        faults.ran.add((Part.MEASURING, ""))


async def _judge_stable(
    sampler: Sampler, judging: Judging, observed: Observed, status: Status, faults: Faults
) -> Status:
    key, spec, state = observed.key, observed.desired.spec, observed.state
    if not judging.accepts(key, sampler.series(key, Purpose.MONITORING)):
        return status
    taken = sampler.take(key, Purpose.MONITORING)
    if not isinstance(taken, Measurement):
        return status
    faults.note(*(each.within(Part.MONITORING) for each in taken.faults))
    known = state.monitoring
    look = partial(
        attributed,
        Part.MONITORING,
        partial(
            isolated,
            Part.MONITORING,
            partial(monitored, spec, status, known, taken),
            lambda _: (status, known),
            "stable",
        ),
    )
    status, state.monitoring = await judging.run(taken.series, look)
    return status
