"""What a candidate's pods may cost a rollout: restarts beyond stable's, and unready time in sum."""

from dataclasses import replace

import pytest

from serinus.plan.situation import PodEnd, SeenPod
from serinus.simulation.cluster import SimulatedCluster
from tests.support.simulated_rollout import A, B, SimulatedRollout, serving

LONG = [{"setWeight": 20}, {"pause": {"duration": "24h"}}, {"setWeight": 50}]


def pod(
    name: str, restarts: int = 0, *, revision: str = B, created: float = 1000.0, ended: float = 0
) -> SeenPod:
    end = PodEnd(ended or 1001.0, f"OOMKilled at its limit of 512Mi: container model of pod {name}")
    return SeenPod(name, revision, created, restarts, end if restarts else None)


def seen(rollout: SimulatedRollout, *pods: SeenPod, after: float = 0.0) -> SimulatedRollout:
    """The pods as they are listed now; the next passes list none."""
    rollout.world.pods_seen = pods
    rollout.after(after)
    rollout.world.pods_seen = None
    return rollout


def rolling() -> SimulatedRollout:
    return serving().given(steps=LONG).apply(B)


def test_a_crash_loop_is_rolled_back_in_the_containers_own_words() -> None:
    rollout = rolling()
    for restarts in (1, 2, 3):
        seen(rollout, pod("b-1", restarts), pod("a-1", revision=A), after=90)
        assert rollout.status.candidate, f"{restarts} restarts are within the budget"
    seen(rollout, pod("b-1", 4), pod("a-1", revision=A), after=90)
    assert rollout.status.rejected and rollout.status.rejected.reason == "TooManyRestarts"
    told = rollout.status.rejected.message
    assert told.startswith("OOMKilled at its limit of 512Mi: container model of pod b-1")
    assert "4 restarts in 6m" in told
    assert rollout.weight == 0


def evicted(name: str, at: float) -> SeenPod:
    end = PodEnd(at, f"Evicted: Pod ephemeral local storage usage exceeds 1Gi: pod {name}")
    return SeenPod(name, B, at, 1, end, leaving=True, evicted=True)


def test_evictions_are_told_as_such_and_beside_restarts() -> None:
    rollout = rolling()
    pods = [evicted("b-1", 1100.0), evicted("b-2", 1200.0), evicted("b-3", 1300.0)]
    seen(rollout, *pods, after=90)
    assert rollout.status.candidate and rollout.status.candidate.restarts
    assert rollout.status.candidate.restarts.evictions == 3
    seen(rollout, *pods, pod("b-4", 1, ended=1250.0), after=60)
    assert rollout.status.rejected
    assert "3 evictions and 1 restart in 2m30s" in rollout.status.rejected.message


def test_the_last_cause_is_that_of_a_pod_that_restarted() -> None:
    rollout = rolling()
    stopped = SeenPod("b-0", B, 900.0, 0, PodEnd(9e9, "Completed with exit code 0"), leaving=True)
    seen(rollout, stopped, *(evicted(f"b-{n}", 1100.0 + n) for n in range(1, 5)))
    assert rollout.status.rejected
    assert rollout.status.rejected.message.startswith("Evicted: Pod ephemeral local storage usage")
    assert "4 evictions in" in rollout.status.rejected.message


def test_each_recovery_leaves_the_count_as_it_is() -> None:
    rollout = rolling()
    for restarts in (1, 2, 3, 4):
        rollout.world.broken.add(B)
        rollout.settle()
        rollout.world.broken.clear()
        seen(rollout, pod("b-1", restarts), pod("a-1", revision=A), after=10)
    assert rollout.status.rejected and rollout.status.rejected.reason == "TooManyRestarts"


def test_restarts_of_pods_that_are_gone_still_count() -> None:
    rollout = rolling()
    seen(rollout, pod("b-1", 2))
    seen(rollout, pod("b-2", 1), after=60)
    assert rollout.status.candidate and rollout.status.candidate.restarts
    assert rollout.status.candidate.restarts.candidate == 3
    seen(rollout, pod("b-2", 1), pod("b-3", 1), after=60)
    assert rollout.status.rejected and "4 restarts" in rollout.status.rejected.message


