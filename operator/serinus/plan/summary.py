"""Phase, message and conditions, derived from the rest of the status."""

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

from serinus.api.base import rfc3339
from serinus.api.reasons import About, Needs, Reason, meaning_of
from serinus.api.stages import AWAITS_PROMOTION, Stage
from serinus.api.status import (
    Candidate,
    Condition,
    Guarding,
    Phase,
    Rejected,
    Retiring,
    Status,
    Weight,
)
from serinus.manifests.routers import router_for
from serinus.plan.after_promotion import goes_on_until, hindered, not_compared, why_it_goes_on
from serinus.plan.chosen_steps import step_may_last
from serinus.plan.following import Following
from serinus.plan.guarding import gives_up_waiting
from serinus.plan.monitoring_reports import Report, announce, reports
from serinus.plan.problems import Problem, Severity
from serinus.plan.progress import (
    ERRORS_BEFORE_PAUSE,
    ROUTE_PATIENCE,
    overall_verdict,
    pods_ready,
)
from serinus.plan.retraining import say_why_no_retraining_starts
from serinus.plan.situation import InternalError, Situation
from serinus.plan.traffic import given_of
from serinus.plan.unable import first_unfit_step
from serinus.plan.wording import messages_of

Truth = Literal["True", "False", "Unknown"]


@dataclass(frozen=True, slots=True)
class Summary:
    """Phase, reason and message, and whether only a person can change it."""

    phase: Phase
    reason: str
    message: str
    stalled: bool = False
    told: Problem | None = None
    """The problem that the message names."""


def report(s: Situation) -> Situation:
    """Set phase, message and conditions."""
    summary = _summary(s)
    interventions = _of(s, Severity.INTERVENTION)
    if interventions:
        reason = interventions[0].reason
        summary = replace(summary, phase="Degraded", reason=reason, stalled=True)
    outages = _of(s, Severity.OUTAGE)
    notes = [each for each in _of(s, Severity.NOTE) if each.about in _NOTED]
    told = {summary.told, *interventions, *outages}
    sentences = [
        *(each.text for each in interventions if each != summary.told),
        summary.message,
        _stable_is_down(s, told),
        _still_led_to(s, told),
        *(each.text for each in (*outages, *notes) if each != summary.told),
    ]
    summary = replace(summary, message=" ".join(map(_stopped, filter(None, sentences))))
    reported = s.to(
        observed_generation=s.desired.generation,
        phase=summary.phase,
        message=summary.message[:1024],
    )
    if summary.phase in _OF_A_PERSON and _is_outage(reported):
        reported = reported.to(phase="Unavailable")
    monitored = list(reports(reported))
    conditions = _conditions(reported, summary, monitored)
    images = _images(s)
    if images and not _is_true(s.status, "ImagesDiffer"):
        stable = s.status.stable.revision if s.status.stable else ""
        reported = reported.because(Reason.IMAGES_DIFFER, stable, images)
    for each in monitored:
        before = _before(s.status, each.condition)
        reported = announce(reported, before.status if before else None, each)
    return say_why_no_retraining_starts(reported.to(conditions=conditions))


_OF_A_PERSON: Final = ("RolledBack", "Degraded")


def _is_outage(s: Situation) -> bool:
    """Whether nobody is served, though a revision is stable."""
    if s.status.stable is None:
        return False
    status, _, _ = _available(s)
    return bool(_of(s, Severity.OUTAGE)) or (status == "False" and not s.serves_alone)


_NOTED: Final = (About.REQUESTS, About.HISTORY)
"""What notes are about that each message has. Others are told where what they are about is."""


def _of(s: Situation, severity: Severity) -> list[Problem]:
    return [each for each in s.world.problems if each.severity is severity]


def _untold(problem: Problem | None, told: Container[Problem | None]) -> str:
    """What is to be said of a problem; empty: nothing, or it is told elsewhere."""
    return "" if problem is None or problem in told else problem.text


