"""A guard after promotion: the previous revision keeps a part of the traffic for a time."""

from dataclasses import replace
from typing import Any

import pytest

from serinus.api.status import (
    CheckState,
    Guarding,
    Inputs,
    Restarts,
    Silence,
    StablePod,
    Unlike,
    Verdict,
)
from serinus.plan.analysis import guard_window
from serinus.plan.situation import SeenPod, World
from serinus.simulation.cluster import SimulatedCluster
from serinus.views.outcome import outcome
from serinus.views.reading import Live
from tests.support.simulated_rollout import A, B, C, SimulatedRollout

DAY = 86400.0
LOOK = 15.0


def guarded(
    world: SimulatedCluster | None = None, guard: str = "24h", **spec: Any
) -> SimulatedRollout:
    """B was promoted, and A holds 5% of the traffic."""
    rollout = SimulatedRollout(
        spec={"rollout": {"steps": [{"setWeight": 50}], "guard": {"duration": guard}}, **spec},
        world=world or SimulatedCluster(),
    )
    rollout.settle().apply(B).judged("Pass")
    assert rollout.reasons[-1] == "Promoted"
    return rollout


def without_gateway(world: SimulatedCluster | None = None) -> SimulatedRollout:
    return guarded(world, traffic={})


def guarding(rollout: SimulatedRollout) -> Guarding:
    assert rollout.status.candidate
    assert rollout.status.candidate.guarding
    return rollout.status.candidate.guarding


def pods(rollout: SimulatedRollout) -> dict[str, int]:
    assert rollout.plan
    assert rollout.plan.wanted
    return dict(rollout.plan.wanted.replicas)


def role(rollout: SimulatedRollout) -> tuple[str | None, str | None, str | None]:
    """Stable, the candidate and the rejected revision."""
    status = rollout.status
    roles = (status.stable, status.candidate, status.rejected)
    stable, candidate, rejected = (each.revision if each else None for each in roles)
    return stable, candidate, rejected


def looked(
    rollout: SimulatedRollout, verdict: Verdict = "Pass", message: str = "evidence"
) -> SimulatedRollout:
    """Metrics were read, and nothing was found, or this."""
    assert rollout.status.candidate
    candidate = rollout.status.candidate.replace(measured_at=rollout.rollout.now)
    rollout.rollout.status = rollout.status.replace(candidate=candidate)
    return rollout.judged(verdict, message)


def outcome_of(rollout: SimulatedRollout) -> str:
    status = rollout.status
    return outcome(Live("n", "m", status.observed_generation, "", None, status))


# --- it begins


def test_without_one_the_previous_revision_retires_at_once() -> None:
    rollout = guarded().given(guard=None)
    assert rollout.settle().status.candidate is None
    plain = SimulatedRollout(spec={"rollout": {"steps": [{"setWeight": 50}]}}).settle().apply(B)
    plain.judged("Pass")
    assert role(plain) == (B, None, None)


def test_the_previous_revision_keeps_its_pods_and_a_part_of_the_traffic() -> None:
    rollout = guarded()
    assert (rollout.weight, pods(rollout)) == (95, {A: 4, B: 4})
    assert guarding(rollout).until - guarding(rollout).since == DAY


def test_the_rollout_is_done_and_the_status_says_until_when_it_is_guarded() -> None:
    rollout = guarded()
    assert (rollout.status.phase, rollout.reason) == ("Healthy", "Guarded")
    assert "guarded until 1970-01-02T00:16Z" in rollout.status.message
    assert f"5% of the traffic stays with revision {A}" in rollout.status.message
    assert outcome_of(rollout) == "Healthy"
    truths = {each.type: each.status for each in rollout.status.conditions}
    assert (truths["Ready"], truths["Reconciling"], truths["Stalled"]) == ("True", "False", "False")


def test_evidence_starts_again_with_both_roles_in_the_same_place() -> None:
    rollout = guarded()
    assert rollout.status.candidate
    assert rollout.status.candidate.checks == []


def with_latency(guard: str) -> SimulatedRollout:
    checks = [{"name": "errors", "errorRate": {}}, {"name": "slow", "latency": {}}]
    rollout = {"steps": [{"setWeight": 50}], "analysis": {"checks": checks}}
    spec = {"rollout": {**rollout, "guard": {"duration": guard}}}
    return SimulatedRollout(spec=spec).settle().apply(B).judged("Pass")


