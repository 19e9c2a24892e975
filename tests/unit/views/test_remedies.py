"""What to type: about every reason, typed correctly, and never what would be refused."""

import ast
import re
import shlex
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from serinus.api.reasons import Needs, Reason
from serinus.api.stages import Stage
from serinus.api.status import CheckState, Condition, Rejected, Silence, StablePod, Status
from serinus.cli.__main__ import VERBS, parser
from serinus.plan.situation import ApprovalPolicy, PodEnd, SeenPod
from serinus.views.commands import revision_for, step_to_approve
from serinus.views.reading import Live
from serinus.views.remedies import remedies
from tests.support.simulated_rollout import A, B, SimulatedRollout, serving

ROOMS = Path(__file__).parents[3] / "operator" / "serinus"
STATES = {"hold", "reject", "take_back", "Rejected", "Problem", "Summary"}
"""Calls of the rules that make a reason one for which a rollout holds, stalls or is rolled back."""
ENDS_BY_ITSELF = {
    Reason.FIRST_DEPLOYMENT,
    Reason.PROMOTING,
}
STEPS: list[dict[str, Any]] = [{"setWeight": 20}, {"setWeight": 50}]


def reasons_of_the_rules() -> Iterator[Reason]:
    for path in sorted([*ROOMS.glob("plan/**/*.py"), *ROOMS.glob("controller/*.py")]):
        calls = (
            each for each in ast.walk(ast.parse(path.read_text())) if isinstance(each, ast.Call)
        )
        for call in calls:
            if (name := getattr(call.func, "attr", getattr(call.func, "id", ""))) in STATES:
                given = [*call.args, *(each.value for each in call.keywords)]
                if name == "Problem" and "Severity.INTERVENTION" not in map(ast.unparse, given):
                    continue  # it is reported by what waits for it
                found = (re.fullmatch(r"Reason\.([A-Z_]+)", ast.unparse(each)) for each in given)
                yield from (Reason[match[1]] for match in found if match)


def test_each_reason_that_can_hold_stall_or_roll_back_has_a_remedy() -> None:
    found = set(reasons_of_the_rules())
    assert {Reason.NO_DATA, Reason.CHECK_FAILED, Reason.NAME_TAKEN, Reason.GUARD_FAILED} <= found
    assert {each for each in found if not each.meaning.remedies} <= ENDS_BY_ITSELF


def live(rollout: SimulatedRollout) -> Live:
    spec = rollout.rollout.desired.spec
    desired = rollout.rollout.desired
    return Live("shop", "loan", 1, "", spec, rollout.status, digest=desired.digest)


def typed(rollout: SimulatedRollout) -> list[str]:
    return [each.command for each in remedies(live(rollout))]


def begun(**rollout: Any) -> SimulatedRollout:
    return serving().given(**{"steps": STEPS, **rollout}).apply(B)


def judged(verdict: Any = "Inconclusive", state: CheckState | None = None) -> SimulatedRollout:
    checks = [{"name": "errors", "errorRate": {}}]
    analysis = {"checks": checks, "onWrongSplit": "Ignore", "onePodToBlame": "Hold"}
    return begun(analysis=analysis).judged(verdict, "evidence", state)


def unready() -> SimulatedRollout:
    rollout = serving().given(steps=STEPS)
    rollout.world.broken = {B}
    return rollout.apply(B)


def unready_at_first() -> SimulatedRollout:
    rollout = SimulatedRollout()
    rollout.world.broken = {A}
    return rollout.settle()


def routed_late() -> SimulatedRollout:
    rollout = serving().given(steps=STEPS)
    rollout.world.route_after = 10_000.0
    return rollout.apply(B)


def silent() -> SimulatedRollout:
    return silenced(begun().after(150))


def silenced(rollout: SimulatedRollout) -> SimulatedRollout:
    now = rollout.rollout.now
    found = Silence(stable=4812, expected=1200, since=now - 120, until=now)
    assert rollout.status.candidate
    candidate = rollout.status.candidate.replace(silence=found)
    rollout.rollout.status = rollout.status.replace(candidate=candidate)
    return rollout.judged("NoData")


def gated(policy: str = "") -> SimulatedRollout:
    rollout = serving().given(steps=[{"setWeight": 20}, {"approval": {}}, {"setWeight": 50}])
    rollout.world.approval_policy = ApprovalPolicy(policy)
    return rollout.apply(B).judged("Pass")


def silent_at_a_gate() -> SimulatedRollout:
    """Its traffic is withdrawn while it waits to be approved."""
    return silenced(gated().after(150))


def before_a_gate() -> SimulatedRollout:
    return serving().given(steps=[*STEPS, {"approval": {}}]).apply(B).judged("Inconclusive")


def guarded() -> SimulatedRollout:
    return serving().given(steps=[], guard={"duration": "1h"}).apply(B)


