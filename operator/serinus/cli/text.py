"""A rollout as text, or as data for scripts."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from serinus.api.base import rfc3339
from serinus.api.quantities import spoken
from serinus.api.status import Condition
from serinus.cli.terminal import table
from serinus.views.outcome import outcome
from serinus.views.pods import PodView
from serinus.views.reading import Live
from serinus.views.rollout import (
    ArmView,
    CheckView,
    GuardView,
    RolloutView,
    StepView,
    WaitView,
    named,
    rollout_view,
)

_BAR: Final = 20
_DECISIONS: Final = 5


def as_data(live: Live, now: float) -> dict[str, Any]:
    """The view and the outcome, with times in the format of the status."""
    view = rollout_view(live.spec, live.status, now)
    return {
        **in_short(live, view),
        "model": view.model and view.model.to_json(),
        "stable": view.stable and fields(view.stable),
        "candidate": view.candidate and fields(view.candidate),
        "wanted": view.wanted,
        "mirrored": view.mirrored,
        "promoting": view.promoting,
        "guard": view.guard and {**fields(view.guard), "until": rfc3339(view.guard.until)},
        "steps": [
            {"weight": step.weight, **step.fields, "state": step.state, "result": step.result}
            for step in view.steps
        ],
        "checks": [fields(check) for check in view.checks],
        "wait": view.wait and fields(view.wait),
        "rejected": view.rejected and view.rejected.to_json(),
        "retiring": list(view.retiring),
        "decisions": [each.to_json() for each in view.decisions],
        "conditions": [each.to_json() for each in view.conditions],
        "retraining": view.retraining and view.retraining.to_json(),
    }


def in_short(live: Live, view: RolloutView) -> dict[str, Any]:
    """With what the data about any ModelDeployment begins."""
    return {
        "namespace": live.namespace,
        "name": live.name,
        "outcome": outcome(live),
        "phase": view.phase,
        "message": view.message,
    }


def fields(view: ArmView | CheckView | WaitView | GuardView) -> dict[str, Any]:
    """The fields of a part of a view, spelled like those of a status."""
    return {_camel_case(name): value for name, value in asdict(view).items()}


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.title() for other in others)


def as_line(view: RolloutView) -> str:
    """Phase, revisions, weight, step, verdicts and the reason for waiting, in one line."""
    stable = _version(view.stable) if view.stable else "-"
    if view.candidate is None:
        return f"{view.phase:<11} {stable} {_bar(0)}"
    checks = " ".join(
        f"{named(each.name, each.mode).replace(' ', '')}:{each.verdict}" for each in view.checks
    )
    where = view.stage or (f"step {view.step}" if view.steps else "")
    arms = f"{stable} {_bar(view.candidate.weight)} {_weight(view)} {_version(view.candidate)}"
    parts = (f"{view.phase:<11}", arms, where, checks, view.wait.reason if view.wait else "")
    return " ".join(filter(None, parts))


HEADS: Final = ("NAME", "PHASE", "STABLE", "CANDIDATE", "WEIGHT", "STEP", "MESSAGE")


def as_cells(name: str, view: RolloutView) -> tuple[str, ...]:
    """A row below HEADS."""
    step = view.stage or (f"{view.step}/{len(view.steps)}" if view.steps else "")
    return (
        name,
        view.phase,
        _cell(view.stable, view.roles.stable, view),
        _cell(view.candidate, view.roles.candidate, view),
        _weight(view) if view.candidate else "-",
        step or "-",
        view.message,
    )


def _cell(arm: ArmView | None, role: str, view: RolloutView) -> str:
    if arm is None:
        return "-"
    return f"{_version(arm)} ({role})" if view.guard else _version(arm)


def as_text(name: str, view: RolloutView, now: float, pods: tuple[PodView, ...] = ()) -> str:
    """The complete view."""
    blocks = [
        f"{name}: {view.phase}\n{view.message}".rstrip(),
        _model(view),
        _arms(view),
        _pods(pods),
        _steps(view.steps),
        _guard(view),
        _wait(view),
        _checks(view),
        _conditions(view),
        retrained(view),
        _decisions(view, now),
    ]
    return "\n\n".join(filter(None, blocks))


def _model(view: RolloutView) -> str:
    if (model := view.model) is None:
        return ""
    run = f", run {model.run}" if model.run else ""
    line = (
        f"FOLLOWS {model.alias} of {model.model} in registry {model.registry}: "
        f"version {model.version}{run}"
    )
    return "\n".join(filter(None, [line, f"  {model.link}" if model.link else ""]))


def _arms(view: RolloutView) -> str:
    arms = [(view.roles.stable, view.stable), (view.roles.candidate, view.candidate)]
    rows = [
        (role, arm.revision, arm.version or "-", str(arm.ready), f"{arm.weight:g}%")
        for role, arm in arms
        if arm is not None
    ]
    if view.candidate and view.wanted not in (None, view.candidate.weight):
        rows[-1] = (*rows[-1][:-1], f"{view.candidate.weight:g}% of {view.wanted:g}%")
    if view.candidate and view.mirrored:
        rows[-1] = (*rows[-1][:-1], f"copies of {view.mirrored:g}%")
    return table(("ROLE", "REVISION", "VERSION", "READY PODS", "TRAFFIC"), rows) if rows else ""


def _pods(pods: tuple[PodView, ...]) -> str:
    rows = [(each.name, each.revision, each.state, str(each.restarts)) for each in pods]
    return table(("POD", "REVISION", "STATE", "RESTARTS"), rows) if rows else ""


def _steps(steps: tuple[StepView, ...]) -> str:
    marks = {"done": "✓", "skipped": "-", "current": "→", "pending": " "}
    lines = [f"  {marks[step.state]} {': '.join(_said(step))}" for step in steps]
    return "\n".join(["STEPS", *lines]) if lines else ""


def _said(step: StepView) -> Iterator[str]:
    yield step.text
    if step.state == "skipped":
        yield "skipped"
    if step.result:
        yield step.result


def _guard(view: RolloutView) -> str:
    if view.guard is None or view.guard.taking_back or view.stable is None:
        return ""
    left, pods = spoken(view.guard.left), view.stable.ready
    which = f"{pods} pod{'' if pods == 1 else 's'} of the previous revision"
    return f"GUARDED for {left} more: {view.stable.weight:g}% of the traffic stays with {which}"


def _wait(view: RolloutView) -> str:
    if view.wait is None:
        return ""
    left = f", {spoken(view.wait.left)} left" if view.wait.left is not None else ""
    since = f" for {spoken(view.wait.seconds)}" if view.wait.seconds >= 1 else ""
    return f"WAITING{since}{left}: {view.wait.reason}"


def _checks(view: RolloutView) -> str:
    counted = (f"{role.upper()} REQUESTS" for role in (view.roles.candidate, view.roles.stable))
    heads = ("CHECK", "VERDICT", *counted, "EVIDENCE")
    rows = [
        (
            named(each.name, each.mode),
            each.verdict,
            f"{each.candidate:.0f}",
            f"{each.stable:.0f}",
            each.evidence,
        )
        for each in view.checks
    ]
    return "\n".join([table(heads, rows), *note(view)]) if rows else ""


def note(view: RolloutView) -> list[str]:
    """A line below the evidence, if its words need one."""
    return [view.roles.note] if view.roles.note else []


def _conditions(view: RolloutView) -> str:
    lines = [f"  {condition_line(each)}" for each in view.conditions]
    return "\n".join(["CONDITIONS", *lines]) if lines else ""


def retrained(view: RolloutView) -> str:
    """The last retraining, and what came of it."""
    lines = [f"  {each}" for each in view.retrained]
    return "\n".join(["RETRAINING", *lines]) if lines else ""


def condition_line(condition: Condition) -> str:
    """A condition in a line."""
    return f"{condition.type}={condition.status}: {condition.message}"


def _decisions(view: RolloutView, now: float) -> str:
    rows = [
        (f"{spoken(max(now - each.at, 0))} ago", each.reason, each.message)
        for each in view.decisions[:_DECISIONS]
    ]
    return table(("DECIDED", "REASON", "MESSAGE"), rows) if rows else ""


def _version(arm: ArmView) -> str:
    return arm.version or arm.revision


def _weight(view: RolloutView) -> str:
    if view.mirrored:
        return f"copies of {view.mirrored:g}%"
    actual = view.candidate.weight if view.candidate else 0.0
    wanted = "" if view.wanted in (None, actual) else f"->{view.wanted:g}"
    return f"{actual:g}{wanted}%"


def _bar(percent: float) -> str:
    """Stable's share and the candidate's, as a line of blocks."""
    candidate = round(_BAR * percent / 100)
    return "░" * (_BAR - candidate) + "█" * candidate
