"""Runs layers of tests and fails if one did not run.

A layer that finds no test, or skips one, has not shown what it is there to show: that is a
failure here, though pytest calls it a success.
"""

import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

_BESIDE_EACH_OTHER = ("--dist=loadscope", "--no-loadscope-reorder")
_WORKERS = (os.cpu_count() or 1) + 1
"""One more than there are cores, since some tests wait."""


@dataclass(frozen=True)
class Run:
    """A run of pytest."""

    marks: str
    """Of the tests, as an expression."""
    workers: int = 0
    """How many tests run beside each other; 0: none, in the process itself."""
    quiet: bool = False
    """Whether a busy machine would disturb it."""

    @property
    def options(self) -> Sequence[str]:
        """Of pytest."""
        many = (f"--numprocesses={self.workers}", *_BESIDE_EACH_OTHER) if self.workers else ()
        return "-m", self.marks, *many


LAYERS: Mapping[str, Sequence[Run]] = {
    "unit": [Run("not exhaustive", _WORKERS)],
    # most of their time is waiting
    "integration": [Run("not exhaustive", 5)],
    "e2e": [Run("not (quiet or alone or live)", 4), Run("quiet and not live", 3, quiet=True)],
    "exhaustive": [Run("exhaustive", _WORKERS)],
    "live": [
        Run("live and not (quiet or alone)", 4),
        Run("live and quiet", 2, quiet=True),
        Run("live and alone", quiet=True),
    ],
}
"""Each layer's runs, one after another."""
IN_MEMORY = frozenset({"unit", "exhaustive"})
"""They run beside those on clusters, with what these leave of the cores: those wait for much of
their time."""
FOLDERS: Mapping[str, Sequence[str]] = {"exhaustive": ("unit", "integration"), "live": ("e2e",)}
"""Where a layer's tests are, if not in a folder of its name."""
_BUILD = Path(__file__).parents[1] / "build"
REPORTS = _BUILD / "reports"
_SLOWEST = 15
_RUNNING: Final[set[subprocess.Popen[bytes]]] = set()
"""Of pytest."""


@dataclass(frozen=True)
class Outcome:
    """What became of a layer's tests, as pytest's JUnit report counts them."""

    layer: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0

    @property
    def ran(self) -> bool:
        """Whether the layer ran, whole and without a failure."""
        return self.passed > 0 and self.failed == 0 and self.skipped == 0

    def __add__(self, later: "Outcome") -> "Outcome":
        return Outcome(
            self.layer,
            self.passed + later.passed,
            self.failed + later.failed,
            self.skipped + later.skipped,
            self.seconds + later.seconds,
        )

    def __str__(self) -> str:
        counts = f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"
        verdict = "" if self.ran else "  <- a layer must pass at least one test and skip none"
        return f"{self.layer + ':':13}{counts} in {self.seconds:.0f} s{verdict}"


def counted(layer: str, report: Path, seconds: float) -> Outcome:
    """Read a JUnit report; without one nothing has run, and that is counted as a failure."""
    if not report.exists():
        return Outcome(layer, failed=1, seconds=seconds)
    suites = list(ElementTree.parse(report).iter("testsuite"))
    tests, failures, errors, skipped = (
        sum(int(suite.get(name, 0)) for suite in suites)
        for name in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    return Outcome(layer, tests - failed - skipped, failed, skipped, seconds)


def reports_of(layer: str) -> Sequence[Path]:
    """The JUnit reports of a layer's runs."""
    return [REPORTS / f"{layer}-{number}.xml" for number in range(1, len(LAYERS[layer]) + 1)]


def run(layer: str, beside: Future[Any] | None = None) -> Outcome:
    """Run a layer's tests; their output goes where ours goes. Where one of its runs fails, the next
    is made all the same. Those that need a quiet machine wait for what runs beside."""
    outcome = Outcome(layer)
    for one, report in zip(LAYERS[layer], reports_of(layer), strict=True):
        if one.quiet and beside is not None:
            wait([beside])
        outcome += _run(layer, one, report)
    return outcome


def run_beside(layer: str) -> Outcome:
    """Run a layer's tests at a low priority, and print what they print when they have ended."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    with (REPORTS / f"{layer}.log").open("w+", errors="replace") as log:
        print(f"{layer} runs beside the other layers; what it prints is in {log.name}", flush=True)
        outcome = Outcome(layer)
        for one, report in zip(LAYERS[layer], reports_of(layer), strict=True):
            outcome += _run(layer, one, report, ("nice", "-n", "10"), log)
        log.seek(0)
        print(log.read(), flush=True)
    return outcome


def _run(
    layer: str, one: Run, report: Path, prefix: Sequence[str] = (), output: IO[str] | None = None
) -> Outcome:
    report.unlink(missing_ok=True)
    started = time.monotonic()
    folders = [f"tests/{folder}" for folder in FOLDERS.get(layer, (layer,))]
    tests = [*folders, f"--junitxml={report}", f"--durations={_SLOWEST}", *one.options]
    command = [*prefix, sys.executable, "-m", "pytest", *tests]
    code = _ended(command, output)
    outcome = counted(layer, report, time.monotonic() - started)
    if code != 0 and outcome.failed == 0:  # for one, that it found no test
        return replace(outcome, failed=1)
    return outcome


def _ended(command: Sequence[str], output: IO[str] | None) -> int:
    """A command's exit code, once it has ended; it is killed if that is not waited for."""
    with subprocess.Popen(command, env=_environment(), stdout=output) as process:
        _RUNNING.add(process)
        try:
            return process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            _RUNNING.discard(process)


def _environment() -> Mapping[str, str]:
    """Compiled modules are kept, whatever the caller's environment says: each worker reads those of
    all tests, and each process that a test starts those of the operator."""
    ours = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**ours, "PYTHONPYCACHEPREFIX": str(_BUILD / "compiled")}


def main(layers: list[str]) -> int:
    """Run layers, those in memory beside the others, each in order up to the first that fails;
    print a line for each and their sum."""
    unknown = sorted(set(layers) - set(LAYERS))
    if unknown or not layers:
        print(f"usage: python -m tests.layers [{'] ['.join(LAYERS)}]", file=sys.stderr)
        return 2
    in_memory = [layer for layer in layers if layer in IN_MEMORY]
    on_clusters = [layer for layer in layers if layer not in IN_MEMORY]
    outcomes: dict[str, Outcome] = {}

    def run_each(of: Sequence[str], how: Callable[[str], Outcome]) -> None:
        for layer in of:
            if all(outcome.ran for outcome in outcomes.values()):
                outcomes[layer] = how(layer)

    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(run_each, in_memory, run_beside if on_clusters else run)
        try:
            run_each(on_clusters, partial(run, beside=beside))
            beside.result()
        except BaseException:  # leaving the block waits for what runs beside
            for process in [*_RUNNING]:
                process.send_signal(signal.SIGINT)
            raise
    print()
    for layer in layers:
        print(outcomes.get(layer, f"{layer + ':':13}not run, since another did not pass"))
    passed = sum(outcome.passed for outcome in outcomes.values())
    failed = sum(outcome.failed for outcome in outcomes.values())
    print(f"{passed} passed, {failed} failed", flush=True)
    return 0 if all(layer in outcomes and outcomes[layer].ran for layer in layers) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
