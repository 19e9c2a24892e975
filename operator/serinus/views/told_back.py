"""What a registry is told of a version that is followed there and promoted or rolled back."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from serinus.api.spec import FollowedModel
from serinus.api.status import Notice, VersionWrite
from serinus.api.validation import followed_model
from serinus.manifests.following import source_of
from serinus.manifests.revision import Revision


def told_back(
    notices: Iterable[Notice], spec: Mapping[str, Any], history: Mapping[str, Revision]
) -> Iterator[Notice]:
    """The notices, with what the registry is told if the raw spec wants that of the model that the
    revision has from there. `history` has the revisions by hash."""
    followed = followed_model(spec)
    for notice in notices:
        revision = history.get(notice.revision)
        write = _write(notice, followed, revision) if followed and revision else None
        yield notice if write is None else notice.replace(write=write)


def _write(notice: Notice, followed: FollowedModel, revision: Revision) -> VersionWrite | None:
    wanted, model = followed.tell_back, revision.model or {}
    if wanted is None or notice.kind not in ("Promoted", "RolledBack"):
        return None
    if source_of(model) != f"{followed.name}/{followed.model}":
        return None
    moves = notice.kind == "RolledBack" and wanted.on_rollback is not None
    return VersionWrite(
        registry=followed.name,
        model=followed.model,
        version=model["version"],
        alias=wanted.on_rollback.set_alias if moves and wanted.on_rollback else "",
    )
