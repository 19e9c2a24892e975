"""Rules about a rollout: its pods, its weight, its verdicts, its steps.

A rule that changes nothing returns None; one that waits gives the reason in `hold`, and asks
`Situation.reached` whether the time has come.
"""

import math
from collections.abc import Iterable, Iterator, Mapping

from serinus.api.quantities import seconds, spoken
from serinus.api.reasons import Reason
from serinus.api.stages import WHOLE, Stage
from serinus.api.status import Candidate, CheckStatus, FirstFail, Silence, Unlike, Verdict
from serinus.judge import enter_step, overall
from serinus.manifests.routers import router_for
from serinus.manifests.routers.router import carriable_weight
from serinus.plan import guarding
from serinus.plan.analysis import analysis_of, awaits_history
from serinus.plan.audit import with_audit, would_have
from serinus.plan.chosen_steps import step_may_last
from serinus.plan.images import (
    hold_while_images_differ,
    in_doubt,
    withdraw_instead_of_blaming,
)
from serinus.plan.replacing import about_replacing, fault_followed, waits_for_a_person
from serinus.plan.situation import Situation
from serinus.plan.stepping import current_step, enter_next_step, gives_more_next, unfit_next
from serinus.plan.steps.kind import Passed, Running
from serinus.plan.timeline import measured, took_effect, weight_ended
from serinus.plan.traffic import given_of, withdrawn_from
from serinus.plan.unable import SEE_ITS_CLASS
from serinus.plan.wording import ARE, messages_of, named

ERRORS_BEFORE_PAUSE = 5
CARRIED_MEANWHILE = 2
"""How many times their part of the traffic pods may carry while others are only added."""
ROUTE_PATIENCE = 10.0
"""Seconds in which a gateway should accept a route."""


def pods_needed(s: Situation) -> int:
    """Ready pods that the candidate needs for its weight."""
    candidate, replicas = s.candidate, s.desired.spec.replicas
    if candidate.stage in WHOLE or replicas == 0:
        return replicas
    withdrawn = candidate.withdrawn
    weight = withdrawn_from(withdrawn).percent if withdrawn else candidate.weight.percent
    return router_for(s.desired.spec).candidate_replicas(replicas, int(weight))


def pods_ready(s: Situation) -> int:
    """The candidate's pods that are ready and, if that was read, behind its Service."""
    ready = s.world.ready(s.candidate.revision)
    return ready if s.world.endpoints is None else min(ready, s.world.endpoints)


def weight_given(s: Situation) -> int:
    """Percentage of the requests for the candidate now, of clients or copies: never more than its
    ready pods can serve."""
    candidate = s.candidate
    if reads_history(s) or other_revisions(s) or s.world.withdrawn:
        return 0
    if s.promoted and s.stable_is_down and pods_ready(s):
        return 100  # nobody holds the rest
    if pods_ready(s) >= pods_needed(s):
        return int(candidate.weight.percent)
    has = s.world.mirrored if candidate.weight.mirrored else s.world.weight
    return math.floor(min(candidate.weight.percent, has, _carried(s)))


def pods_are_lost(s: Situation) -> bool:
    """Whether pods that carried the weight are missing; others may only have been added."""
    return pods_ready(s) < min(pods_needed(s), s.candidate.carried_by)


def _carried(s: Situation) -> float:
    """The greatest weight that the ready pods carry, in percent."""
    stable, router = s.status.stable, router_for(s.desired.spec)
    stable_ready = s.world.ready(stable.revision) if stable else 0
    part = carriable_weight(router, s.desired.spec.replicas, stable_ready, pods_ready(s))
    return part if pods_are_lost(s) else CARRIED_MEANWHILE * part


def other_revisions(s: Situation) -> list[str]:
    """Revisions whose pods would get traffic by mistake: if one Service selects every pod, others
    must be gone before the candidate joins. Their workloads are deleted after their pods."""
    if not router_for(s.desired.spec).shares_one_service or s.candidate.stage is Stage.FIRST:
        return []
    stable = s.status.stable.revision if s.status.stable else None
    return sorted(set(s.world.workloads) - {stable, s.candidate.revision})