def judged_in(rollout: SimulatedRollout) -> list[str]:
    candidate = rollout.judged("Pass").status.candidate
    assert candidate
    return [each.name for each in candidate.checks]


def test_the_status_says_which_checks_are_left_out_and_why() -> None:
    rollout = with_latency("30m")
    left_out = "Not judged in a guard: slow (only in one of at least 1h)"
    assert left_out in rollout.status.message
    assert judged_in(rollout) == ["errors"]


def test_latency_is_judged_in_a_guard_of_an_hour() -> None:
    rollout = with_latency("1h")
    assert "slow (" not in rollout.status.message
    assert judged_in(rollout) == ["errors", "slow"]


def test_where_no_pod_of_the_previous_revision_is_ready_there_is_nothing_to_guard_with() -> None:
    rollout = SimulatedRollout(spec={"rollout": {"steps": [{"pause": {}}], "guard": {}}})
    rollout.settle().apply(B)
    rollout.world.broken = {A}
    rollout.order(f"promote/{B}")
    assert role(rollout) == (B, None, None)


def test_a_rollout_without_steps_is_guarded_and_measured() -> None:
    rollout = SimulatedRollout(spec={"rollout": {"steps": [], "guard": {}}}).settle().apply(B)
    assert rollout.weight == 95
    assert rollout.status.candidate
    assert rollout.status.candidate.analysis_since is not None


def test_scaling_follows_the_promoted_revision() -> None:
    rollout = without_gateway()
    assert rollout.status.replicas == 4


# --- it ends well


def test_when_its_time_is_over_the_previous_revision_retires() -> None:
    rollout = guarded().after(DAY - 1)
    assert rollout.status.candidate
    assert rollout.plan
    assert rollout.plan.wake_in == 1
    looked(rollout.after(1))
    assert (rollout.reasons[-1], role(rollout)) == ("GuardEnded", (B, None, None))
    assert rollout.status.former == [A]
    assert rollout.after(60).status.retiring == []
    assert (rollout.reason, pods(rollout)) == ("Healthy", {B: 4})


def test_what_was_not_read_before_its_end_is_read_first() -> None:
    """The operator was down at the end of the guard."""
    rollout = looked(guarded().after(60)).after(2 * DAY)
    assert role(rollout) == (A, B, None)
    assert role(rollout.judged("Fail")) == (A, None, B)


def test_its_end_says_how_long_it_was_and_not_how_long_it_should_have_been() -> None:
    rollout = looked(guarded().after(8 * 3600)).given(guard={"duration": "1h"}).settle()
    assert "nothing was shown against it in 8h." in rollout.status.decisions[0].message


@pytest.mark.parametrize("verdict", ["Error", "NoData"])
def test_it_goes_on_while_a_check_that_decides_cannot_compare_and_ends_once_it_can(
    verdict: Verdict,
) -> None:
    rollout = looked(guarded().after(DAY - 60)).judged(verdict, "nothing was read")
    rollout.after(60).after(60)
    assert role(rollout) == (A, B, None)
    assert "it cannot end (Checks errors and drift: nothing was read" in rollout.status.message
    assert "until 1970-01-03T00:16Z, the previous revision takes the" in rollout.status.message
    looked(rollout.after(60))
    assert role(rollout) == (B, None, None)
    ended = rollout.status.decisions[0]
    assert ended.reason == "GuardEnded"
    assert "For 3m of that, metrics could not be compared." in ended.message


@pytest.mark.parametrize("verdict", ["Error", "NoData"])
def test_the_previous_revision_has_the_traffic_back_where_a_guard_could_never_compare(
    verdict: Verdict,
) -> None:
    rollout = looked(guarded().after(DAY), verdict, "nothing was read").after(DAY - 1)
    assert role(rollout) == (A, B, None)
    assert rollout.plan
    assert rollout.plan.wake_in == 1
    assert role(rollout.after(1)) == (A, None, B)
    assert rollout.status.rejected
    assert rollout.status.rejected.reason == "GuardFailed"
    assert "could not end after 48h" in rollout.status.rejected.message
    assert "nothing was read" in rollout.status.rejected.message


def test_it_does_not_end_while_a_check_fails_for_which_nothing_is_taken_back() -> None:
    """The pods of the previous revision run different images, and it would retire."""
    rollout = guarded()
    rollout.world.mixed = {A: f"Pods of revision {A} run different images."}
    looked(rollout.after(DAY), "Fail", "Candidate errors 41/2045.")
    assert role(rollout.after(DAY - 1)) == (A, B, None)
    assert "it cannot end (Checks errors and drift: Candidate err" in rollout.status.message
    assert "No check takes traffic back." in rollout.status.message
    assert f"Pods of revision {A} run different images." in rollout.status.message
    assert role(rollout.after(1)) == (A, None, B), "nobody has made them alike"
    assert rollout.status.rejected
    assert "could not end after 48h" in rollout.status.rejected.message
    assert "41/2045" in rollout.status.rejected.message


