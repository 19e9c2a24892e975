"""A node is told from what runs on it: bad pods among good ones are replaced once."""

from dataclasses import replace
from typing import Any

from serinus.api.status import CheckState, ReplacedPod, StablePod
from serinus.plan.replacing import PLACED_WITHIN, REFUSED_FOR
from serinus.plan.situation import RefusedEviction, SeenPod
from serinus.simulation.cluster import SimulatedCluster
from tests.support.simulated_rollout import A, B, SimulatedRollout, serving

BLAMED = CheckState(pods_to_blame=["p2"])
TWO = CheckState(pods_to_blame=["p2", "p3"])
STEPS = [{"setWeight": 50}, {"setWeight": 75}]


def seen(name: str, node: str, zone: str = "", *, revision: str = B, at: float = 0.0) -> SeenPod:
    return SeenPod(name, revision, at, 0, node=node, zone=zone)


def listed(world: SimulatedCluster, *pods: SeenPod) -> None:
    world.listed = {pod.name: pod for pod in pods}
    world.nodes = {pod.name: pod.node for pod in pods}


def rolling(traffic: dict[str, Any] | None = None, **analysis: Any) -> SimulatedRollout:
    alone = {"checks": [{"name": "errors", "errorRate": {}}], "onWrongSplit": "Ignore"}
    spec: dict[str, Any] = {} if traffic is None else {"traffic": traffic}
    rollout = serving(**spec).given(steps=STEPS, analysis={**alone, **analysis}).apply(B)
    listed(rollout.world, seen("p1", "n1", "z1"), seen("p2", "n2", "z2"), seen("p3", "n3", "z2"))
    return rollout


def blamed(rollout: SimulatedRollout, state: CheckState = BLAMED) -> SimulatedRollout:
    return rollout.judged("Inconclusive", "Too many errors.", state)


def replaced(rollout: SimulatedRollout) -> list[ReplacedPod]:
    assert rollout.status.candidate
    return rollout.status.candidate.replaced


def evicts(rollout: SimulatedRollout) -> tuple[str, ...]:
    assert rollout.plan
    return rollout.plan.evict


def candidates_pods(rollout: SimulatedRollout) -> int:
    assert rollout.plan and rollout.plan.wanted
    return rollout.plan.wanted.replicas[B]


def with_a_successor_on(rollout: SimulatedRollout, node: str, zone: str = "") -> SimulatedRollout:
    """The pod is gone, and the check has started again."""
    rollout.after(PLACED_WITHIN)
    rollout.world.evicted = frozenset({"p2"})
    at = rollout.rollout.now
    listed(rollout.world, seen("p1", "n1", "z1"), seen("p4", node, zone, at=at))
    return rollout.judged("Inconclusive")


def test_a_pod_of_stable_is_not_replaced_unless_that_is_asked_for() -> None:
    rollout, sick = rolling(), StablePod(name="s1", within=[0.0])
    assert rollout.status.candidate
    blamed(rollout, CheckState(stable_pods=[sick])).after(3600)
    assert (replaced(rollout), rollout.reason) == ([], "StablePodDiffers")


def test_a_pod_is_added_before_the_bad_one_is_evicted_so_that_it_gets_another_node() -> None:
    rollout = blamed(rolling())
    assert rollout.reasons[-1] == "PodReplaced"
    [pod] = replaced(rollout)
    assert (pod.name, pod.node, pod.zone, rollout.reason) == ("p2", "n2", "", "PodReplaced")
    assert (evicts(rollout), candidates_pods(rollout)) == ((), 3)
    rollout.after(PLACED_WITHIN)
    assert (evicts(rollout), candidates_pods(rollout)) == (("p2",), 3)
    rollout.world.evicted = frozenset({"p2"})
    assert candidates_pods(rollout.settle()) == 2


