"""Runs layers of tests and fails if one did not run.

A layer that finds no test, or skips one, has not shown what it is there to show: that is a
failure here, though pytest calls it a success.
"""

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

_BESIDE_EACH_OTHER = ("--dist=loadscope", "--no-loadscope-reorder")
_WORKERS = (os.cpu_count() or 1) + 1
"""One more than there are cores, since some tests wait."""
LAYERS: Mapping[str, Sequence[Sequence[str]]] = {
    "unit": [("-m", "not exhaustive", f"--numprocesses={_WORKERS}", *_BESIDE_EACH_OTHER)],
    # most of their time is waiting
    "integration": [("-m", "not exhaustive", "--numprocesses=5", *_BESIDE_EACH_OTHER)],
    "e2e": [
        ("-m", "not (quiet or alone or live)", "--numprocesses=4", *_BESIDE_EACH_OTHER),
        ("-m", "quiet and not live", "--numprocesses=3", *_BESIDE_EACH_OTHER),
    ],
    "exhaustive": [("-m", "exhaustive", f"--numprocesses={_WORKERS}", *_BESIDE_EACH_OTHER)],
    "live": [
        ("-m", "live and not (quiet or alone)", "--numprocesses=4", *_BESIDE_EACH_OTHER),
        ("-m", "live and quiet", "--numprocesses=2", *_BESIDE_EACH_OTHER),
        ("-m", "live and alone"),
    ],
}
"""Each layer's runs of pytest, one after another, and how many of its tests run beside each other.
"""
ON_THE_STAGE = frozenset({"e2e", "live"})
"""They need a real cluster."""
BRING_UP: Sequence[str] = (sys.executable, "-m", "tests.stage")
FOLDERS: Mapping[str, Sequence[str]] = {"exhaustive": ("unit", "integration"), "live": ("e2e",)}
"""Where a layer's tests are, if not in a folder of its name."""
_BUILD = Path(__file__).parents[1] / "build"
REPORTS = _BUILD / "reports"
_SLOWEST = 15


@dataclass(frozen=True)
class Outcome:
    """What became of a layer's tests, as pytest's JUnit report counts them."""

    layer: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    known: int = 0
    """Failed as their marks say, strictly: each names the fault that is not mended yet."""

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
            self.known + later.known,
        )

    def __str__(self) -> str:
        counts = f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"
        counts += f", {self.known} known to fail" if self.known else ""
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
    failed, known = failures + errors, _known(suites)
    return Outcome(layer, tests - failed - skipped, failed, skipped - known, seconds, known)


def _known(suites: Sequence[ElementTree.Element]) -> int:
    """Tests marked `xfail`, which a report counts among the skipped."""
    return sum(len(suite.findall("testcase/skipped[@type='pytest.xfail']")) for suite in suites)


def reports_of(layer: str) -> Sequence[Path]:
    """The JUnit reports of a layer's runs."""
    return [REPORTS / f"{layer}-{number}.xml" for number in range(1, len(LAYERS[layer]) + 1)]


def run(layer: str) -> Outcome:
    """Run a layer's tests; their output goes where ours goes. Where one of its runs fails, the next
    is made all the same."""
    runs = zip(LAYERS[layer], reports_of(layer), strict=True)
    return reduce(Outcome.__add__, [_run(layer, options, report) for options, report in runs])


def _run(layer: str, options: Sequence[str], report: Path) -> Outcome:
    report.unlink(missing_ok=True)
    started = time.monotonic()
    folders = [f"tests/{folder}" for folder in FOLDERS.get(layer, (layer,))]
    tests = [*folders, f"--junitxml={report}", f"--durations={_SLOWEST}", *options]
    command = [sys.executable, "-m", "pytest", *tests]
    ended = subprocess.run(command, env=_environment(), check=False)
    outcome = counted(layer, report, time.monotonic() - started)
    if ended.returncode != 0 and outcome.failed == 0:  # for one, that it found no test
        return replace(outcome, failed=1)
    return outcome


def _environment() -> Mapping[str, str]:
    """Compiled modules are kept, whatever the caller's environment says: each worker reads those of
    all tests, and each process that a test starts those of the operator."""
    ours = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**ours, "PYTHONPYCACHEPREFIX": str(_BUILD / "compiled")}


def _beside(layer: str, later: Sequence[str]) -> AbstractContextManager[object]:
    """What has ended when the layer has: the start of the cluster of later ones, which leaves most
    of the cores to unit tests. If it fails, the layer that needs it tries again, and says why."""
    if layer == "unit" and not ON_THE_STAGE.isdisjoint(later):
        return subprocess.Popen(BRING_UP, env=_environment())
    return nullcontext()


def main(layers: list[str]) -> int:
    """Run layers in order up to the first that fails; print a line for each and their sum."""
    unknown = sorted(set(layers) - set(LAYERS))
    if unknown or not layers:
        print(f"usage: python -m tests.layers [{'] ['.join(LAYERS)}]", file=sys.stderr)
        return 2
    outcomes: list[Outcome] = []
    for number, layer in enumerate(layers, 1):
        with _beside(layer, layers[number:]):
            outcomes.append(run(layer))
        if not outcomes[-1].ran:
            break
    print("", *outcomes, sep="\n")
    for layer in layers[len(outcomes) :]:
        print(f"{layer + ':':13}not run, since {outcomes[-1].layer} did not pass")
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(outcome.failed for outcome in outcomes)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 0 if all(outcome.ran for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