def alone() -> SimulatedRollout:
    """Only the candidate serves."""
    rollout = judged()
    rollout.world.broken = {A}
    return rollout.after(30)


def restarting() -> SimulatedRollout:
    rollout = begun()
    end = PodEnd(1001.0, "OOMKilled")
    rollout.world.pods_seen = (SeenPod("b-1", B, 1000.0, 9, end),)
    return rollout.settle()


def unread_at_the_end() -> SimulatedRollout:
    """After the last step, with nothing to advance to."""
    rollout = judged("Pass")
    rollout.world.pods_ready_after = 30.0
    rollout.judged("Pass")
    assert rollout.status.candidate and rollout.status.candidate.stage is Stage.PROMOTING
    return rollout.judged("Error").after(30)


def broken(rollout: SimulatedRollout, *revisions: str) -> SimulatedRollout:
    rollout.world.broken = set(revisions)
    return rollout.settle()


def invalid(rollout: SimulatedRollout) -> SimulatedRollout:
    rollout.problems = ("spec.replicas: …",)
    return rollout.settle()


SICK = CheckState(stable_pods=[StablePod(name="loan-1", within=[0.0])])
ROLLOUTS: dict[str, Any] = {
    "AwaitingPods": unready,
    "AwaitingPods at first": unready_at_first,
    "AwaitingRoute": routed_late,
    "RouteRefused": lambda: routed_late().after(60),
    "AwaitingVerdict": judged,
    "AwaitingVerdict alone": alone,
    "AwaitingVerdict before a gate": before_a_gate,
    "AwaitingPause": lambda: (
        serving().given(steps=[{"setWeight": 20}, {"pause": {"duration": "1h"}}]).apply(B)
    ),
    "AwaitingCommand": lambda: serving().given(steps=[{"setWeight": 20}, {"pause": {}}]).apply(B),
    "AwaitingApproval": gated,
    "ApprovalsUnguarded": lambda: gated("there is no policy"),
    "PausedBySpec": lambda: begun(paused=True),
    "NoData": lambda: judged("NoData"),
    "MetricsUnavailable": lambda: judged("Error"),
    "MetricsUnavailable at the end": unread_at_the_end,
    "Inconclusive": lambda: judged().after(86400),
    "StablePodDiffers": lambda: judged(state=SICK),
    "OnePodToBlame": lambda: judged(state=CheckState(pods_to_blame=["loan-2"])),
    "CandidateSilent": silent,
    "CandidateSilent at a gate": silent_at_a_gate,
    "CheckFailed": lambda: judged("Fail"),
    "TooManyRestarts": restarting,
    "ProgressDeadlineExceeded": lambda: unready().after(3600),
    "Aborted": lambda: judged().order(f"abort/{B}"),
    "Healthy": lambda: judged("Pass").judged("Pass"),
    "Guarded": guarded,
    "Unavailable in a guard": lambda: broken(guarded(), A, B),
    "Undone": lambda: broken(judged("Pass").judged("Pass").order(f"undo/{A}"), A),
    "InvalidSpec after a rollback": lambda: invalid(judged("Fail")),
    "InvalidSpec alone": lambda: invalid(alone()),
}


@pytest.mark.parametrize("name", ROLLOUTS)
def test_no_verb_that_is_proposed_is_refused(name: str) -> None:
    rollout = ROLLOUTS[name]()
    assert rollout.reason == name.split()[0]
    proposed = typed(rollout)
    assert proposed, "nothing to type"
    for verb in (words.split()[1] for words in proposed if words.startswith("serinus")):
        if verb == "resume":
            continue
        revision = revision_for(verb, rollout.status)
        digest = rollout.rollout.desired.digest
        step = f"{step_to_approve(live(rollout))}/{digest}/" if verb == "approve" else ""
        ordered = deepcopy(rollout).order(f"{verb}/{revision}/{step}now/ann")
        assert ordered.status.command
        assert "CommandRefused" not in ordered.reasons, ordered.status.command.outcome


def test_what_waits_for_a_pod_names_the_pod_and_what_is_silent_its_log() -> None:
    pods = ROLLOUTS["StablePodDiffers"]()
    assert typed(pods)[0] == "kubectl delete pods --namespace=shop loan-1"
    log, advance, *_ = typed(silent())
    selector = f"--selector=serinus.dev/name=loan,serinus.dev/revision={B}"
    assert log == f"kubectl logs --namespace=shop {selector} --all-containers"
    assert advance == "serinus advance loan --namespace=shop"
    assert advance in typed(silent_at_a_gate())


def test_where_nobody_is_served_stables_pods_come_first() -> None:
    rollout = unready()
    rollout.world.broken = {A, B}
    first, second, *_ = typed(rollout.after(30))
    selector = "kubectl describe pods --namespace=shop --selector=serinus.dev/name=loan"
    assert first == f"{selector},serinus.dev/revision={A}"
    assert second == f"{selector},serinus.dev/revision={B}"