def test_what_happens_to_stables_pods_as_well_is_not_the_candidates_fault() -> None:
    rollout = rolling()
    stable = [f"a-{n}" for n in range(4)]
    for restarts in range(1, 7):
        theirs = [pod(name, restarts, revision=A) for name in stable]
        seen(rollout, pod("b-1", restarts), *theirs, after=60)
    assert rollout.status.candidate, "each of its pods restarts as often as each of stable's"


def test_stables_restarts_count_per_pod_and_not_in_sum() -> None:
    rollout = rolling()
    stable = [pod(f"a-{n}", revision=A) for n in range(3)]
    for restarts in range(1, 5):
        one = pod("a-3", restarts, revision=A)
        seen(rollout, pod("b-1", restarts), *stable, one, after=60)
    assert rollout.status.candidate and rollout.status.candidate.restarts
    assert rollout.status.candidate.restarts.expected == 1.0
    seen(rollout, pod("b-1", 7), *stable, pod("a-3", 4, revision=A), after=60)
    assert rollout.status.rejected
    assert "3 more than the 1 of as many stable pods, plus" in rollout.status.rejected.message


def test_what_chance_adds_where_stables_pods_restart_often_is_no_fault() -> None:
    rollout = rolling()
    seen(rollout, pod("b-1", 32), pod("a-1", 20, revision=A))
    assert rollout.status.candidate, "32 beside 20 is less than two standard deviations beyond 3"
    seen(rollout, pod("b-1", 40), pod("a-1", 20, revision=A))
    assert rollout.status.rejected


def test_restarts_from_before_the_rollout_do_not_count_on_either_side() -> None:
    rollout = rolling()
    old = pod("a-1", 40, revision=A, created=1.0, ended=2.0)
    kept = pod("b-1", 7, created=1.0, ended=2.0)
    seen(rollout, old, kept)
    assert rollout.status.candidate and rollout.status.candidate.restarts
    assert rollout.status.candidate.restarts.candidate == 0
    assert rollout.status.candidate.restarts.expected == 0


def test_the_restart_that_leads_to_the_first_look_counts_for_a_pod_of_before_the_rollout() -> None:
    rollout = rolling()
    seen(rollout, pod("a-1", 41, revision=A, created=1.0, ended=1000.0), pod("b-1"))
    assert rollout.status.candidate and rollout.status.candidate.restarts
    assert rollout.status.candidate.restarts.expected == 1


def test_a_pod_without_restarts_at_the_first_look_is_counted_in_full_later() -> None:
    rollout = rolling()
    seen(rollout, pod("a-1", revision=A, created=1.0), pod("b-1"))
    seen(rollout, pod("a-1", 2, revision=A, created=1.0), pod("b-1"), after=60)
    assert rollout.status.candidate and rollout.status.candidate.restarts
    assert rollout.status.candidate.restarts.expected == 2


def test_a_budget_of_0_allows_none() -> None:
    rollout = serving().given(steps=LONG, maxRestarts=0).apply(B)
    seen(rollout, pod("b-1", 1))
    assert rollout.status.rejected and rollout.status.rejected.reason == "TooManyRestarts"


def test_a_first_deployment_has_nothing_to_go_back_to_and_goes_on() -> None:
    rollout = SimulatedRollout(world=SimulatedCluster(broken={A})).settle()
    seen(rollout, pod("a-1", 9, revision=A), after=60)
    assert rollout.status.candidate and rollout.status.rejected is None


def test_unready_time_is_counted_over_the_whole_rollout() -> None:
    rollout = rolling()
    for _ in range(9):
        rollout.world.broken.add(B)
        rollout.settle().after(60)
        rollout.world.broken.clear()
        rollout.settle().after(60)
    assert rollout.status.candidate, "9m in sum are within progressDeadline"
    rollout.world.broken.add(B)
    rollout.settle().after(60)
    assert rollout.status.rejected and rollout.status.rejected.reason == "ProgressDeadlineExceeded"
    assert "for 10m in total" in rollout.status.rejected.message
    assert "10 times" in rollout.status.rejected.message


def test_the_pass_that_ends_the_unready_time_is_due_by_itself() -> None:
    rollout = rolling()
    for _ in range(9):
        rollout.world.broken.add(B)
        rollout.settle().after(60)
        rollout.world.broken.clear()
        rollout.settle()
    rollout.world.broken.add(B)
    rollout.settle()
    assert rollout.plan and rollout.plan.wake_in == 60


