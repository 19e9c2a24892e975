"""Where it stands, for people and tools: phase, message and conditions, derived from the rest."""

from dataclasses import dataclass, replace
from typing import Literal

from serinus.api.quantities import seconds
from serinus.api.reasons import Reason
from serinus.api.status import Candidate, Condition, Phase, Retiring, Status
from serinus.plan.monitoring import Drift, announce_drift, drift
from serinus.plan.progress import ERRORS_BEFORE_PAUSE, ROUTE_PATIENCE, verdict
from serinus.plan.situation import Situation

_PAUSED = {Reason.AWAITING_COMMAND, Reason.PAUSED_BY_SPEC, Reason.INCONCLUSIVE}
_STUCK = {
    Reason.PROGRESS_DEADLINE_EXCEEDED,
    Reason.ROUTE_REFUSED,
    Reason.CANDIDATE_SILENT,
    Reason.TRAFFIC_SPLIT_WRONG,
}


@dataclass(frozen=True, slots=True)
class Story:
    """Phase, reason and sentence, and whether only a person can change it."""

    phase: Phase
    reason: str
    message: str
    stalled: bool = False


def tell(s: Situation) -> Situation:
    """Fill in phase, message and conditions."""
    story, trouble = _story(s), s.world.trouble
    if trouble is not None:
        story = replace(story, phase="Degraded", reason=trouble.reason, stalled=True)
    notes = [
        trouble.message if trouble and trouble.message not in story.message else "",
        story.message,
        _stable_is_down(s, story.message),
        _still_led_to(s, story.message),
        "" if s.world.unserved in story.message else s.world.unserved,
        s.world.unkept or "",
        s.world.route_contested,
    ]
    story = replace(story, message=" ".join(map(_stopped, filter(None, notes))))
    told = s.to(
        observed_generation=s.wish.generation, phase=story.phase, message=story.message[:1024]
    )
    drifted, before = drift(told), _before(told.status, "Drifted")
    conditions = _conditions(told, story, drifted)
    told = announce_drift(told, before.status if before else None, drifted)
    return told.to(conditions=conditions)


def _stopped(sentence: str) -> str:
    return sentence if sentence.endswith((".", "…", "?")) else f"{sentence}."


def taken_before(status: Status) -> str:
    """What was told last where a name was taken; else empty."""
    ready = _before(status, "Ready")
    return ready.message if ready and ready.reason == Reason.NAME_TAKEN else ""


def refuse(status: Status, generation: int, message: str, now: float) -> Status:
    """The status of a spec that cannot even be read: nothing else changes."""
    story = Story("Degraded", Reason.INVALID_SPEC, message[:1024], stalled=True)
    told = status.replace(observed_generation=generation, phase=story.phase, message=story.message)
    conditions = _standard(told, generation, story, now)
    return told.replace(conditions=conditions)


def _story(s: Situation) -> Story:
    if s.wish.problems:
        told = " ".join(s.wish.problems)
        if s.serves_alone:
            told = f"{told} Revision {s.candidate.revision} serves on until stable's pods do."
        return Story("Degraded", Reason.INVALID_SPEC, told, stalled=True)
    if s.status.candidate:
        return _story_of_the_rollout(s, s.status.candidate)
    if s.wish.obstacle and not (s.status.rejected or _is_stable(s, s.wish.revision)):
        message = f"Revision {s.wish.revision} is not rolled out: {s.wish.obstacle}."
        return Story("Degraded", Reason.INVALID_SPEC, message, stalled=True)
    if rejected := s.status.rejected:
        gone = rejected.revision not in {old.revision for old in _served_on(s)}
        how = "is not served" if gone else "is being taken out of the traffic"
        message = f"Revision {rejected.revision} {how}. {rejected.message}"
        return Story("Degraded", rejected.reason, message, stalled=True)
    return _story_of_stable(s)


def _served_on(s: Situation) -> list[Retiring]:
    """Revisions that were to lose their traffic, and may not have lost it yet."""
    return [old for old in s.status.retiring if old.idle_since is None]


def _still_led_to(s: Situation, message: str) -> str:
    """What is waited for before the pods of such revisions go, if it lasts."""
    late = [old.revision for old in _served_on(s) if s.now >= old.since + ROUTE_PATIENCE]
    if not late:
        return ""
    why = s.world.route_message
    told = f"Pods of revision {', '.join(late)} stay, since they may still get traffic"
    return f"{told}: {why}" if why and why not in message else told


def _stable_is_down(s: Situation, message: str) -> str:
    """That stable has no ready pod, where the rest of the message does not say it."""
    stable, replicas = s.status.stable, s.wish.spec.replicas
    other = s.status.candidate is not None or s.status.rejected is not None
    if stable is None or not other or stable.ready_replicas or not replicas:
        return ""
    why = "" if s.world.refused_pods in message else f" {s.world.refused_pods}"
    return f"Stable revision {stable.revision} has 0 of {replicas} pods ready.{why}"


def _is_stable(s: Situation, revision: str) -> bool:
    return s.status.stable is not None and s.status.stable.revision == revision


