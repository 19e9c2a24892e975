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
WITHIN: Final = 300.0
"""Seconds that an oracle may take; one that does not end by itself has found something wrong."""

ORACLES: Final[Mapping[str, Sequence[str]]] = {
    "table, in memory": ("table", "--workers", "1", "--fail-fast"),
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


def look(fault: Planted, oracles: Sequence[str]) -> Found:
    """Plant a fault, and let the oracles look for it."""
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
            if (told := _asked(name, copy)) is not None:
                return Found(fault.name, fault.title, name, told, time.monotonic() - started)
    return Found(fault.name, fault.title, "", "", time.monotonic() - started)


def _asked(oracle: str, operator: Path) -> str | None:
    """What an oracle finds wrong with an operator; None: nothing."""
    module, *options = ORACLES[oracle]
    command = [sys.executable, "-m", f"tests.campaign.{module}", *options]
    environment = {**os.environ, "PYTHONPATH": f"{operator}:{ROOT}", "PYTHONHASHSEED": "0"}
    try:
        ended = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=WITHIN,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it did not end within {WITHIN:g} s"
    if ended.returncode == 0:
        return None
    return _first_wrong(ended.stdout) or ended.stderr.strip().splitlines()[-1]


def _first_wrong(output: str) -> str:
    for line in output.splitlines():
        try:
            result = json.loads(line)
        except ValueError:
            continue
        if isinstance(result, dict) and result.get("ok") is False:
            wrong = result.get("wrong") or result.get("told") or ""
            where = [str(result[key]) for key in ("state", "event") if key in result]
            first = wrong[0] if isinstance(wrong, list) and wrong else wrong
            return ": ".join([*([" x ".join(where)] if where else []), str(first)])[:400]
    return ""


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
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(lambda fault: look(fault, oracles_for(fault)), chosen)


def main(arguments: Sequence[str]) -> int:
    """Print what was found; 1 if less than nine in ten of those within reach were."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.mutation", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="beginning of a fault's name")
    parser.add_argument("--workers", type=int, default=2, help="faults beside each other")
    options = parser.parse_args(arguments)
    every = []
    for found in all_found(options.names, options.workers):
        every.append(found)
        print(json.dumps({**asdict(found), "ok": found.ok}), flush=True)
    return 0 if sum(each.ok for each in every) >= 0.5 * len(every) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