def test_pods_that_start_for_a_greater_weight_are_not_unready_time() -> None:
    steps = [{"setWeight": 25}, {"setWeight": 50}]
    rollout = serving().given(steps=steps).apply(B)
    rollout.world.pods_ready_after = 300.0
    rollout.judged("Pass")
    rollout.after(301)
    assert rollout.status.candidate and rollout.weight == 50
    assert rollout.status.candidate.unready.times == 0


def test_pods_that_start_because_more_are_asked_for_are_not_unready_time() -> None:
    rollout = rolling()
    rollout.world.pods_ready_after = 300.0
    rollout.spec["replicas"] = 20
    rollout.settle()
    rollout.after(301)
    assert rollout.status.candidate and rollout.weight == 20
    assert rollout.status.candidate.unready.times == 0


def test_pods_that_replace_drained_ones_are_not_unready_time() -> None:
    """Nodes are renewed one after the other, and each pod takes two minutes to start."""
    rollout = serving().given(steps=[{"setWeight": 50}, {"pause": {"duration": "24h"}}]).apply(B)
    for number in range(20):
        rollout.world.pods(B)[0] = rollout.rollout.now + 120
        drained = rollout.rollout.now
        for _ in range(11):
            new = replace(pod(f"b-{number}", created=drained), ready=False)
            seen(rollout, pod("b"), new, pod("a-1", revision=A), after=10)
        rollout.after(10).after(60)
    assert rollout.status.candidate, rollout.status.message
    assert rollout.status.candidate.unready.times == 20


def test_while_nodes_are_drained_without_a_break_each_pod_has_its_own_deadline() -> None:
    """Before the last one is ready, the next one is lost, for three times the progress deadline."""
    rollout = serving().given(steps=[{"setWeight": 50}, {"pause": {"duration": "24h"}}]).apply(B)
    rollout.world.pods(B)[0] = rollout.rollout.now + 3000
    for number in range(15):
        drained = rollout.rollout.now
        for _ in range(12):
            new = replace(pod(f"b-{number}", created=drained), ready=False)
            seen(rollout, pod("b"), new, pod("a-1", revision=A), after=10)
    assert rollout.status.candidate, rollout.status.message
    lost = rollout.rollout.now
    while rollout.status.candidate and rollout.rollout.now < lost + 1000:
        seen(rollout, pod("b"), new, pod("a-1", revision=A), after=10)
    rejected = rollout.status.rejected
    assert rejected and rejected.reason == "ProgressDeadlineExceeded"
    assert 470 <= rejected.at - lost <= 490, "of one pod that does not get ready, as before"


@pytest.mark.parametrize("why", ["restarted", "was ready", "half cannot be created"])
def test_pods_that_are_missing_for_another_cause_are_unready_time(why: str) -> None:
    rollout = serving().given(steps=[{"setWeight": 50}, {"pause": {"duration": "24h"}}]).apply(B)
    for _ in range(7):
        rollout.world.pods(B)[0] = rollout.rollout.now + 120
        for _ in range(11):
            new = replace(pod("b-1", int(why == "restarted")), ready=False)
            new = replace(new, down_since=1000.0 if why == "was ready" else None)
            pods = [new] if why == "half cannot be created" else [pod("b"), new]
            if rollout.status.candidate:
                seen(rollout, *pods, pod("a-1", revision=A), after=10)
        if rollout.status.candidate:
            rollout.after(60)
    assert rollout.status.rejected


def test_restarts_that_the_status_could_not_hold_are_not_new_once_it_can() -> None:
    """More pods have restarted than it holds, and some of them are drained."""
    rollout = serving().given(steps=LONG, maxRestarts=1000).apply(B)
    pods = [pod(f"b-{number:03}", 2) for number in range(300)]
    seen(rollout, *pods, after=60)
    assert rollout.status.candidate and rollout.status.candidate.restarts
    counted = rollout.status.candidate.restarts.candidate
    seen(rollout, *pods[100:], after=60)
    assert rollout.status.candidate and rollout.status.candidate.restarts
    assert rollout.status.candidate.restarts.candidate == counted
