"""How a rollout goes, noted for whoever wants to judge it again later.

Statuses of before there was a course have none, and neither has a rollout without steps: then
nothing is noted.
"""

from serinus.api.status import Candidate, Course, InEffect, ObeyedCommand, Weight

WEIGHTS_KEPT = 64
COMMANDS_KEPT = 16


def measured(course: Course | None, now: float) -> Course | None:
    """The candidate's requests count from now on."""
    return course and course.replace(measured_since=now)


def took_effect(course: Course | None, weight: Weight, now: float) -> Course | None:
    """The weight wanted is in effect from now on. The first stays, since counting began by then."""
    if course is None:
        return None
    actual = None if weight.actual == weight.wanted else weight.actual
    weights = [*course.weights, InEffect(weight=weight.wanted, actual=actual, since=now)]
    return course.replace(weights=weights[:1] + weights[1:][1 - WEIGHTS_KEPT :])


def weight_ended(course: Course | None, now: float) -> Course | None:
    """The weight is no longer in effect: pods that carried it were lost, or it was withdrawn."""
    if course is None or not course.weights:
        return course
    last = course.weights[-1].replace(until=now)
    return course.replace(weights=[*course.weights[:-1], last])


def commanded(course: Course | None, command: ObeyedCommand) -> Course | None:
    """A command was obeyed or refused; it may be the one that ended the rollout."""
    if course is None or (course.until is not None and course.until < command.at):
        return course
    return course.replace(commands=[*course.commands, command][-COMMANDS_KEPT:])


def over(course: Course | None, candidate: Candidate, now: float) -> Course | None:
    """The candidate is one no more."""
    if course is None or course.until is not None:
        return course
    return course.replace(until=now, baseline=candidate.baseline)