def reads_history(s: Situation) -> bool:
    """Whether the candidate's first traffic waits until stable's history has been read."""
    return awaits_history(s.desired.spec, s.status)


def overall_verdict(s: Situation) -> Verdict:
    """The verdict over all checks that decide; NoData before the first measurement."""
    if not analysis_of(s.desired.spec, s.candidate).deciding:
        return "Pass"
    return overall(s.candidate.checks) if s.candidate.checks else "NoData"


def roll_back_when_a_check_fails(s: Situation) -> Situation | None:
    """A failed check rolls the candidate back."""
    failed = failed_checks(s)
    return s.reject(Reason.CHECK_FAILED, failed) if failed else None


def roll_back_when_a_check_fails_for_certain(s: Situation) -> Situation | None:
    """While pods of one revision run different images, a verdict may be about something else."""
    if in_doubt(s) and (failed := failed_checks(s)):
        return _changed(s, withdraw_instead_of_blaming(s, failed))
    return roll_back_when_a_check_fails(s)


def failed_checks(s: Situation) -> str:
    """The evidence of the checks that have failed because of the candidate; empty: none."""
    failed = [check for check in s.candidate.checks if check.rolls_back]
    blamed = dict.fromkeys(pod for check in failed for pod in check.state.pods_to_blame)
    if not failed:
        return ""
    followed = fault_followed(s) if any(check.may_blame_pods for check in failed) else ""
    said = [messages_of(failed, "Check"), *_nodes(s, blamed), followed]
    return " ".join(filter(None, said))


def note_what_audited_checks_would_do(s: Situation) -> Situation | None:
    """A check in audit mode that fails changes nothing, and becomes a decision of its own."""
    candidate = s.candidate
    failed = [each for each in candidate.audited if each.verdict == "Fail" and not each.first_fail]
    if not failed:
        return None
    weight = candidate.weight
    first = FirstFail(at=s.now, weight=weight.wanted, mirrored=weight.mirrored)
    names = {each.name for each in failed}
    checks = [
        each.replace(first_fail=first) if each.name in names else each for each in candidate.checks
    ]
    messages = (f"Check {c.name} (audit) {would_have(c)}: {c.message}" for c in failed)
    noted = s.to_candidate(checks=checks)
    return noted.because(Reason.AUDIT_FAILED, candidate.revision, " ".join(messages))


def notice_whether_pods_are_missing(s: Situation) -> Situation | None:
    """The progress deadline starts when pods are lost, and again if more are required."""
    candidate, needed = s.candidate, pods_needed(s)
    if pods_ready(s) >= needed:
        changed = (candidate.pods_awaited, candidate.carried_by) != (0, needed)
        return s.to_candidate(pods_awaited=0, carried_by=needed) if changed else None
    if needed <= candidate.pods_awaited:
        return None
    return s.to_candidate(pods_awaited=needed, progress_since=s.now)


def give_up_at_the_progress_deadline(s: Situation) -> Situation | None:
    """Roll back if pods do not become ready; stable is unchanged."""
    late = _too_late(s)
    return s.reject(Reason.PROGRESS_DEADLINE_EXCEEDED, late) if late else None


def _too_late(s: Situation) -> str:
    """That pods have been missing for longer than the progress deadline, as a message; empty: they
    have not."""
    deadline = seconds(s.desired.spec.rollout.progress_deadline)
    if pods_ready(s) >= pods_needed(s) or not s.reached(s.candidate.progress_since + deadline):
        return ""
    pods = s.world.why_no_pods or "The cause is unknown."
    return f"{pods_ready(s)} of {pods_needed(s)} pods are ready after {spoken(deadline)}. {pods}"


def _wait_for_late_pods(s: Situation) -> Situation | None:
    """Of a revision that nothing replaces: ready pods serve, and the others are waited for."""
    late = _too_late(s)
    return s.hold(Reason.PROGRESS_DEADLINE_EXCEEDED, late) if late else None