def _stopped(sentence: str) -> str:
    return sentence if sentence.endswith((".", "…", "?")) else f"{sentence}."


def taken_before(status: Status) -> str:
    """The last message about a name that is taken; otherwise empty."""
    ready = _before(status, "Ready")
    return ready.message if ready and ready.reason == Reason.NAME_TAKEN else ""


def refuse(
    status: Status, generation: int, message: str, now: float, *, withdrawn: bool = False
) -> Status:
    """The status for a spec that cannot be read: nothing else changes. `withdrawn`: stable gets
    the candidate's traffic meanwhile."""
    summary = Summary("Degraded", Reason.INVALID_SPEC, message, stalled=True)
    return _only_told(status, generation, summary, now, withdrawn=withdrawn)


def await_model(
    status: Status,
    generation: int,
    following: Following,
    now: float,
    *,
    withdrawn: bool = False,
) -> Status:
    """The status for a spec whose model is not known, and none that it had before. `withdrawn`: as
    for a spec that cannot be read."""
    refused = following.reason is Reason.REGISTRY_REFUSED
    phase: Phase = "Degraded" if refused else "Progressing"
    summary = Summary(phase, following.reason, following.message, stalled=refused)
    told = _only_told(status, generation, summary, now, withdrawn=withdrawn)
    followed = _model_resolved(status, following, generation, now)
    return told.replace(conditions=[*told.conditions, followed])


def _only_told(
    status: Status, generation: int, summary: Summary, now: float, *, withdrawn: bool
) -> Status:
    meanwhile, candidate = "", status.candidate
    if withdrawn and candidate is not None:
        meanwhile = (
            f" Revision {candidate.revision} is not judged meanwhile, so it receives no requests "
            "of clients until this is fixed."
        )
        if candidate.weight.actual:
            weight = candidate.weight.replace(actual=0.0, since=now)
            status = status.replace(candidate=candidate.replace(weight=weight))
    message = f"{summary.message[: 1024 - len(meanwhile)]}{meanwhile}"
    summary = replace(summary, message=message)
    refused = status.replace(
        observed_generation=generation, phase=summary.phase, message=summary.message
    )
    why = "Pods are not counted meanwhile."
    conditions = _standard(refused, generation, summary, now)
    conditions.append(
        _condition(refused, "Available", "Unknown", summary.reason, why, generation, now)
    )
    return refused.replace(conditions=conditions)


def _summary(s: Situation) -> Summary:
    if s.desired.problems:
        message = " ".join(s.desired.problems)
        if s.serves_alone:
            message = (
                f"{message} Revision {s.candidate.revision} serves until stable's pods are ready."
            )
        return Summary("Degraded", Reason.INVALID_SPEC, message, stalled=True)
    if s.promoted:
        guarded, unserved = _summary_of_the_guard(s, s.candidate), _why_nobody_is_served(s)
        if unserved is None or guarded.phase == "Degraded":
            return guarded
        return replace(guarded, phase="Degraded", reason=unserved, stalled=True)
    if s.status.candidate:
        return _summary_of_the_rollout(s, s.status.candidate)
    unfit = s.desired.incompatibility or first_unfit_step(s)
    if unfit and not (s.status.rejected or _is_stable(s, s.desired.revision)):
        message = f"Revision {s.desired.revision} is not rolled out: {unfit}."
        return Summary("Degraded", Reason.INVALID_SPEC, message, stalled=True)
    if rejected := s.status.rejected:
        message = f"Revision {rejected.revision} {_how_it_goes(s, rejected)}. {rejected.message}"
        return Summary("RolledBack", rejected.reason, message, stalled=True)
    return _summary_of_stable(s)


def _how_it_goes(s: Situation, rejected: Rejected) -> str:
    """What a rejected revision still gets."""
    if rejected.revision in {old.revision for old in _served_on(s)}:
        return "is losing its traffic"
    workload = s.world.workloads.get(rejected.revision)
    if router_for(s.desired.spec).shares_one_service and workload and not workload.empty:
        return "gets no new connections, and those that are open end with its pods"
    return "gets no traffic"


