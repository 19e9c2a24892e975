"""What to report and do if a status cannot be written."""

import logging
import time
from dataclasses import replace
from typing import Final

from serinus.api.reasons import Reason
from serinus.api.status import Status
from serinus.cluster import ApiError, Cluster
from serinus.controller.actuation import bring_about
from serinus.controller.definition import REMEDY
from serinus.controller.events import write_event
from serinus.controller.object_state import ObjectState, Unwritten
from serinus.controller.observed import Observed
from serinus.controller.queue import Key, TryAgainError
from serinus.manifests.children import routes_of
from serinus.manifests.covers import covers
from serinus.manifests.owner import Manifest
from serinus.manifests.routers import router_for
from serinus.plan.decide import Plan
from serinus.plan.situation import World
from serinus.plan.withdrawal import Mark, unjudged, withdrawal

log = logging.getLogger(__name__)

PATIENCE: Final = 30.0
"""Seconds for which writes of a status may fail before this is reported."""


def lasting(unwritten: Unwritten, now: float) -> bool:
    """Whether it must be reported, in monotonic time."""
    return now - unwritten.at > PATIENCE


async def note_unwritten(
    cluster: Cluster, key: Key, live: Manifest, state: ObjectState, error: ApiError
) -> None:
    """Report by an event that the status cannot be written: at once if it is rejected, after a
    while if the API server fails."""
    now = time.monotonic()
    known = state.unwritten or Unwritten(now, "")
    if (error.refused or lasting(known, now)) and not known.announced:
        message = f"The status cannot be written; the rollout waits until it can: {error}"
        if "unknown field" in message:
            message = f"{message}. {REMEDY}"
        log.warning("%s: %s", key, message)
        reason = Reason.STATUS_NOT_WRITTEN
        announced = await write_event(cluster, live, reason, message, warning=True)
        known = replace(known, announced=announced)
    state.unwritten = replace(known, why=str(error))


async def withdraw_without_status(
    cluster: Cluster,
    observed: Observed,
    status: Status,
    world: World,
    plan: Plan,
    now: float,
) -> None:
    """Withdraw the candidate's traffic if that was decided, or if it is not measured.

    See `serinus.plan.withdrawal` for why this needs no status. `now` is later than the start of the
    pass: earlier measurements do not restore the traffic. `status` has the evidence so far.
    """
    owner, spec, state = observed.owner, observed.desired.spec, observed.state
    given = withdrawal(status, plan, world)
    if state.unwritten is not None and lasting(state.unwritten, time.monotonic()):
        given = given or unjudged(spec, status, world)
    found = observed.anew(status)
    if given is None or given.candidate is None or not given.served_by <= set(found.revisions):
        return
    ways = routes_of(owner, spec, given, found.revisions, found.objects)
    splits = router_for(spec).split_alone(owner, given, found.objects)
    live = [found.objects.get((each["kind"], each["metadata"]["name"]), {}) for each in ways]
    if all(map(covers, live, ways)):
        return
    mark = Mark(given.candidate, int(now))
    marked, alone = mark.on(ways), mark.on(splits)
    done = await bring_about(cluster, observed.family, owner, marked, alone, state.pace)
    if done.retry_in is not None:
        # sooner than the next try of the status
        raise TryAgainError(done.retry_in, " ".join(done.failures.values()))
    if done.refusals:
        return  # already logged; it is retried with the status
    why = " ".join(decision.message for decision in plan.new_decisions)
    message = f"The traffic of revision {given.candidate} was withdrawn without a status. {why}"
    log.warning("%s: %s", observed.key, message)
    await write_event(cluster, observed.live, Reason.WEIGHT_LOWERED, message, warning=True)
