"""A Job that trains the model anew, because an alarm of what is monitored stays, or what the spec
has instead of a Job; and what came of it. It decides nothing about a rollout.

The status is the commit: it has the Job before there is one, so that an alarm starts one Job only.
"""

import json
from dataclasses import replace
from typing import Final

from serinus.api.base import rfc3339
from serinus.api.monitoring import Retrain
from serinus.api.quantities import seconds, spoken
from serinus.api.reasons import About, Reason, meaning_of
from serinus.api.stages import Stage
from serinus.api.status import (
    RETRAININGS_KEPT,
    Alarm,
    Monitored,
    NewVersion,
    Retraining,
    RetrainingRun,
    Status,
)
from serinus.api.steps.results import in_words
from serinus.api.task_kinds import kind_in_words
from serinus.manifests.task import Task, TaskEnd
from serinus.plan.late import given_up, late_since
from serinus.plan.monitored import quantities_of
from serinus.plan.monitored.quantity import as_told
from serinus.plan.policy import hash_of
from serinus.plan.situation import Situation
from serinus.plan.task_review import kind_of_run, why_not_run

WEEK: Final = 7 * 86400.0
"""Seconds."""
_GRACE: Final = 60.0
"""Seconds in which a Job is found again by a replica that has just begun, before it is given up."""
_KEPT: Final = 86400.0
"""Seconds for which what is started instead of a Job is kept after its end."""
_LATE: Final = "DeadlineExceeded"
"""Reason of a Job whose time is up."""
_LONGEST_VERSION: Final = 63


def start_a_retraining(s: Situation) -> Situation | None:
    """Only while nothing is rolled out: then no Job changes what a candidate is compared with, and
    what the alarm is about is what serves."""
    settings, stable = _settings(s), s.status.stable
    if settings is None or stable is None or (s.status.retraining or Retraining()).running:
        return None
    alarms = _alarms(s, settings)
    if not alarms or _why_not(s, settings, alarms):
        return None
    name = f"{s.desired.name}-{hash_of(['retrain', stable.revision, s.now])}"
    run = RetrainingRun(
        job=name,
        since=s.now,
        revision=stable.revision,
        version=stable.version,
        alarms=alarms,
        api_version=settings.task.api_version if settings.task else None,
        kind=settings.task.kind if settings.task else None,
    )
    said = " ".join(each.message for each in alarms)
    message = f"{run.named} is started, since an alarm has lasted {settings.after}. {said}"
    before = s.status.retraining or Retraining()
    history = [run, *before.history][:RETRAININGS_KEPT]
    started = s.to(retraining=before.replace(history=history, waiting=""))
    return started.because(Reason.RETRAINING_STARTED, stable.revision, message)


def note_how_a_retraining_goes(s: Situation) -> Situation | None:
    """Whether its Job is there, runs, and how it has ended. What raised the alarm may be over
    meanwhile: a Job that trains goes on."""
    run = s.status.retraining.running if s.status.retraining else None
    if run is None:
        return None
    settings = _settings(s)
    if settings is None:
        return _stopped(s, run, "spec.monitoring.retrain is no longer set")
    if run.kind and kind_of_run(s.world.task_kinds, run) is None:
        left = (
            f"{kind_in_words(run.api_version, run.kind)} may no longer be run; it is left as it is"
        )
        return _stopped(s, run, left, removed_after=None)
    end = s.world.ended_tasks.get(run.job)
    if end is not None:
        return _succeeded(s, run, end) if end.succeeded else _failed(s, run, _why(end, settings))
    late = late_since(s, run.since + seconds(settings.timeout), run.late_since)
    if late != run.late_since:
        return _with(s, run.replace(late_since=late))
    if given_up(s, late):
        return _failed(s, run, _too_late(settings), removed_after=0.0)
    return _going(s, run) if run.seen else _beginning(s, run)


