"""A candidate that hangs loses its traffic, and is neither rolled back nor thrown away."""

from typing import Any

import pytest

from serinus.api.spec import Rollout, Spec
from serinus.api.stages import Stage
from serinus.api.status import Silence
from serinus.plan.policy import policy_digest
from tests.support.simulated_rollout import GATEWAY, TEMPLATE, A, B, C, SimulatedRollout, serving

STEPS = [{"setWeight": 20}, {"pause": {"duration": "1h"}}, {"setWeight": 50}]


def silent(
    rollout: SimulatedRollout, seconds: float, *, expected: float = 1203.0
) -> SimulatedRollout:
    """Looks found the candidate silent for so long, until now."""
    assert rollout.status.candidate
    now = rollout.rollout.now
    found = Silence(stable=4812, expected=expected, since=now - seconds, until=now)
    candidate = rollout.status.candidate.replace(silence=found)
    rollout.rollout.status = rollout.status.replace(candidate=candidate)
    return rollout.judged("NoData", "Prometheus has none from the candidate pods.")


def rolling(**rollout: object) -> SimulatedRollout:
    return serving().given(**{"steps": STEPS, **rollout}).apply(B).after(150)


def test_a_silent_candidate_loses_its_traffic_and_keeps_its_pods() -> None:
    rollout = silent(rolling(), 120)
    assert rollout.weight == 0
    assert rollout.plan and rollout.plan.wanted and rollout.plan.wanted.replicas == {A: 4, B: 1}
    assert rollout.status.candidate and rollout.status.candidate.weight.wanted == 0
    assert rollout.status.rejected is None
    assert (rollout.status.phase, rollout.reason) == ("Degraded", "CandidateSilent")
    assert rollout.reasons[-1] == "CandidateSilent"
    assert "0 of about 1203 requests expected at 20% of the traffic" in rollout.status.message
    assert "stable 4812 in at least 2m" in rollout.status.message
    assert f"advance/{B}" in rollout.status.message


def test_a_template_that_explains_the_silence_is_told_first() -> None:
    rollout = rolling(steps=[{"setWeight": 20}])
    rollout.world.less_scraped = "It lacks the annotation prometheus.io/scrape: true."
    silent(rollout, 119)
    first = "It lacks the annotation prometheus.io/scrape: true. The candidate answered 0 of about"
    assert rollout.status.candidate and rollout.status.candidate.hold
    assert rollout.status.candidate.hold.message.startswith(first)
    silent(rollout, 120)
    assert rollout.reason == "CandidateSilent"
    assert rollout.status.candidate and rollout.status.candidate.hold
    assert rollout.status.candidate.hold.message.startswith(first)


def test_without_a_gateway_connections_that_are_kept_open_are_named_as_a_cause() -> None:
    started = serving(traffic={}).given(steps=STEPS).apply(B).after(150)
    rollout = silent(started, 120)
    assert rollout.reason == "CandidateSilent"
    assert "without a gateway only new connections do" in rollout.status.message
    assert "let them reconnect, or use spec.traffic.gateway" in rollout.status.message
    assert "but for connections that clients keep open to its pods" in rollout.status.message
    assert "connections" not in silent(rolling(), 120).status.message


def test_before_that_the_status_says_what_is_counted_of_both() -> None:
    rollout = silent(rolling(steps=[{"setWeight": 20}]), 119)
    assert rollout.weight == 20 and rollout.reason == "NoData"
    assert "0 of about 1203 requests" in rollout.status.message
    assert "stable 4812, since its last request was counted" in rollout.status.message
    rollout.judged("Inconclusive", "The candidate has served no requests yet.")
    assert rollout.reason == "AwaitingVerdict", "its counters are there and stand still"
    assert "stable 4812, since its last request was counted" in rollout.status.message


def test_one_look_in_which_only_stable_was_scraped_is_no_news() -> None:
    rollout = silent(rolling(steps=[{"setWeight": 20}]), 0)
    assert "answered 0" not in rollout.status.message


def test_the_time_is_the_users_to_say() -> None:
    rollout = silent(rolling(analysis={"onSilence": {"after": "5m"}}), 299)
    assert rollout.weight == 20
    assert silent(rollout, 300).weight == 0


def test_nothing_goes_on_by_itself_while_it_is_withdrawn() -> None:
    rollout = silent(rolling(), 120).after(86400)
    assert rollout.weight == 0 and rollout.reason == "CandidateSilent"
    assert rollout.status.candidate and rollout.status.rejected is None


def test_advance_resumes_the_same_step_from_its_beginning() -> None:
    rollout = silent(rolling(), 120).after(7200).order(f"advance/{B}")
    assert rollout.weight == 20
    candidate = rollout.status.candidate
    assert candidate and candidate.withdrawn is None and candidate.silence is None
    assert (candidate.step, rollout.reason) == (1, "AwaitingPause")
    rollout.judged("Pass").after(3601)
    assert rollout.weight == 50


def test_one_that_is_still_silent_is_withdrawn_again() -> None:
    rollout = silent(rolling(), 120).order(f"advance/{B}").after(150)
    assert rollout.weight == 20
    assert silent(rollout, 120).weight == 0
    assert rollout.reasons.count("CandidateSilent") == 2