def test_different_images_of_the_previous_revision_alone_do_not_keep_it() -> None:
    rollout = guarded()
    rollout.world.mixed = {A: f"Pods of revision {A} run different images."}
    assert role(looked(rollout.after(DAY))) == (B, None, None)
    assert "No check takes traffic back." in rollout.status.decisions[0].message


def test_it_does_not_end_while_pods_are_missing_or_its_weight_is_not_in_effect() -> None:
    world = Fewer()
    rollout = looked(guarded(world).after(DAY - 60))
    world.missing = {B: 1}
    looked(rollout.after(120))
    assert role(rollout) == (A, B, None)
    assert f"it cannot end (3 of 4 pods of revision {B} are ready)" in rollout.status.message
    world.missing, world.routed = {}, False
    assert role(rollout.after(60)) == (A, B, None)
    assert "it cannot end (Its weight is not in effect" in rollout.status.message
    world.routed = True
    assert role(rollout.after(60)) == (B, None, None)


def test_pods_that_are_missing_for_ever_are_not_promoted_by_a_guard() -> None:
    world = Fewer()
    rollout = looked(guarded(world).after(DAY - 60))
    world.missing = {B: 1}
    assert role(looked(rollout.settle().after(60).after(DAY - 60))) == (A, B, None)
    assert role(rollout.after(60)) == (A, None, B)


def test_a_guard_that_is_shortened_to_less_than_it_has_lasted_is_not_out_of_time_at_once() -> None:
    """Metrics could not be read for a moment, hours after what its end would have been."""
    rollout = looked(guarded().after(DAY / 2), "Error", "nothing was read")
    rollout.given(guard={"duration": "1h"}).settle()
    assert role(rollout) == (A, B, None)
    assert role(looked(rollout.after(60))) == (B, None, None)


def test_an_operator_that_was_down_over_the_end_reads_first_though_nothing_was_read_before() -> (
    None
):
    rollout = looked(guarded().after(DAY - 60), "Error", "nothing was read")
    assert rollout.status.candidate
    failing = rollout.status.candidate.replace(errors_in_a_row=3)
    rollout.rollout.status = rollout.status.replace(candidate=failing)
    assert role(rollout.after(2 * DAY)) == (A, B, None)
    assert role(looked(rollout.after(60))) == (B, None, None)


def test_the_time_in_which_it_cannot_end_is_no_longer_if_the_clock_is_set_back() -> None:
    rollout = looked(guarded().after(DAY), "Error", "nothing was read")
    rollout.rollout.now -= 500
    assert rollout.settle().status.candidate
    since = guarding(rollout).hindered_since
    assert since is not None and since <= rollout.rollout.now


def _drained(rollout: SimulatedRollout, count: int, created: float) -> None:
    """One of so many pods of the promoted revision is not ready yet."""
    pods = [SeenPod(f"b-{n}", B, 0.0, 0) for n in range(count - 1)]
    rollout.world.pods_seen = (*pods, SeenPod("b-new", B, created, 0, ready=False))


def test_pods_that_are_drained_one_after_the_other_are_not_missing_for_ever() -> None:
    """Nodes are renewed for hours, so that a pod starts at any time, and each of them in time."""
    world = Fewer()
    rollout = looked(guarded(world, guard="20m").after(600))
    world.missing = {B: 1}
    for _ in range(60):
        _drained(rollout, 4, rollout.rollout.now)
        looked(rollout.after(120))
        assert role(rollout) == (A, B, None)
    world.missing, world.pods_seen = {}, None
    assert role(rollout.after(60)) == (B, None, None)


@pytest.mark.parametrize("count", [4, 3], ids=["starts", "cannot be created"])
def test_a_pod_that_is_missing_for_longer_than_its_deadline_has_no_other_one(count: int) -> None:
    world = Fewer()
    rollout = looked(guarded(world, guard="20m").after(600))
    world.missing, created = {B: 1}, rollout.rollout.now
    while rollout.status.candidate and rollout.rollout.now < created + 3600:
        _drained(rollout, count, created if count == 4 else rollout.rollout.now)
        looked(rollout).after(120)
    assert role(rollout) == (A, None, B)


