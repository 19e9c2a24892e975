"""Rollouts of the real cluster are judged again as they were judged there."""

import json
from pathlib import Path

import pytest

from serinus.cli.__main__ import main
from serinus.cli.comparison import BY_COMMAND
from tests.support.exhaustive import short

RECORDINGS = sorted((Path(__file__).parents[2] / "recordings").glob("*.json.gz"))
ENDS = {
    "arms-differ": "Promoted",
    "hanging-candidate": "Promoted",
    "shared-outage": "Promoted",
    "sick-baseline": "CheckFailed",
    "traffic-share": "Promoted",
}
PASSES = {
    "arms-differ": "ArmsDiffer",
    "hanging-candidate": "CandidateSilent",
    "sick-baseline": "StablePodDiffers",
    "traffic-share": "TrafficSplitWrong",
}
"""What each was held for on its way to that."""


def name_of(path: Path) -> str:
    return path.name.partition(".")[0]


def test_every_rollout_is_there() -> None:
    assert [name_of(path) for path in RECORDINGS] == sorted(ENDS)


QUICK = [path for path in RECORDINGS if name_of(path) not in ("arms-differ", "traffic-share")]


@pytest.mark.parametrize("path", short(RECORDINGS, QUICK), ids=name_of)
def test_it_is_decided_as_it_was(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["replay", "--recording", str(path), "-o", "json"])
    found = json.loads(capsys.readouterr().out)
    decided = [each["reason"] for each in found["operatorsDecisions"]]
    again = [each["reason"] for each in found["decisions"] if each["reason"] not in BY_COMMAND]
    assert decided[-1] == ENDS[name_of(path)]
    assert again[-len(decided) :] == decided
    assert PASSES.get(name_of(path), decided[-1]) in {each["reason"] for each in found["timeline"]}
