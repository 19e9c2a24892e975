"""A clock that was set back keeps nobody waiting for as long again."""

from serinus.api.base import begun_by
from serinus.api.stages import Stage
from serinus.api.status import (
    Candidate,
    CheckState,
    CheckStatus,
    Guarding,
    Hold,
    Inputs,
    LostReadiness,
    OwnMetrics,
    Reference,
    Retiring,
    Stable,
    Starts,
    Status,
    TakingBack,
    UnreadyTime,
    Weight,
)
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


def test_every_time_that_a_wait_counts_from_is_by_now_and_no_other() -> None:
    now, ahead = 1000.0, 1000.0 + HOUR
    candidate = Candidate(
        revision=B,
        number=2,
        stage=Stage.TAKING_BACK,
        since=ahead,
        progress_since=ahead,
        analysis_since=ahead,
        effective_since=ahead,
        step_since=ahead,
        alone_since=ahead,
        unreadable_since=ahead,
        unreported_since=ahead,
        measured_at=ahead,
        weight=Weight(wanted=20, actual=20, since=ahead),
        hold=Hold(reason="AwaitingPods", message="", since=ahead),
        unready=UnreadyTime(since=ahead),
        lost_readiness=LostReadiness(counted_at=ahead),
        inputs=Inputs(looked_at=ahead),
        checks=[
            CheckStatus(
                name="errors",
                kind="errorRate",
                verdict="Error",
                own_metrics=OwnMetrics(since=ahead, until=ahead),
                state=CheckState(
                    stable_pods_weighed_at=ahead,
                    starts=Starts(waits_since=ahead, calm_since=ahead),
                    reference=Reference(share=0.9, looked_at=ahead),
                ),
            )
        ],
        guarding=Guarding(
            since=ahead,
            until=ahead,
            hindered_since=ahead,
            taking_back=TakingBack(reason="Aborted", message="", since=ahead),
        ),
    )
    retiring = [
        Retiring(revision=A, since=ahead, idle_since=ahead),
        Retiring(revision=A, since=0.0),
    ]
    stable = Stable(revision=A, number=1, since=ahead)
    status = Status(stable=stable, candidate=candidate, retiring=retiring)
    found = begun_by(now, status)
    assert found.candidate
    assert found.stable == stable.replace(since=now), "a retraining waits for its stable period"
    [check] = found.candidate.checks
    assert check.state.starts == Starts(waits_since=ahead, calm_since=ahead), "so do starts"
    check = check.replace(state=check.state.replace(starts=None))
    kept = found.candidate.replace(analysis_since=now, measured_at=now, checks=[check])
    assert kept != found.candidate, "counts keep the time of Prometheus"
    text = kept.replace(guarding=kept.guarding and kept.guarding.replace(until=now)).to_json()
    assert "T01:16:40" not in str(text)
    assert found.retiring == [
        Retiring(revision=A, since=now, idle_since=now),
        Retiring(revision=A, since=0.0),
    ]
    assert begun_by(ahead, status) is status