def test_a_guard_that_ends_names_what_it_did_not_judge() -> None:
    rollout = looked(with_latency("30m").after(1800))
    assert role(rollout) == (B, None, None)
    left_out = "Not judged in a guard: slow (only in one of at least 1h) and split (only in steps)."
    assert left_out in rollout.status.decisions[0].message


def test_a_guard_that_ends_tells_of_restarts_that_it_tolerated() -> None:
    rollout = guarded()
    assert rollout.status.candidate
    restarts = Restarts(candidate=2, last="OOMKilled at its limit of 512Mi")
    rollout.rollout.status = rollout.status.replace(
        candidate=rollout.status.candidate.replace(restarts=restarts)
    )
    looked(rollout.after(DAY))
    tolerated = "Tolerated: 2 restarts of its pods, the last one OOMKilled at its limit of 512Mi."
    assert tolerated in rollout.status.decisions[0].message


def test_without_pods_to_compare_with_it_ends_and_says_so() -> None:
    rollout = guarded()
    rollout.world.broken = {A}
    rollout.after(DAY)
    assert role(rollout) == (B, None, None)
    ended = rollout.status.decisions[0].message
    assert f"At its end revision {A} had no ready pod to compare with." in ended


def test_scaled_to_zero_at_its_end_nothing_is_taken_back() -> None:
    rollout = guarded()
    rollout.spec["replicas"] = 0
    assert role(rollout.after(DAY)) == (B, None, None)
    assert "spec.replicas was 0" in rollout.status.decisions[0].message


def test_the_guard_may_be_edited_and_removed() -> None:
    rollout = guarded().given(guard={"duration": "1h", "holdback": "10%"}).settle()
    assert (rollout.weight, guarding(rollout).until - guarding(rollout).since) == (90, 3600)
    assert role(rollout.given(guard=None).settle()) == (B, None, None)


def still_reserved(rollout: SimulatedRollout) -> float:
    """Of the weight of the evidence, for faults that begin later than now."""
    return guard_window(guarding(rollout)).reserved(rollout.rollout.now)


def test_weight_for_new_faults_is_laid_out_on_when_its_end_is_moved_in_either_direction() -> None:
    rollout = guarded()
    before = still_reserved(rollout)
    for duration, hours in (
        ("168h", 20),
        ("30h", 4),
        ("168h", 5),
        ("25h", 0.5),
        ("26h", 1),
        ("168h", 9),
    ):
        rollout.after(hours * 3600)
        known = still_reserved(rollout)
        assert known < before
        rollout.given(guard={"duration": duration}).settle()
        assert still_reserved(rollout) == pytest.approx(known)
        rollout.after(600)
        left = max(guarding(rollout).until - rollout.rollout.now, 600)
        assert known - still_reserved(rollout) > 0.5 * known * 600 / (left + 600)
        before = still_reserved(rollout)


def test_promote_ends_it_early() -> None:
    rollout = guarded().order(f"promote/{B}")
    assert (role(rollout), rollout.reasons[-2:]) == (
        (B, None, None),
        ["GuardEnded", "CommandObeyed"],
    )


def test_it_does_not_end_before_the_promoted_revision_can_serve_all_traffic() -> None:
    rollout = guarded()
    rollout.world.broken = {B}
    looked(rollout.after(DAY))
    assert (role(rollout), rollout.weight) == ((A, B, None), 0)
    rollout.order(f"promote/{B}")
    assert role(rollout) == (A, B, None)
    rollout.world.broken = set()
    assert role(rollout.settle()) == (B, None, None)


# --- it ends badly


def test_shown_worse_the_previous_revision_takes_all_traffic_back_at_once() -> None:
    rollout = guarded().after(3600).judged("Fail", "errors: 2% against 1%")
    assert (rollout.weight, role(rollout)) == (0, (A, None, B))
    assert rollout.status.rejected
    assert rollout.status.rejected.reason == "GuardFailed"
    assert "errors: 2% against 1%" in rollout.status.rejected.message
    assert outcome_of(rollout) == "RolledBack"
    assert rollout.after(DAY).reasons.count("GuardFailed") == 1


def test_a_silent_revision_is_taken_back_from() -> None:
    rollout = guarded()
    assert rollout.status.candidate
    silence = Silence(stable=60, expected=1140, since=0.0, until=200.0)
    candidate = rollout.status.candidate.replace(silence=silence)
    rollout.rollout.status = rollout.status.replace(candidate=candidate)
    rollout.settle()
    assert (role(rollout), rollout.reasons[-1]) == ((A, None, B), "GuardFailed")


