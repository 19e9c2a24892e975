"""spec.rollout.paused holds what rolls out, and nobody who commands."""

from serinus.rehearsal.world import PaperWorld
from tests.unit.plan.rehearsal import A, B, Rehearsal, serving

STEPS = [{"setWeight": 20}]


def stable(story: Rehearsal) -> str:
    assert story.status.stable
    return story.status.stable.revision


def test_without_steps_nothing_is_promoted_until_it_is_lifted() -> None:
    story = serving().given(steps=[], paused=True).apply(B).after(3600)
    assert (stable(story), story.weight) == (A, 0)
    assert (story.status.phase, story.reason) == ("Paused", "PausedBySpec")
    assert stable(story.given(paused=False).settle()) == B


def awaiting_the_last_pods() -> Rehearsal:
    story = serving().given(steps=STEPS).apply(B)
    story.world.pods_ready_after = 60.0
    story.judged("Pass")
    assert story.status.candidate
    assert story.status.candidate.promoting
    return story


def test_while_the_last_pods_are_awaited_it_holds_too() -> None:
    story = awaiting_the_last_pods().given(paused=True).after(3600)
    assert (stable(story), story.weight) == (A, 20)
    assert (story.status.phase, story.reason) == ("Paused", "PausedBySpec")
    assert stable(story.given(paused=False).settle()) == B


def test_a_check_that_fails_rolls_back_then_as_well() -> None:
    story = awaiting_the_last_pods().given(paused=True).after(3600).judged("Fail")
    assert story.status.rejected


def test_who_commands_promote_is_obeyed() -> None:
    for steps in ([], STEPS):
        story = serving().given(steps=steps, paused=True).apply(B).order(f"promote/{B}")
        assert stable(story) == B


def test_who_advances_beyond_the_last_step_is_obeyed() -> None:
    story = serving().given(steps=STEPS, paused=True).apply(B).order(f"advance/{B}")
    assert stable(story) == B


def test_a_promotion_that_is_commanded_while_pods_are_awaited_is_held_no_more() -> None:
    story = awaiting_the_last_pods().given(paused=True).after(3600).order(f"promote/{B}")
    assert stable(story) == B


def test_a_first_deployment_and_an_undo_are_not_held() -> None:
    story = Rehearsal(world=PaperWorld()).given(paused=True).settle()
    assert stable(story) == A
    story.given(steps=STEPS).apply(B).order(f"promote/{B}").order(f"undo/{A}")
    assert stable(story) == A


def test_steps_that_are_taken_away_in_a_pause_promote_nobody() -> None:
    story = serving().given(steps=STEPS, paused=True).apply(B).given(steps=[]).after(3600)
    assert (stable(story), story.weight, story.reason) == (A, 20, "PausedBySpec")