def test_a_pod_that_became_ready_after_the_last_list_is_one_of_the_others() -> None:
    rollout = rolling()
    listed(rollout.world, seen("p2", "n2"))
    assert rollout.world.at(rollout.rollout.now).ready(B) == 2
    assert [each.name for each in replaced(blamed(rollout))] == ["p2"]


def test_where_pods_split_the_traffic_none_is_added() -> None:
    rollout = blamed(rolling(traffic={}))
    assert (evicts(rollout), candidates_pods(rollout)) == (("p2",), 4)


def test_what_does_not_follow_to_another_node_names_the_node_and_goes_on() -> None:
    rollout = with_a_successor_on(blamed(rolling()), "n4")
    assert "NodeSuspected" not in rollout.reasons
    rollout.judged("Pass")
    assert rollout.weight == 75
    told = "Look at node n2: pod p2 on node n2 was bad, and pod p4 is not, on node n4."
    found = {each.type: each.message for each in rollout.status.conditions}
    assert (found["NodeSuspected"], rollout.reasons.count("NodeSuspected")) == (told, 1)
    rollout.judged("Pass").settle()
    assert rollout.status.candidate is None
    assert any(each.message == told for each in rollout.status.conditions), "it is still bad"


def test_the_next_rollout_knows_nothing_of_the_node() -> None:
    rollout = with_a_successor_on(blamed(rolling()), "n4").judged("Pass").judged("Pass")
    rollout.apply("accccccc")
    assert not any(each.type == "NodeSuspected" for each in rollout.status.conditions)


def test_what_follows_to_another_node_is_the_model() -> None:
    rollout = with_a_successor_on(blamed(rolling()), "n4")
    blamed(rollout, CheckState(pods_to_blame=["p4"]))
    assert rollout.status.rejected and rollout.status.rejected.reason == "CheckFailed"
    assert "the fault has followed to other pods" in rollout.status.rejected.message


def test_a_check_that_fails_meanwhile_says_so_too() -> None:
    rollout = with_a_successor_on(blamed(rolling()), "n4").judged("Fail", "Too many errors.")
    assert rollout.status.rejected
    assert "has followed to other pods" in rollout.status.rejected.message


def test_what_fails_after_all_has_passed_without_the_pod_has_not_followed_it() -> None:
    rollout = with_a_successor_on(blamed(rolling()), "n4").judged("Pass").judged("Fail")
    assert rollout.status.rejected
    assert "Before that" not in rollout.status.rejected.message


def test_what_other_checks_find_is_not_said_to_be_the_fault_of_the_pod() -> None:
    checks = [{"name": "errors", "errorRate": {}}, {"name": "drift", "predictionDrift": {}}]
    rollout = blamed(rolling(checks=checks))
    rollout.world.evicted = frozenset({"p2"})
    rollout.judged("Inconclusive", drift="Fail")
    assert rollout.status.rejected
    assert "Before that" not in rollout.status.rejected.message


def test_a_pod_that_was_not_evicted_yet_is_not_said_to_be() -> None:
    rollout = blamed(rolling()).judged("Fail", "Too many errors.")
    assert rollout.status.rejected
    assert rollout.status.rejected.message.endswith(
        "Before that, only pod p2 on node n2 was bad, and not evicted yet."
    )


def test_a_pod_that_came_back_to_the_node_and_is_bad_tells_nothing_so_that_no_client_waits() -> (
    None
):
    rollout = with_a_successor_on(blamed(rolling()), "n2")
    blamed(rollout, CheckState(pods_to_blame=["p4"]))
    assert rollout.status.rejected
    assert "p4 is there again: the cause may be node n2 or the" in rollout.status.rejected.message
    assert "cordon the node before a retry" in rollout.status.rejected.message


def test_a_pod_that_came_back_to_the_node_and_is_well_accuses_no_node() -> None:
    rollout = with_a_successor_on(blamed(rolling()), "n2").judged("Pass")
    assert rollout.weight == 75
    assert "NodeSuspected" not in rollout.reasons


