"""Why the last rollout ended as it did, or why it waits."""

from dataclasses import dataclass

from serinus.api.status import Decision, InEffect, Status


@dataclass(frozen=True, slots=True)
class Moment:
    """A decision, and the traffic at that time."""

    after: float
    """Seconds since the start of the rollout."""
    weight: float
    """The candidate's actual percentage of the traffic until then."""
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The last rollout, from the timeline and the decisions in the status."""

    revision: str
    stable: str
    since: float
    until: float | None
    """None while it is in progress."""
    guarded_since: float | None
    """Time of the promotion, if a guard followed."""
    moments: tuple[Moment, ...]
    """Oldest first; if the rollout has ended, the last one ended it."""


def explain(status: Status) -> Explanation | None:
    """None if no rollout in steps is recorded."""
    timeline = status.timeline
    if timeline is None:
        return None
    last = timeline.until
    made = [
        each
        for each in reversed(status.decisions)
        if each.revision == timeline.revision
        and timeline.since <= each.at <= (each.at if last is None else last)
    ]
    return Explanation(
        revision=timeline.revision,
        stable=timeline.stable,
        since=timeline.since,
        until=last,
        guarded_since=timeline.guarded_since,
        moments=tuple(_moment(each, timeline.since, timeline.weights) for each in made),
    )


def _moment(decision: Decision, since: float, weights: list[InEffect]) -> Moment:
    weight = 0.0
    for each in weights:
        if each.since < decision.at <= (each.until or decision.at):
            weight = each.weight if each.actual is None else each.actual
    return Moment(decision.at - since, weight, decision.reason, decision.message)
