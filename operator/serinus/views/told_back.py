"""What a registry is told of a version that is followed there and promoted or rolled back."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from serinus.api.spec import FollowedModel
from serinus.api.stages import PROMOTED
from serinus.api.status import Candidate, Notice, VersionWrite
from serinus.api.validation import followed_model
from serinus.manifests.revision import Revision

_TOLD: Final = ("Promoted", "RolledBack")
"""What else becomes of a candidate is no outcome; of one that was promoted it is."""


def told_back(
    notices: Iterable[Notice],
    spec: Mapping[str, Any],
    revisions: Mapping[str, Revision],
    candidate: Candidate | None,
) -> Iterator[Notice]:
    """The notices, with what the registry is told if the raw spec wants that of the model that the
    revision has from there. `revisions`: by hash; `candidate`: as it was before all this."""
    followed = followed_model(spec)
    guarded = candidate.revision if candidate and candidate.stage in PROMOTED else ""
    for notice in notices:
        revision, stable = revisions.get(notice.revision), revisions.get(notice.stable)
        told = notice.kind in _TOLD or (notice.kind == "Cancelled" and notice.revision == guarded)
        write = (
            _write(notice, followed, revision, stable) if told and followed and revision else None
        )
        yield notice if write is None else notice.replace(write=write)


def _write(
    notice: Notice, followed: FollowedModel, revision: Revision, stable: Revision | None
) -> VersionWrite | None:
    wanted = followed.tell_back
    if wanted is None:
        return None
    version = revision.version
    if version is None or revision.source != f"{followed.name}/{followed.model}":
        return None
    rolled_back = notice.kind != "Promoted"
    if rolled_back and stable is not None and _is_of_one_version(stable, revision):
        return None  # another template of it was rolled back, and the version serves
    return VersionWrite(
        registry=followed.name,
        model=followed.model,
        version=version,
        alias=wanted.on_rollback.set_alias if rolled_back and wanted.on_rollback else "",
    )


def _is_of_one_version(one: Revision, other: Revision) -> bool:
    """By the names under which the registry has it."""
    return (one.source, one.version) == (other.source, other.version)