def test_what_is_amiss_without_a_rollout_comes_before_the_way_back() -> None:
    rollout = ROLLOUTS["Healthy"]()
    assert typed(rollout) == ["serinus undo loan --namespace=shop"]
    rollout.world.mixed = {B: f"Pods of revision {B} run different images."}
    first, edit, undo = typed(rollout.settle())
    assert first == ("kubectl describe pods --namespace=shop --selector=serinus.dev/name=loan")
    assert (edit, undo) == (
        "kubectl edit mdep loan --namespace=shop",
        "serinus undo loan --namespace=shop",
    )


def test_a_guard_ends_for_or_against_the_promoted_revision() -> None:
    assert typed(guarded()) == [
        "serinus promote loan --namespace=shop",
        "serinus abort loan --namespace=shop",
    ]


@pytest.mark.parametrize("kind", ["HTTPRoute", "GRPCRoute"])
def test_of_a_gateway_the_route_of_its_kind_is_described(kind: str) -> None:
    traffic = {"gateway": {"parentRefs": [{"name": "public"}], "kind": kind}}
    rollout = serving(traffic=traffic).given(steps=STEPS)
    rollout.world.route_after = 10_000.0
    plural = f"{kind.lower()}s"
    assert f"kubectl describe {plural} loan --namespace=shop" in typed(rollout.apply(B))


def test_without_a_gateway_no_route_is_described() -> None:
    rollout = serving(traffic={}).given(steps=STEPS)
    rollout.world.route_after = 10_000.0
    assert not any("kubectl describe" in each for each in typed(rollout.apply(B)))


def reported(reason: Reason, message: str, **status: Any) -> list[str]:
    ready = {"type": "Ready", "status": "False", "reason": reason, "message": message}
    raw = {**ready, "observedGeneration": 1, "lastTransitionTime": "2026-11-26T08:00:00Z"}
    conditions = [Condition.model_validate(raw)]
    found = replace(live(serving()), status=Status(conditions=conditions, **status))
    return [each.command for each in remedies(found, "prod")]


def test_what_needs_a_person_is_typed_about_the_object_at_hand() -> None:
    place = "--namespace=shop --context=prod"
    assert reported(Reason.INVALID_SPEC, "x") == [f"kubectl edit mdep loan {place}"]
    taken = "Service shop/loan exists and was not created by Serinus, so it is not adopted: …"
    assert reported(Reason.NAME_TAKEN, taken) == [
        f"kubectl get service/loan {place} --output=yaml",
        f"kubectl annotate service/loan {place} serinus.dev/adopt=loan",
    ]
    begun = f"Revision {B}: step 1 of 3, weight 20%. Gateway shop/public has accepted it. {taken}"
    assert reported(Reason.NAME_TAKEN, begun) == reported(Reason.NAME_TAKEN, taken)
    assert reported(Reason.UNAVAILABLE, "x", former=["older"])[-1] == f"serinus undo loan {place}"
    stable = serving().status.stable
    [pods] = reported(Reason.UNAVAILABLE, "x", stable=stable)
    selector = f"--selector=serinus.dev/name=loan,serinus.dev/revision={A}"
    assert pods == f"kubectl describe pods {place} {selector}", "there is no former revision"
    ended = Rejected(revision=B, reason="Inconclusive", message="x", at=0.0)
    assert reported(Reason.INCONCLUSIVE, "x", rejected=ended)[0] == f"serinus retry loan {place}"


def test_every_command_is_one_that_its_program_reads() -> None:
    values = dict.fromkeys(("name", "revision", "stable", "object", "pods", "route"), "x")
    values |= {"it": "x --namespace=y --context=z", "place": "--namespace=y --context=z"}
    for each in (each for reason in Reason for each in reason.meaning.remedies):
        program, verb, *arguments = shlex.split(each.command.format_map(values))
        if program == "serinus":
            assert verb in VERBS
            parser(verb).parse_args([verb, *arguments])
        else:
            assert program == "kubectl"
            assert verb in ("get", "describe", "logs", "delete", "edit", "annotate", "scale")


def test_the_runbook_has_each_reason_that_stalls_and_explain_a_remedy_for_each() -> None:
    runbook = (ROOMS.parents[1] / "docs" / "runbook.md").read_text("utf-8")
    section = runbook.partition("## SerinusStalled\n")[2].partition("\n## ")[0]
    listed = set(re.findall(r"^\| `(\w+)` \|", section, re.M))
    repaired = {each for each in Reason if each.meaning.needs is Needs.REPAIR}
    assert listed == repaired
    assert all(each.meaning.remedies for each in repaired)
