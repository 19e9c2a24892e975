"""The traffic that a status asks for."""

from typing import Any, Final

from serinus.api.status import Candidate, HeaderField, Status, Withdrawn
from serinus.api.steps import Given, Tried
from serinus.manifests.traffic import Traffic

NOTHING: Final = Given()


def asked(status: Status) -> Traffic | None:
    """None before the first revision."""
    stable, candidate = status.stable, status.candidate
    if stable is None:
        return Traffic(None, candidate.revision, 100) if candidate else None
    if candidate is None:
        return Traffic(stable.revision, None, 0)
    given = given_of(candidate)
    return Traffic(stable.revision, candidate.revision, *given)


def given_of(candidate: Candidate) -> Given:
    """What its step gives it."""
    fields = tuple((each.name, each.value) for each in candidate.preview)
    tried = Tried(fields, tuple(candidate.preview_hostnames))
    return Given(
        int(candidate.weight.wanted),
        int(candidate.weight.mirrored or 0),
        tried if any(tried) else None,
    )


def withdrawn_from(withdrawn: Withdrawn) -> Given:
    """What was withdrawn, but for a preview."""
    return Given(int(withdrawn.weight), int(withdrawn.mirrored or 0))


def preview_of(given: Given) -> dict[str, Any]:
    """What a status has of a preview, by its fields."""
    tried = given.preview or Tried()
    return {
        "preview": [HeaderField(name=name, value=value) for name, value in tried.headers],
        "preview_hostnames": list(tried.hostnames),
    }
