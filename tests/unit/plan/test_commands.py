"""Commands by annotation: obeyed once, refused with a reason."""

import pytest

from serinus.api.stages import Stage
from serinus.simulation.cluster import SimulatedCluster
from tests.support.simulated_rollout import A, B, C, SimulatedRollout, serving


def outcome(rollout: SimulatedRollout) -> str:
    assert rollout.status.command
    return rollout.status.command.outcome


def test_promote_skips_the_steps_but_not_the_pods() -> None:
    rollout = serving().apply(B)
    rollout.world.broken.add(B)
    rollout.order(f"promote/{B}")
    assert rollout.status.stable and rollout.status.stable.revision == A
    assert rollout.status.message.startswith(f"Revision {B}: promoting, weight ")
    rollout.world.broken.clear()
    rollout.settle()
    assert rollout.status.stable.revision == B


def test_abort_rolls_back_and_stays_back() -> None:
    rollout = serving().apply(B).order(f"abort/{B}")
    assert rollout.status.rejected and rollout.status.rejected.reason == "Aborted"
    assert rollout.after(3600).status.candidate is None


def test_retry_starts_the_rejected_revision_anew_without_a_changed_template() -> None:
    rollout = serving().apply(B).judged("Fail").order(f"retry/{B}")
    assert rollout.status.candidate and rollout.status.candidate.revision == B


def test_a_command_is_obeyed_once_until_it_is_made_new() -> None:
    rollout = serving().apply(B).judged("Fail").order(f"retry/{B}").judged("Fail")
    assert rollout.after(60).status.candidate is None
    assert rollout.order(f"retry/{B}/2").status.candidate is not None


def test_undo_returns_to_a_former_revision_without_steps_and_against_the_spec() -> None:
    rollout = serving().given(steps=[{"setWeight": 20}]).apply(B).judged("Pass").after(60)
    rollout.order(f"undo/{A}")
    assert rollout.status.stable and rollout.status.stable.revision == A
    assert rollout.status.rejected and rollout.status.rejected.revision == B
    assert rollout.after(3600).status.candidate is None
    assert rollout.apply(C).status.candidate is not None


def test_an_undo_whose_pods_do_not_start_keeps_what_serves() -> None:
    rollout = serving().given(steps=[{"setWeight": 20}]).apply(B).judged("Pass").after(60)
    rollout.world.broken.add(A)
    rollout.order(f"undo/{A}").after(700)
    assert rollout.status.stable and rollout.status.stable.revision == B
    assert rollout.status.phase == "Degraded"
    rollout.order(f"abort/{A}")
    assert rollout.status.candidate is None
    assert rollout.status.rejected and rollout.status.rejected.revision == B


def test_an_undo_that_is_promoted_by_hand_stays_one() -> None:
    rollout = serving().given(steps=[{"setWeight": 20}]).apply(B).judged("Pass").after(60)
    rollout.given(guard={"duration": "1h"}).world.broken.add(A)
    rollout.order(f"undo/{A}").order(f"promote/{A}").after(700)
    assert rollout.status.candidate and rollout.status.candidate.stage is Stage.RETURNING
    rollout.world.broken.clear()
    rollout.settle()
    assert rollout.status.stable and rollout.status.stable.revision == A
    assert rollout.status.candidate is None
    assert rollout.status.decisions[0].message == f"Revision {A} serves again."


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("dance/abbbbbbb", "use promote or advance"),
        ("promote", "use promote or advance"),
        (f"promote/{C}", f"the candidate is {B}"),
        (f"retry/{C}", "is not rejected"),
        (f"undo/{A}", "is already stable"),
        (f"undo/{B}", "use retry or promote"),
        (f"undo/{C}", "not in the history"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused_and_changes_nothing(
    command: str, told: str
) -> None:
    rollout = serving().apply(B)
    before = rollout.status.candidate
    rollout.order(command)
    assert told in outcome(rollout)
    assert rollout.status.candidate == before


def test_an_undo_that_is_repeated_while_its_pods_are_awaited_is_refused_and_goes_on() -> None:
    rollout = serving().apply(B).order(f"promote/{B}")
    rollout.world.broken = {A}
    rollout.after(700).order(f"undo/{A}/1")
    before, made = rollout.status.candidate, len(rollout.rollout.new_decisions)
    assert before and before.revision == A
    rollout.after(60).order(f"undo/{A}/2")
    assert "already being rolled out" in outcome(rollout)
    assert rollout.status.candidate and rollout.status.candidate.since == before.since
    assert "Undone" not in [each.reason for each in rollout.rollout.new_decisions[made:]]


def test_after_an_undo_stables_pods_are_as_many_as_there_are() -> None:
    rollout = serving().given(steps=[]).apply(B)
    rollout.command = f"undo/{A}"
    rollout.pass_once()
    assert rollout.status.stable and rollout.status.stable.revision == A
    assert rollout.status.stable.ready_replicas == 4


def test_a_first_deployment_cannot_be_promoted_by_hand() -> None:
    rollout = SimulatedRollout(world=SimulatedCluster(broken={A})).settle().order(f"promote/{A}")
    assert "becomes stable once it serves" in outcome(rollout)


def test_a_first_deployment_cannot_be_aborted() -> None:
    rollout = SimulatedRollout(world=SimulatedCluster(broken={A})).settle().order(f"abort/{A}")
    assert "there is none to roll back to" in outcome(rollout)


@pytest.mark.parametrize("command", [f"abort/{C}", f"undo/{A}"])
def test_what_alone_serves_is_not_taken_out_by_command(command: str) -> None:
    rollout = serving().given(steps=[]).apply(B).given(steps=[{"setWeight": 50}]).apply(C)
    rollout.world.broken = {B}
    rollout.settle().order(command)
    assert rollout.status.candidate and rollout.status.candidate.revision == C
    told = f"stable revision {B} has no ready pod, and candidate {C} has 2: nothing would serve"
    assert told in outcome(rollout)
    assert f"promote/{C}" in outcome(rollout)
    rollout.world.broken = set()
    rollout.settle().order(f"{command}/2")
    assert outcome(rollout).endswith("done")


def test_a_candidate_that_cannot_serve_either_may_be_aborted() -> None:
    rollout = serving().apply(B)
    rollout.world.broken = {A, B}
    rollout.settle().order(f"abort/{B}")
    assert rollout.status.rejected and rollout.status.rejected.reason == "Aborted"


def test_scaled_to_zero_a_candidate_may_be_aborted() -> None:
    rollout = serving().given(steps=[{"setWeight": 50}]).apply(B)
    rollout.spec = {**rollout.spec, "replicas": 0}
    rollout.settle().order(f"abort/{B}")
    assert rollout.status.rejected and rollout.status.rejected.reason == "Aborted"


@pytest.mark.parametrize("verb", ["promote", "undo", "retry", "dance"])
def test_a_command_to_an_invalid_spec_is_refused_and_is_not_obeyed_once_that_is_corrected(
    verb: str,
) -> None:
    rollout = serving().given(steps=[{"setWeight": 20}]).apply(B)
    rollout.problems = ("spec.rollout.analysis is wrong.",)
    rollout.settle()
    assert rollout.status.candidate is None
    rollout.order(f"{verb}/{B}")
    assert rollout.reasons[-1] == "CommandRefused"
    assert outcome(rollout) == (
        f"{verb}/{B}: the spec is invalid, correct it first. spec.rollout.analysis is wrong."
    )
    rollout.problems = ()
    candidate = rollout.settle().status.candidate
    assert candidate is not None
    assert (candidate.revision, candidate.weight.wanted, candidate.stage) == (B, 20, Stage.STEPPING)
