"""Which version of a model a spec that follows a registry has by now."""

from collections.abc import Mapping
from dataclasses import dataclass

from serinus.api.base import rfc3339
from serinus.api.reasons import Reason
from serinus.api.registry import (
    LONGEST_RUN,
    LONGEST_URI,
    LONGEST_VERSION,
    Answer,
    Reference,
    Version,
)
from serinus.api.stages import Stage
from serinus.api.status import FollowedVersion, Status
from serinus.manifests.following import is_of, resolved
from serinus.manifests.owner import Manifest
from serinus.manifests.revision import Revision


@dataclass(frozen=True, slots=True)
class Following:
    """What is known of the alias that a spec follows."""

    known: FollowedVersion | None
    """For the status: the last version that was read, of this alias or of what the spec followed
    before."""
    spec: Manifest | None
    """The raw spec to act on; None: nothing is known that could be rolled out or kept."""
    reason: Reason
    """Of the condition ModelResolved, which is True for one of them alone."""
    message: str

    @property
    def resolved(self) -> bool:
        """Whether the registry says which version it is."""
        return self.reason is Reason.MODEL_RESOLVED


def following(
    spec: Manifest,
    reference: Reference,
    answer: Answer | None,
    status: Status,
    history: Mapping[str, Revision],
    now: float,
) -> Following:
    """What a raw spec that follows a reference has by now. `history` has the revisions by hash.

    Whatever the registry says or does not say, a version that was read stays until another one is;
    before it is asked again, after a start, that version is what the alias names.
    """
    known = status.model if status.model and is_of(status.model, spec) else None
    read = answer.version if answer and not answer.error else None
    problem = _problem(reference, read, known, history) if read else ""
    if read and not problem:
        known = _known(reference, read, known, now)
    if known is not None and (answer is None or (read and not problem)):
        message = f"{_named(known)}.{_moved(known, read)}"
        return Following(known, resolved(spec, known), Reason.MODEL_RESOLVED, message)
    refused = answer is not None and answer.refused
    reason = Reason.REGISTRY_REFUSED if refused else Reason.REGISTRY_UNANSWERED
    why = problem or (answer.error if answer else "") or "The registry has not been asked yet."
    if known is not None:
        message = f"{_since(answer)}{why} {_kept(known)}"
        return Following(known, resolved(spec, known), reason, message)
    kept = _last(spec, status, history)
    message = (
        f"{reference} is not resolved. {_since(answer)}{why} Nothing is rolled out until it is."
    )
    return Following(status.model, kept, reason, f"{message[0].upper()}{message[1:]}")


def _problem(
    reference: Reference,
    read: Version,
    known: FollowedVersion | None,
    history: Mapping[str, Revision],
) -> str:
    """Why a version is not taken, as a sentence; empty: it is. Also what was followed before, and
    is returned to by its name and URI, must still be what was judged."""
    if read.problem:
        version = read.version[:LONGEST_VERSION]
        return f"It names version {version}, which cannot be used: {read.problem}."
    source, one = f"{reference.registry}/{reference.model}", (read.version, read.uri)
    stored = [each for each in history.values() if each.source == source]
    digests = {each.digest for each in stored if (each.version, each.storage_uri) == one}
    if known is not None and (known.version, known.storage_uri) == one:
        digests.add(known.digest)
    if not digests or read.digest in digests:
        return ""
    return (
        f"Version {read.version} has changed under the same name and URI {read.uri}: register the "
        "new content as a new version."
    )


def _known(
    reference: Reference, read: Version, known: FollowedVersion | None, now: float
) -> FollowedVersion:
    """What was recorded of a version stays: another URI of the same one rolls nothing out."""
    same = known is not None and known.digest == read.digest and known.version == read.version
    return FollowedVersion(
        registry=reference.registry,
        model=reference.model,
        alias=reference.alias,
        version=read.version,
        storage_uri=known.storage_uri if same and known else read.uri,
        digest=read.digest,
        run=read.run[:LONGEST_RUN],
        link=read.link[:LONGEST_URI],
        since=known.since if same and known else now,
    )


def _named(known: FollowedVersion) -> str:
    of = Reference(known.registry, known.model, known.alias)
    return f"{str(of)[0].upper()}{str(of)[1:]} names version {known.version}"


def _moved(known: FollowedVersion, read: Version | None) -> str:
    if read is None or read.uri == known.storage_uri:
        return ""
    return (
        f" Its URI is now {read.uri}, but {known.storage_uri} stays in use: to load it from the "
        "new one, register it as a new version."
    )


def _kept(known: FollowedVersion) -> str:
    return f"Version {known.version} of model {known.model} stays as it is."


def _since(answer: Answer | None) -> str:
    since = answer.failing_since if answer else None
    return "" if since is None else f"Since {rfc3339(since)}: "


def _last(spec: Manifest, status: Status, history: Mapping[str, Revision]) -> Manifest | None:
    """The raw spec with the model and template that it stood for last; if these are lost, those of
    stable, so that no candidate keeps its traffic unjudged."""
    candidate, rejected, stable = status.candidate, status.rejected, status.stable
    role = rejected or candidate or stable
    if candidate and candidate.stage is Stage.TAKING_BACK:
        role = stable
    found = (history.get(each.revision) for each in (role, stable) if each)
    stored = next(filter(None, found), None)
    if stored is None:
        return None
    return {**spec, "model": stored.model, "template": stored.template}
