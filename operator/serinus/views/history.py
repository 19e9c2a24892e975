"""The revisions of a ModelDeployment that are kept."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from serinus.api.reasons import Reason
from serinus.api.status import RetrainingRun, Status
from serinus.manifests.revision import Revision
from serinus.views.roles import roles_of


@dataclass(frozen=True, slots=True)
class RevisionView:
    """A revision and its role."""

    number: int
    revision: str
    version: str | None
    source: str
    """Registry and model that the version is of; empty: the spec named it."""
    role: str
    """stable, candidate, rejected, former (was stable, and undo can return to it) or empty; in a
    guard promoted and previous."""
    created: str


def history(status: Status, stored: Iterable[Mapping[str, Any]]) -> tuple[RevisionView, ...]:
    """The ControllerRevisions of a ModelDeployment, newest first."""
    known = [
        (found, live["metadata"]["creationTimestamp"])
        for live in stored
        if (found := Revision.read(dict(live)))
    ]
    rows = [
        RevisionView(
            each.number, each.hash, each.version, each.source, _role(status, each.hash), created
        )
        for each, created in known
    ]
    return tuple(sorted(rows, key=lambda row: -row.number))


@dataclass(frozen=True, slots=True)
class MomentView:
    """Something that happened between an alarm and what came of it."""

    at: float
    """Unix seconds."""
    what: str
    """A reason, or Alarm."""
    revision: str
    message: str


def moments(status: Status) -> tuple[MomentView, ...]:
    """All that is known of alarms, Jobs that retrained and rollouts, oldest first. Of what is older
    than the decisions that are kept, the Jobs alone are known."""
    found = [MomentView(e.at, e.reason, e.revision, e.message) for e in reversed(status.decisions)]
    oldest = min((each.at for each in found), default=inf)
    runs = status.retraining.history if status.retraining else []
    for run in runs:
        found += (
            MomentView(each.since, "Alarm", run.revision, each.message) for each in run.alarms
        )
        found += (each for each in _of_the_job(run) if each.at < oldest)
    return tuple(sorted(found, key=lambda each: each.at))


def _of_the_job(run: RetrainingRun) -> Iterator[MomentView]:
    yield MomentView(run.since, Reason.RETRAINING_STARTED, run.revision, f"{run.named}.")
    if run.ended is not None:
        yield MomentView(run.ended, f"Retraining{run.outcome}", run.revision, run.message)
    if (new := run.new) is not None and new.ended is not None:
        yield MomentView(new.ended, new.outcome, new.revision, new.message)


def _role(status: Status, revision: str) -> str:
    names = roles_of(status.candidate)
    roles = ((names.stable, status.stable), (names.candidate, status.candidate))
    for name, role in (*roles, ("rejected", status.rejected)):
        if role is not None and role.revision == revision:
            return name
    return "former" if revision in status.former else ""