def measure_from_the_first_weight_that_the_route_gives(s: Situation) -> Situation | None:
    """Whether or not the weight is known to be in effect: a candidate that may get traffic is
    judged."""
    candidate = s.candidate
    if candidate.analysis_since is not None or not s.world.percent:
        return None
    if reads_history(s) or s.world.withdrawn:
        return None
    return s.to(timeline=measured(s.status.timeline, s.now)).to_candidate(analysis_since=s.now)


def measure_nothing_in_a_preview(s: Situation) -> Situation | None:
    """What people ask is no evidence, also after an edit of the steps that leads back to a preview:
    once the route gives nothing else, counting ends until it does. What was found before stays."""
    candidate, world = s.candidate, s.world
    if not given_of(candidate).preview or candidate.analysis_since is None:
        return None
    if world.percent or not world.split_in_effect:
        return None
    return s.to_candidate(
        analysis_since=None,
        measured_at=None,
        counted={},
        audit_counted={},
        silence=None,
        inputs=None,
        unreported_since=None,
        unreadable_since=None,
        errors_in_a_row=0,
    )


def run_the_clock_while_the_weight_is_in_effect(s: Situation) -> Situation | None:
    """A step's time and requests count only at the weight of the step."""
    changed = start_or_stop_the_clock(s)
    return changed and _with_its_time_kept(s, changed)


def run_the_clock_while_pods_for_all_traffic_start(s: Situation) -> Situation | None:
    """The weight is that of the last step, for which the pods were there."""
    changed = start_or_stop_the_clock(s, awaits_pods=False)
    return changed and _with_its_time_kept(s, changed)


def _with_its_time_kept(before: Situation, s: Situation) -> Situation:
    """Where a weight that was lost is in effect again, its time goes on."""
    if s.candidate.effective_since is None:
        return s.to_candidate(interrupted_since=s.now)
    lost, paused_since = before.candidate.interrupted_since, before.candidate.step_since
    if lost is None:
        return s.to_candidate(weight_since=s.now, unmeasured=0.0, unreadable_since=None)
    return s.to_candidate(interrupted_since=None, step_since=(paused_since or lost) + s.now - lost)


def start_or_stop_the_clock(s: Situation, *, awaits_pods: bool = True) -> Situation | None:
    """`awaits_pods`: whether the weight may need more pods than there are."""
    candidate, few = s.candidate, awaits_pods and pods_ready(s) < pods_needed(s)
    if candidate.weight.percent == 0:
        return None
    if candidate.effective_since is None:
        return None if few or not s.world.split_in_effect else _start_the_clock(s)
    if s.world.withdrawn:
        return _stop_the_clock(s, Reason.WEIGHT_LOWERED, s.world.withdrawn)
    refused = candidate.hold is not None and candidate.hold.reason == Reason.ROUTE_REFUSED
    if refused and not s.world.split_in_effect:
        reason, why = Reason.WEIGHT_LOWERED, "Its weight is not in effect."
        if s.world.percent:
            reason, given = Reason.ROUTE_REFUSED, f"The route gives it {s.world.percent:g}%"
            why = f"{given}, but it is unknown whether that is in effect."
        return _stop_the_clock(s, reason, f"{why} {s.world.why_no_route}".rstrip())
    if few and _carried(s) < candidate.weight.percent:
        why = "Pods became unready." if pods_are_lost(s) else "Pods are added."
        pods = s.world.why_no_pods or why
        message = f"{pods_ready(s)} of {pods_needed(s)} pods are ready. {pods}"
        return _stop_the_clock(s, Reason.WEIGHT_LOWERED, message)
    return None


def _start_the_clock(s: Situation) -> Situation | None:
    candidate = s.candidate
    if other_revisions(s) or reads_history(s):
        return None
    noted = s.to(timeline=took_effect(s.status.timeline, candidate.weight, s.now))
    return noted.to_candidate(
        effective_since=s.now,
        entries=candidate.entries + 1,
        step_since=s.now,
        silence=None,
        checks=enter_step(candidate.checks, again=candidate.entries > 0),
    )


