"""A status that another version wrote."""

from typing import Any

import pytest

from serinus.api.stages import Stage
from serinus.api.validation import read_status
from tests.campaign.memory.schema import completed, model_deployments, unknown, wrong

SINCE = "2026-11-25T08:00:00.000Z"
WITHDRAWN = {"since": SINCE, "weight": 25.0, "policy": "abc"}
GUARDING = {"since": SINCE, "until": "2026-11-26T08:00:00.000Z"}
BACK = {"since": SINCE, "reason": "Aborted", "message": "."}


def written(**candidate: Any) -> dict[str, Any]:
    check = {"name": "errors", "kind": "errorRate", "verdict": "Pass", "state": {"peak": 1.5}}
    return {
        "observedGeneration": 4,
        "phase": "Progressing",
        "stable": {"revision": "aold", "number": 1, "since": SINCE},
        "candidate": {
            "revision": "anew",
            "number": 2,
            "stage": "Stepping",
            "step": 1,
            "since": SINCE,
            "progressSince": SINCE,
            "weight": {"wanted": 25.0, "actual": 25.0},
            "checks": [check, {**check, "name": "slow", "kind": "latency"}],
            **candidate,
        },
        "decisions": [{"at": SINCE, "reason": "Promoted", "revision": "aold", "message": "."}],
    }


def test_fields_of_a_newer_version_are_kept_at_any_depth_and_written_back() -> None:
    newer = written(shadowed={"model": 2})
    newer["guard"] = {"revision": "aold", "until": SINCE}
    newer["stable"]["guarded"] = True
    newer["candidate"]["weight"]["mirrored"] = 10
    newer["candidate"]["checks"][0]["state"]["strata"] = [{"name": "eu", "peak": 0.5}]
    newer["decisions"][0]["actor"] = "serinus"
    status, lost = read_status(newer)
    assert not lost
    assert status.candidate is not None
    changed = status.replace(candidate=status.candidate.replace(step=2)).in_full()
    assert changed["candidate"]["step"] == 2
    assert changed["guard"] == newer["guard"]
    assert changed["stable"]["guarded"] is True
    assert changed["candidate"]["shadowed"] == {"model": 2}
    assert changed["candidate"]["weight"]["mirrored"] == 10
    assert changed["candidate"]["checks"][0]["state"]["strata"] == [{"name": "eu", "peak": 0.5}]
    assert changed["decisions"][0]["actor"] == "serinus"


def test_a_phase_that_is_not_known_is_left_out_since_it_is_found_anew() -> None:
    status, [lost] = read_status({**written(), "phase": "Guarding"})
    assert lost.field == "status.phase"
    assert status.candidate is not None
    assert status.candidate.step == 1


def test_a_verdict_that_is_not_known_costs_the_evidence_of_its_check_alone() -> None:
    newer = written()
    newer["candidate"]["checks"][0]["verdict"] = "Advised"
    status, lost = read_status(newer)
    assert "status.candidate.checks[0].verdict" in str(lost[0])
    assert status.candidate is not None
    assert [check.name for check in status.candidate.checks] == ["slow"]
    assert (status.candidate.step, status.candidate.weight.wanted) == (1, 25)


@pytest.mark.parametrize(
    ("flags", "stage"),
    [
        ({"mode": "First", "promoting": True}, Stage.FIRST),
        ({"mode": "Direct", "promoting": True}, Stage.RETURNING),
        ({"mode": "Steps"}, Stage.STEPPING),
        ({"mode": "Steps", "withdrawn": WITHDRAWN}, Stage.WITHDRAWN),
        ({"mode": "Steps", "promoting": True}, Stage.PROMOTING),
        ({"mode": "Steps", "promoting": True, "commanded": True}, Stage.PROMOTING_BY_COMMAND),
        ({"mode": "Steps", "guarding": GUARDING}, Stage.GUARDED),
        ({"mode": "Steps", "guarding": {**GUARDING, "takingBack": BACK}}, Stage.TAKING_BACK),
    ],
)
def test_flags_of_an_earlier_version_are_a_stage(flags: dict[str, Any], stage: Stage) -> None:
    older = written()
    del older["candidate"]["stage"]
    older["candidate"] |= flags
    status, lost = read_status(older)
    assert not lost
    assert status.candidate is not None
    assert (status.candidate.stage, status.candidate.step) == (stage, 1)
    assert not {"mode", "promoting", "commanded"} & status.to_json()["candidate"].keys()


def test_flags_of_an_earlier_version_are_kept_by_the_definition_of_this_one() -> None:
    older = written()
    del older["candidate"]["stage"]
    older["candidate"] |= {"mode": "Steps", "promoting": True, "commanded": True}
    status, lost = read_status(completed(older, model_deployments()["properties"]["status"]))
    assert not lost
    assert status.candidate is not None
    assert status.candidate.stage is Stage.PROMOTING_BY_COMMAND


def test_an_earlier_version_may_write_by_the_definition_of_this_one() -> None:
    older = written()
    del older["candidate"]["stage"]
    older["candidate"] |= {"mode": "Steps", "promoting": False}
    schema = model_deployments()["properties"]["status"]
    assert list(wrong(older, schema)) == []
    assert list(unknown(older, schema)) == []


@pytest.mark.parametrize(
    ("candidate", "left"),
    [
        ({"stage": "Withdrawn", "withdrawn": {**WITHDRAWN, "weight": "none"}}, Stage.STEPPING),
        ({"stage": "Guarded", "guarding": {"since": SINCE}}, Stage.STEPPING),
        ({"stage": "TakingBack", "guarding": {"since": SINCE}}, Stage.STEPPING),
        (
            {"stage": "TakingBack", "guarding": {**GUARDING, "takingBack": {"since": SINCE}}},
            Stage.GUARDED,
        ),
    ],
)
def test_without_what_a_stage_needs_the_candidate_is_in_another(
    candidate: dict[str, Any], left: Stage
) -> None:
    status, lost = read_status(written(**candidate))
    assert lost
    assert status.candidate is not None
    assert status.candidate.stage is left


def test_a_candidate_of_a_stage_that_is_not_known_starts_anew_from_stable() -> None:
    status, lost = read_status(written(stage="Mirrored"))
    assert "status.candidate.stage" in str(lost[0])
    assert status.candidate is None
    assert status.stable is not None
    assert status.stable.revision == "aold"


def test_who_is_stable_is_not_guessed_from_half_of_an_entry() -> None:
    newer = written()
    del newer["stable"]["revision"]
    newer["stable"]["revisions"] = ["aold", "aolder"]
    status, lost = read_status(newer)
    assert "status.stable.revision: is required" in [str(each) for each in lost]
    assert (status.stable, status.candidate) == (None, None)
    assert [decision.reason for decision in status.decisions] == ["Promoted"]


def test_what_can_be_read_is_read_as_it_is() -> None:
    raw = written()
    status, lost = read_status(raw)
    assert not lost
    assert status.in_full()["candidate"]["checks"][1]["state"]["peak"] == 1.5
    assert raw == written()
