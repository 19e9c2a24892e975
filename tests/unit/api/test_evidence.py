"""What the operator keeps for itself in one field of the status."""

import base64
import json
import zlib
from typing import Any

import pytest
import yaml

from serinus.api.evidence import MOST_BYTES
from serinus.api.status import Status
from serinus.api.validation import in_full, read_status
from tests.support.replayed import replayed

SINCE = "2026-11-25T08:00:00.000Z"


def full() -> dict[str, Any]:
    """A status in mid-canary, as earlier versions wrote it."""
    counts = {"candidate": {"requests_total": 51.0}, "stable": {"requests_total": 204.0}}
    check = {"kind": "errorRate", "verdict": "Inconclusive", "message": "0/51 (0%)"}
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
            "entries": 3,
            "counted": {"pod-1": 1764057600.25},
            "checks": [
                {"name": "errors", **check, "state": {"peak": 1.5, **counts}},
                {"name": "slow", **check, "state": {"peak": 0.5, **counts}},
            ],
        },
        "timeline": {"revision": "anew", "stable": "aold", "since": SINCE},
        "monitoring": {
            "reference": [{"feature": "amount", "bounds": [1.0], "shares": [0.5, 0.5]}],
            "features": [{"feature": "amount", "since": SINCE}],
        },
    }


def written() -> dict[str, Any]:
    return Status.model_validate(full()).to_json()


def test_it_is_read_back_as_it_was() -> None:
    status = Status.model_validate(full())
    assert Status.model_validate(status.to_json()) == status
    assert in_full(status.to_json()) == (status.in_full(), [])


def test_people_read_what_was_decided_and_compared() -> None:
    shown = written()
    evidence = shown.pop("evidence")
    assert evidence.startswith("1:")
    assert "timeline" not in shown
    assert shown["monitoring"]["features"][0]["feature"] == "amount"
    assert "reference" not in shown["monitoring"]
    candidate = shown["candidate"]
    assert (candidate["stage"], candidate["step"]) == ("Stepping", 1)
    assert not {"entries", "counted"} & set(candidate)
    for check in candidate["checks"]:
        assert check["requests"] == {"candidate": 51.0, "stable": 204.0}
        assert check["verdict"] == "Inconclusive"
        assert "state" not in check


def test_what_an_earlier_version_wrote_in_full_is_read_whatever_stands_beside_it() -> None:
    stale = written()["evidence"]
    newer = {**full(), "evidence": stale}
    newer["candidate"]["entries"] = 5
    status, lost = read_status(newer)
    assert not lost
    assert status.candidate is not None
    assert status.candidate.entries == 5


def test_a_rollout_with_three_checks_is_read_on_two_pages() -> None:
    [*_, status] = (
        found
        for each in replayed()
        if (found := Status.model_validate(each["status"])).candidate and found.candidate.checks
    )
    assert status.candidate is not None
    assert len(status.candidate.checks) == 3
    # as kubectl folds lines
    assert len(yaml.safe_dump(status.to_json(), width=80).splitlines()) <= 155


def _packed(text: bytes, version: str = "1") -> str:
    return f"{version}:{base64.b64encode(zlib.compress(text)).decode()}"


_WORDS = {f"pod-{n}": "many" for n in range(20_000)}
"""To remove each by itself would take minutes, in which no object has a pass."""


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        ("2:abc", "is of version '2', and this version reads '1'"),
        ("abc", "is not what Serinus writes"),
        (7, "is not what Serinus writes"),
        ("1:%%%", "is damaged"),
        ("1:AAAA", "is damaged"),
        (_packed(b"{"), "is damaged"),
        (_packed(b"[" * 100_000), "is damaged"),
        (_packed(b'{"candidate":{"counted":' + b"[" * 500 + b"]" * 500 + b"}}"), "is nested"),
        (_packed(b'{"candidate":{"unmeasured":NaN}}'), "has NaN"),
        (_packed(b'{"candidate":{"unmeasured":-Infinity}}'), "has -Infinity"),
        (_packed(b'{"timeline":' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}"), "is nested"),
        (_packed(json.dumps({"candidate": {"counted": _WORDS}}).encode()), "has 20000 values"),
        (_packed(b" " * (MOST_BYTES + 1) + b"{}"), "larger than 16 MB"),
        (written()["evidence"][:-24], "is cut off"),
        (_packed(json.dumps({"candidate": {"checks": [{"state": {}}]}}).encode()), "another"),
    ],
)
def test_evidence_that_cannot_be_read_is_named_and_costs_no_decision(
    evidence: Any, why: str
) -> None:
    status, [lost] = read_status({**written(), "evidence": evidence})
    assert lost.field == "status.evidence"
    assert why in lost.message
    assert "evaluation starts again" in lost.message
    assert status.stable is not None
    assert status.candidate is not None
    assert (status.candidate.step, status.candidate.weight.wanted) == (1, 25)
    assert [check.state.peak for check in status.candidate.checks] == [0, 0]


def test_many_unreadable_values_beside_the_evidence_cost_what_only_the_operator_reads() -> None:
    earlier = full()
    earlier["candidate"]["counted"] = _WORDS
    status, [lost] = read_status(earlier)
    assert "has 20000 values" in lost.message
    assert status.candidate is not None
    assert (status.candidate.step, status.candidate.entries) == (1, 0)


def test_what_belongs_to_a_candidate_that_another_writer_removed_is_left_out() -> None:
    shown = written()
    del shown["candidate"]
    status, lost = read_status(shown)
    assert not lost
    assert status.candidate is None
    assert status.timeline is not None


def test_a_field_within_it_that_this_version_cannot_read_costs_its_check_alone() -> None:
    newer = full()
    newer["candidate"]["checks"][0]["state"]["peak"] = "much"
    found = json.dumps(
        {"candidate": {"entries": 3, "checks": [{"state": {"peak": "much"}}, {"state": {}}]}}
    )
    status, [lost] = read_status({**written(), "evidence": _packed(found.encode())})
    assert "status.candidate.checks[0].state.peak" in str(lost)
    assert status.candidate is not None
    assert status.candidate.entries == 3