def _stop_the_clock(s: Situation, reason: Reason, why: str) -> Situation:
    stopped = s.to_candidate(effective_since=None).to(
        timeline=weight_ended(s.status.timeline, s.now)
    )
    return stopped.because(reason, s.candidate.revision, why)


def notice_whether_anything_can_be_judged(s: Situation) -> Situation | None:
    """Time without the weight or metrics, with another split, while the revisions are asked
    differently, or with a pod to mend does not count towards maxStepDuration."""
    candidate = s.candidate
    split_is_wrong = any(check.split_is_wrong for check in candidate.checks)
    waits_for_a_pod = bool(pods_to_mend(candidate))
    blind = bool(candidate.checks) and overall_verdict(s) in ("Error", "NoData")
    differ = arms_differ(candidate) is not None
    interrupted = candidate.interrupted_since is not None
    unreadable = interrupted or blind or split_is_wrong or differ or waits_for_a_pod
    if unreadable and candidate.unreadable_since is None:
        return s.to_candidate(unreadable_since=s.now)
    if not unreadable and candidate.unreadable_since is not None:
        lost = s.now - candidate.unreadable_since
        return s.to_candidate(unreadable_since=None, unmeasured=candidate.unmeasured + lost)
    return None


def promote_the_first_revision(s: Situation) -> Situation | None:
    """As soon as its pods are ready, there is something to fall back on."""
    held = (
        _wait_while_withdrawn(s)
        or _wait_for_replicas(s)
        or _wait_for_all_pods(s)
        or _wait_for_the_route(s)
    )
    if held:
        return _changed(s, held)
    return s.promote(f"Revision {s.candidate.revision} serves.")


def promote_the_former_revision(s: Situation) -> Situation | None:
    """An undo is not judged: whoever types it wants to leave the revision that serves."""
    held = _wait_while_withdrawn(s) or _wait_for_pods_that_are_better_than_none(s)
    if held:
        return _changed(s, held)
    return s.promote(f"Revision {s.candidate.revision} serves again.")


def promote_by_command(s: Situation) -> Situation | None:
    """Its pods alone are waited for."""
    held = _wait_while_withdrawn(s) or _wait_for_pods_that_are_better_than_none(s)
    return _changed(s, held) if held else _promote_with_evidence(s)


def promote_after_the_steps(s: Situation) -> Situation | None:
    """Every step has passed, and nothing speaks against it since."""
    held = (
        _wait_while_withdrawn(s)
        or hold_while_images_differ(s)
        or _wait_while_paused(s)
        or _wait_for_all_pods(s)
        or _serve_on(s)
        or _wait_for_the_route(s)
        or _wait_for_like_arms(s)
        or _wait_for_a_pod(s)
        or _wait_for_a_look(s)
    )
    return _changed(s, held) if held else _promote_with_evidence(s)


def _promote_with_evidence(s: Situation) -> Situation:
    candidate = s.candidate
    evidence = messages_of(candidate.deciding)
    if candidate.inputs and candidate.inputs.unmatched:
        evidence = f"{evidence} {candidate.inputs.unmatched}".strip()
    promoted = f"Revision {candidate.revision} is promoted. {evidence}".strip()
    return guarding.begin(s, evidence) or s.promote(promoted)


def go_on_or_say_why_not(s: Situation) -> Situation | None:
    """Advance, or give the reason for waiting."""
    held = (
        _wait_for_late_pods(s)
        or _serve_on(s)
        or hold_while_images_differ(s)
        or _wait_for_traffic(s)
        or _wait_for_what_is_measured(s)
        or _wait_while_paused(s)
    )
    if held:
        return _changed(s, held)
    step = current_step(s.steps, s.candidate)
    # one that has failed is not rolled back while nothing else serves
    found = step.failed(s) or step.look(s) if step else Passed()
    if not isinstance(found, Passed):
        begins = found.begins if isinstance(found, Running) else None
        begun = s.to_candidate(task=begins) if begins else s
        return _changed(s, begun.hold(found.reason, found.message))
    if unfit := unfit_next(s):
        return _changed(s, s.hold(Reason.INVALID_SPEC, f"{unfit}."))
    shown = found.message
    raises = s.candidate.weight.percent > 0 and gives_more_next(s)
    return _pass_the_gate(s, shown) if raises else enter_next_step(s, shown)


