"""`serinus record` and `serinus replay` as they are typed."""

import asyncio
import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from serinus.api.evidence import unpacked
from serinus.api.status import KEPT, Decision
from serinus.cli.__main__ import main
from serinus.cli.comparison import as_kept
from tests.support.faulty_prometheus import Faulty, matrix, saying, serving

ROOT = Path(__file__).parents[3]
LOAN = ROOT / "examples/recordings/loan.json.gz"
Write = Callable[[dict[str, Any]], str]


def recording() -> dict[str, Any]:
    """The recording of a real rollout, of a version that predicts otherwise than stable."""
    found: dict[str, Any] = json.loads(gzip.decompress(LOAN.read_bytes()))
    written = found["modelDeployment"]
    written["status"] = unpacked(written["status"], KEPT)
    return found


def manifest(**analysis: Any) -> dict[str, Any]:
    """The recorded ModelDeployment, with other settings of its analysis."""
    found: dict[str, Any] = recording()["modelDeployment"]
    found["spec"]["rollout"]["analysis"].update(analysis)
    return found


def replayed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """What it prints for scripts."""
    assert main(["replay", *arguments, "-o", "json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file and gives its name."""

    def written(content: dict[str, Any]) -> str:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.yaml"
        path.write_text(json.dumps(content))
        return str(path)

    return written


def figures(decisions: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """Sentences may get better after a recording was made; what was counted stays the same."""
    return [(each["reason"], re.findall(r"\d+/\d+", each["message"])) for each in decisions]


def test_a_real_rollout_is_decided_as_the_operator_did_from_the_same_counts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = replayed(capsys, "--recording", str(LOAN))
    assert figures(found["decisions"]) == figures(found["operatorsDecisions"])
    assert found["outcome"] == "RolledBack"
    assert figures(found["decisions"])[-1] == ("CheckFailed", ["22/168", "426/679"])
    looks = found["looks"]
    assert [check["verdict"] for check in looks[-1]["checks"]] == [
        *("Inconclusive", "Fail", "Inconclusive"),
    ]
    # from the third on, something speaks against the candidate: a look after each scrape
    moments = [*("53:30", "53:35", "53:36", "53:38", "53:40", "53:42", "53:44")]
    assert [look["at"][-10:-5] for look in looks] == moments


def test_decisions_are_compared_as_the_status_keeps_them() -> None:
    """Of several WeightLowered in a row it keeps the last."""
    made = [
        Decision(at=float(at), reason=reason, revision="b", message="", times=times)
        for at, (reason, times) in enumerate(
            [("RolloutStarted", 1), *(("WeightLowered", n) for n in (1, 2, 3)), ("Promoting", 1)]
        )
    ]
    assert [each.at for each in as_kept(made)] == [0, 3, 4]
    assert as_kept([]) == []


def test_the_document_shows_what_is_really_printed(capsys: pytest.CaptureFixture[str]) -> None:
    document = (ROOT / "docs/simulate.md").read_text()
    [shown] = re.findall(
        r"serinus replay --recording \S+\n```\n\n```console\n(.*?)```", document, re.DOTALL
    )
    assert main(["replay", "--recording", str(LOAN)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    for part in shown.split("…"):
        assert " ".join(part.split()) in printed
    assert shown.startswith("loan, ")
    assert shown.endswith("\n\nThe operator made the same decision, with the same message.\n")


def test_a_laxer_policy_finds_the_end_of_the_record_and_tells_what_it_knew(
    capsys: pytest.CaptureFixture[str], write: Write
) -> None:
    lax = write(manifest(checks=[{"name": "errors", "errorRate": {}}], minRequests=100_000))
    assert main(["replay", "--recording", str(LOAN), "-f", lax]) == 0
    told = capsys.readouterr().out
    assert "Undecided: the recording ends here" in told
    assert "The real rollout: CheckFailed after" in told
    assert "\nerrors: Inconclusive. Candidate errors 0/" in told


def test_a_rollout_that_was_aborted_by_hand_is_aborted_again(
    capsys: pytest.CaptureFixture[str], write: Write
) -> None:
    found = recording()
    status = found["modelDeployment"]["status"]
    timeline, at = status["timeline"], "2026-11-29T19:53:34.500Z"
    told = f"Revision {timeline['revision']} was aborted by command."
    ended = {"at": at, "reason": "Aborted", "revision": timeline["revision"], "message": told}
    obeyed = {"command": f"abort/{timeline['revision']}", "outcome": "done", "at": at}
    status["timeline"] = {**timeline, "until": at, "commands": [obeyed]}
    status["decisions"] = [ended, *status["decisions"][1:]]
    assert main(["replay", "--recording", write(found)]) == 0
    assert "The operator made the same decision, with the same message." in capsys.readouterr().out


def test_a_policy_that_reads_what_was_not_recorded_is_refused(
    capsys: pytest.CaptureFixture[str], write: Write
) -> None:
    other = {"name": "slow", "latency": {"histogram": {"metric": "other_seconds"}}}
    assert main(["replay", "--recording", str(LOAN), "-f", write(manifest(checks=[other]))]) == 2
    assert "the recording has no other_seconds_bucket, which" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "Pod"}, "recording.kind"),
        ({"until": "yesterday"}, "recording.until"),
        ({"more": 1}, "recording.more: is an unknown field"),
        ({"scrapes": [{"metric": {}}]}, "scrapes.result[0] is not a series"),
        ({"modelDeployment": {"kind": "ModelDeployment"}}, "metadata.name: is required"),
    ],
    ids=str,
)
def test_a_recording_that_is_none_is_refused_by_its_field(
    change: dict[str, Any], sentence: str, capsys: pytest.CaptureFixture[str], write: Write
) -> None:
    assert main(["replay", "--recording", write({**recording(), **change})]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"{", "is not valid JSON"),
        (b"[" * 100_000, "is nested too deeply"),
        (b"\x1f\x8bbroken", "cannot be read"),
        (b"[]", "recording"),
    ],
)
def test_a_file_that_is_none_is_refused(
    content: bytes, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_bytes(content)
    assert main(["replay", "--recording", str(tmp_path / "file")]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("timeline", "sentence"),
    [
        (None, "status.timeline: is required, because it describes the rollout: use "),
        ({"weights": [], "measuredSince": None}, "status.timeline.weights: is empty"),
    ],
)
def test_a_status_that_does_not_tell_the_rollout_is_refused(
    timeline: dict[str, Any] | None,
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    write: Write,
) -> None:
    found = manifest()
    found["status"]["timeline"] = timeline and {**found["status"]["timeline"], **timeline}
    where = ["--prometheus", "http://127.0.0.1:1"]
    assert main(["replay", "-f", write(found), *where]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--prometheus", "http://user:secret@host"], "must not contain a user name"),
        (["--prometheus", "prometheus:9090"], "must look like http"),
        (["--prometheus", "http://127.0.0.1:1"], "cannot be reached"),
        (
            ["--prometheus", "http://127.0.0.1:1", "--prometheus-token-file", "/nowhere"],
            "/nowhere cannot be read",
        ),
        (["--prometheus", "http://x", "--from", "2100-01-01T00:00:00Z"], "must be before --to"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_prometheus_that_cannot_be_asked_is_said_in_a_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str], write: Write
) -> None:
    assert main(["replay", "-f", write(manifest()), *arguments]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert "secret" not in told


def test_a_replay_may_end_before_the_rollout_did(capsys: pytest.CaptureFixture[str]) -> None:
    found = replayed(capsys, "--recording", str(LOAN), "--to", "2026-11-29T19:53:33Z")
    assert found["outcome"] == "Undecided"
    assert len(found["looks"]) == 1


def test_a_recording_begins_where_it_begins(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--recording", str(LOAN), "--from", "2026-11-29T19:53:33Z"]) == 2
    assert "--from: requires --prometheus" in capsys.readouterr().err


def test_a_time_without_a_zone_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["replay", "--recording", str(LOAN), "--to", "2026-11-25T03:00:00"])
    assert "is not a time like 2026-11-25T03:00:00Z" in capsys.readouterr().err


async def test_what_is_recorded_is_what_the_server_sent_and_replays(
    tmp_path: Path, write: Write
) -> None:
    known = {each["metric"]: each["result"] for each in recording()["counters"]}

    async def answer(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        metric = form["query"].partition("{")[0]
        series = [(one["metric"], one["values"]) for one in known.get(metric, [])]
        return await saying(matrix(*series))(request, form)

    async with serving(answer) as server:
        path = await asyncio.to_thread(recorded, server, write(manifest()), tmp_path)
    assert server.requests[0].headers["Authorization"] == "Bearer key"
    found = json.loads(gzip.decompress(path.read_bytes()))
    results = {each["metric"]: each["result"] for each in found["counters"]}
    assert {metric: result for metric, result in results.items() if result} == known
    assert found["modelDeployment"] == yaml.safe_load(json.dumps(manifest()))


def recorded(server: Faulty, name: str, folder: Path) -> Path:
    (folder / "token").write_text("key\n")
    path = folder / "new.json.gz"
    login = ["--prometheus", server.url, "--prometheus-token-file", str(folder / "token")]
    assert main(["record", "-f", name, *login, "--out", str(path)]) == 0
    return path