def _served_on(s: Situation) -> list[Retiring]:
    """Revisions whose traffic was removed but may still arrive."""
    return [old for old in s.status.retiring if old.idle_since is None]


def _still_led_to(s: Situation, told: Container[Problem | None]) -> str:
    """What the pods of such revisions wait for, if it lasts."""
    late = [old.revision for old in _served_on(s) if s.reached(old.since + ROUTE_PATIENCE)]
    if not late:
        return ""
    why = _untold(s.world.route_problem, told)
    stay = f"Pods of revision {', '.join(late)} stay, because they may still get traffic"
    return f"{stay}: {why}" if why else stay


def _stable_is_down(s: Situation, told: Container[Problem | None]) -> str:
    """That stable has no ready pod, if the rest of the message does not say so."""
    stable, replicas = s.status.stable, s.desired.spec.replicas
    other = s.status.candidate is not None or s.status.rejected is not None
    if stable is None or not other or stable.ready_replicas or not replicas or s.promoted:
        return ""
    why = _untold(s.world.first(About.PODS), told)
    return f"Stable revision {stable.revision} has 0 of {replicas} pods ready. {why}".rstrip()


def _is_stable(s: Situation, revision: str) -> bool:
    return s.status.stable is not None and s.status.stable.revision == revision


def _summary_of_the_rollout(s: Situation, candidate: Candidate) -> Summary:
    hold = candidate.hold
    where, estimates = f"{_where(s, candidate)}{_given(s)}", _estimates(candidate)
    estimates = f"{estimates}{_unmatched(candidate)}"
    if hold is None:
        reason = Reason.PROMOTING if candidate.stage in AWAITS_PROMOTION else "Rollout"
        return Summary("Progressing", reason, f"{where}{estimates}")
    message = f"{where} {_stopped(hold.message)}{estimates}"
    meaning = meaning_of(hold.reason)
    told = s.world.first(*meaning.about)
    if meaning.needs is Needs.REPAIR:
        return Summary("Degraded", hold.reason, message, stalled=True, told=told)
    if (unserved := _why_nobody_is_served(s)) is not None:
        return Summary("Degraded", unserved, message, stalled=True, told=told)
    if s.stable_is_down:
        return Summary("Degraded", hold.reason, message, told=told)
    long_without_data = hold.reason == Reason.NO_DATA and s.reached(
        hold.since + step_may_last(s.desired.spec.rollout.analysis, candidate)
    )
    unreadable = (
        hold.reason == Reason.METRICS_UNAVAILABLE
        and candidate.errors_in_a_row >= ERRORS_BEFORE_PAUSE
    )
    paused = meaning.needs is Needs.PERSON or long_without_data or unreadable
    return Summary("Paused" if paused else "Progressing", hold.reason, message, told=told)


def _why_nobody_is_served(s: Situation) -> Reason | None:
    """Though a revision is stable, and whatever its rollout waits for, as before the candidate's
    first traffic; None: somebody is served, or nobody is only now."""
    outages = _of(s, Severity.OUTAGE) if s.status.stable else []
    if not outages:
        return None
    if outages[0].about is not About.ROUTE:
        return outages[0].reason
    return Reason.ROUTE_REFUSED if _route_awaited_for_too_long(s) else None


def _given(s: Situation) -> str:
    """Additional information about a split in effect, such as an actual weight that differs."""
    if not s.world.split_in_effect:
        return ""
    notes = [each.text for each in _of(s, Severity.NOTE) if each.about is About.ROUTE]
    return "".join(f" {each[:1].upper()}{each[1:]}." for each in notes)


def _estimates(candidate: Candidate) -> str:
    """Estimates, until something was measured."""
    if candidate.baseline is None or candidate.measured_at is not None:
        return ""
    return f" {candidate.baseline.message}"


