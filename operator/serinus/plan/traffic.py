"""The traffic that a status asks for."""

from typing import Final

from serinus.api.status import Candidate, HeaderField, Status, Withdrawn
from serinus.api.steps import Given
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
    preview = tuple((each.name, each.value) for each in candidate.preview)
    return Given(int(candidate.weight.wanted), int(candidate.weight.mirrored or 0), preview)


def withdrawn_from(withdrawn: Withdrawn) -> Given:
    """What was withdrawn, but for a preview."""
    return Given(int(withdrawn.weight), int(withdrawn.mirrored or 0))


def headers_of(given: Given) -> list[HeaderField]:
    """Those of a preview, as a status has them."""
    return [HeaderField(name=name, value=value) for name, value in given.preview]
