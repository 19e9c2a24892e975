"""Plants each mended fault again, one by one, and lets the campaign look for it.

A fault is a file in `tests/campaign/faults`: the mended code, and the code with the fault. It is
planted in a copy of the operator, and the oracles look one after the other until one of them finds
that something is wrong. A file may say where it shows (`oracle`, and `where` of it): that is looked
at first, since a whole part of the campaign takes minutes.

`python -m tests.campaign.mutation [NAME ...]` prints a JSON line for each fault. Without a name it
plants those that say where they show; the others are found by the tests that their files name.
`--by-tests` plants each fault for those of its tests that need no cluster.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
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
    "table": ("--workers", "1", "--fail-fast"),
    "sequences": ("--count", "60", "--seed", "7"),
    "api_faults": ("--every", "4"),
    "metrics_faults": (),
    "fuzz": ("--count", "400", "--seed", "1", "--as-found"),
    "attackers": (),
    "raising": ("--workers", "1"),
}
"""Parts of the campaign, and how they are run here."""
_ALWAYS: Final = ("table", "sequences")
"""What looks for every fault, after what the fault names."""


@dataclass(frozen=True, slots=True)
class Planted:
    """A fault that can be planted."""

    name: str
    title: str
    file: str
    after: str
    planted: str
    oracle: str
    """The part of the campaign in which it shows; empty: not known."""
    where: tuple[str, ...]
    """What of that part to run first."""
    tests: tuple[str, ...]
    """That fail with it."""

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
    return Planted(
        name=path.stem,
        title=told["title"],
        file=told["file"],
        after=told["after"].strip("\n"),
        planted=told["planted"].strip("\n"),
        oracle=told.get("oracle", ""),
        where=tuple(told.get("where", ())),
        tests=tuple(told["tests"]),
    )


def look(fault: Planted) -> Found:
    """Plant a fault, and let the oracles look for it."""
    started = time.monotonic()
    if not fault.reachable:
        return Found(fault.name, fault.title, "", f"{fault.file} is not code that runs", 0.0)
    with tempfile.TemporaryDirectory(prefix="serinus-mutant-") as folder:
        copy = Path(folder) / "operator"
        shutil.copytree(ROOT / "operator", copy, ignore=shutil.ignore_patterns("__pycache__"))
        _plant(fault, Path(folder))
        for oracle, where in oracles_for(fault):
            if (told := _asked(oracle, where, copy)) is not None:
                return Found(fault.name, fault.title, oracle, told, time.monotonic() - started)
    return Found(fault.name, fault.title, "", "", time.monotonic() - started)


def _plant(fault: Planted, root: Path) -> None:
    source = root / fault.file
    text = source.read_text()
    if text.count(fault.after) != 1:
        raise ValueError(f"{fault.name}: its snippet is not in {fault.file} once")
    source.write_text(text.replace(fault.after, fault.planted))


def look_by_tests(fault: Planted) -> Found:
    """Plant a fault in a copy of everything, and run its tests in the form of `make test`."""
    started = time.monotonic()
    tests = [test for test in fault.tests if test.startswith("tests/unit/")]
    if not tests:
        return Found(fault.name, fault.title, "", "its tests need a cluster", 0.0)
    with tempfile.TemporaryDirectory(prefix="serinus-mutant-") as folder:
        copy = Path(folder) / "copy"
        unneeded = shutil.ignore_patterns("__pycache__", "build", ".*")
        shutil.copytree(ROOT, copy, ignore=unneeded)
        (copy / ".venv").symlink_to(ROOT / ".venv")
        _plant(fault, copy)
        options = ["-q", "-x", "-p", "no:cacheprovider", "-m", "not exhaustive"]
        command = [sys.executable, "-m", "pytest", *options, *tests]
        ended = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - started
    failed = [line for line in ended.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if ended.returncode < 0:
        failed = [f"the tests were ended by signal {-ended.returncode}"]
    return Found(fault.name, fault.title, "tests" if failed else "", "".join(failed[:1]), seconds)


def oracles_for(fault: Planted) -> Iterator[tuple[str, Sequence[str]]]:
    """Which look for it, and at what, in their order."""
    if fault.oracle:
        yield fault.oracle, fault.where
    for oracle in _ALWAYS:
        if (oracle, fault.where) != (fault.oracle, ()):
            yield oracle, ()


def _asked(oracle: str, where: Sequence[str], operator: Path) -> str | None:
    """What an oracle finds wrong with an operator; None: nothing."""
    ended = _run(oracle, where, operator)
    if ended.returncode == 0:
        return None
    if ended.returncode == -signal.SIGXCPU:
        return f"it did not end within {CPU_SECONDS} s of processor time"
    told = [_told(result) for result in _wrong(ended.stdout)]
    raised = [line.strip(" |") for line in ended.stderr.splitlines() if "Error: " in line]
    return told[0] if told else (raised or ["it ended"])[-1][:400]


def _run(oracle: str, where: Sequence[str], operator: Path) -> subprocess.CompletedProcess[str]:
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_CPU, ({CPU_SECONDS}, -1)); "
    start = f"import runpy; runpy.run_module('tests.campaign.{oracle}', run_name='__main__')"
    environment = {**os.environ, "PYTHONPATH": f"{operator}:{ROOT}", "PYTHONHASHSEED": "0"}
    return subprocess.run(
        [sys.executable, "-c", limit + start, *ORACLES[oracle], *where],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def _wrong(output: str) -> Iterator[Mapping[str, Any]]:
    for line in output.splitlines():
        if line.startswith("{"):
            result = json.loads(line)
            if result.get("ok") is False:
                yield result


def _told(result: Mapping[str, Any]) -> str:
    wrong = result.get("wrong") or result.get("told") or ""
    first = wrong[0] if isinstance(wrong, list) and wrong else wrong
    places = (result.get(key) for key in ("state", "event", "story", "fault", "candidate"))
    where = ", ".join(filter(None, places))
    where = f"{where}: " if where else ""
    return f"{where}{first}"[:400]


def all_found(
    names: Sequence[str] = (), workers: int = 2, *, by_tests: bool = False
) -> Iterator[Found]:
    """Plant the faults whose names begin so, some beside each other; if none is named, those that
    say where they show, or all of them if tests look for them."""
    faults = [read(path) for path in sorted(FAULTS.glob("*.toml"))]
    chosen = [
        fault
        for fault in faults
        if (
            any(fault.name.startswith(name) for name in names)
            if names
            else by_tests or fault.oracle
        )
    ]
    with ThreadPoolExecutor(workers) as pool:
        search = look_by_tests if by_tests else look
        for done in as_completed([pool.submit(search, fault) for fault in chosen]):
            yield done.result()


def main(arguments: Sequence[str]) -> int:
    """Print what was found; 1 if less than 23 in 25 were."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.mutation", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="beginning of a fault's name")
    parser.add_argument("--workers", type=int, default=2, help="faults beside each other")
    parser.add_argument("--by-tests", action="store_true", help="by their tests in tests/unit")
    options = parser.parse_args(arguments)
    every = []
    for found in all_found(options.names, options.workers, by_tests=options.by_tests):
        every.append(found)
        print(json.dumps({**asdict(found), "ok": found.ok}), flush=True)
    return 0 if sum(each.ok for each in every) >= WANTED * len(every) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