def test_what_fails_later_on_a_node_that_was_shown_to_be_bad_is_evicted_as_well() -> None:
    rollout = with_a_successor_on(blamed(rolling()), "n4").judged("Pass")
    added = seen("p5", "n2", at=rollout.rollout.now)
    listed(rollout.world, *rollout.world.listed.values(), added)
    blamed(rollout, CheckState(pods_to_blame=["p5"]))
    assert [each.name for each in replaced(rollout)] == ["p2", "p5"]
    listed(rollout.world, *rollout.world.listed.values(), seen("p6", "n6"))
    blamed(rollout, CheckState(pods_to_blame=["p6"]))
    assert rollout.status.rejected, "another node is another matter"


def test_two_bad_pods_are_replaced_if_they_share_a_zone() -> None:
    rollout = rolling()
    listed(rollout.world, *rollout.world.listed.values(), seen("p0", "n0", "z1"))
    blamed(rollout, TWO)
    assert [(each.name, each.zone) for each in replaced(rollout)] == [("p2", "z2"), ("p3", "z2")]


def test_most_of_the_pods_that_are_there_are_not_evicted() -> None:
    """Others have left, such as in a drain; they were counted too."""
    rollout = rolling()
    listed(rollout.world, seen("p2", "n2", "z2"), seen("p3", "n3", "z2"), seen("p1", "n1", "z1"))
    assert blamed(rollout, TWO).status.rejected
    alone = rolling()
    listed(alone.world, seen("p2", "n2", "z2"))
    alone.world.pods(B).pop()
    assert blamed(alone).status.rejected


def test_two_bad_pods_that_share_neither_node_nor_zone_are_the_models() -> None:
    rollout = rolling()
    listed(rollout.world, seen("p1", "n1", "z1"), seen("p2", "n2", "z2"), seen("p3", "n3", "z3"))
    assert blamed(rollout, TWO).status.rejected


def test_two_bad_pods_of_which_nobody_knows_where_they_are_are_the_models() -> None:
    rollout = rolling()
    listed(rollout.world)
    assert blamed(rollout, TWO).status.rejected


def test_where_stables_pod_on_the_node_is_suspect_too_it_is_the_node() -> None:
    rollout, sick = with_a_successor_on(blamed(rolling()), "n2"), StablePod(name="s1", within=[0.0])
    listed(rollout.world, *rollout.world.listed.values(), seen("s1", "n2", revision=A))
    blamed(rollout, CheckState(pods_to_blame=["p4"], stable_pods=[sick])).after(3600)
    assert (rollout.reason, rollout.status.rejected) == ("StablePodDiffers", None)


def test_while_stables_pod_there_is_only_suspect_a_person_is_waited_for() -> None:
    rollout, sick = with_a_successor_on(blamed(rolling()), "n2"), StablePod(name="s1", suspicion=99)
    listed(rollout.world, *rollout.world.listed.values(), seen("s1", "n2", revision=A))
    blamed(rollout, CheckState(pods_to_blame=["p4"], stable_pods=[sick])).after(3600)
    assert rollout.reason == "OnePodToBlame" and "p4" not in evicts(rollout)
    assert "It is not evicted: a pod of stable is suspect there too." in rollout.status.message


def test_a_budget_that_forbids_it_for_long_rolls_the_candidate_back() -> None:
    rollout = blamed(rolling())
    rollout.world.refused_eviction = RefusedEviction("It would violate the budget.", False)
    rollout.after(REFUSED_FOR - 1)
    assert rollout.reason == "PodReplaced"
    assert rollout.status.candidate and rollout.status.candidate.hold
    assert "It would violate the budget." in rollout.status.candidate.hold.message
    rollout.after(1)
    assert rollout.status.rejected
    assert "It would violate the budget." in rollout.status.rejected.message