def note_what_came_of_a_retraining(s: Situation) -> Situation | None:
    """The revision that is rolled out since, until its rollout ends."""
    history = s.status.retraining.history if s.status.retraining else []
    if not history or history[0].outcome != "Succeeded":
        return None
    run = history[0]
    if run.new is None:
        new = _arrived(s, run)
        return None if new is None else _with(s, run.replace(new=new))
    if run.new.outcome == "Promoted":
        return None  # what becomes of it later is no longer about the alarm
    candidate, stable = s.status.candidate, s.status.stable
    if (
        candidate is not None
        and candidate.revision == run.new.revision
        and candidate.stage is not Stage.RETURNING
    ):
        again = run.new.replace(outcome="RollingOut", ended=None, message="")
        return None if again == run.new else _with(s, run.replace(new=again))
    if run.new.outcome != "RollingOut":
        return None
    if stable is not None and stable.revision == run.new.revision:
        return _promoted(s, run, run.new)
    return _not_promoted(s, run, run.new)


def retraining_tasks(s: Situation) -> tuple[Task, ...]:
    """The Job of the last retraining, if it runs or is to run; one that has succeeded may stay."""
    settings, history = _settings(s), s.status.retraining.history if s.status.retraining else []
    if settings is None or not history or history[0].outcome not in ("Running", "Succeeded"):
        return ()
    run = history[0]
    task = Task(
        run.job,
        run.revision,
        settings.job.template if settings.job else {},
        seconds(settings.timeout),
        over=run.seen or run.outcome == "Succeeded",
        retrains=as_told(_told(s, run)),
        kind=kind_of_run(s.world.task_kinds, run),
    )
    if task.over or (run.kind is None and settings.job):
        return (task,)
    wanted = settings.task
    same = wanted is not None and (wanted.api_version, wanted.kind) == (run.api_version, run.kind)
    if wanted is None or not same or why_not_run(s):
        return ()
    return (replace(task, template=wanted.spec, account=wanted.service_account_name),)


def removable(status: Status, now: float) -> tuple[RetrainingRun, ...]:
    """What was started instead of Jobs, and is to be deleted by now."""
    history = status.retraining.history if status.retraining else []
    return tuple(each for each in history if each.remove_at is not None and each.remove_at <= now)


def note_what_is_gone(s: Situation) -> Situation | None:
    """What has been deleted need not be deleted again."""
    known = s.status.retraining or Retraining()
    waits = [each for each in known.history if each.remove_at and s.reached(each.remove_at)]
    gone = {each.job for each in waits} & s.world.absent_tasks
    if not gone:
        return None
    history = [e.replace(remove_at=None) if e.job in gone else e for e in known.history]
    return s.to(retraining=known.replace(history=history))


def say_why_no_retraining_starts(s: Situation) -> Situation:
    """While something is amiss, or none could start if something were."""
    settings, before = _settings(s), s.status.retraining
    refused = why_not_run(s)
    alarms = _alarms(s, settings) if settings else []
    waits = settings is not None and alarms and not (before and before.running)
    waiting = refused or (_why_not(s, settings, alarms) if settings and waits else "")
    if waiting == (before.waiting if before else ""):
        return s
    return s.to(retraining=(before or Retraining()).replace(waiting=waiting))


# when one starts


def _settings(s: Situation) -> Retrain | None:
    monitoring = s.desired.spec.monitoring
    return monitoring.retrain if monitoring else None


def _alarms(s: Situation, settings: Retrain) -> list[Alarm]:
    """Those that stand, of the quantities that may start a Job and can be read."""
    monitored, found = s.status.monitoring or Monitored(), []
    for key, each in quantities_of(s.desired.spec.monitoring).items():
        known = each.known(monitored)
        since = each.amiss_since(known) if key in settings.alarms else None
        if since is not None:
            found.append(Alarm(quantity=key, since=since, message=each.reported(known)[2][:1024]))
    return found


def _readable(s: Situation, alarm: Alarm) -> bool:
    """Whether it would be known by now if what raised the alarm were over."""
    quantity = quantities_of(s.desired.spec.monitoring)[alarm.quantity]
    return quantity.known(s.status.monitoring or Monitored()).unknown is None


