"""A candidate that hangs loses its traffic, and is neither rolled back nor thrown away."""

from serinus.api.status import Silence
from tests.unit.plan.rehearsal import A, B, C, Rehearsal, serving

STEPS = [{"setWeight": 20}, {"pause": {"duration": "1h"}}, {"setWeight": 50}]


def silent(story: Rehearsal, seconds: float, *, expected: float = 1203.0) -> Rehearsal:
    """Looks found the candidate silent for so long, until now."""
    assert story.status.candidate
    now = story.rollout.now
    found = Silence(stable=4812, expected=expected, since=now - seconds, until=now)
    candidate = story.status.candidate.replace(silence=found)
    story.rollout.status = story.status.replace(candidate=candidate)
    return story.judged("NoData", "Prometheus has none from the candidate pods.")


def rolling(**rollout: object) -> Rehearsal:
    return serving().given(**{"steps": STEPS, **rollout}).apply(B).after(150)


def test_a_silent_candidate_loses_its_traffic_and_keeps_its_pods() -> None:
    story = silent(rolling(), 120)
    assert story.weight == 0
    assert story.plan and story.plan.wanted and story.plan.wanted.replicas == {A: 4, B: 1}
    assert story.status.candidate and story.status.candidate.weight.wanted == 0
    assert story.status.rejected is None
    assert (story.status.phase, story.reason) == ("Degraded", "CandidateSilent")
    assert story.told[-1] == "CandidateSilent"
    assert "0 of about 1203 requests that 20% of the traffic makes" in story.status.message
    assert "stable 4812 in 2m" in story.status.message
    assert f"advance/{B}" in story.status.message


def test_before_that_the_status_says_what_is_counted_of_both() -> None:
    story = silent(rolling(steps=[{"setWeight": 20}]), 119)
    assert story.weight == 20 and story.reason == "NoData"
    assert "0 of about 1203 requests" in story.status.message
    assert "stable 4812 so far" in story.status.message
    story.judged("Inconclusive", "The candidate has served no request yet.")
    assert story.reason == "AwaitingVerdict", "its counters are there and stand still"
    assert "stable 4812 so far" in story.status.message


def test_the_time_is_the_users_to_say() -> None:
    story = silent(rolling(analysis={"onSilence": {"after": "5m"}}), 299)
    assert story.weight == 20
    assert silent(story, 300).weight == 0


def test_nothing_goes_on_by_itself_while_it_is_withdrawn() -> None:
    story = silent(rolling(), 120).after(86400)
    assert story.weight == 0 and story.reason == "CandidateSilent"
    assert story.status.candidate and story.status.rejected is None


def test_advance_resumes_the_same_step_from_its_beginning() -> None:
    story = silent(rolling(), 120).after(7200).order(f"advance/{B}")
    assert story.weight == 20
    candidate = story.status.candidate
    assert candidate and candidate.withdrawn is None and candidate.silence is None
    assert (candidate.step, story.reason) == (1, "AwaitingPause")
    story.judged("Pass").after(3601)
    assert story.weight == 50


def test_one_that_is_still_silent_is_withdrawn_again() -> None:
    story = silent(rolling(), 120).order(f"advance/{B}").after(150)
    assert story.weight == 20
    assert silent(story, 120).weight == 0
    assert story.told.count("CandidateSilent") == 2


def test_steps_that_ask_for_more_resume_it_at_the_weight_that_it_had() -> None:
    story = silent(rolling(steps=[{"setWeight": 20}]), 120)
    story.given(steps=[{"setWeight": 45}]).settle()
    assert story.weight == 20
    assert story.judged("Pass").weight == 45


def test_another_policy_resumes_it_and_another_size_does_not() -> None:
    story = silent(rolling(), 120)
    story.spec["replicas"] = 8
    assert story.settle().weight == 0
    story.given(analysis={"preset": "KServe"})
    assert story.settle().weight == 20


def test_another_revision_starts_anew() -> None:
    story = silent(rolling(), 120).apply(C)
    assert story.status.candidate and story.status.candidate.revision == C
    assert story.weight == 20 and story.status.candidate.withdrawn is None


def test_promote_by_hand_is_obeyed_all_the_same() -> None:
    story = silent(rolling(), 120).order(f"promote/{B}")
    assert story.status.stable and story.status.stable.revision == B


def test_promote_by_hand_is_not_undone_by_silence() -> None:
    story = rolling()
    story.world.pods_ready_after = 600.0
    story.order(f"promote/{B}")
    assert silent(story, 120).told[-1] != "CandidateSilent"


def test_one_that_falls_silent_after_its_last_step_is_not_promoted() -> None:
    story = serving().given(steps=[{"setWeight": 20}]).apply(B)
    story.world.pods_ready_after = 600.0
    story.judged("Pass")
    assert story.status.candidate and story.status.candidate.promoting
    silent(story, 120)
    assert story.weight == 0 and story.reason == "CandidateSilent"
    story.order(f"advance/{B}").after(601)
    assert story.weight == 20 and story.status.candidate.step == 0


def test_abort_rolls_it_back() -> None:
    story = silent(rolling(), 120).order(f"abort/{B}")
    assert story.status.rejected and story.status.rejected.reason == "Aborted"


def test_evidence_against_it_still_rolls_it_back_while_it_is_withdrawn() -> None:
    story = silent(rolling(), 120).judged("Fail")
    assert story.status.rejected and story.status.rejected.reason == "CheckFailed"


def test_its_pods_may_be_away_while_it_is_withdrawn() -> None:
    story = silent(rolling(), 120)
    story.world.broken.add(B)
    story.settle().after(3600)
    assert story.status.candidate and story.reason == "CandidateSilent"


def test_without_a_gateway_the_service_selects_stable_alone() -> None:
    story = serving(traffic={}).given(steps=STEPS).apply(B).after(150)
    assert silent(story, 120).weight == 0
    assert story.plan and story.plan.wanted and B in story.plan.wanted.replicas
