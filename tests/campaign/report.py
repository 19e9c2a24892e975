"""docs/reliability.md from the results of the campaign's parts."""

import json
import os
import platform
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.campaign import on_cluster
from tests.campaign.invariants import INVARIANTS
from tests.campaign.mutation import FAULTS
from tests.campaign.table import EVENTS, STATES
from tests.layers import reports_of

_KILLED = re.compile(r"killed (before|after) write.*")

Results = Mapping[str, Sequence[Mapping[str, Any]]]
"""By part, the lines that it printed, and one with `seconds` that it took."""

_HEAD = """# Reliability

`make campaign` generates this page. It tests every state of a rollout with every event, long
sequences of events, faults between the operator and the API server and between the operator and
Prometheus, and queries that try to read other namespaces. Then it reintroduces fixed bugs one by
one, to check that the campaign finds them.
"""


def results(folder: Path) -> Results:
    """What the parts printed last."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for path in sorted(folder.glob("*.jsonl")):
        part = path.stem.rpartition("-")[0]
        for line in path.read_text().splitlines():
            if line.startswith("{"):
                found[part].append(json.loads(line))
    for path in sorted(folder.glob("*.seconds")):
        day = datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
        found[path.stem].append({"took": float(path.read_text()), "day": day})
    return found


def page(found: Results) -> str:
    """The page."""
    parts = [
        _HEAD,
        *_summary(found),
        *_invariants(),
        *_matrix(found),
        *_on_the_cluster(),
        *_sequences(found),
        *_faults(found),
        *_raising(found),
        *_tenants(found),
        *_mutation(found),
    ]
    lines = "\n".join(parts).splitlines()
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def _took(found: Results, part: str) -> str:
    """How long it took, and on which day; the cells of two columns."""
    for line in found.get(part, ()):
        if "took" in line:
            return f"{line['took'] / 60:.1f} min | {line['day']}"
    return "not run | "


def _lines(found: Results, part: str) -> list[Mapping[str, Any]]:
    return [line for line in found.get(part, ()) if "took" not in line]


def _summary(found: Results) -> Iterator[str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield f"Run on {os.cpu_count()} cores and {memory:.0f} GiB ({platform.machine()}, "
    yield f"Python {platform.python_version()}). The parts with a real API server or "
    yield "Prometheus ran beside the others. A part tests the code of its day.\n"
    yield "| part | what | wrong | time | day |\n|---|---|---|---|---|"
    for part, what in _PARTS.items():
        lines = _lines(found, part)
        wrong = sum(line.get("ok") is False for line in lines)
        if part == "mutation":
            caught = sum(line["ok"] for line in lines)
            yield f"| {part} | {len(lines)} {what} | {caught} found | {_took(found, part)} |"
        else:
            count = sum(line.get("count", 1) for line in lines)
            yield f"| {part} | {count:,} {what} | {wrong} | {_took(found, part)} |"
    yield ""


_PARTS = {
    "table": "cells in memory",
    "table-real": "cells on a real API server",
    "sequences": "sequences in memory",
    "sequences-real": "sequences on a real API server",
    "api_faults": "runs with a fault between operator and API server",
    "metrics_faults": "runs with a fault between operator and Prometheus",
    "fuzz": "rollouts with series as no server should export them",
    "attackers": "attacks",
    "raising": "runs with a function that raises",
    "tenants": "sizes of a heavy tenant",
    "mutation": "bugs reintroduced",
}


def _invariants() -> Iterator[str]:
    yield "## Invariants\n"
    yield "Checked in every cell, every sequence and every run with a fault of the API server.\n"
    yield "| invariant | |\n|---|---|"
    for each in INVARIANTS:
        yield f"| {each.name} | {each.sentence} |"
    yield ""


def _matrix(found: Results) -> Iterator[str]:
    yield "## Lifecycle\n"
    yield "Each cell shows the result of an event in a state, after the fault that it causes has "
    yield "ended. Wrong cells are marked and listed below.\n"
    for state in STATES:
        yield f"- **{state.name}**: {state.sentence}"
    yield ""
    wrong: dict[tuple[str, str], list[str]] = defaultdict(list)
    ran: set[tuple[str, str]] = set()
    for part in ("table", "table-real"):
        for line in _lines(found, part):
            cell = line["state"], line["event"]
            ran.add(cell)
            if line["wrong"]:
                where = "" if part == "table" else " (real API server)"
                wrong[cell] += [f"{each}{where}" for each in line["wrong"]]
    yield "| event | " + " | ".join(state.name for state in STATES) + " |"
    yield "|---" * (len(STATES) + 1) + "|"
    for event in EVENTS:
        cells = []
        for state in STATES:
            key = state.name, event.name
            mark = " **wrong**" if wrong.get(key) else "" if key in ran else " (not run)"
            cells.append(f"{event.expected(state).words}{mark}")
        yield f"| {event.name} | " + " | ".join(cells) + " |"
    yield ""
    for (state_name, event_name), told in wrong.items():
        yield f"- {state_name}, {event_name}: {_plain(told[0])}"
    if wrong:
        yield ""


def _on_the_cluster() -> Iterator[str]:
    yield "## On the real cluster\n"
    yield "`make test-all` also runs these cells, with real pods, a gateway, Prometheus"
    yield "and clients.\n"
    yield "| state | event | test in tests/e2e | |\n|---|---|---|---|"
    ran = on_cluster.results([*reports_of("e2e"), *reports_of("live")])
    said = {True: "passed", False: "**failed**", None: "not run"}
    for (state, event), test in on_cluster.PLAYED.items():
        module, _, name = test.partition("::")
        yield f"| {state} | {event} | `{module}.py::{name}` | {said[ran.get(test)]} |"
    yield ""


def _sequences(found: Results) -> Iterator[str]:
    yield "## Sequences\n"
    for line in [*_lines(found, "sequences"), *_lines(found, "sequences-real")]:
        well = "none failed" if line["ok"] else f"one failed: {_plain(line['wrong'])[:300]}"
        yield f"- {line['count']:,} {line['where']}, seed {line['seed']}: {well}"
        if line.get("replay"):
            yield f"  Replay: `{line['replay'][:200]}`"
    yield ""


def _faults(found: Results) -> Iterator[str]:
    yield from _api_faults(_lines(found, "api_faults"))
    yield from _metrics_faults(_lines(found, "metrics_faults"))
    yield from _fuzz(_lines(found, "fuzz"))
    for line in _lines(found, "attackers"):
        yield "## Attackers\n"
        yield f"{line['count']:,} generated queries and manifests of one namespace: "
        yield f"{line['queries_accepted']:,} queries and {line['manifests_accepted']:,} manifests "
        yield f"were accepted. {line['executed']:,} of the queries ran on a real Prometheus that "
        yield f"has another namespace's series, and {line['answered']:,} of them had a result. "
        yield f"{len(line['crossings'])} returned data of the other namespace."
        yield from (f"- {_plain(each)[:300]}" for each in line["wrong"])
        yield ""


def _api_faults(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Faults between operator and API server\n"
    yield "Three scenarios run with each fault: a model is promoted, a bad one is rolled back, "
    yield "a measured one is replaced. Each must end as it does without the fault, with the same "
    yield "decisions, weights and pods.\n"
    yield "| fault | runs | wrong |\n|---|---|---|"
    by_fault: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for line in lines:
        by_fault[_KILLED.sub(r"killed \1 each write", line["fault"])].append(line)
    for fault, runs in sorted(by_fault.items()):
        yield f"| {fault} | {len(runs)} | {sum(not run['ok'] for run in runs)} |"
    yield ""
    for line in lines:
        if not line["ok"]:
            yield f"- {line['story']}, {line['fault']}: {_plain(line['wrong'])[:300]}"
    yield ""


def _metrics_faults(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Faults between operator and Prometheus\n"
    yield "Without a fault, a good candidate is promoted and a bad one is rolled back.\n"
    yield "| fault | good candidate | bad candidate |\n|---|---|---|"
    decided: dict[str, dict[str, str]] = defaultdict(dict)
    for line in lines:
        mark = "" if line["ok"] else f" **wrong: {_plain(line['wrong'])}**"
        decided[line["fault"]][line["candidate"]] = f"{line['decided']}{mark}"
    for fault, by_quality in decided.items():
        yield f"| {fault} | {by_quality.get('good', '')} | {by_quality.get('bad', '')} |"
    yield ""


def _raising(found: Results) -> Iterator[str]:
    lines = _lines(found, "raising")
    yield "## Functions that raise\n"
    functions = len({line["function"] for line in lines})
    yield f"{functions} public functions of the rooms that judge, decide and show, made to raise "
    yield "one at a time while a candidate fails 30% of its requests. Each time the candidate "
    yield "loses its traffic, and the status, an event or a metric says what raises.\n"
    yield "| raises | functions | wrong | longest with traffic |\n|---|---|---|---|"
    moments: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for line in lines:
        moments[line["moment"]].append(line)
    for moment, runs in moments.items():
        wrong = sum(not run["ok"] for run in runs)
        longest = max(run["failing"] or 0.0 for run in runs)
        yield f"| {moment} | {len(runs)} | {wrong} | {longest:.0f} s |"
    yield ""
    for line in lines:
        if not line["ok"]:
            yield f"- {line['function']}, {line['moment']}: {_plain(line['wrong'][0])[:300]}"
    yield ""


def _fuzz(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Series as no server should export them\n"
    yield "Rollouts with any of the checks, and the monitoring of stable, whose pods export absent "
    yield "and empty series, single samples, odd or missing bounds, labels that appear and go, "
    yield "values up to 1e308, and counters that fall anywhere. Nothing may raise, each status "
    yield "must be valid, and no candidate may keep its traffic because its own metrics cannot "
    yield "be judged.\n"
    for line in lines:
        well = "none failed" if line["ok"] else f"one failed: {_plain(line['wrong'])[:300]}"
        yield f"- {line['count']:,} rollouts, seed {line['seed']}: {well}"
    yield ""


def _tenants(found: Results) -> Iterator[str]:
    yield "## A heavy tenant\n"
    yield "By how much a look of so many series delays a pass over another object, which takes "
    yield "some 12 ms alone. More than 20,000 series of a revision are an Error of their query.\n"
    yield "| series of both revisions | look | passes beside it | median delay | longest |"
    yield "|---|---|---|---|---|"
    for line in _lines(found, "tenants"):
        times = (f"{1000 * line[key]:.0f} ms" for key in ("look", "median", "longest"))
        look, median, longest = times
        yield f"| {line['series']:,} | {look} | {line['passes']} | {median} | {longest} |"
    yield ""


def _mutation(found: Results) -> Iterator[str]:
    lines = _lines(found, "mutation")
    yield "## Fixed bugs, reintroduced\n"
    caught = sum(line["ok"] for line in lines)
    others = len(list(FAULTS.glob("*.toml"))) - len(lines)
    yield f"{len(lines)} reintroduced, {caught} found. `tests/campaign/faults` has {others} more, "
    yield "which are found by the tests that they name: they are in the chart, a page or a preset, "
    yield "or the campaign did not find them.\n"
    yield "| bug | found by | message |\n|---|---|---|"
    for line in lines:
        by = line["by"] or "**not found**"
        yield f"| {line['title']} | {by} | {_plain(line['told'])[:160]} |"
    yield ""


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