def _wait_while_withdrawn(s: Situation) -> Situation | None:
    return _hold_for_the_route(s) if s.world.withdrawn else None


def _wait_for_the_route(s: Situation) -> Situation | None:
    return None if s.world.split_in_effect else _hold_for_the_route(s)


def _wait_for_replicas(s: Situation) -> Situation | None:
    if s.desired.spec.replicas:
        return None
    message = "spec.replicas is 0, and no pod of this revision was ever ready; increase it."
    return s.hold(Reason.SCALED_TO_ZERO, message)


def _wait_for_all_pods(s: Situation) -> Situation | None:
    if pods_ready(s) >= pods_needed(s):
        return None
    return _wait_for_late_pods(s) or s.hold(Reason.AWAITING_PODS, _pods_message(s))


def _wait_for_pods_that_are_better_than_none(s: Situation) -> Situation | None:
    """If nothing else serves, one pod is enough."""
    alone = s.stable_is_down or s.serves_alone
    return None if alone and pods_ready(s) > 0 else _wait_for_all_pods(s)


def _serve_on(s: Situation) -> Situation | None:
    """The spec no longer has the candidate, which is the only revision that serves."""
    candidate, stable, replicas = s.candidate, s.status.stable, s.desired.spec.replicas
    if candidate.revision == s.desired.revision or stable is None:
        return None
    return s.hold(
        Reason.AWAITING_PODS,
        f"The spec has revision {s.desired.revision}, but stable revision {stable.revision} had no "
        f"ready pod, and has {s.world.ready(stable.revision)} of {replicas} now: "
        f"{candidate.revision} serves until all are ready, or one is steadily. To make "
        f"{candidate.revision} stable instead, set serinus.dev/command to "
        f"promote/{candidate.revision}. "
        f"{s.world.why_no_pods}".rstrip(),
    )


def _wait_for_a_look(s: Situation) -> Situation | None:
    """The last step has passed, but since then the checks have changed, or find no data."""
    found = overall_verdict(s)
    if not s.steps or s.candidate.analysis_since is None:
        return None
    if found not in ("NoData", "Error"):
        return None
    message = messages_of(check for check in s.candidate.deciding if check.verdict == "NoData")
    return _wait_for_metrics(s) or s.hold(Reason.NO_DATA, message or "No measurement yet.")


def _wait_for_traffic(s: Situation) -> Situation | None:
    if s.desired.spec.replicas == 0:
        return s.hold(
            Reason.SCALED_TO_ZERO,
            "spec.replicas is 0, so there is no traffic to analyse; increase it.",
        )
    if others := other_revisions(s):
        first = (
            f"Pods of revision {', '.join(others)} must be deleted before this one gets traffic."
        )
        return s.hold(Reason.AWAITING_PODS, f"{first} {s.world.why_no_pods}".rstrip())
    if held := _wait_for_all_pods(s):
        return held
    if reads_history(s):
        why = "Reading stable's last hour before the candidate gets traffic."
        return _wait_for_metrics(s) or s.hold(Reason.NO_DATA, why)
    in_effect = s.candidate.effective_since is not None and s.world.split_in_effect
    if s.candidate.weight.percent > 0 and not in_effect:
        return _hold_for_the_route(s)
    if given_of(s.candidate).preview and not s.world.split_in_effect:
        return _hold_for_the_route(s)
    return None


def _wait_for_what_is_measured(s: Situation) -> Situation | None:
    """In a preview nothing is, and what the last look found would be waited for in vain."""
    if given_of(s.candidate).preview and s.candidate.analysis_since is None:
        return None
    return (
        _wait_for_the_split(s)
        or _wait_for_like_arms(s)
        or _wait_for_metrics(s)
        or _wait_for_a_pod(s)
    )


