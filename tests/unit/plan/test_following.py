"""What is made of an answer of a registry."""

from dataclasses import replace

import pytest

from serinus.api.reasons import Reason
from serinus.api.registry import Answer, Version
from serinus.api.status import Status
from serinus.api.validation import followed
from serinus.manifests.following import as_written
from serinus.manifests.revision import Revision
from serinus.plan.following import Following, following
from tests.support.registry import CHAMPION, REFERENCE, version

SPEC = {"model": CHAMPION, "template": {"spec": {"containers": [{"name": "model"}]}}}


def read(found: Version | None, status: Status | None = None, error: str = "") -> Following:
    answer = Answer(found, at=1.0, failing_since=1.0 if error else None, error=error)
    return following(SPEC, REFERENCE, answer, status or Status(), {}, now=100.0)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (replace(version("4"), version=""), "its version has 0 characters, and must have 1 to 63"),
        (replace(version("4"), version="4" * 64), "its version has 64 characters"),
        (replace(version("4"), uri="s3://" + "x" * 1024), "its URI has 1029 characters"),
        (replace(version("4"), uri="pvc://Claims/../x"), "must have the form pvc://claim/path"),
        (replace(version("4"), digest=""), "its digest has 0 characters"),
        (replace(version("4"), uri="https://me/$(PASSWORD)"), "must not have $( in"),
        (replace(version("4"), version="$(PASSWORD)"), "must not have $( in"),
    ],
)
def test_a_version_that_cannot_be_used_is_said_and_not_taken(found: Version, says: str) -> None:
    result = read(found)
    assert result.reason is Reason.REGISTRY_UNANSWERED
    assert says in result.message
    assert result.known is None and result.spec is None


def test_an_answer_with_an_error_is_no_version_even_if_one_was_read_before() -> None:
    before = Status(model=read(version("4")).known)
    result = read(version("5"), before, error="It refused the connection.")
    assert result.known == before.model
    assert not result.resolved


@pytest.mark.parametrize(
    ("again", "model", "version_that_is_named"),
    [("x", "fraud", "5"), ("", "fraud", "4"), ("x", "loan", "4")],
)
def test_a_version_that_was_registered_again_is_not_taken_though_another_one_was_followed_since(
    again: str, model: str, version_that_is_named: str
) -> None:
    """Pods of the revision that was judged would load it."""
    judged = read(version("4", again)).spec
    assert judged is not None
    judged["model"]["registry"]["model"] = model
    found = following(
        SPEC,
        REFERENCE,
        Answer(version("4"), at=1.0),
        Status(model=read(version("5")).known),
        {"b4": Revision.of(judged, 1)},
        now=100.0,
    )
    assert found.known is not None and found.known.version == version_that_is_named
    assert found.resolved == (version_that_is_named == "4")


def test_a_resolved_spec_is_validated_as_if_its_user_had_written_the_version() -> None:
    result = read(version("4"))
    assert result.spec is not None
    assert as_written(result.spec)["model"] == {"version": "4", "storageUri": "models:/fraud/4"}


def test_the_time_of_a_version_stays_when_only_its_link_changes() -> None:
    known = read(version("4")).known
    moved = following(
        SPEC,
        REFERENCE,
        Answer(replace(version("4"), link="https://elsewhere/4"), at=5.0),
        Status(model=known),
        {},
        now=200.0,
    )
    assert known is not None and moved.known is not None
    assert (moved.known.since, moved.known.link) == (known.since, "https://elsewhere/4")
    assert moved.spec == read(version("4")).spec


def test_a_reference_with_a_field_that_only_a_newer_operator_knows_is_followed() -> None:
    """An operator goes on under a newer CRD: without a version, its model would be another one."""
    newer = {"model": {"registry": {**CHAMPION["registry"], "signedBy": "x"}}}
    assert followed(newer) == REFERENCE