def test_without_a_gateway_a_silent_revision_is_told_with_the_share_that_its_pods_get() -> None:
    rollout = without_gateway()
    assert rollout.status.candidate
    silence = Silence(stable=100, expected=400, since=1000.0, until=1600.0)
    candidate = rollout.status.candidate.replace(silence=silence)
    rollout.rollout.status = rollout.status.replace(candidate=candidate)
    rejected = rollout.settle().status.rejected
    assert rejected
    assert "400 requests expected at 80% of the traffic" in rejected.message


def test_restarts_of_the_rollout_do_not_count_and_those_of_the_guard_do() -> None:
    rollout = SimulatedRollout(spec={"rollout": {"steps": [{"setWeight": 50}], "guard": {}}})
    rollout.settle().apply(B)
    _restarted(rollout, 3)
    assert rollout.status.candidate and rollout.status.candidate.restarts
    evicted = rollout.status.candidate.restarts.replace(evictions=3)
    candidate = rollout.status.candidate.replace(restarts=evicted)
    rollout.rollout.status = rollout.status.replace(candidate=candidate)
    rollout.judged("Pass")
    assert rollout.reasons[-1] == "Promoted"
    assert rollout.status.candidate and rollout.status.candidate.restarts
    assert rollout.status.candidate.restarts.evictions == 0, "or -1 restarts were told"
    _restarted(rollout, 3, shown=True)
    assert rollout.settle().status.candidate
    _restarted(rollout, 4)
    assert rollout.settle().status.candidate
    _restarted(rollout, 4, shown=True)
    assert (role(rollout.settle()), rollout.reasons[-1]) == ((A, None, B), "GuardFailed")


def _restarted(rollout: SimulatedRollout, times: int, *, shown: bool = False) -> None:
    """So often, and shown to be more often than the previous revision's pods or not."""
    assert rollout.status.candidate
    restarts = Restarts(candidate=times, last="killed", evidence=[9.0] if shown else [])
    candidate = rollout.status.candidate.replace(restarts=restarts)
    rollout.rollout.status = rollout.status.replace(candidate=candidate)


def test_a_pod_for_which_nothing_is_taken_back_is_in_the_message() -> None:
    holds = {"onePodToBlame": "Hold"}
    rollout = guarded(
        rollout={"steps": [{"setWeight": 50}], "guard": {"duration": "24h"}, "analysis": holds}
    )
    rollout.judged("Inconclusive", state=CheckState(pods_to_blame=["loan-b-1"]))
    assert role(rollout) == (A, B, None)
    assert "delete loan-b-1." in rollout.status.message
    hides = CheckState(stable_pods=[StablePod(name="loan-a-1", within=[0.0])])
    rollout.judged("Inconclusive", state=hides)
    assert "One pod of the previous revision differs" in rollout.status.message
    assert "delete loan-a-1." in rollout.status.message
    both = CheckState(stable_pods=[*hides.stable_pods, StablePod(name="loan-a-2", within=[0.0])])
    rollout.judged("Inconclusive", state=both)
    told = "2 pods of the previous revision differ from its others, and may hide"
    assert told in rollout.status.message
    assert "delete loan-a-1 and loan-a-2." in rollout.status.message


def test_revisions_that_are_asked_differently_are_in_the_message() -> None:
    rollout = guarded().judged("Inconclusive")
    assert rollout.status.candidate
    unlike = Unlike(feature="income", message="income: differs.")
    candidate = rollout.status.candidate.replace(inputs=Inputs(unlike=unlike))
    rollout.rollout.status = rollout.status.replace(candidate=candidate)
    rollout.settle()
    assert (
        "Nothing is compared until both revisions receive similar inputs." in rollout.status.message
    )


def test_a_check_in_audit_mode_takes_nothing_back() -> None:
    checks = [
        {"name": "errors", "errorRate": {}},
        {"name": "drift", "mode": "Audit", "predictionDrift": {}},
    ]
    steps = [{"setWeight": 50}]
    spec = {"rollout": {"steps": steps, "guard": {}, "analysis": {"checks": checks}}}
    rollout = SimulatedRollout(spec=spec).settle().apply(B).judged("Pass")
    rollout.judged("Pass", drift="Fail")
    assert (role(rollout), rollout.reasons[-1]) == ((A, B, None), "AuditFailed")