def _unmatched(candidate: Candidate) -> str:
    """The features that only one of the revisions exports."""
    found = candidate.inputs.unmatched if candidate.inputs else ""
    return f" {found}" if found else ""


def _where(s: Situation, candidate: Candidate) -> str:
    if candidate.stage is Stage.FIRST:
        return f"First deployment of revision {candidate.revision}."
    if candidate.stage is Stage.RETURNING:
        return f"Returning to revision {candidate.revision}."
    steps = len(s.steps)
    step = f"step {min(candidate.step + 1, steps)} of {steps}, " if steps else ""
    step = "promoting, " if candidate.stage in AWAITS_PROMOTION else step
    by = candidate.approved
    approved = f", step {by.step + 1} approved by {by.by}" if by else ""
    return f"Revision {candidate.revision}: {step}{given_of(candidate)}{approved}."


def _summary_of_the_guard(s: Situation, candidate: Candidate) -> Summary:
    """The rollout is done: the promoted revision is reported as stable is at other times."""
    guarding, stable, replicas = candidate.guarding, s.status.stable, s.desired.spec.replicas
    if guarding is None or stable is None:
        raise LookupError("no revision is guarded")
    if begun := guarding.taking_back:
        latest = f", or at {rfc3339(gives_up_waiting(s, begun))[:16]}Z at the latest."
        if s.stable_is_down and pods_ready(s):
            latest = f". {candidate.revision} serves until then, or for good once it is promoted."
        message = (
            f"Revision {stable.revision} takes the traffic back once its pods are ready "
            f"({stable.ready_replicas} of {replicas} now){latest}"
        )
        return Summary("Progressing", begun.reason, f"{message} {begun.message}")
    ready = pods_ready(s)
    message = (
        f"Revision {candidate.revision} serves with {ready} of {replicas} pods, and is guarded "
        f"{_until(s, guarding)}: {_held_back(candidate.weight)} of the traffic "
        f"stays with revision {stable.revision}.{not_compared(s)}{hindered(s)}"
    )
    if ready < replicas:
        message = f"{message} {s.world.why_no_pods}".rstrip()
        told = s.world.first(*Reason.AWAITING_PODS.meaning.about)
        if ready or stable.ready_replicas:
            return Summary("Progressing", Reason.AWAITING_PODS, message, told=told)
        return Summary("Degraded", Reason.UNAVAILABLE, message, told=told)
    if s.stable_is_down:
        why = f"Revision {stable.revision} has no ready pod, and gets no traffic until it has."
        return Summary("Healthy", Reason.GUARDED, f"{message} {why}")
    return _awaited_route(s, message) or Summary("Healthy", Reason.GUARDED, message)


def _until(s: Situation, guarding: Guarding) -> str:
    """When the guard ends, or why it has not ended."""
    until = f"until {rfc3339(guarding.until)[:16]}Z"
    hindrance = why_it_goes_on(s) if s.reached(guarding.until) else ""
    if not hindrance:
        return until
    latest = rfc3339(goes_on_until(s, guarding))[:16]
    return (
        f"{until}, and on: it cannot end ({hindrance.rstrip('.')}), and if that lasts until "
        f"{latest}Z, the previous revision takes the traffic back"
    )


def _held_back(weight: Weight) -> str:
    """What the previous revision gets, and what it should get if that differs."""
    has, wanted = 100 - weight.actual, 100 - weight.wanted
    return f"{has:.0f}%" if abs(has - wanted) < 1 else f"{has:.0f}% instead of {wanted:g}%"


