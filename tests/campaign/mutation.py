"""Plants each mended fault again, one by one, and lets the campaign look for it.

A fault is a file in `tests/campaign/faults`: the mended code, and the code with the fault. It is
planted in a copy of the operator, and the oracles look one after the other, the cheapest first,
until one of them finds that something is wrong.

`python -m tests.campaign.mutation [NAME ...]` prints a JSON line for each fault.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
FAULTS: Final = Path(__file__).parent / "faults"
WANTED: Final = 23 / 25
"""Share of the faults that the campaign is to find."""
CPU_SECONDS: Final = 600
"""Processor time that an oracle may take; one that does not end has found something wrong."""

ORACLES: Final[Mapping[str, Sequence[str]]] = {
    "table, in memory": ("table", "--workers", "1"),
    "sequences, in memory": ("sequences", "--count", "60", "--seed", "7"),
    "table, real API server": ("table", "--real", "--fail-fast", "measured in a step/"),
    "API faults": ("api_faults", "--every", "4"),
    "metrics faults": ("metrics_faults",),
    "attackers": ("attackers",),
}
"""What is run of `tests.campaign`, by the name that the report has."""
_IN_MEMORY: Final = ("table, in memory", "sequences, in memory")
_BY_KEY: Final = {
    "table": "table, real API server",
    "api_faults": "API faults",
    "metrics_faults": "metrics faults",
    "attackers": "attackers",
}
_BY_PLACE: Final = {
    "operator/serinus/api/promql": "attackers",
    "operator/serinus/prometheus": "metrics_faults",
    "operator/serinus/judge": "metrics_faults",
}


@dataclass(frozen=True, slots=True)
class Planted:
    """A fault that can be planted."""

    name: str
    title: str
    file: str
    after: str
    planted: str
    oracle: str
    """Of those that are not in memory, the one that may see it; empty: none."""

    @property
    def point(self) -> str:
        """The point of the list that it belongs to."""
        return re.split(r"[^0-9]", self.name)[0]

    @property
    def reachable(self) -> bool:
        """Whether it lies in the operator's code, and not in a chart or a page."""
        return self.file.startswith("operator/")


@dataclass(frozen=True, slots=True)
class Found:
    """What the campaign made of a fault."""

    fault: str
    title: str
    by: str
    """The oracle that found it; empty: none."""
    told: str
    """What it said."""
    seconds: float
    part: str = "mutation"

    @property
    def ok(self) -> bool:
        """Whether it was found."""
        return bool(self.by)


def read(path: Path) -> Planted:
    """A fault's file."""
    told: dict[str, Any] = tomllib.loads(path.read_text())
    places = (key for place, key in _BY_PLACE.items() if told["file"].startswith(place))
    return Planted(
        name=path.stem,
        title=told["title"],
        file=told["file"],
        after=told["after"].strip("\n"),
        planted=told["planted"].strip("\n"),
        oracle=told.get("oracle") or next(places, ""),
    )


def look(
    fault: Planted, oracles: Sequence[str], wrong_before: Mapping[str, Sequence[str]]
) -> Found:
    """Plant a fault, and let the oracles look for it; what was wrong before shows nothing."""
    started = time.monotonic()
    if not fault.reachable:
        return Found(fault.name, fault.title, "", f"{fault.file} is not code that runs", 0.0)
    with tempfile.TemporaryDirectory(prefix="serinus-mutant-") as folder:
        copy = Path(folder) / "operator"
        shutil.copytree(ROOT / "operator", copy, ignore=shutil.ignore_patterns("__pycache__"))
        source = Path(folder) / fault.file
        text = source.read_text()
        if text.count(fault.after) != 1:
            raise ValueError(f"{fault.name}: its snippet is not in {fault.file} once")
        source.write_text(text.replace(fault.after, fault.planted))
        for name in oracles:
            if (told := _asked(name, copy, wrong_before.get(name, ()))) is not None:
                return Found(fault.name, fault.title, name, told, time.monotonic() - started)
    return Found(fault.name, fault.title, "", "", time.monotonic() - started)