# --- the spec and commands


def test_the_next_rollout_starts_from_the_guarded_revision() -> None:
    rollout = guarded().apply(C)
    assert role(rollout) == (B, C, None)
    assert rollout.reasons[-3:] == ["Promoted", "GuardEnded", "RolloutStarted"]
    assert [each.revision for each in rollout.status.retiring] == [A]


def test_a_dead_guarded_revision_is_no_start_for_the_next_one() -> None:
    rollout = guarded()
    rollout.world.broken = {B}
    rollout.apply(C)
    assert role(rollout) == (A, C, None)


def test_a_reverted_spec_takes_the_traffic_back() -> None:
    rollout = guarded().apply(A)
    assert (role(rollout), rollout.weight, rollout.status.phase) == ((A, None, None), 0, "Healthy")
    assert rollout.reasons[-1] == "Reverted"


def test_abort_takes_the_traffic_back() -> None:
    rollout = guarded().order(f"abort/{B}")
    assert (role(rollout), rollout.weight) == ((A, None, B), 0)
    assert rollout.status.rejected
    assert rollout.status.rejected.reason == "Aborted"


def test_undo_to_the_previous_revision_takes_the_traffic_back() -> None:
    rollout = guarded().order(f"undo/{A}")
    assert (role(rollout), rollout.weight) == ((A, None, B), 0)


def test_undo_to_another_revision_starts_from_the_guarded_one() -> None:
    rollout = guarded().apply(C).judged("Pass")
    assert role(rollout) == (B, C, None)
    rollout.order(f"undo/{A}")
    assert role(rollout) == (A, None, C)
    assert rollout.reasons[-4:] == ["GuardEnded", "RolloutStarted", "CommandObeyed", "Promoted"]


def test_advance_names_what_ends_it() -> None:
    rollout = guarded().order(f"advance/{B}")
    assert rollout.status.command
    assert f"promote/{B}" in rollout.status.command.outcome


def test_steps_that_are_added_meanwhile_are_for_the_next_rollout() -> None:
    rollout = guarded().given(steps=[{"setWeight": 50}, {"approval": {}}]).settle()
    assert (role(rollout), rollout.weight, rollout.reason) == ((A, B, None), 95, "Guarded")
    rollout.order(f"approve/{B}/2/DIGEST/now/somebody")
    assert rollout.reasons[-1] == "CommandRefused"
    assert role(rollout.order(f"promote/{B}")) == (B, None, None)


def test_an_invalid_spec_ends_it_and_drops_nothing() -> None:
    rollout = guarded()
    rollout.problems = ("spec.rollout: is wrong",)
    rollout.settle()
    assert (role(rollout), rollout.reasons[-1]) == ((B, None, None), "GuardEnded")


def test_a_paused_spec_holds_nothing_back() -> None:
    rollout = looked(guarded().given(paused=True).after(DAY))
    assert role(rollout) == (B, None, None)


# --- pods


class Fewer(SimulatedCluster):
    """Pods that are not ready."""

    missing: dict[str, int] = {}  # noqa: RUF012

    def at(self, now: float) -> World:
        found = super().at(now)
        workloads = {
            name: replace(each, ready=max(each.ready - self.missing.get(name, 0), 0))
            for name, each in found.workloads.items()
        }
        return replace(found, workloads=workloads)


def test_the_previous_revision_carries_what_lost_pods_cannot() -> None:
    world = Fewer()
    rollout = guarded(world)
    world.missing = {B: 2}
    rollout.settle()
    assert (rollout.weight, rollout.status.phase) == (50, "Progressing")
    assert rollout.reason == "AwaitingPods"
    world.missing = {}
    assert rollout.settle().weight == 95


def test_nothing_is_sent_to_a_previous_revision_without_ready_pods() -> None:
    world = Fewer()
    rollout = guarded(world)
    world.missing = {A: 4}
    rollout.settle()
    assert (rollout.weight, rollout.status.phase) == (100, "Healthy")
    assert "gets no traffic until it has" in rollout.status.message
    assert "0% instead of 5% of the traffic" in rollout.status.message
    rollout.judged("Fail")
    assert role(rollout) == (A, B, None)  # it can take nothing back now
    world.missing = {}
    assert role(rollout.settle()) == (A, None, B)