def _awaited_route(s: Situation, message: str) -> Summary | None:
    """That the route is not in effect yet, or for nobody; None: it is."""
    if (outranked := s.world.first(About.REQUESTS)) is not None:
        told = f"{message} {outranked.text}"
        return Summary("Degraded", outranked.reason, told, stalled=True, told=outranked)
    problem, waits = s.world.route_problem, s.world.why_no_route
    if problem is not None and problem.needs_a_person:
        return Summary("Degraded", Reason.ROUTE_REFUSED, waits, stalled=True, told=problem)
    if not s.new_decisions and s.world.split_in_effect:
        return None
    if not waits and not _of(s, Severity.INTERVENTION):
        waits = "Waiting for its route to take effect."
    if not s.new_decisions and _route_awaited_for_too_long(s):
        return Summary("Degraded", Reason.ROUTE_REFUSED, waits, stalled=True, told=problem)
    message = f"{message} {waits}".rstrip()
    return Summary("Progressing", Reason.AWAITING_ROUTE, message, told=problem)


def _summary_of_stable(s: Situation) -> Summary:
    stable, replicas = s.status.stable, s.desired.spec.replicas
    if stable is None:
        return Summary("Progressing", Reason.FIRST_DEPLOYMENT, "No revision is deployed yet.")
    ready = stable.ready_replicas
    message = f"Revision {stable.revision} serves with {ready} of {replicas} pods."
    if awaited := _awaited_route(s, message):
        return awaited
    if ready >= replicas:
        return Summary("Healthy", Reason.HEALTHY, message)
    message, told = f"{message} {s.world.why(About.PODS)}".rstrip(), s.world.first(About.PODS)
    if ready:
        return Summary("Progressing", Reason.AWAITING_PODS, message, told=told)
    return Summary("Degraded", Reason.UNAVAILABLE, message, told=told)


def _route_awaited_for_too_long(s: Situation) -> bool:
    """A refusal stays reported until the route is in effect, also after a restart."""
    before, since = _before(s.status, "Ready"), s.world.route_awaited_since
    refused = before is not None and before.reason in (Reason.ROUTE_REFUSED, Reason.NAME_TAKEN)
    return refused or (since is not None and s.reached(since + ROUTE_PATIENCE))


def _conditions(s: Situation, summary: Summary, monitored: list[Report]) -> list[Condition]:
    generation = s.desired.generation
    conditions = _standard(s.status, generation, summary, s.now)
    conditions.append(_condition(s.status, "Available", *_available(s), generation, s.now))
    if (followed := s.desired.following) is not None:
        conditions.append(_model_resolved(s.status, followed, generation, s.now))
    if (metrics := _metrics(s)) is not None:
        conditions.append(_condition(s.status, "MetricsAvailable", *metrics, generation, s.now))
    if s.desired.ignored:
        message = f"{' '.join(s.desired.ignored)} Upgrade the operator, or remove them."
        unknown = Reason.FIELDS_UNKNOWN
        conditions.append(
            _condition(s.status, "FieldsIgnored", "True", unknown, message, generation, s.now)
        )
    if images := _images(s):
        differ = Reason.IMAGES_DIFFER, images
        conditions.append(_condition(s.status, "ImagesDiffer", "True", *differ, generation, s.now))
    if node := _node_suspected(s):
        suspected = Reason.NODE_SUSPECTED, node
        conditions.append(
            _condition(s.status, "NodeSuspected", "True", *suspected, generation, s.now)
        )
    for each in monitored:
        found = each.status, each.reason, each.message
        conditions.append(_condition(s.status, each.condition, *found, generation, s.now))
    if s.world.internal_errors:
        conditions.append(internal_error(s.status, s.world.internal_errors, generation, s.now))
    overriding = [each for each in s.world.problems if each.reason is Reason.CHANGED_BY_OTHERS]
    if overriding:
        changed = Reason.CHANGED_BY_OTHERS, " ".join(each.text for each in overriding)
        conditions.append(_condition(s.status, "Overridden", "True", *changed, generation, s.now))
    return conditions


def _model_resolved(status: Status, following: Following, generation: int, now: float) -> Condition:
    truth: Truth = "True" if following.resolved else "False"
    said = truth, following.reason, following.message
    return _condition(status, "ModelResolved", *said, generation, now)


