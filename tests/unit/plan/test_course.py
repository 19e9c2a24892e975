"""What is noted of a rollout, for whoever wants to judge it again later."""

from serinus.api.status import Course, InEffect, Weight
from serinus.plan.course import WEIGHTS_KEPT, took_effect
from tests.unit.plan.rehearsal import A, B, C, Rehearsal, serving

STEPS = [{"setWeight": 20}, {"setWeight": 50}]


def course(story: Rehearsal) -> Course:
    assert story.status.course
    return story.status.course


def test_weights_are_noted_when_they_take_effect_not_when_they_are_asked_for() -> None:
    story = serving().given(steps=STEPS)
    story.world.route_after = 3.0
    story.apply(B)
    start = story.rollout.now
    assert course(story) == Course(revision=B, stable=A, since=start)
    story.after(3).judged("Pass").after(3)
    assert course(story).weights == [
        InEffect(weight=20, since=start + 3),
        InEffect(weight=50, since=start + 6),
    ]


def test_a_weight_that_the_number_of_pods_cannot_give_is_noted_with_the_one_they_give() -> None:
    story = serving(traffic={}).given(steps=STEPS[:1]).apply(B)
    [weight] = course(story).weights
    assert weight == InEffect(weight=20, since=story.rollout.now)
    story = serving(traffic={}, replicas=1).given(steps=STEPS[:1]).apply(B)
    [weight] = course(story).weights
    assert weight == InEffect(weight=20, actual=50, since=story.rollout.now)


def test_the_end_is_noted_and_the_next_rollout_begins_anew() -> None:
    story = serving().given(steps=STEPS).apply(B).after(7).judged("Fail")
    assert course(story).until == story.rollout.now
    story.after(5)
    assert course(story).revision == B, "it is kept until the next one"
    story.apply(C)
    assert (course(story).revision, course(story).until) == (C, None)
    for _ in STEPS:
        story.after(1).judged("Pass")
    assert story.status.stable and story.status.stable.revision == C
    assert (course(story).stable, course(story).until) == (A, story.rollout.now)


def test_lost_pods_end_what_was_in_effect_until_they_are_back() -> None:
    story = serving().given(steps=STEPS).apply(B)
    start = story.rollout.now
    story.world.broken = {B}
    story.after(10)
    story.world.broken = set()
    story.after(10)
    assert course(story).weights == [
        InEffect(weight=20, since=start, until=start + 10),
        InEffect(weight=20, since=start + 20),
    ]


def test_commands_are_noted_also_the_one_that_ends_it_and_none_that_comes_after() -> None:
    story = serving().given(steps=STEPS).apply(B).after(5)
    story.order(f"advance/{B}").after(5).order(f"abort/{B}").after(5).order("retry/cccccccc")
    assert [each.command for each in course(story).commands] == [f"advance/{B}", f"abort/{B}"]


def test_first_deployments_and_undos_have_no_course() -> None:
    assert serving().status.course is None
    story = serving().given(steps=[]).apply(B)
    assert story.status.stable and story.status.stable.revision == B
    before = course(story)
    story.after(1).order(f"undo/{A}").settle()
    assert story.status.stable and story.status.stable.revision == A
    assert story.status.course == before


def test_of_very_many_weights_the_first_and_the_last_are_kept() -> None:
    found: Course | None = Course(revision=B, stable=A, since=0)
    for moment in range(100):
        found = took_effect(found, Weight(wanted=5, actual=5), float(moment))
    assert found is not None
    times = [each.since for each in found.weights]
    assert len(times) == WEIGHTS_KEPT
    assert (times[0], times[1], times[-1]) == (0, 37, 99)