def _why_not(s: Situation, settings: Retrain, alarms: list[Alarm]) -> str:
    """Why no Job starts for these alarms, as a sentence; empty: one may."""
    if refused := why_not_run(s):
        return refused
    if why := _not_now(s):
        return f"No training is started {why}."
    readable = [each for each in alarms if _readable(s, each)]
    if not readable:
        return "No training is started while it is unknown whether the alarm persists."
    stable = s.status.stable
    since = max(min(each.since for each in readable), stable.since if stable else s.now)
    runs = s.status.retraining.history if s.status.retraining else []
    ended = [each.ended or each.since for each in runs]
    begun = sorted(each.since for each in runs)[-settings.max_per_week :]
    waits = [(since + seconds(settings.after), f"the alarm must last {settings.after}")]
    for at in ended:
        why = f"{settings.cooldown} must pass after the end of the last one (cooldown)"
        waits.append((at + seconds(settings.cooldown), why))
    if len(begun) == settings.max_per_week:
        why = f"at most {settings.max_per_week} in seven days (maxPerWeek)"
        waits.append((begun[0] + WEEK, why))
    at, why = max(waits)
    if s.reached(at):
        return ""
    return f"A Job is started at {rfc3339(at)[:16]}Z if the alarm persists: {why}."


def _not_now(s: Situation) -> str:
    """What goes on that a Job is not to meet, as the end of a sentence."""
    stable, rejected = s.status.stable, s.status.rejected
    wanted = {stable.revision if stable else "", rejected.revision if rejected else ""}
    if s.desired.problems:
        return "while the spec is invalid"
    if s.status.candidate is not None:
        return "during a rollout or a guard"
    if s.desired.revision not in wanted:
        return "while the spec has a revision that is not rolled out"
    if s.desired.spec.rollout.paused:
        return "while spec.rollout.paused is true"
    return "" if s.desired.spec.replicas else "while spec.replicas is 0"


def _told(s: Situation, run: RetrainingRun) -> dict[str, object]:
    """What its Job is told, as JSON. What raised the alarm may be over by now, or of another
    revision: then it is told what was said when it began."""
    quantities = quantities_of(s.desired.spec.monitoring)
    stable, alarms = s.status.stable, []
    for alarm in run.alarms:
        told = alarm.to_json()
        quantity = quantities.get(alarm.quantity)
        known = quantity.known(s.status.monitoring or Monitored()) if quantity else None
        of_it = stable is not None and stable.revision == run.revision
        if quantity is not None and of_it and quantity.amiss_since(known) is not None:
            told |= quantity.evidence(known)
        alarms.append(told)
    version = {"version": run.version} if run.version else {}
    return {"revision": run.revision, **version, "since": rfc3339(_since(run)), "alarms": alarms}


def _since(run: RetrainingRun) -> float:
    """Of the first alarm."""
    return min((each.since for each in run.alarms), default=run.since)


# how it goes


def _with(s: Situation, run: RetrainingRun) -> Situation:
    """With another state of the last one."""
    known = s.status.retraining or Retraining()
    return s.to(retraining=known.replace(history=[run, *known.history[1:]]))


def _beginning(s: Situation, run: RetrainingRun) -> Situation | None:
    """Its Job was not there yet."""
    stable, deadline = s.status.stable, s.desired.spec.rollout.progress_deadline
    if run.job in s.world.tasks:
        return _with(s, run.replace(seen=True))
    if stable is None or stable.revision != run.revision:
        return _stopped(s, run, "another revision became stable before the Job was created")
    if not s.reached(run.since + seconds(deadline)):
        return None
    why = s.world.why(About.RETRAINING) or f"no template of revision {run.revision} is known"
    return _failed(s, run, f"it could not be created within {deadline} (progressDeadline). {why}")


def _going(s: Situation, run: RetrainingRun) -> Situation | None:
    """Its Job has not ended. One without a container that runs may wait for a node for hours: it is
    told, and waited for."""
    why, deadline = s.world.idle_tasks.get(run.job), s.desired.spec.rollout.progress_deadline
    if why is None:
        runs = run.replace(idle_since=None, message="")
        return None if runs == run else _with(s, runs)
    if run.idle_since is None:
        return _with(s, run.replace(idle_since=s.now))
    if run.job not in s.world.tasks:
        gone = s.reached(run.idle_since + _GRACE)
        return _failed(s, run, "it was deleted before its end was seen") if gone else None
    if run.message or not s.reached(run.idle_since + seconds(deadline)):
        return None
    message = f"No container of {run.named} has run for {deadline} (progressDeadline): {why}."
    told = _with(s, run.replace(message=message[:1024]))
    return told.because(Reason.RETRAINING_DELAYED, run.revision, message)


