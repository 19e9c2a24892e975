"""While stable has no ready pod, a candidate that has some is what clients have left."""

from dataclasses import dataclass, field, replace

import pytest

from serinus.api.stages import Stage
from serinus.plan.situation import PodEnd, SeenPod, World
from serinus.simulation.cluster import SimulatedCluster
from tests.support.problems import of_the_pods
from tests.support.simulated_rollout import A, B, C, SimulatedRollout

QUOTA = "Deployment fraud-aaaaaaaa cannot be written: exceeded quota"

POD = SeenPod("fraud-aaaaaaaa-1", A, created=0.0, restarts=0)


@dataclass
class Lost(SimulatedCluster):
    """Deployments that somebody deletes."""

    lost: set[str] = field(default_factory=set)
    refused_pods: str = ""
    most_ready: dict[str, int] = field(default_factory=dict)
    """By revision, the pods that get ready at most."""
    ready_since: float | None = None
    """Of a pod of stable; None: no pods were listed."""

    def at(self, now: float) -> World:
        found = super().at(now)
        left = {
            name: replace(each, ready=min(each.ready, self.most_ready.get(name, each.ready)))
            for name, each in found.workloads.items()
            if name not in self.lost
        }
        turned = replace(POD, turned=self.ready_since)
        listed = {} if self.ready_since is None else {turned.name: turned}
        found = replace(found, workloads=left, listed=listed)
        return found.with_problems(of_the_pods(self.refused_pods)) if self.refused_pods else found


def halfway(world: SimulatedCluster) -> SimulatedRollout:
    """A candidate has half of the traffic when stable's pods go."""
    steps = [{"setWeight": 50}, {"pause": {}}]
    rollout = SimulatedRollout(spec={"rollout": {"steps": steps}}, world=world).settle().apply(B)
    rollout.judged("Pass")
    assert (rollout.weight, rollout.reason, rollout.status.phase) == (
        50,
        "AwaitingCommand",
        "Paused",
    )
    return rollout


def test_a_command_is_refused_also_where_stables_deployment_is_gone() -> None:
    world = Lost()
    rollout = halfway(world)
    world.lost = {A}
    rollout.order(f"abort/{B}")
    assert rollout.status.candidate
    assert rollout.status.command
    assert "nothing would serve" in rollout.status.command.outcome


@pytest.mark.parametrize("desired", [A, C])
def test_it_serves_on_when_the_spec_leaves_it_until_stable_can(desired: str) -> None:
    rollout = halfway(SimulatedCluster())
    rollout.world.broken = {A}
    rollout.apply(desired)
    assert rollout.status.candidate and rollout.status.candidate.revision == B
    assert (rollout.weight, rollout.reason) == (50, "AwaitingPods")
    assert f"stable revision {A} had no ready pod, and has 0 of 4 now" in rollout.status.message
    assert f"{B} serves until all are ready, or one is steadily" in rollout.status.message
    assert rollout.after(3600).status.candidate, "a step that is over passes nothing"
    rollout.world.broken = set()
    rollout.settle()
    left = "Reverted" if desired == A else "Superseded"
    assert left in rollout.reasons
    assert rollout.status.candidate is None or rollout.status.candidate.revision == C


@pytest.mark.parametrize("desired", [A, C])
def test_it_no_longer_serves_alone_once_stable_serves_steadily_though_never_with_all_pods(
    desired: str,
) -> None:
    world = Lost()
    rollout = halfway(world)
    world.most_ready = {A: 0}
    rollout.apply(desired)
    world.most_ready = {A: 3}
    world.ready_since = rollout.rollout.now
    for _ in range(9):
        rollout.after(60)
        assert rollout.status.candidate and rollout.status.candidate.revision == B
    rollout.after(60)
    left = "Reverted" if desired == A else "Superseded"
    assert left in rollout.reasons


@pytest.mark.parametrize("desired", [A, C])
def test_one_pod_of_stable_that_comes_and_goes_does_not_take_over(desired: str) -> None:
    world = Lost()
    rollout = halfway(world)
    world.most_ready = {A: 0}
    rollout.apply(desired)
    for ready in (1, 0, 3, 0):
        world.most_ready = {A: ready}
        rollout.after(60)
        assert rollout.status.candidate and rollout.status.candidate.revision == B
    world.most_ready = {A: 1}
    rollout.order(f"abort/{B}")
    assert rollout.status.candidate is None or rollout.status.candidate.revision == C


def test_it_is_not_promoted_by_itself_against_the_spec_but_by_hand() -> None:
    rollout = SimulatedRollout(spec={"rollout": {"steps": [{"setWeight": 50}]}}).settle().apply(B)
    rollout.world.pods_ready_after = 20.0
    rollout.judged("Pass")
    assert rollout.status.candidate and rollout.status.candidate.stage is Stage.PROMOTING
    rollout.world.broken = {A}
    rollout.apply(C).after(20)
    assert rollout.status.candidate and rollout.status.candidate.revision == B
    rollout.order(f"promote/{B}")
    assert rollout.status.stable and rollout.status.stable.revision == B
    assert rollout.status.candidate and rollout.status.candidate.revision == C