def test_a_revert_takes_no_traffic_from_the_only_revision_that_serves() -> None:
    rollout = guarded()
    rollout.world.broken = {A}
    rollout.apply(A)
    assert (role(rollout), rollout.weight) == ((A, B, None), 100)
    assert outcome_of(rollout) == "Going"
    assert role(rollout.after(3600)) == (A, B, None)
    rollout.world.broken = set()
    assert role(rollout.settle()) == (A, None, None)


def test_undo_to_another_revision_retires_none_that_serves_instead_of_a_dead_one() -> None:
    rollout = guarded().apply(C).judged("Pass")
    rollout.world.broken = {C}
    rollout.after(60)
    rollout.world.pods_ready_after = 20
    rollout.order(f"undo/{A}")
    assert role(rollout) == (B, A, C)
    assert role(rollout.after(20)) == (A, None, C)


def test_scaled_to_zero_the_promoted_revision_is_still_the_one_to_start_from() -> None:
    rollout = guarded()
    rollout.spec["replicas"] = 0
    rollout.settle().apply(C)
    assert role(rollout) == (B, C, None)


def scaled_up(rollout: SimulatedRollout, replicas: int) -> None:
    """By an autoscaler; the new pods start within a minute."""
    rollout.world.pods_ready_after = 60
    rollout.spec["replicas"] = replicas
    rollout.settle().after(60).after(600)


def without_pods_for_a_minute(rollout: SimulatedRollout) -> None:
    rollout.world.broken = {B}
    rollout.settle()
    rollout.world.broken = set()
    rollout.after(60).after(600)


def test_an_autoscaler_lowers_no_weight() -> None:
    rollout = guarded()
    for replicas in range(5, 17):
        scaled_up(rollout, replicas)
    assert rollout.status.decisions[0].reason == "Promoted"


def test_pods_that_come_and_go_do_not_push_what_was_decided_out_of_the_status() -> None:
    """The weight falls each time, until they are ready."""
    rollout = guarded()
    for _ in range(12):
        without_pods_for_a_minute(rollout)
    lowered, promoted, *_ = rollout.status.decisions
    assert (lowered.reason, lowered.times) == ("WeightLowered", 12)
    assert "0 of 4 pods are ready" in lowered.message
    assert lowered.message.endswith("12 times in 2h1m.")
    assert promoted.reason == "Promoted"
    assert rollout.status.decisions[-1].reason == "FirstDeployment"
    assert rollout.reasons.count("WeightLowered") == 12, "each has its event"


def test_what_comes_between_two_losses_of_weight_keeps_them_apart() -> None:
    rollout = guarded()
    without_pods_for_a_minute(rollout)
    rollout.order(f"retry/{B}/1")
    without_pods_for_a_minute(rollout)
    found = [(each.reason, each.times) for each in rollout.status.decisions[:3]]
    assert found == [("WeightLowered", 1), ("CommandRefused", 1), ("WeightLowered", 1)]


# --- without a gateway


def test_without_a_gateway_it_keeps_as_few_pods_as_give_its_share() -> None:
    rollout = without_gateway()
    assert pods(rollout) == {A: 1, B: 4}
    assert (rollout.status.phase, rollout.reason) == ("Healthy", "Guarded")
    assert rollout.status.candidate
    assert rollout.status.candidate.weight.actual == 80


def test_without_a_gateway_messages_have_what_its_pods_get_and_not_what_was_asked_for() -> None:
    rollout = without_gateway()
    promoted = next(each for each in rollout.status.decisions if each.reason == "Promoted")
    assert f"20% of the traffic stays with revision {A}" in promoted.message
    assert f"20% instead of 5% of the traffic stays with revision {A}" in rollout.status.message


def test_without_a_gateway_it_starts_its_pods_before_it_takes_the_traffic_back() -> None:
    rollout = without_gateway()
    rollout.world.pods_ready_after = 20
    rollout.judged("Fail")
    assert (role(rollout), pods(rollout)) == ((A, B, None), {A: 4, B: 4})
    assert (rollout.status.phase, rollout.reason) == ("Progressing", "GuardFailed")
    assert outcome_of(rollout) == "Going"
    rollout.after(20)
    assert (role(rollout), rollout.weight) == ((A, None, B), 0)
    assert pods(rollout.after(60)) == {A: 4}


def test_without_a_gateway_it_takes_it_back_in_any_case_at_the_progress_deadline() -> None:
    rollout = without_gateway()
    rollout.world.pods_ready_after = 10_000
    rollout.judged("Fail").after(599)
    assert "once its pods are ready (1 of 4 now), or at 1970-01-01T00:" in rollout.status.message
    assert role(rollout) == (A, B, None)
    assert rollout.plan
    assert rollout.plan.wake_in == 1
    assert role(rollout.after(1)) == (A, None, B)


