"""The revisions of a ModelDeployment that are kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from serinus.api.status import Status
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


def _role(status: Status, revision: str) -> str:
    names = roles_of(status.candidate)
    roles = ((names.stable, status.stable), (names.candidate, status.candidate))
    for name, role in (*roles, ("rejected", status.rejected)):
        if role is not None and role.revision == revision:
            return name
    return "former" if revision in status.former else ""
