"""Commands by annotation: obeyed once, refused with a reason."""

import pytest

from serinus.rehearsal.world import PaperWorld
from tests.unit.plan.rehearsal import A, B, C, Rehearsal, serving


def outcome(story: Rehearsal) -> str:
    assert story.status.command
    return story.status.command.outcome


def test_promote_skips_the_steps_but_not_the_pods() -> None:
    story = serving().apply(B)
    story.world.broken.add(B)
    story.order(f"promote/{B}")
    assert story.status.stable and story.status.stable.revision == A
    story.world.broken.clear()
    story.settle()
    assert story.status.stable.revision == B


def test_abort_rolls_back_and_stays_back() -> None:
    story = serving().apply(B).order(f"abort/{B}")
    assert story.status.rejected and story.status.rejected.reason == "Aborted"
    assert story.after(3600).status.candidate is None


def test_retry_starts_the_rejected_revision_anew_without_a_changed_template() -> None:
    story = serving().apply(B).judged("Fail").order(f"retry/{B}")
    assert story.status.candidate and story.status.candidate.revision == B


def test_a_command_is_obeyed_once_until_it_is_made_new() -> None:
    story = serving().apply(B).judged("Fail").order(f"retry/{B}").judged("Fail")
    assert story.after(60).status.candidate is None
    assert story.order(f"retry/{B}/2").status.candidate is not None


def test_undo_returns_to_a_former_revision_without_steps_and_against_the_spec() -> None:
    story = serving().given(steps=[{"setWeight": 20}]).apply(B).judged("Pass").after(60)
    story.order(f"undo/{A}")
    assert story.status.stable and story.status.stable.revision == A
    assert story.status.rejected and story.status.rejected.revision == B
    assert story.after(3600).status.candidate is None
    assert story.apply(C).status.candidate is not None


def test_an_undo_whose_pods_do_not_start_keeps_what_serves() -> None:
    story = serving().given(steps=[{"setWeight": 20}]).apply(B).judged("Pass").after(60)
    story.world.broken.add(A)
    story.order(f"undo/{A}").after(700)
    assert story.status.stable and story.status.stable.revision == B
    assert story.status.phase == "Degraded"
    story.order(f"abort/{A}")
    assert story.status.candidate is None
    assert story.status.rejected and story.status.rejected.revision == B


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("dance/abbbbbbb", "write promote or advance"),
        ("promote", "write promote or advance"),
        (f"promote/{C}", f"the candidate is {B}"),
        (f"retry/{C}", "is not rejected"),
        (f"undo/{A}", "is stable already"),
        (f"undo/{B}", "write retry or promote"),
        (f"undo/{C}", "not in the history"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused_and_changes_nothing(
    command: str, told: str
) -> None:
    story = serving().apply(B)
    before = story.status.candidate
    story.order(command)
    assert told in outcome(story)
    assert story.status.candidate == before


def test_after_an_undo_stables_pods_are_as_many_as_there_are() -> None:
    story = serving().given(steps=[]).apply(B)
    story.command = f"undo/{A}"
    story.pass_once()
    assert story.status.stable and story.status.stable.revision == A
    assert story.status.stable.ready_replicas == 4


def test_a_first_deployment_cannot_be_promoted_by_hand() -> None:
    story = Rehearsal(world=PaperWorld(broken={A})).settle().order(f"promote/{A}")
    assert "becomes stable by itself once it serves" in outcome(story)


def test_a_first_deployment_cannot_be_aborted() -> None:
    story = Rehearsal(world=PaperWorld(broken={A})).settle().order(f"abort/{A}")
    assert "nothing to go back to" in outcome(story)


@pytest.mark.parametrize("command", [f"abort/{C}", f"undo/{A}"])
def test_what_alone_serves_is_not_taken_out_by_command(command: str) -> None:
    story = serving().given(steps=[]).apply(B).given(steps=[{"setWeight": 50}]).apply(C)
    story.world.broken = {B}
    story.settle().order(command)
    assert story.status.candidate and story.status.candidate.revision == C
    told = f"stable revision {B} has no ready pod, and candidate {C} has 2: nothing would be served"
    assert told in outcome(story)
    assert f"promote/{C}" in outcome(story)
    story.world.broken = set()
    story.settle().order(f"{command}/2")
    assert outcome(story).endswith("done")


def test_a_candidate_that_cannot_serve_either_may_be_aborted() -> None:
    story = serving().apply(B)
    story.world.broken = {A, B}
    story.settle().order(f"abort/{B}")
    assert story.status.rejected and story.status.rejected.reason == "Aborted"


def test_scaled_to_zero_a_candidate_may_be_aborted() -> None:
    story = serving().given(steps=[{"setWeight": 50}]).apply(B)
    story.spec = {**story.spec, "replicas": 0}
    story.settle().order(f"abort/{B}")
    assert story.status.rejected and story.status.rejected.reason == "Aborted"