def test_without_the_right_to_evict_it_is_held_for_a_person_without_another_pod() -> None:
    rollout = blamed(rolling())
    rollout.world.refused_eviction = RefusedEviction("Pod p2 cannot be evicted: 403.", True)
    rollout.after(3600)
    assert (rollout.reason, rollout.status.phase) == ("OnePodToBlame", "Paused")
    assert "Pod p2 cannot be evicted: 403." in rollout.status.message
    assert candidates_pods(rollout) == 2
    rollout.world.refused_eviction = None
    assert rollout.settle().reason == "OnePodToBlame", "an operator that was started only now"
    assert evicts(rollout) == ("p2",), "somebody may have given the right"


def test_pods_that_nobody_tried_to_evict_are_evicted_and_blame_nobody() -> None:
    """The operator was away."""
    rollout = blamed(rolling()).after(REFUSED_FOR)
    assert (rollout.reason, evicts(rollout)) == ("PodReplaced", ("p2",))
    assert candidates_pods(rollout) == 3


def test_a_refusal_counts_from_the_first_try_to_the_last() -> None:
    rollout = blamed(rolling()).after(REFUSED_FOR)
    refused, now = RefusedEviction("It would violate the budget.", False), rollout.rollout.now
    rollout.world.refused_eviction = replace(refused, since=now, until=now)
    assert rollout.after(REFUSED_FOR + 60).reason == "PodReplaced"
    rollout.world.refused_eviction = replace(refused, since=now, until=now + REFUSED_FOR)
    assert rollout.settle().status.rejected


def test_a_pod_that_takes_long_to_leave_is_waited_for() -> None:
    rollout = blamed(rolling()).after(PLACED_WITHIN)
    rollout.world.evicted = frozenset({"p2"})
    assert rollout.after(REFUSED_FOR).reason == "PodReplaced"


def test_a_pod_of_stable_is_replaced_once_where_that_is_asked_for() -> None:
    rollout, sick = rolling(stablePod="Replace"), StablePod(name="s1", within=[0.0])
    listed(rollout.world, seen("s1", "n9", revision=A))
    blamed(rollout, CheckState(stable_pods=[sick]))
    assert [(each.name, each.of_stable) for each in replaced(rollout)] == [("s1", True)]
    assert rollout.plan and rollout.plan.wanted
    assert (rollout.plan.wanted.replicas[A], rollout.reason) == (5, "StablePodDiffers")
    rollout.after(PLACED_WITHIN)
    rollout.world.evicted = frozenset({"s1"})
    blamed(rollout, CheckState(stable_pods=[sick.replace(name="s2")])).after(3600)
    assert [each.name for each in replaced(rollout)] == ["s1"]
    assert rollout.reason == "StablePodDiffers"


def test_a_pod_of_stable_that_may_not_be_evicted_is_waited_for_as_if_nobody_had_tried() -> None:
    rollout, sick = rolling(stablePod="Replace"), StablePod(name="s1", within=[0.0])
    blamed(rollout, CheckState(stable_pods=[sick])).after(PLACED_WITHIN)
    assert evicts(rollout) == ("s1",)
    rollout.world.refused_eviction = RefusedEviction("It would violate the budget.", False)
    rollout.after(REFUSED_FOR)
    assert rollout.plan and rollout.plan.wanted
    assert (evicts(rollout), rollout.plan.wanted.replicas[A]) == ((), 4)
    assert rollout.reason == "StablePodDiffers"


def test_a_bad_pod_of_a_promoted_revision_is_replaced_and_the_guard_goes_on() -> None:
    rollout = rolling().given(steps=STEPS[:1], guard={"duration": "24h"}).judged("Pass")
    assert rollout.status.phase == "Healthy"
    listed(rollout.world, seen("p1", "n1"), seen("p2", "n2"))
    blamed(rollout)
    assert rollout.reasons[-1] == "PodReplaced" and candidates_pods(rollout) == 5
    rollout = with_a_successor_on(rollout, "n4")
    blamed(rollout, CheckState(pods_to_blame=["p4"]))
    assert rollout.status.rejected and rollout.status.rejected.reason == "GuardFailed"
