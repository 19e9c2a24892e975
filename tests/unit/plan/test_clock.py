"""A clock that was set back keeps nobody waiting for as long again."""

from tests.unit.plan.rehearsal import A, B, serving

HOUR = 3600


def test_a_pause_lasts_no_hour_longer_because_the_clock_was_set_back_by_one() -> None:
    steps = [{"setWeight": 20}, {"pause": {"duration": "2m"}}, {"setWeight": 50}]
    story = serving().given(steps=steps).apply(B).after(60)
    assert (story.weight, story.reason) == (20, "AwaitingPause")
    candidate = story.status.candidate
    assert candidate
    assert candidate.step_since
    assert candidate.effective_since
    an_hour_ahead = candidate.replace(
        step_since=candidate.step_since + HOUR, effective_since=candidate.effective_since + HOUR
    )
    story.rollout.status = story.status.replace(candidate=an_hour_ahead)
    story.settle().after(119).judged("Pass")
    assert story.weight == 20
    story.after(2)
    assert story.weight == 50


def test_the_progress_deadline_is_no_hour_longer() -> None:
    story = serving()
    story.world.broken.add(B)
    story.apply(B).after(60)
    story.rollout.now -= HOUR
    story.settle().after(601)
    assert story.status.rejected is not None


def test_pods_of_what_was_retired_go_no_hour_later() -> None:
    story = serving().given(steps=[{"setWeight": 20}]).apply(B).after(60).apply(A).after(1)
    assert [old.revision for old in story.status.retiring] == [B]
    story.rollout.now -= HOUR
    # on paper the clock takes stable's pods back as well, so they stay for progressDeadline
    story.settle().after(600)
    assert story.status.retiring == []