def test_why_its_pods_cannot_come_is_told_at_rest_and_in_a_rollout() -> None:
    world = Lost()
    rollout = halfway(world)
    world.lost, world.refused_pods = {A}, QUOTA
    rollout.settle()
    assert (rollout.status.phase, rollout.reason) == ("Degraded", "AwaitingCommand")
    assert f"has 0 of 4 pods ready. {QUOTA}" in rollout.status.message
    world.lost = set()
    rollout.apply(A)
    world.lost = {A}
    rollout.settle()
    assert rollout.status.message.endswith(f"serves with 0 of 4 pods. {QUOTA}.")


@pytest.mark.parametrize("invalid", ["problems", "incompatibility"])
def test_an_invalid_spec_drops_it_once_stable_can_serve(invalid: str) -> None:
    rollout = halfway(SimulatedCluster())
    rollout.world.broken = {A}
    if invalid == "problems":
        rollout.problems = ("spec.rollout: nonsense.",)
    else:
        rollout.incompatibility = "it speaks another protocol"
    rollout.settle().after(7200)
    assert rollout.status.candidate and rollout.weight == 50
    assert rollout.status.phase == "Degraded"
    if invalid == "problems":
        assert f"Revision {B} serves until stable's pods are ready." in rollout.status.message
    rollout.world.broken = set()
    rollout.settle()
    assert rollout.status.candidate is None and "InvalidSpec" in rollout.reasons


@pytest.mark.parametrize("promoted", [False, True])
def test_the_deadline_takes_no_pods_that_alone_serve(promoted: bool) -> None:
    world = Lost()
    rollout = halfway(world)
    world.lost, world.most_ready = {A}, {B: 1}
    rollout.settle()
    if promoted:
        rollout.given(steps=[{"setWeight": 50}])
    rollout.after(7200)
    assert rollout.status.candidate and rollout.weight == 50
    assert (rollout.status.phase, rollout.reason) == ("Degraded", "ProgressDeadlineExceeded")
    world.lost = set()
    rollout.settle()
    assert rollout.status.rejected and rollout.status.rejected.reason == "ProgressDeadlineExceeded"


def test_who_promotes_it_by_hand_gets_the_pods_that_there_are() -> None:
    world = Lost()
    rollout = halfway(world)
    world.lost, world.most_ready = {A}, {B: 1}
    rollout.settle().order(f"promote/{B}")
    assert rollout.status.stable and rollout.status.stable.revision == B
    assert rollout.weight == 0 and rollout.plan and rollout.plan.wanted
    assert rollout.plan.wanted.traffic.stable == B


def test_an_undo_does_not_wait_for_all_pods_where_nobody_serves() -> None:
    world = Lost()
    rollout = SimulatedRollout(spec={"rollout": {"steps": []}}, world=world).settle().apply(B)
    assert rollout.status.stable and rollout.status.stable.revision == B
    world.broken, world.most_ready = {B}, {A: 1}
    rollout.settle().order(f"undo/{A}")
    assert rollout.status.stable and rollout.status.stable.revision == A


def test_one_that_gets_no_traffic_serves_nobody_and_is_replaced() -> None:
    rollout = SimulatedRollout(spec={"rollout": {"steps": [{"pause": {}}, {"setWeight": 50}]}})
    rollout.settle().apply(B)
    assert (rollout.weight, rollout.reason) == (0, "AwaitingCommand")
    rollout.world.broken = {A}
    rollout.apply(C)
    assert rollout.status.candidate and rollout.status.candidate.revision == C
    assert "Superseded" in rollout.reasons


def test_no_time_and_no_restarts_take_what_alone_serves() -> None:
    world = Lost()
    policy = {"steps": [{"setWeight": 50}], "analysis": {"onInconclusive": "Rollback"}}
    rollout = SimulatedRollout(spec={"rollout": policy}, world=world).settle().apply(B)
    world.lost = {A}
    rollout.judged("Inconclusive").after(7200)
    assert rollout.status.candidate and rollout.status.candidate.hold
    assert rollout.status.candidate.hold.reason == "Inconclusive"
    died = PodEnd(1001.0, "OOMKilled at its limit of 512Mi")
    world.pods_seen = (SeenPod("b-1", B, 1000.0, 40, died),)
    rollout.settle()
    world.pods_seen = None
    assert rollout.status.candidate
    world.lost = set()
    rollout.settle()
    assert rollout.status.rejected and rollout.status.rejected.reason == "TooManyRestarts"


def test_a_check_that_fails_takes_the_traffic_whoever_else_serves() -> None:
    world = Lost()
    rollout = halfway(world)
    world.lost = {A}
    rollout.judged("Fail")
    assert rollout.status.rejected and rollout.status.rejected.reason == "CheckFailed"
