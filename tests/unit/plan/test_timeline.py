"""What is noted of a rollout, for whoever wants to judge it again later."""

from serinus.api.status import InEffect, Timeline, Weight
from serinus.plan.timeline import WEIGHTS_KEPT, took_effect
from tests.support.simulated_rollout import A, B, C, SimulatedRollout, serving

STEPS = [{"setWeight": 20}, {"setWeight": 50}]


def timeline(rollout: SimulatedRollout) -> Timeline:
    assert rollout.status.timeline
    return rollout.status.timeline


def test_weights_are_noted_when_they_take_effect_not_when_they_are_asked_for() -> None:
    rollout = serving().given(steps=STEPS)
    rollout.world.route_after = 3.0
    rollout.apply(B)
    start = rollout.rollout.now
    assert timeline(rollout) == Timeline(revision=B, stable=A, since=start)
    rollout.after(3).judged("Pass").after(3)
    assert timeline(rollout).weights == [
        InEffect(weight=20, since=start + 3),
        InEffect(weight=50, since=start + 6),
    ]


def test_a_weight_that_the_number_of_pods_cannot_give_is_noted_with_the_one_they_give() -> None:
    rollout = serving(traffic={}).given(steps=STEPS[:1]).apply(B)
    [weight] = timeline(rollout).weights
    assert weight == InEffect(weight=20, since=rollout.rollout.now)
    rollout = serving(traffic={}, replicas=1).given(steps=STEPS[:1]).apply(B)
    [weight] = timeline(rollout).weights
    assert weight == InEffect(weight=20, actual=50, since=rollout.rollout.now)


def test_the_end_is_noted_and_the_next_rollout_begins_anew() -> None:
    rollout = serving().given(steps=STEPS).apply(B).after(7).judged("Fail")
    assert timeline(rollout).until == rollout.rollout.now
    rollout.after(5)
    assert timeline(rollout).revision == B, "it is kept until the next one"
    rollout.apply(C)
    assert (timeline(rollout).revision, timeline(rollout).until) == (C, None)
    for _ in STEPS:
        rollout.after(1).judged("Pass")
    assert rollout.status.stable and rollout.status.stable.revision == C
    assert (timeline(rollout).stable, timeline(rollout).until) == (A, rollout.rollout.now)


def test_lost_pods_end_what_was_in_effect_until_they_are_back() -> None:
    rollout = serving().given(steps=STEPS).apply(B)
    start = rollout.rollout.now
    rollout.world.broken = {B}
    rollout.after(10)
    rollout.world.broken = set()
    rollout.after(10)
    assert timeline(rollout).weights == [
        InEffect(weight=20, since=start, until=start + 10),
        InEffect(weight=20, since=start + 20),
    ]


def test_commands_are_noted_also_the_one_that_ends_it_and_none_that_comes_after() -> None:
    rollout = serving().given(steps=STEPS).apply(B).after(5)
    rollout.order(f"advance/{B}").after(5).order(f"abort/{B}").after(5).order("retry/cccccccc")
    assert [each.command for each in timeline(rollout).commands] == [f"advance/{B}", f"abort/{B}"]


def test_first_deployments_and_undos_have_no_course() -> None:
    assert serving().status.timeline is None
    rollout = serving().given(steps=[]).apply(B)
    assert rollout.status.stable and rollout.status.stable.revision == B
    before = timeline(rollout)
    rollout.after(1).order(f"undo/{A}").settle()
    assert rollout.status.stable and rollout.status.stable.revision == A
    assert rollout.status.timeline == before


def test_of_very_many_weights_the_first_and_the_last_are_kept() -> None:
    found: Timeline | None = Timeline(revision=B, stable=A, since=0)
    for moment in range(100):
        found = took_effect(found, Weight(wanted=5, actual=5), float(moment))
    assert found is not None
    times = [each.since for each in found.weights]
    assert len(times) == WEIGHTS_KEPT
    assert (times[0], times[1], times[-1]) == (0, 37, 99)
