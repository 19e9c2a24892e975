"""A candidate that may get traffic is judged, though its weight is not known to be in effect."""

from dataclasses import dataclass, replace

import pytest

from serinus.manifests.owner import Owner
from serinus.metrics.requests import Request
from serinus.plan.analysis import requested
from serinus.plan.progress import ROUTE_PATIENCE
from serinus.plan.situation import World
from serinus.rehearsal.world import PaperWorld
from tests.unit.plan.rehearsal import B, Rehearsal, serving

STEPS = [{"setWeight": 20}, {"setWeight": 50}]
OWNER = Owner("team", "loan", uid="")
GIVEN = "The route gives it 20%, and whether that is in effect is not known."
TAKEN = "Service team/loan exists and was not made by Serinus"


@dataclass
class Unconfirmed(PaperWorld):
    """The route is written, and something keeps it from being known to be in effect."""

    refused: bool = False

    def at(self, now: float) -> World:
        found = super().at(now)
        if self.routed:
            return found
        weight = float(self._split.weight) if self._split else 0.0
        return replace(found, weight=weight, route_message=TAKEN, route_refused=self.refused)


def rolling(*, refused: bool = False, routed: bool = False) -> Rehearsal:
    """A candidate to which the route gives 20%."""
    story = Rehearsal(spec={"rollout": {"steps": STEPS}}, world=Unconfirmed(refused=refused))
    story.settle()
    story.world.routed = routed
    return story.apply(B)


def measured(story: Rehearsal) -> bool:
    spec = story.rollout.wish.spec
    return isinstance(requested(OWNER, spec, story.status), Request)


@pytest.mark.parametrize("refused", [True, False])
def test_it_is_measured_from_when_the_route_gives_it_weight(refused: bool) -> None:
    story = rolling(refused=refused)
    assert story.weight == 20
    assert measured(story)
    assert story.status.candidate and story.status.candidate.effective_since is None
    assert story.status.course
    assert story.status.course.measured_since == story.rollout.now


def test_a_check_that_fails_rolls_it_back() -> None:
    story = rolling(refused=True).judged("Fail", "errors 41/2045.")
    assert (story.reason, story.weight) == ("CheckFailed", 0)


def test_no_step_is_passed_before_the_weight_is_in_effect() -> None:
    story = rolling().judged("Pass").after(3600).judged("Pass")
    assert (story.weight, story.reason) == (20, "RouteRefused")
    story.world.routed = True
    story.settle()
    assert story.weight == 20
    assert story.reason == "AwaitingVerdict", "what was shown before counts for no step"
    assert story.judged("Pass").weight == 50


def test_time_without_metrics_before_it_does_not_prolong_the_step() -> None:
    story = rolling().judged("NoData").after(3600)
    story.world.routed = True
    story.settle().judged("Inconclusive")
    assert story.status.candidate and story.status.candidate.unmeasured == 0


def test_before_the_route_gives_it_weight_nothing_is_measured() -> None:
    story = serving().given(steps=STEPS)
    story.world.broken.add(B)
    assert not measured(story.apply(B))


@pytest.mark.parametrize("refused", [True, False])
def test_where_the_route_gives_it_its_weight_on_nothing_says_that_it_was_lowered(
    refused: bool,
) -> None:
    story = rolling(refused=refused, routed=True)
    story.world.routed = False
    story.settle().after(ROUTE_PATIENCE).settle()
    assert story.weight == 20
    last = story.rollout.news[-1]
    assert last.reason == "RouteRefused"
    assert last.message == f"{GIVEN} {TAKEN}"
    assert story.status.candidate and story.status.candidate.effective_since is None