def _wait_for_the_split(s: Situation) -> Situation | None:
    wrong = [check for check in s.candidate.checks if check.split_is_wrong]
    if not wrong:
        return None
    until = "Held until the traffic split is correct, or analysis.onWrongSplit is Ignore."
    if s.candidate.weight.mirrored:
        cannot = "a gateway that cannot mirror by percentage copies all requests, or none"
        until = f"{until} It gets copies: {cannot}; {SEE_ITS_CLASS}."
    return s.hold(Reason.TRAFFIC_SPLIT_WRONG, f"{until} {messages_of(wrong, 'Check')}")


def arms_differ(candidate: Candidate) -> Unlike | None:
    """The feature by which it is asked differently from stable; None: none is known, or no check
    decides."""
    return candidate.inputs.unlike if candidate.inputs and candidate.deciding else None


def _wait_for_like_arms(s: Situation) -> Situation | None:
    unlike = arms_differ(s.candidate)
    if unlike is None:
        return None
    message = f"Held until both revisions receive similar inputs. {unlike.message}"
    return s.hold(Reason.ARMS_DIFFER, message)


def _wait_for_metrics(s: Situation) -> Situation | None:
    errors = [check for check in s.candidate.deciding if check.verdict == "Error"]
    if not errors:
        return None
    message = f"Held until metrics can be read. {messages_of(errors, 'Check')}"
    return s.hold(Reason.METRICS_UNAVAILABLE, message)


def _wait_for_a_pod(s: Situation) -> Situation | None:
    """One bad pod of stable hides a bad candidate; of the candidate it may be the node's fault."""
    checks = s.candidate.checks
    differ = {pod: check for check in checks for pod in check.waits_for_stable_pods}
    blamed = {pod: check for check in checks for pod in check.waits_for_own_pods}
    if differ:
        pods = named("stable's pod", differ, ("recovers or is", "recover or are"))
        until = f"Held until {pods} removed. {about_replacing(s, differ)}".rstrip()
        return s.hold(Reason.STABLE_POD_DIFFERS, _about_pods(s, until, differ))
    if blamed:
        pods = named("the candidate's pod", blamed, ARE)
        until = f"Held until {pods} removed. {about_replacing(s, blamed)}".rstrip()
        for_a_person = waits_for_a_person(s, blamed)
        reason = Reason.ONE_POD_TO_BLAME if for_a_person else Reason.POD_REPLACED
        return s.hold(reason, _about_pods(s, until, blamed))
    return None


def _about_pods(s: Situation, until: str, pods: Mapping[str, CheckStatus]) -> str:
    checks = {check.name: check for check in pods.values()}
    return " ".join([until, *_nodes(s, pods), messages_of(checks.values(), "Check")])


def _nodes(s: Situation, pods: Iterable[str]) -> Iterator[str]:
    """A sentence for each pod whose node is known."""
    for pod in pods:
        if node := s.world.nodes.get(pod):
            yield f"Pod {pod} is on node {node}."


def pods_to_mend(candidate: Candidate) -> set[str]:
    """Pods of both revisions for which the rollout waits."""
    checks = candidate.checks
    return {
        pod for each in checks for pod in (*each.waits_for_stable_pods, *each.waits_for_own_pods)
    }


def note_what_the_step_has_done(s: Situation) -> Situation | None:
    """It is not lost while the step waits for something else."""
    step = current_step(s.steps, s.candidate)
    return step.noted(s) if step else None


def roll_back_when_the_step_fails(s: Situation) -> Situation | None:
    """What it runs has failed. While that may be about something else, only traffic is withdrawn,
    and the step starts again afterwards."""
    step, doubted = current_step(s.steps, s.candidate), in_doubt(s)
    if step is None or (doubted and not s.candidate.weight.percent):
        return None
    if (found := step.failed(s)) is None:
        return None
    if doubted:
        return withdraw_instead_of_blaming(s, found.message)
    return s.reject(found.reason, found.message)


def _wait_while_paused(s: Situation) -> Situation | None:
    if not s.desired.spec.rollout.paused:
        return None
    return s.hold(Reason.PAUSED_BY_SPEC, "spec.rollout.paused is true.")