def _succeeded(s: Situation, run: RetrainingRun, end: TaskEnd) -> Situation:
    made, left = _version_in(end.said or ""), in_words(end.said or "").rstrip(".")
    message = f"{run.named} has succeeded after {spoken(s.now - run.since)}"
    message = f"{message}{f': {left}' if left else ''}."
    ended = _with(s, _ended(s, run, message).replace(outcome="Succeeded", made=made))
    return ended.because(Reason.RETRAINING_SUCCEEDED, run.revision, message)


def _version_in(said: str) -> str | None:
    """`version` of the JSON object that a container has left, if it has."""
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        return None
    version = found.get("version") if isinstance(found, dict) else None
    is_one = isinstance(version, str | int) and not isinstance(version, bool)
    named = str(version)[:_LONGEST_VERSION] if is_one else ""
    return named if named.isprintable() and named else None


def _why(end: TaskEnd, settings: Retrain) -> str:
    if not end.message.startswith(_LATE):
        return end.message
    return f"{_too_late(settings)}. {end.message}"


def _too_late(settings: Retrain) -> str:
    return f"it has not ended within {settings.timeout} ({settings.field}.timeout)"


def _failed(
    s: Situation, run: RetrainingRun, why: str, *, removed_after: float = _KEPT
) -> Situation:
    settings = _settings(s)
    after = f" Another may start after {settings.cooldown}." if settings else ""
    message = f"{run.named} has failed: {why[:800].rstrip('. ')}.{after}"
    failed = _with(s, _ended(s, run, message, removed_after).replace(outcome="Failed"))
    return failed.because(Reason.RETRAINING_FAILED, run.revision, message)


def _stopped(
    s: Situation, run: RetrainingRun, why: str, *, removed_after: float | None = 0.0
) -> Situation:
    message = f"{run.named} is no longer wanted: {why}."
    stopped = _with(s, _ended(s, run, message, removed_after).replace(outcome="Stopped"))
    return stopped.because(Reason.RETRAINING_STOPPED, run.revision, message)


def _ended(
    s: Situation, run: RetrainingRun, message: str, removed_after: float | None = _KEPT
) -> RetrainingRun:
    """`removed_after`: seconds until what was started instead of a Job is deleted, at once if it
    does not end by itself; None: it never is."""
    remove_at = s.now + removed_after if run.kind and removed_after is not None else None
    ended = run.replace(ended=s.now, message=message[:1024], idle_since=None, late_since=None)
    return ended.replace(remove_at=remove_at)


# what came of it


def _arrived(s: Situation, run: RetrainingRun) -> NewVersion | None:
    """What is rolled out since the Job began; of the version that it says it has made, if it says
    one. An undo brings nothing new."""
    found = s.status.candidate
    if found is None or found.since < run.since or found.stage is Stage.RETURNING:
        return None
    if run.made not in (None, found.version):
        return None
    return NewVersion(revision=found.revision, version=found.version, since=found.since)


def _promoted(s: Situation, run: RetrainingRun, new: NewVersion) -> Situation:
    took = f"{spoken(s.now - _since(run))} after the alarm"
    message = f"{_named(new)}, from {run.named}, is stable {took}."
    done = new.replace(outcome="Promoted", ended=s.now, message=message[:1024])
    return _with(s, run.replace(new=done)).because(Reason.RETRAINED, new.revision, message)


def _not_promoted(s: Situation, run: RetrainingRun, new: NewVersion) -> Situation:
    made = (each for each in s.status.decisions if each.revision == new.revision)
    ends = (each for each in made if each.at >= new.since and meaning_of(each.reason).ends)
    last = next(ends, None)
    rejected = last is not None and meaning_of(last.reason).ends == "rolled_back"
    outcome, how = ("Rejected", "was rejected") if rejected else ("Cancelled", "was replaced")
    why = f" {last.message}" if last else ""
    message = f"{_named(new)}, from {run.named}, {how}.{why}"
    done = new.replace(outcome=outcome, ended=s.now, message=message[:1024])
    return _with(s, run.replace(new=done)).because(Reason.RETRAINED_IN_VAIN, new.revision, message)


def _named(new: NewVersion) -> str:
    return f"Version {new.version}" if new.version else f"Revision {new.revision}"
