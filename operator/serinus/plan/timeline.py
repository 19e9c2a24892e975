"""The timeline of a rollout, for a later replay.

Statuses of earlier versions have none, and neither has a rollout without steps: then nothing is
recorded.
"""

from serinus.api.status import Candidate, InEffect, ObeyedCommand, Timeline, Weight

WEIGHTS_KEPT = 64
COMMANDS_KEPT = 16


def measured(timeline: Timeline | None, now: float) -> Timeline | None:
    """The candidate's requests count from now on."""
    return timeline and timeline.replace(measured_since=now)


def took_effect(timeline: Timeline | None, weight: Weight, now: float) -> Timeline | None:
    """The weight of the step is in effect from now on. The first one stays, because counting has
    begun by then."""
    if timeline is None:
        return None
    actual = None if weight.actual == weight.wanted else weight.actual
    shown = InEffect(weight=weight.wanted, mirrored=weight.mirrored, actual=actual, since=now)
    weights = [*timeline.weights, shown]
    return timeline.replace(weights=weights[:1] + weights[1:][1 - WEIGHTS_KEPT :])


def weight_ended(timeline: Timeline | None, now: float) -> Timeline | None:
    """The weight is no longer in effect: required pods were lost, or it was withdrawn."""
    if timeline is None or not timeline.weights:
        return timeline
    last = timeline.weights[-1].replace(until=now)
    return timeline.replace(weights=[*timeline.weights[:-1], last])


def commanded(timeline: Timeline | None, command: ObeyedCommand) -> Timeline | None:
    """A command was executed or refused; it may have ended the rollout."""
    if timeline is None or (timeline.until is not None and timeline.until < command.at):
        return timeline
    return timeline.replace(commands=[*timeline.commands, command][-COMMANDS_KEPT:])


def ended(timeline: Timeline | None, candidate: Candidate, now: float) -> Timeline | None:
    """The rollout has ended."""
    if timeline is None or timeline.until is not None:
        return timeline
    return timeline.replace(until=now, baseline=candidate.baseline)
