"""Whatever is read, and however often something happens, the status stays within its schema.

`SimulatedRollout` validates the status after each pass; here everything that can be long is.
"""

from dataclasses import dataclass
from typing import get_args

import pytest

from serinus.api.reasons import About
from serinus.api.status import Verdict
from serinus.metrics.queries import QueryError
from serinus.plan.problems import Severity
from serinus.plan.situation import DECISIONS_KEPT, World
from serinus.plan.timeline import COMMANDS_KEPT, WEIGHTS_KEPT
from serinus.simulation.cluster import SimulatedCluster
from tests.support.problems import (
    name_taken,
    of_the_history,
    of_the_pods,
    of_the_requests,
    of_the_route,
)
from tests.support.simulated_rollout import A, B, SimulatedRollout, serving

LONG = "word " * 1000
STEPS = [{"setWeight": 20}, {"setWeight": 50}]


@dataclass
class Talkative(SimulatedCluster):
    """Whatever goes wrong, it goes wrong at length."""

    troubled: bool = False

    def at(self, now: float) -> World:
        found = super().at(now)
        if self.troubled:
            found = found.with_problems(name_taken(LONG))
        return found.with_problems(
            of_the_history(LONG),
            of_the_route(LONG, Severity.NOTE if self.routed else Severity.REPAIR),
            of_the_pods(LONG, About.CANDIDATE),
            of_the_requests(LONG, Severity.NOTE),
        )


def rolling() -> tuple[SimulatedRollout, Talkative]:
    world = Talkative()
    return SimulatedRollout(world=world).settle().given(steps=STEPS).apply(B), world


def test_long_words_of_checks() -> None:
    for verdict in get_args(Verdict):
        rollout, _ = rolling()
        rollout.judged(verdict, LONG[:1024]).after(3600)


def test_long_words_of_pods() -> None:
    rollout, world = rolling()
    world.broken.add(B)
    assert rollout.after(1).status.candidate
    assert rollout.after(3600).status.rejected
    first = SimulatedRollout(world=Talkative(broken={A})).settle().after(3600)
    assert first.reason == "ProgressDeadlineExceeded"


def test_long_words_of_routes() -> None:
    rollout, world = rolling()
    world.routed = False
    rollout.judged("Pass").after(3600)
    assert rollout.reason == "RouteRefused"
    assert "word" in rollout.order(f"abort/{B}").after(3600).status.message


def test_long_words_of_specs_and_commands() -> None:
    rollout, world = rolling()
    rollout.order(LONG).order(f"{LONG}/{LONG}").order(f"undo/{LONG}")
    rollout.problems = (LONG, LONG)
    assert rollout.settle().reason == "InvalidSpec"
    rollout.problems, rollout.incompatibility = (), LONG
    assert rollout.settle().reason == "InvalidSpec"
    world.troubled = True
    assert rollout.settle().reason == "NameTaken"


def test_long_words_of_prometheus() -> None:
    rollout = serving()
    rollout.history = QueryError(LONG)
    assert rollout.apply(B).reason == "MetricsUnavailable"


@pytest.mark.parametrize("routed", [True, False])
def test_many_rollouts_commands_and_promotions(routed: bool) -> None:
    rollout = serving().given(steps=[], scaleDownDelay="1h")
    for number in range(120):
        rollout.apply(f"r{number}").order(f"undo/r{number - 1}/{number}")
        rollout.world.routed = routed
        rollout.after(1)
    assert len(rollout.status.decisions) == DECISIONS_KEPT


def test_many_losses_of_pods_and_many_commands_in_one_rollout() -> None:
    rollout = serving().given(steps=STEPS).apply(B)
    for number in range(2 * WEIGHTS_KEPT):
        rollout.world.broken.add(B)
        rollout.order(f"retry/{B}/{number}")
        rollout.world.broken.clear()
        rollout.after(1)
    timeline = rollout.status.timeline
    assert timeline
    assert (len(timeline.weights), len(timeline.commands)) == (WEIGHTS_KEPT, COMMANDS_KEPT)
