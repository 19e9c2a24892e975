"""While stable has no ready pod, a candidate that has some is what clients have left."""

from dataclasses import dataclass, field, replace

import pytest

from serinus.plan.situation import World
from serinus.rehearsal.world import PaperWorld
from tests.unit.plan.rehearsal import A, B, C, Rehearsal

QUOTA = "Deployment fraud-aaaaaaaa cannot be written: exceeded quota"


@dataclass
class Lost(PaperWorld):
    """Deployments that somebody deletes."""

    lost: set[str] = field(default_factory=set)
    refused_pods: str = ""

    def at(self, now: float) -> World:
        found = super().at(now)
        left = {name: each for name, each in found.workloads.items() if name not in self.lost}
        return replace(found, workloads=left, refused_pods=self.refused_pods)


def halfway(world: PaperWorld) -> Rehearsal:
    """A candidate has half of the traffic when stable's pods go."""
    steps = [{"setWeight": 50}, {"pause": {}}]
    story = Rehearsal(spec={"rollout": {"steps": steps}}, world=world).settle().apply(B)
    story.judged("Pass")
    assert (story.weight, story.reason, story.status.phase) == (50, "AwaitingCommand", "Paused")
    return story


def test_a_command_is_refused_also_where_stables_deployment_is_gone() -> None:
    world = Lost()
    story = halfway(world)
    world.lost = {A}
    story.order(f"abort/{B}")
    assert story.status.candidate
    assert story.status.command
    assert "nothing would be served" in story.status.command.outcome


@pytest.mark.parametrize("wished", [A, C])
def test_it_serves_on_when_the_spec_leaves_it_until_stable_can(wished: str) -> None:
    story = halfway(PaperWorld())
    story.world.broken = {A}
    story.apply(wished)
    assert story.status.candidate and story.status.candidate.revision == B
    assert (story.weight, story.reason) == (50, "AwaitingPods")
    assert f"stable revision {A} has no ready pod: {B} serves on" in story.status.message
    assert story.after(3600).status.candidate, "a step that is over passes nothing"
    story.world.broken = set()
    story.settle()
    left = "Reverted" if wished == A else "Superseded"
    assert left in story.told
    assert story.status.candidate is None or story.status.candidate.revision == C


def test_it_is_not_promoted_by_itself_against_the_spec_but_by_hand() -> None:
    story = Rehearsal(spec={"rollout": {"steps": [{"setWeight": 50}]}}).settle().apply(B)
    story.world.pods_ready_after = 20.0
    story.judged("Pass")
    assert story.status.candidate and story.status.candidate.promoting
    story.world.broken = {A}
    story.apply(C).after(20)
    assert story.status.candidate and story.status.candidate.revision == B
    story.order(f"promote/{B}")
    assert story.status.stable and story.status.stable.revision == B
    assert story.status.candidate and story.status.candidate.revision == C


def test_why_its_pods_cannot_come_is_told_at_rest_and_in_a_rollout() -> None:
    world = Lost()
    story = halfway(world)
    world.lost, world.refused_pods = {A}, QUOTA
    story.settle()
    assert (story.status.phase, story.reason) == ("Degraded", "AwaitingCommand")
    assert f"has 0 of 4 pods ready. {QUOTA}" in story.status.message
    world.lost = set()
    story.apply(A)
    world.lost = {A}
    story.settle()
    assert story.status.message.endswith(f"serves with 0 of 4 pods. {QUOTA}.")