def test_steps_that_ask_for_more_resume_it_at_the_weight_that_it_had() -> None:
    rollout = silent(rolling(steps=[{"setWeight": 20}]), 120)
    rollout.given(steps=[{"setWeight": 45}]).settle()
    assert rollout.weight == 20
    assert rollout.judged("Pass").weight == 45


def test_another_policy_resumes_it_and_another_size_does_not() -> None:
    rollout = silent(rolling(), 120)
    rollout.spec["replicas"] = 8
    assert rollout.settle().weight == 0
    rollout.given(analysis={"preset": "KServe"})
    assert rollout.settle().weight == 20


def test_who_pauses_it_gives_it_no_traffic() -> None:
    rollout = silent(rolling(), 120)
    assert rollout.given(paused=True).settle().weight == 0
    assert rollout.given(analysis={"preset": "KServe"}).settle().weight == 0
    assert rollout.given(paused=False).settle().weight == 20


def test_who_pauses_it_and_lets_it_go_on_has_changed_nothing() -> None:
    rollout = silent(rolling(), 120)
    assert rollout.given(paused=True).settle().given(paused=False).settle().weight == 0
    assert rollout.reason == "CandidateSilent"


def test_a_digest_of_an_earlier_version_has_the_pause() -> None:
    """An upgrade gives no candidate that hangs its traffic again."""
    rollout = silent(rolling(paused=False), 120)
    candidate = rollout.status.candidate
    assert candidate and candidate.withdrawn
    written = candidate.withdrawn.replace(policy="5d5394e0ec7e")
    rollout.rollout.status = rollout.status.replace(candidate=candidate.replace(withdrawn=written))
    assert rollout.settle().weight == 0


def test_another_revision_starts_anew() -> None:
    rollout = silent(rolling(), 120).apply(C)
    assert rollout.status.candidate and rollout.status.candidate.revision == C
    assert rollout.weight == 20 and rollout.status.candidate.withdrawn is None


def test_promote_by_hand_is_obeyed_all_the_same() -> None:
    rollout = silent(rolling(), 120).order(f"promote/{B}")
    assert rollout.status.stable and rollout.status.stable.revision == B


def test_promote_by_hand_is_not_undone_by_silence() -> None:
    rollout = rolling()
    rollout.world.pods_ready_after = 600.0
    rollout.order(f"promote/{B}")
    assert silent(rollout, 120).reasons[-1] != "CandidateSilent"


def test_one_that_falls_silent_after_its_last_step_is_not_promoted() -> None:
    rollout = serving().given(steps=[{"setWeight": 20}]).apply(B)
    rollout.world.pods_ready_after = 600.0
    rollout.judged("Pass")
    assert rollout.status.candidate and rollout.status.candidate.stage is Stage.PROMOTING
    silent(rollout, 120)
    assert rollout.weight == 0 and rollout.reason == "CandidateSilent"
    rollout.order(f"advance/{B}").after(601)
    assert rollout.weight == 20 and rollout.status.candidate.step == 0


def test_abort_rolls_it_back() -> None:
    rollout = silent(rolling(), 120).order(f"abort/{B}")
    assert rollout.status.rejected and rollout.status.rejected.reason == "Aborted"


def test_evidence_against_it_still_rolls_it_back_while_it_is_withdrawn() -> None:
    rollout = silent(rolling(), 120).judged("Fail")
    assert rollout.status.rejected and rollout.status.rejected.reason == "CheckFailed"


def test_its_pods_may_be_away_while_it_is_withdrawn() -> None:
    rollout = silent(rolling(), 120)
    rollout.world.broken.add(B)
    rollout.settle().after(3600)
    assert rollout.status.candidate and rollout.reason == "CandidateSilent"


def test_without_a_gateway_the_service_selects_stable_alone() -> None:
    rollout = serving(traffic={}).given(steps=STEPS).apply(B).after(150)
    assert silent(rollout, 120).weight == 0
    assert rollout.plan and rollout.plan.wanted and B in rollout.plan.wanted.replicas


def test_a_step_that_is_resumed_is_entered_again() -> None:
    rollout = silent(rolling(), 120).order(f"advance/{B}")
    assert rollout.status.candidate and rollout.status.candidate.entries == 2


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"steps": STEPS},
        {"analysis": {"preset": "KServe"}},
        {"analysis": {"checks": [{"name": "errors", "errorRate": {}}]}},
    ],
)
def test_checks_that_serinus_adds_do_not_resume_it(written: dict[str, Any]) -> None:
    """A version that adds a check would otherwise send traffic to all candidates that hang."""
    spec = {"template": TEMPLATE, "rollout": written}
    behind_a_gateway = Spec.model_validate({**spec, "traffic": GATEWAY}).rollout
    assert behind_a_gateway.analysis.checks[-1].name == "split"
    assert policy_digest(behind_a_gateway) == policy_digest(Rollout.model_validate(written))


def test_a_changed_list_of_checks_resumes_it() -> None:
    def digest(*checks: dict[str, Any]) -> str:
        spec = {"template": TEMPLATE, "traffic": GATEWAY}
        rollout = {"analysis": {"checks": list(checks)}}
        return policy_digest(Spec.model_validate({**spec, "rollout": rollout}).rollout)

    errors = {"name": "errors", "errorRate": {}}
    assert digest(errors) != digest(errors, {"name": "own", "trafficShare": {"tolerance": 1.5}})
    assert digest(errors) != digest({"name": "errors", "errorRate": {"margin": 2.0}})
