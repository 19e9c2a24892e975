"""Whatever is read, and however often something happens, the status stays within its schema.

`Rehearsal` validates the status after each pass; here everything that can be long is.
"""

from dataclasses import dataclass, replace
from typing import get_args

import pytest

from serinus.api.reasons import Reason
from serinus.api.status import Verdict
from serinus.metrics.queries import QueryError
from serinus.plan.course import COMMANDS_KEPT, WEIGHTS_KEPT
from serinus.plan.situation import DECISIONS_KEPT, Trouble, World
from serinus.rehearsal.world import PaperWorld
from tests.unit.plan.rehearsal import A, B, Rehearsal, serving

LONG = "word " * 1000
STEPS = [{"setWeight": 20}, {"setWeight": 50}]


@dataclass
class Talkative(PaperWorld):
    """Whatever goes wrong, it goes wrong at length."""

    troubled: bool = False

    def at(self, now: float) -> World:
        trouble = Trouble(Reason.NAME_TAKEN, LONG) if self.troubled else None
        found = replace(super().at(now), trouble=trouble, unkept=LONG, route_message=LONG)
        refused = not self.routed
        return replace(found, pods_problem=LONG, route_refused=refused, route_contested=LONG)


def rolling() -> tuple[Rehearsal, Talkative]:
    world = Talkative()
    return Rehearsal(world=world).settle().given(steps=STEPS).apply(B), world


def test_long_words_of_checks() -> None:
    for verdict in get_args(Verdict):
        story, _ = rolling()
        story.judged(verdict, LONG[:1024]).after(3600)


def test_long_words_of_pods() -> None:
    story, world = rolling()
    world.broken.add(B)
    assert story.after(1).status.candidate
    assert story.after(3600).status.rejected
    first = Rehearsal(world=Talkative(broken={A})).settle().after(3600)
    assert first.reason == "ProgressDeadlineExceeded"


def test_long_words_of_routes() -> None:
    story, world = rolling()
    world.routed = False
    story.judged("Pass").after(3600)
    assert story.reason == "RouteRefused"
    assert "word" in story.order(f"abort/{B}").after(3600).status.message


def test_long_words_of_specs_and_commands() -> None:
    story, world = rolling()
    story.order(LONG).order(f"{LONG}/{LONG}").order(f"undo/{LONG}")
    story.problems = (LONG, LONG)
    assert story.settle().reason == "InvalidSpec"
    story.problems, story.obstacle = (), LONG
    assert story.settle().reason == "InvalidSpec"
    world.troubled = True
    assert story.settle().reason == "NameTaken"


def test_long_words_of_prometheus() -> None:
    story = serving()
    story.history = QueryError(LONG)
    assert story.apply(B).reason == "MetricsUnavailable"


@pytest.mark.parametrize("routed", [True, False])
def test_many_rollouts_commands_and_promotions(routed: bool) -> None:
    story = serving().given(steps=[], scaleDownDelay="1h")
    for number in range(120):
        story.apply(f"r{number}").order(f"undo/r{number - 1}/{number}")
        story.world.routed = routed
        story.after(1)
    assert len(story.status.decisions) == DECISIONS_KEPT


def test_many_losses_of_pods_and_many_commands_in_one_rollout() -> None:
    story = serving().given(steps=STEPS).apply(B)
    for number in range(2 * WEIGHTS_KEPT):
        story.world.broken.add(B)
        story.order(f"retry/{B}/{number}")
        story.world.broken.clear()
        story.after(1)
    course = story.status.course
    assert course
    assert (len(course.weights), len(course.commands)) == (WEIGHTS_KEPT, COMMANDS_KEPT)
