"""What is not as desired is told once, wherever it is waited for, gravest first."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from serinus.api.reasons import About, Reason
from serinus.plan.problems import Problem, Severity
from serinus.plan.progress import ROUTE_PATIENCE
from serinus.plan.situation import World
from serinus.simulation.cluster import SimulatedCluster
from tests.support.problems import (
    name_taken,
    of_the_history,
    of_the_pods,
    of_the_requests,
    of_the_route,
)
from tests.support.simulated_rollout import A, B, SimulatedRollout

STEPS = [{"setWeight": 20}, {"pause": {}}]
JOB: Final = {"template": {"spec": {"containers": [{"name": "main", "image": "checks:1"}]}}}
TAKEN = name_taken("The name of the route is taken.")
POD_NAME_TAKEN = name_taken("The name of a Deployment is taken.", About.PODS)
UNKNOWN_NAME_TAKEN = name_taken("The name of some child is taken.", About.CHILDREN)
UNSERVED = of_the_route("Gateway shop/public does not exist.", Severity.OUTAGE)
OUTRANKED = of_the_requests("An older route gets all requests.")
CONTESTED = of_the_requests("There is another route.", Severity.NOTE)
UNKEPT = of_the_history("A ControllerRevision is missing.")
ALWAYS_TOLD = [
    TAKEN,
    POD_NAME_TAKEN,
    UNKNOWN_NAME_TAKEN,
    UNSERVED,
    OUTRANKED,
    CONTESTED,
    UNKEPT,
]
TOLD_WHERE_IT_IS_WAITED_FOR = [
    of_the_route("The route is not accepted yet."),
    of_the_route("The route is refused.", Severity.REPAIR),
    of_the_pods("A Deployment cannot be written."),
    of_the_pods("1 pod: ImagePullBackOff.", About.CANDIDATE),
]


@dataclass
class Troubled(SimulatedCluster):
    """Not everything is as desired."""

    problems: tuple[Problem, ...] = ()

    def at(self, now: float) -> World:
        return super().at(now).with_problems(*self.problems)


@dataclass
class Lasting(Troubled):
    """For a minute already."""

    def at(self, now: float) -> World:
        awaited = now - 60 if UNSERVED in self.problems else None
        found = super().at(now)
        in_effect = found.split_in_effect and awaited is None
        return replace(found, split_in_effect=in_effect, route_awaited_since=awaited)


def first_deployment(rollout: SimulatedRollout) -> None:
    rollout.world.broken = {A}
    rollout.settle()


def at_rest(rollout: SimulatedRollout) -> None:
    rollout.settle()


def at_rest_without_pods(rollout: SimulatedRollout) -> None:
    rollout.settle().world.broken = {A}


def waiting_for_pods(rollout: SimulatedRollout) -> None:
    rollout.settle().world.broken = {B}
    rollout.apply(B)


def waiting_for_the_route(rollout: SimulatedRollout) -> None:
    rollout.settle().world.routed = False
    rollout.apply(B)


def alone(rollout: SimulatedRollout) -> None:
    rollout.settle().apply(B).world.broken = {A}
    rollout.settle().apply(A)


def guarded(rollout: SimulatedRollout) -> None:
    rollout.given(guard={"duration": "1h", "holdback": "10%"}).settle().apply(B)
    rollout.judged("Pass").order(f"advance/{B}").judged("Pass")
    rollout.world.broken = {B}


def rolled_back(rollout: SimulatedRollout) -> None:
    rollout.settle().apply(B).world.routed = False
    rollout.order(f"abort/{B}").after(ROUTE_PATIENCE).world.broken = {A}


STORIES = [
    first_deployment,
    at_rest,
    at_rest_without_pods,
    waiting_for_pods,
    waiting_for_the_route,
    alone,
    guarded,
    rolled_back,
]


@pytest.mark.parametrize("story", STORIES)
def test_every_problem_is_told_once(story: Callable[[SimulatedRollout], None]) -> None:
    world = Troubled()
    rollout = SimulatedRollout(spec={"rollout": {"steps": STEPS}}, world=world)
    story(rollout)
    combinations: list[tuple[Problem, ...]] = [
        (each,) for each in (*ALWAYS_TOLD, *TOLD_WHERE_IT_IS_WAITED_FOR)
    ]
    combinations.append((*ALWAYS_TOLD, *TOLD_WHERE_IT_IS_WAITED_FOR))
    combinations.append((*reversed(TOLD_WHERE_IT_IS_WAITED_FOR), *ALWAYS_TOLD))
    for problems in combinations:
        world.problems = problems
        message = rollout.settle().status.message
        for each in problems:
            assert message.count(each.text) <= 1, (each, message)
            whole = len(message) < 1024
            assert not whole or each not in ALWAYS_TOLD or each.text in message, (each, message)


@pytest.mark.parametrize(
    ("problem", "reason"), [(UNSERVED, "RouteRefused"), (OUTRANKED, OUTRANKED.reason)]
)
@pytest.mark.parametrize("steps", [[{"approval": {}}], [{"pause": {}}], [{"job": JOB}]])
def test_an_outage_is_one_whatever_the_rollout_waits_for(
    steps: list[dict[str, Any]], problem: Problem, reason: str
) -> None:
    world = Lasting(task_end=None)
    rollout = SimulatedRollout(spec={"rollout": {"steps": [*steps, *STEPS]}}, world=world)
    rollout.settle().apply(B)
    assert rollout.status.phase != "Unavailable"
    world.problems = (problem,)
    rollout.settle()
    assert (rollout.status.phase, rollout.reason) == ("Unavailable", reason)
    assert rollout.status.message.endswith(problem.text)
    world.problems = ()
    assert rollout.settle().status.phase != "Unavailable"


def test_so_is_one_in_a_guard_of_which_the_previous_revision_has_no_pods() -> None:
    world = Lasting()
    rollout = SimulatedRollout(spec={"rollout": {"steps": STEPS[:1]}}, world=world)
    rollout.given(guard={"duration": "1h"}).settle().apply(B).judged("Pass")
    world.broken = {A}
    assert rollout.settle().status.phase == "Healthy"
    world.problems = (UNSERVED,)
    rollout.settle()
    assert (rollout.status.phase, rollout.reason) == ("Unavailable", "RouteRefused")


def test_a_first_deployment_without_its_gateway_waits_for_its_pods_first() -> None:
    rollout = SimulatedRollout(world=Lasting(problems=(UNSERVED,), broken={A})).settle()
    assert (rollout.status.phase, rollout.reason) == ("Progressing", "AwaitingPods")


def test_what_needs_a_person_comes_first_whatever_else_goes_on() -> None:
    world = Troubled(problems=(UNKEPT, OUTRANKED, POD_NAME_TAKEN))
    rollout = SimulatedRollout(world=world).settle()
    # the older route gets all requests
    assert (rollout.status.phase, rollout.reason) == ("Unavailable", "NameTaken")
    assert rollout.status.message.startswith(POD_NAME_TAKEN.text)
    assert rollout.status.message.endswith(UNKEPT.text)


def test_of_several_problems_the_gravest_comes_first_and_of_equals_the_first_one() -> None:
    given = [
        Problem(Reason.AWAITING_PODS, severity, About.PODS, text)
        for text in ("one", "another")
        for severity in reversed(Severity)
    ]
    found = World().with_problems(*given).problems
    assert [(each.severity, each.text) for each in found] == [
        (severity, text) for severity in Severity for text in ("one", "another")
    ]