def _pass_the_gate(s: Situation, shown: str) -> Situation | None:
    """More traffic only after every check has passed at this weight. `shown`: by the step."""
    found, deciding = overall_verdict(s), s.candidate.deciding
    evidence = messages_of(check for check in deciding if check.verdict == found)
    if found == "Pass":
        return enter_next_step(s, with_audit(f"{shown} {evidence}".strip(), s.candidate))
    evidence = f"{_silent_so_far(s)}{evidence}"
    if found == "NoData":
        return _changed(s, s.hold(Reason.NO_DATA, evidence or "No measurement yet."))
    starts = any(each.waits_for_a_start for each in deciding)  # it is bad, or will level off soon
    if starts or not s.reached(_step_times_out(s)):
        return _changed(s, s.hold(Reason.AWAITING_VERDICT, evidence))
    analysis = s.desired.spec.rollout.analysis
    longest = spoken(step_may_last(analysis, s.candidate))
    message = f"No verdict within maxStepDuration {longest}. {evidence}"
    if analysis.on_inconclusive == "Rollback" and not s.serves_alone:
        return s.reject(Reason.INCONCLUSIVE, message)
    if analysis.on_inconclusive == "Promote":
        return enter_next_step(s, with_audit(message, s.candidate))
    return _changed(s, _told_once(s.hold(Reason.INCONCLUSIVE, message), message))


def _told_once(s: Situation, message: str) -> Situation:
    """With the decision that the step waits for a person, once at each weight."""
    reason, since = Reason.STEP_TIMED_OUT, _weight_since(s.candidate)
    told = (each.reason == reason and each.at >= since for each in s.status.decisions)
    return s if any(told) else s.because(reason, s.candidate.revision, message)


def counts_in_silence(s: Situation, silence: Silence) -> str:
    """Why the candidate may count nothing, if its template shows that, and the counts of both arms,
    as the beginning of a message."""
    weight = s.candidate.weight
    at = f"at {weight.actual or weight.wanted:g}% of the traffic"
    if weight.mirrored:
        at = f"from copies of {weight.mirrored:g}%"
    counts = (
        f"The candidate answered 0 of about {silence.expected:.0f} requests expected {at}, and "
        f"stable {silence.stable:.0f}"
    )
    return f"{s.world.less_scraped} {counts}".lstrip()


def _silent_so_far(s: Situation) -> str:
    """Not at the first look, in which stable may only have been scraped later."""
    silence = s.candidate.silence
    if silence is None or silence.since is None or silence.until <= silence.since:
        return ""
    return f"{counts_in_silence(s, silence)}, since its last request was counted. "


def _step_times_out(s: Situation) -> float:
    """Time at which onInconclusive decides, Unix seconds; time without metrics is added."""
    maximum = step_may_last(s.desired.spec.rollout.analysis, s.candidate)
    return _weight_since(s.candidate) + maximum + s.candidate.unmeasured


def _weight_since(candidate: Candidate) -> float:
    return candidate.weight_since or candidate.effective_since or math.inf


def _pods_message(s: Situation) -> str:
    return f"{pods_ready(s)} of {pods_needed(s)} pods are ready. {s.world.why_no_pods}".rstrip()


def _hold_for_the_route(s: Situation) -> Situation:
    hold, problem = s.candidate.hold, s.world.route_problem
    if (
        (problem is not None and problem.needs_a_person)
        or (hold is not None and hold.reason == Reason.ROUTE_REFUSED)
        or (
            hold is not None
            and hold.reason == Reason.AWAITING_ROUTE
            and s.reached(hold.since + ROUTE_PATIENCE)
        )
    ):
        return s.hold(Reason.ROUTE_REFUSED, s.world.why_no_route)
    waits = "Waiting for the traffic split to take effect."
    return s.hold(Reason.AWAITING_ROUTE, s.world.why_no_route or waits)


def _changed(before: Situation, after: Situation) -> Situation | None:
    return None if after == before else after