def _story_of_the_rollout(s: Situation, candidate: Candidate) -> Story:
    hold = candidate.hold
    where = f"{_where(s, candidate)}{_given(s)}{_prospects(candidate)}"
    if hold is None:
        return Story("Progressing", Reason.PROMOTING if candidate.promoting else "Rollout", where)
    message = f"{where} {hold.message}"
    if hold.reason in _STUCK:
        return Story("Degraded", hold.reason, message, stalled=True)
    long_without_data = hold.reason == Reason.NO_DATA and s.now >= hold.since + seconds(
        s.wish.spec.rollout.analysis.max_step_duration
    )
    unreadable = (
        hold.reason == Reason.METRICS_UNAVAILABLE
        and candidate.errors_in_a_row >= ERRORS_BEFORE_PAUSE
    )
    if s.stable_is_down:
        return Story("Degraded", hold.reason, message)
    paused = hold.reason in _PAUSED or long_without_data or unreadable
    return Story("Paused" if paused else "Progressing", hold.reason, message)


def _given(s: Situation) -> str:
    """What else to know of a split that is in effect, such as that pods give another weight."""
    told = s.world.route_message if s.world.split_in_effect else ""
    return f" {told[:1].upper()}{told[1:]}." if told else ""


def _prospects(candidate: Candidate) -> str:
    """What is to be expected, until something was measured."""
    if candidate.baseline is None or candidate.measured_at is not None:
        return ""
    return f" {candidate.baseline.message}"


def _where(s: Situation, candidate: Candidate) -> str:
    if candidate.mode == "First":
        return f"First deployment of revision {candidate.revision}."
    if candidate.mode == "Direct":
        return f"Back to revision {candidate.revision}."
    steps = len(s.wish.steps)
    step = f"step {min(candidate.step + 1, steps)} of {steps}, " if steps else ""
    return f"Revision {candidate.revision}: {step}weight {candidate.weight.wanted:g}%."


def _story_of_stable(s: Situation) -> Story:
    stable, replicas = s.status.stable, s.wish.spec.replicas
    if stable is None:
        return Story("Progressing", Reason.FIRST_DEPLOYMENT, "Nothing is deployed yet.")
    ready = stable.ready_replicas
    message = f"Revision {stable.revision} serves with {ready} of {replicas} pods."
    if s.world.route_refused:
        return Story("Degraded", Reason.ROUTE_REFUSED, s.world.route_message, stalled=True)
    if s.news or not s.world.split_in_effect:
        waits = s.world.route_message or ("" if s.world.trouble else "Its route is being written.")
        if not s.news and _route_awaited_for_too_long(s):
            return Story("Degraded", Reason.ROUTE_REFUSED, waits, stalled=True)
        return Story("Progressing", Reason.AWAITING_ROUTE, f"{message} {waits}".rstrip())
    if ready >= replicas:
        return Story("Healthy", Reason.HEALTHY, message)
    message = f"{message} {s.world.refused_pods}".rstrip()
    if ready:
        return Story("Progressing", Reason.AWAITING_PODS, message)
    return Story("Degraded", Reason.UNAVAILABLE, message)


def _route_awaited_for_too_long(s: Situation) -> bool:
    """What was said to be refused stays so until it is in effect, also after a restart."""
    before, since = _before(s.status, "Ready"), s.world.route_awaited_since
    told = before is not None and before.reason in (Reason.ROUTE_REFUSED, Reason.NAME_TAKEN)
    return told or (since is not None and s.now >= since + ROUTE_PATIENCE)


def _conditions(s: Situation, story: Story, drifted: Drift | None) -> list[Condition]:
    generation = s.wish.generation
    conditions = _standard(s.status, generation, story, s.now)
    if (metrics := _metrics(s)) is not None:
        conditions.append(_condition(s.status, "MetricsAvailable", *metrics, generation, s.now))
    if s.wish.ignored:
        told = f"{' '.join(s.wish.ignored)} Upgrade the operator, or leave them out."
        unknown = Reason.FIELDS_UNKNOWN
        conditions.append(
            _condition(s.status, "FieldsIgnored", "True", unknown, told, generation, s.now)
        )
    if drifted is not None:
        found = drifted.status, drifted.reason, drifted.message
        conditions.append(_condition(s.status, "Drifted", *found, generation, s.now))
    if s.world.overridden:
        changed = Reason.CHANGED_BY_OTHERS, s.world.overridden
        conditions.append(_condition(s.status, "Overridden", "True", *changed, generation, s.now))
    return conditions


def _metrics(s: Situation) -> tuple[Literal["True", "False"], Reason, str] | None:
    """Whether all checks find their metrics; None while there is nothing to find."""
    candidate = s.status.candidate
    if candidate is None or not candidate.checks:
        return None
    unreadable = [c for c in candidate.checks if c.verdict in ("Error", "NoData")]
    if not unreadable:
        return "True", Reason.METRICS_READABLE, "Every check finds its metrics."
    reason = Reason.METRICS_UNAVAILABLE if verdict(s) == "Error" else Reason.NO_DATA
    message = " ".join(f"Check {check.name}: {check.message}" for check in unreadable)
    return "False", reason, message


def _standard(status: Status, generation: int, story: Story, now: float) -> list[Condition]:
    """Ready, Reconciling and Stalled, as kstatus reads them."""
    truths = {
        "Ready": story.phase == "Healthy",
        "Reconciling": story.phase in ("Progressing", "Paused"),
        "Stalled": story.stalled,
    }
    return [
        _condition(
            status, name, "True" if true else "False", story.reason, story.message, generation, now
        )
        for name, true in truths.items()
    ]


def _condition(
    status: Status,
    name: str,
    value: Literal["True", "False", "Unknown"],
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
    """The condition as it was last told."""
    return next((each for each in status.conditions if each.type == name), None)