def _asked(oracle: str, operator: Path, wrong_before: Sequence[str]) -> str | None:
    """What an oracle finds wrong with an operator; None: nothing."""
    fast = ["--fail-fast"] if oracle.startswith("table") else []
    ended = _run(oracle, operator, *fast, *(f"--except={each}" for each in wrong_before))
    if ended.returncode == 0:
        return None
    if ended.returncode == -signal.SIGXCPU:
        return f"it did not end within {CPU_SECONDS} s of processor time"
    told = [_told(result) for result in _wrong(ended.stdout)]
    return told[0] if told else (ended.stderr.strip().splitlines() or ["it ended"])[-1][:400]


def _run(oracle: str, operator: Path, *more: str) -> subprocess.CompletedProcess[str]:
    module, *options = ORACLES[oracle]
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_CPU, ({CPU_SECONDS}, -1)); "
    start = f"import runpy; runpy.run_module('tests.campaign.{module}', run_name='__main__')"
    environment = {**os.environ, "PYTHONPATH": f"{operator}:{ROOT}", "PYTHONHASHSEED": "0"}
    return subprocess.run(
        [sys.executable, "-c", limit + start, *options, *more],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def wrong_before() -> dict[str, list[str]]:
    """What the oracles in memory find where nothing is planted: nothing, once all is mended."""
    found = {}
    for name in _IN_MEMORY:
        ended = _run(name, ROOT / "operator")
        results = list(_wrong(ended.stdout))
        found[name] = [f"{r['state']}/{r['event']}" for r in results if "state" in r]
        if results and not found[name]:
            found[name] = ["*"]
    return found


def _wrong(output: str) -> Iterator[Mapping[str, Any]]:
    for line in output.splitlines():
        if line.startswith("{"):
            result = json.loads(line)
            if result.get("ok") is False:
                yield result


def _told(result: Mapping[str, Any]) -> str:
    wrong = result.get("wrong") or result.get("told") or ""
    first = wrong[0] if isinstance(wrong, list) and wrong else wrong
    where = f"{result['state']}, {result['event']}: " if "state" in result else ""
    return f"{where}{first}"[:400]


def oracles_for(fault: Planted) -> list[str]:
    """Which look for it, in their order."""
    beside = _BY_KEY.get(fault.oracle, "")
    exists = beside and (ROOT / "tests" / "campaign" / f"{ORACLES[beside][0]}.py").exists()
    beyond = [beside] if exists else []
    # what only shows in what Prometheus answers is looked for there first
    first = fault.oracle in ("metrics_faults", "attackers")
    return [*beyond, *_IN_MEMORY] if first else [*_IN_MEMORY, *beyond]


def all_found(names: Sequence[str] = (), workers: int = 2) -> Iterator[Found]:
    """Plant all faults, or those whose names begin so, some beside each other."""
    paths = sorted(FAULTS.glob("*.toml"))
    chosen = [read(p) for p in paths if not names or any(p.stem.startswith(n) for n in names)]
    before = wrong_before()

    def looked(fault: Planted) -> Found:
        useful = [name for name in oracles_for(fault) if before.get(name) != ["*"]]
        return look(fault, useful, before)

    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(looked, chosen)


def main(arguments: Sequence[str]) -> int:
    """Print what was found; 1 if less than 23 in 25 were."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.mutation", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="beginning of a fault's name")
    parser.add_argument("--workers", type=int, default=2, help="faults beside each other")
    options = parser.parse_args(arguments)
    every = []
    for found in all_found(options.names, options.workers):
        every.append(found)
        print(json.dumps({**asdict(found), "ok": found.ok}), flush=True)
    return 0 if sum(each.ok for each in every) >= WANTED * len(every) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