def internal_error(
    status: Status, errors: Iterable[InternalError], generation: int, now: float
) -> Condition:
    """The condition that says which parts of the operator raise exceptions."""
    message = " ".join(each.message for each in errors)
    raised = Reason.INTERNAL_ERROR, message
    return _condition(status, "InternalError", "True", *raised, generation, now)


def _images(s: Situation) -> str:
    """Which pods of one revision run different images; what was known until pods are listed."""
    if s.world.mixed is not None:
        return " ".join(s.world.mixed.values())
    before = _before(s.status, "ImagesDiffer")
    return before.message if before else ""


def _node_suspected(s: Situation) -> str:
    """The node on which alone pods of the candidate were bad; after the rollout it is named until
    the next one begins."""
    if s.status.candidate is not None:
        return s.status.candidate.node_suspected
    for decision in s.new_decisions:  # it was named and promoted in one pass
        if decision.reason == Reason.NODE_SUSPECTED:
            return decision.message
    before = _before(s.status, "NodeSuspected")
    return before.message if before else ""


def _is_true(status: Status, condition: str) -> bool:
    before = _before(status, condition)
    return before is not None and before.status == "True"


def _available(s: Situation) -> tuple[Literal["True", "False"], Reason, str]:
    """Whether stable serves, whatever a rollout does meanwhile."""
    stable, replicas = s.status.stable, s.desired.spec.replicas
    if stable is None:
        return "False", Reason.FIRST_DEPLOYMENT, "No revision is stable yet."
    if outages := _of(s, Severity.OUTAGE):
        return "False", outages[0].reason, outages[0].text
    ready = s.world.ready(stable.revision)
    message = f"Stable revision {stable.revision} has {ready} of {replicas} pods ready."
    if s.promoted:
        message = f"{message} Promoted revision {s.promoted} has {s.world.ready(s.promoted)}."
        ready = max(ready, s.world.ready(s.promoted))
    if not replicas:
        return "True", Reason.SCALED_TO_ZERO, message
    if not ready:
        return "False", Reason.UNAVAILABLE, f"{message} {s.world.why(About.PODS)}".rstrip()
    return "True", Reason.STABLE_SERVES, message


def _metrics(s: Situation) -> tuple[Literal["True", "False"], Reason, str] | None:
    """Whether the metrics of all checks that decide can be read; None without such checks."""
    candidate = s.status.candidate
    if candidate is None or not candidate.deciding:
        return None
    unreadable = [c for c in candidate.deciding if c.verdict in ("Error", "NoData")]
    if not unreadable:
        message = f"The metrics of all checks can be read.{_unmatched(candidate)}"
        return "True", Reason.METRICS_READABLE, message
    reason = Reason.METRICS_UNAVAILABLE if overall_verdict(s) == "Error" else Reason.NO_DATA
    return "False", reason, messages_of(unreadable, "Check")


def _standard(status: Status, generation: int, summary: Summary, now: float) -> list[Condition]:
    """Ready, Reconciling and Stalled, as defined by kstatus."""
    truths = {
        "Ready": summary.phase == "Healthy",
        "Reconciling": summary.phase in ("Progressing", "Paused"),
        "Stalled": summary.stalled,
    }
    return [
        _condition(
            status,
            name,
            "True" if true else "False",
            summary.reason,
            summary.message,
            generation,
            now,
        )
        for name, true in truths.items()
    ]


def _condition(
    status: Status,
    name: str,
    value: Truth,
    reason: str,
    message: str,
    generation: int,
    now: float,
) -> Condition:
    before = _before(status, name)
    since = before.last_transition_time if before and before.status == value else now
    return Condition(
        type=name,
        status=value,
        reason=reason,
        message=message[:1024],
        observed_generation=generation,
        last_transition_time=since,
    )


def _before(status: Status, name: str) -> Condition | None:
    """The previous condition."""
    return next((each for each in status.conditions if each.type == name), None)
