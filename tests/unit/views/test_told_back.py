"""What a registry is told of a notice, by the spec and the model of the revision."""

from typing import Any

import pytest

from serinus.api.notifications import NoticeKind
from serinus.api.stages import Stage
from serinus.api.status import Candidate, Notice, VersionWrite
from serinus.manifests.revision import Revision
from serinus.views.told_back import told_back

FROM_THERE = {
    "registry": {"name": "company", "model": "fraud"},
    "version": "8",
    "storageUri": "s3://models/8",
    "digest": "sha256:8",
}


def spec(**more: Any) -> dict[str, Any]:
    registry = {"name": "company", "model": "fraud", "alias": "champion"}
    return {"model": {"registry": {**registry, **more}}}


def told(
    kind: NoticeKind, of: dict[str, Any], model: Any, before: Candidate | None = None
) -> VersionWrite | None:
    notice = Notice(id="a", kind=kind, at=1.0, reason="CheckFailed", revision="b")
    [found] = told_back([notice], of, {"b": Revision("b", 2, model, {})}, before)
    assert found.replace(write=None) == notice
    return found.write


ALIAS = {"onRollback": {"setAlias": "rejected"}}


@pytest.mark.parametrize(
    ("kind", "tell_back", "alias"),
    [
        ("Promoted", {}, ""),
        ("Promoted", ALIAS, ""),
        ("RolledBack", {}, ""),
        ("RolledBack", ALIAS, "rejected"),
    ],
)
def test_the_version_of_the_revision_is_told(
    kind: NoticeKind, tell_back: dict[str, Any], alias: str
) -> None:
    wanted = VersionWrite(registry="company", model="fraud", version="8", alias=alias)
    assert told(kind, spec(tellBack=tell_back), FROM_THERE) == wanted


@pytest.mark.parametrize("kind", ["Started", "StepPassed", "Paused", "Stalled", "Cancelled"])
def test_no_other_event_is_told(kind: NoticeKind) -> None:
    assert told(kind, spec(tellBack=ALIAS), FROM_THERE) is None


@pytest.mark.parametrize(
    ("stage", "alias"),
    [(Stage.GUARDED, "rejected"), (Stage.TAKING_BACK, "rejected"), (Stage.STEPPING, None)],
)
def test_what_a_person_takes_back_in_its_guard_was_promoted_and_is_told(
    stage: Stage, alias: str | None
) -> None:
    before = Candidate(revision="b", number=2, stage=stage, since=1.0, progress_since=1.0)
    found = told("Cancelled", spec(tellBack=ALIAS), FROM_THERE, before)
    assert (found and found.alias) == alias


@pytest.mark.parametrize(
    ("of", "model"),
    [
        (spec(), FROM_THERE),
        ({}, FROM_THERE),
        ({"model": {"version": "8"}}, FROM_THERE),
        (spec(tellBack={}, name="other"), FROM_THERE),
        (spec(tellBack={}, model="loan"), FROM_THERE),
        (spec(tellBack={"onRollback": {"setAlias": "champion"}}), FROM_THERE),
        (spec(tellBack={}), {"version": "8"}),
        (spec(tellBack={}), {"version": "8", "registry": FROM_THERE["registry"]}),
        (spec(tellBack={}), {"digest": "sha256:8", "registry": FROM_THERE["registry"]}),
        (spec(tellBack={}), None),
    ],
)
def test_nothing_is_told_of_what_is_not_wanted_or_not_from_there(
    of: dict[str, Any], model: Any
) -> None:
    assert told("RolledBack", of, model) is None


def test_nothing_is_told_of_a_revision_that_is_not_known() -> None:
    notice = Notice(id="a", kind="Promoted", at=1.0, reason="Promoted", revision="b")
    assert list(told_back([notice], spec(tellBack={}), {}, None)) == [notice]
