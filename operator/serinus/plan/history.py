"""Which revisions are kept for undo."""

from collections.abc import Iterable, Mapping

from serinus.api.status import Status
from serinus.manifests.revision import Revision

FORMER_KEPT = 100
"""The maximum of spec.revisionHistoryLimit."""


def revisions_kept(
    revisions: Mapping[str, Revision],
    history: Iterable[str],
    running: Iterable[str],
    status: Status,
    limit: int,
) -> dict[str, Revision]:
    """Of all known revisions, the running ones and this many others: first those that were stable,
    newest first, because undo needs them; then the newest."""
    runs = {name: revisions[name] for name in running if name in revisions}
    rank = {name: place for place, name in enumerate(status.former)}
    others = [revisions[name] for name in history if name not in runs]
    others.sort(key=lambda each: (rank.get(each.hash, len(rank)), -each.number))
    names = {*runs, *(each.hash for each in others[:limit])}
    return {name: each for name, each in revisions.items() if name in names}


def named_in(status: Status) -> set[str]:
    """All revisions that a status names by their role."""
    roles = (status.stable, status.candidate, status.rejected, *status.retiring)
    return {*(role.revision for role in roles if role), *status.former}


def former(before: Iterable[str], left: str, stable: str) -> list[str]:
    """Revisions that were stable, newest first, after `stable` has replaced `left`."""
    return [left, *(name for name in before if name not in (left, stable))][:FORMER_KEPT]