@pytest.mark.parametrize("order", [f"promote/{C}", f"abort/{C}", f"undo/{B}", f"undo/{A}"])
def test_while_it_takes_the_traffic_back_no_command_changes_that(order: str) -> None:
    rollout = without_gateway().apply(C).judged("Pass")
    assert role(rollout) == (B, C, None)
    rollout.world.pods_ready_after = 20
    rollout.judged("Fail").order(order)
    assert guarding(rollout).taking_back
    assert role(rollout.after(20)) == (B, None, C)


def test_without_a_gateway_it_serves_on_where_no_pod_of_the_previous_revision_is_ready() -> None:
    rollout = without_gateway()
    rollout.world.broken = {A}
    rollout.judged("Fail").after(3600)
    assert (role(rollout), rollout.weight) == ((A, B, None), 100)
    assert f"{B} serves until then" in rollout.status.message
    assert role(rollout.order(f"promote/{B}")) == (B, None, None)


def test_an_invalid_spec_does_not_hurry_it() -> None:
    rollout = without_gateway()
    rollout.world.pods_ready_after = 20
    rollout.judged("Fail")
    rollout.problems = ("spec.rollout: is wrong",)
    assert role(rollout.settle()) == (A, B, None)
    assert role(rollout.after(20)) == (A, None, B)


def test_a_revert_that_is_reverted_in_time_is_forgotten() -> None:
    rollout = without_gateway()
    rollout.world.pods_ready_after = 20
    rollout.apply(A)
    assert (outcome_of(rollout), rollout.reason) == ("Going", "Reverted")
    rollout.apply(B).after(20)
    assert (role(rollout), rollout.reason) == ((A, B, None), "Guarded")
    assert role(rollout.apply(A).apply(C)) == (B, C, None)


def test_the_wait_for_its_pods_is_no_longer_if_the_clock_is_set_back() -> None:
    rollout = without_gateway()
    rollout.world.pods_ready_after = 10_000
    rollout.judged("Fail")
    rollout.rollout.now -= 30
    rollout.world._pods = {A: [0.0], B: [0.0] * 4}  # those that were ready stay so
    assert rollout.settle().plan
    assert rollout.plan.wake_in == 600  # type: ignore[union-attr]


def test_a_new_revision_waits_until_the_traffic_is_taken_back() -> None:
    rollout = without_gateway()
    rollout.world.pods_ready_after = 20
    rollout.judged("Fail").apply(C)
    assert role(rollout) == (A, B, None)
    assert role(rollout.after(20)) == (A, C, None)


def test_a_restart_of_its_only_pod_ends_nothing() -> None:
    rollout = without_gateway()
    rollout.world.broken = {A}
    rollout.settle()
    rollout.world.broken = set()
    assert role(rollout.after(60)) == (A, B, None)
    rollout.apply(C)
    assert role(rollout) == (B, C, None)


def test_the_clock_may_be_set_back() -> None:
    rollout = guarded()
    rollout.rollout.now -= 500
    rollout.settle()
    assert guarding(rollout).until == rollout.rollout.now + DAY


def test_failed_evidence_survives_what_the_status_keeps() -> None:
    """Another operator goes on from the status alone."""
    rollout = guarded().judged("Inconclusive", state=CheckState(peak=3.0, reserve=0.4))
    status = rollout.status
    rollout.rollout.status = type(status).model_validate(status.to_json())
    rollout.settle()
    assert rollout.status.candidate
    assert {each.state.reserve for each in rollout.status.candidate.checks} == {0.4}
    assert role(rollout.judged("Fail")) == (A, None, B)


@pytest.mark.parametrize("wished", ["another", "invalid", "unguarded", "promote"])
def test_what_is_proved_in_a_pass_comes_before_what_is_wished_in_it(wished: str) -> None:
    rollout = looked(guarded())
    match wished:
        case "another":
            rollout.revision = C
        case "invalid":
            rollout.problems = ("spec.rollout: is odd.",)
        case "unguarded":
            rollout.spec = {"rollout": {"steps": [{"setWeight": 50}]}}
        case "promote":
            rollout.command = f"promote/{B}"
    looked(rollout, "Fail")
    assert "GuardEnded" not in rollout.reasons
    assert rollout.reasons.count("GuardFailed") == 1
    assert rollout.status.stable and rollout.status.stable.revision == A
