"""While stable has no ready pod, a candidate that has some is what clients have left."""

from dataclasses import dataclass, field, replace

import pytest

from serinus.plan.situation import PodEnd, SeenPod, World
from serinus.rehearsal.world import PaperWorld
from tests.unit.plan.rehearsal import A, B, C, Rehearsal

QUOTA = "Deployment fraud-aaaaaaaa cannot be written: exceeded quota"


@dataclass
class Lost(PaperWorld):
    """Deployments that somebody deletes."""

    lost: set[str] = field(default_factory=set)
    refused_pods: str = ""
    most_ready: dict[str, int] = field(default_factory=dict)
    """By revision, the pods that get ready at most."""

    def at(self, now: float) -> World:
        found = super().at(now)
        left = {
            name: replace(each, ready=min(each.ready, self.most_ready.get(name, each.ready)))
            for name, each in found.workloads.items()
            if name not in self.lost
        }
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
    assert f"stable revision {A} has 0 of 4 pods ready, after it had none" in story.status.message
    assert f"{B} serves on until it has all" in story.status.message
    assert story.after(3600).status.candidate, "a step that is over passes nothing"
    story.world.broken = set()
    story.settle()
    left = "Reverted" if wished == A else "Superseded"
    assert left in story.told
    assert story.status.candidate is None or story.status.candidate.revision == C


@pytest.mark.parametrize("wished", [A, C])
def test_one_pod_of_stable_that_comes_and_goes_does_not_take_over(wished: str) -> None:
    world = Lost()
    story = halfway(world)
    world.most_ready = {A: 0}
    story.apply(wished)
    for ready in (1, 0, 3, 0):
        world.most_ready = {A: ready}
        story.after(60)
        assert story.status.candidate and story.status.candidate.revision == B
    world.most_ready = {A: 1}
    story.order(f"abort/{B}")
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


@pytest.mark.parametrize("invalid", ["problems", "obstacle"])
def test_an_invalid_spec_drops_it_once_stable_can_serve(invalid: str) -> None:
    story = halfway(PaperWorld())
    story.world.broken = {A}
    if invalid == "problems":
        story.problems = ("spec.rollout: nonsense.",)
    else:
        story.obstacle = "it speaks another protocol"
    story.settle().after(7200)
    assert story.status.candidate and story.weight == 50
    assert story.status.phase == "Degraded"
    if invalid == "problems":
        assert f"Revision {B} serves on until stable's pods do." in story.status.message
    story.world.broken = set()
    story.settle()
    assert story.status.candidate is None and "InvalidSpec" in story.told


@pytest.mark.parametrize("promoted", [False, True])
def test_the_deadline_takes_no_pods_that_alone_serve(promoted: bool) -> None:
    world = Lost()
    story = halfway(world)
    world.lost, world.most_ready = {A}, {B: 1}
    story.settle()
    if promoted:
        story.given(steps=[{"setWeight": 50}])
    story.after(7200)
    assert story.status.candidate and story.weight == 50
    assert (story.status.phase, story.reason) == ("Degraded", "ProgressDeadlineExceeded")
    world.lost = set()
    story.settle()
    assert story.status.rejected and story.status.rejected.reason == "ProgressDeadlineExceeded"


def test_who_promotes_it_by_hand_gets_the_pods_that_there_are() -> None:
    world = Lost()
    story = halfway(world)
    world.lost, world.most_ready = {A}, {B: 1}
    story.settle().order(f"promote/{B}")
    assert story.status.stable and story.status.stable.revision == B
    assert story.weight == 0 and story.plan and story.plan.wanted
    assert story.plan.wanted.split.stable == B


def test_an_undo_does_not_wait_for_all_pods_where_nobody_serves() -> None:
    world = Lost()
    story = Rehearsal(spec={"rollout": {"steps": []}}, world=world).settle().apply(B)
    assert story.status.stable and story.status.stable.revision == B
    world.broken, world.most_ready = {B}, {A: 1}
    story.settle().order(f"undo/{A}")
    assert story.status.stable and story.status.stable.revision == A


def test_one_that_gets_no_traffic_serves_nobody_and_is_replaced() -> None:
    story = Rehearsal(spec={"rollout": {"steps": [{"pause": {}}, {"setWeight": 50}]}})
    story.settle().apply(B)
    assert (story.weight, story.reason) == (0, "AwaitingCommand")
    story.world.broken = {A}
    story.apply(C)
    assert story.status.candidate and story.status.candidate.revision == C
    assert "Superseded" in story.told


def test_no_time_and_no_restarts_take_what_alone_serves() -> None:
    world = Lost()
    policy = {"steps": [{"setWeight": 50}], "analysis": {"onInconclusive": "Rollback"}}
    story = Rehearsal(spec={"rollout": policy}, world=world).settle().apply(B)
    world.lost = {A}
    story.judged("Inconclusive").after(7200)
    assert story.status.candidate and story.status.candidate.hold
    assert story.status.candidate.hold.reason == "Inconclusive"
    died = PodEnd(1001.0, "OOMKilled at its limit of 512Mi")
    world.pods_seen = (SeenPod("b-1", B, 1000.0, 40, died),)
    story.settle()
    world.pods_seen = None
    assert story.status.candidate
    world.lost = set()
    story.settle()
    assert story.status.rejected and story.status.rejected.reason == "TooManyRestarts"


def test_a_check_that_fails_takes_the_traffic_whoever_else_serves() -> None:
    world = Lost()
    story = halfway(world)
    world.lost = {A}
    story.judged("Fail")
    assert story.status.rejected and story.status.rejected.reason == "CheckFailed"
