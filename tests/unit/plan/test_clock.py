"""A clock that was set back keeps nobody waiting for as long again."""

from tests.support.simulated_rollout import A, B, serving

HOUR = 3600


def test_a_pause_lasts_no_hour_longer_because_the_clock_was_set_back_by_one() -> None:
    steps = [{"setWeight": 20}, {"pause": {"duration": "2m"}}, {"setWeight": 50}]
    rollout = serving().given(steps=steps).apply(B).after(60)
    assert (rollout.weight, rollout.reason) == (20, "AwaitingPause")
    candidate = rollout.status.candidate
    assert candidate
    assert candidate.step_since
    assert candidate.effective_since
    an_hour_ahead = candidate.replace(
        step_since=candidate.step_since + HOUR, effective_since=candidate.effective_since + HOUR
    )
    rollout.rollout.status = rollout.status.replace(candidate=an_hour_ahead)
    rollout.settle().after(119).judged("Pass")
    assert rollout.weight == 20
    rollout.after(2)
    assert rollout.weight == 50


def test_the_progress_deadline_is_no_hour_longer() -> None:
    rollout = serving()
    rollout.world.broken.add(B)
    rollout.apply(B).after(60)
    rollout.rollout.now -= HOUR
    rollout.settle().after(601)
    assert rollout.status.rejected is not None


def test_pods_of_what_was_retired_go_no_hour_later() -> None:
    rollout = serving().given(steps=[{"setWeight": 20}]).apply(B).after(60).apply(A).after(1)
    assert [old.revision for old in rollout.status.retiring] == [B]
    rollout.rollout.now -= HOUR
    # here the clock takes stable's pods back as well, so they stay for progressDeadline
    rollout.settle().after(600)
    assert rollout.status.retiring == []


def test_no_part_of_a_candidate_begins_later_than_now() -> None:
    rollout = serving().given(steps=[{"setWeight": 20}]).apply(B).after(60)
    rollout.world.broken.add(B)
    candidate = rollout.settle().status.candidate
    assert candidate
    assert candidate.weight.since
    assert candidate.unready.since
    an_hour_ahead = candidate.replace(
        since=candidate.since + HOUR,
        weight=candidate.weight.replace(since=candidate.weight.since + HOUR),
        unready=candidate.unready.replace(since=candidate.unready.since + HOUR),
    )
    rollout.rollout.status = rollout.status.replace(candidate=an_hour_ahead)
    candidate = rollout.settle().status.candidate
    assert candidate
    now = rollout.rollout.now
    assert (candidate.since, candidate.weight.since, candidate.unready.since) == (now, now, now)
    rollout.world.broken.clear()
    candidate = rollout.after(60).status.candidate
    assert candidate
    assert candidate.unready.seconds == 60
