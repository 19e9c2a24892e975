"""The runner of the layers must not let one pass that has not run."""

import re
from pathlib import Path
from types import ModuleType

import pytest

from tests import layers
from tests.e2e import conftest as e2e
from tests.integration import conftest as integration
from tests.integration.conftest import Groups
from tests.layers import Outcome, Run, counted, main, reports_of, run
from tests.unit import conftest as unit


def report(folder: Path, **counts: int) -> Path:
    path = folder / "layer.xml"
    words = " ".join(f'{name}="{count}"' for name, count in counts.items())
    path.write_text(f'<?xml version="1.0"?><testsuites><testsuite {words}/></testsuites>')
    return path


def test_a_layer_whose_tests_all_pass_has_run(tmp_path: Path) -> None:
    outcome = counted("unit", report(tmp_path, tests=7, failures=0, errors=0, skipped=0), 1.0)
    assert outcome.ran
    assert (outcome.passed, outcome.failed, outcome.skipped) == (7, 0, 0)


@pytest.mark.parametrize(
    "counts",
    [
        {"tests": 0, "failures": 0, "errors": 0, "skipped": 0},
        {"tests": 7, "failures": 1, "errors": 0, "skipped": 0},
        {"tests": 7, "failures": 0, "errors": 1, "skipped": 0},
        {"tests": 7, "failures": 0, "errors": 0, "skipped": 1},
        {"tests": 7, "failures": 0, "errors": 0, "skipped": 7},
    ],
    ids=["none found", "one failed", "one in error", "one skipped", "all skipped"],
)
def test_a_layer_has_not_run(tmp_path: Path, counts: dict[str, int]) -> None:
    assert not counted("unit", report(tmp_path, **counts), 1.0).ran


def test_a_layer_without_a_report_counts_as_a_failure(tmp_path: Path) -> None:
    outcome = counted("e2e", tmp_path / "absent.xml", 1.0)
    assert not outcome.ran
    assert outcome.failed == 1


def test_failures_are_not_counted_as_passed(tmp_path: Path) -> None:
    outcome = counted("unit", report(tmp_path, tests=9, failures=2, errors=1, skipped=3), 1.0)
    assert (outcome.passed, outcome.failed, outcome.skipped) == (3, 3, 3)


def test_two_runs_make_one_outcome_and_hide_nothing_of_each_other() -> None:
    both = Outcome("e2e", 5, 1, 0, 60.0) + Outcome("e2e", 7, 0, 2, 30.0)
    assert both == Outcome("e2e", 12, 1, 2, 90.0)
    assert not both.ran


LONELY = "import pytest\n\n@pytest.mark.alone\ndef test_it() -> None:\n    assert True\n"
SOCIABLE = "def test_it() -> None:\n    assert {}\n"


@pytest.fixture
def a_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a layer that runs as e2e does, but in one process."""
    parts = [Run("not alone"), Run("alone")]
    monkeypatch.setattr(layers, "LAYERS", {"layer": parts})
    monkeypatch.setattr(layers, "REPORTS", tmp_path / "reports")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = alone\n")
    tests = tmp_path / "tests" / "layer"
    tests.mkdir(parents=True)
    return tests


def test_what_runs_alone_runs_though_what_came_before_it_failed(a_layer: Path) -> None:
    (a_layer / "test_lonely.py").write_text(LONELY)
    (a_layer / "test_sociable.py").write_text(SOCIABLE.format(False))
    outcome = run("layer")
    assert (outcome.passed, outcome.failed, outcome.skipped) == (1, 1, 0)
    assert all(report.exists() for report in reports_of("layer"))


def test_a_failure_of_what_runs_alone_is_not_hidden_by_what_came_before_it(a_layer: Path) -> None:
    (a_layer / "test_lonely.py").write_text(LONELY.replace("True", "False"))
    (a_layer / "test_sociable.py").write_text(SOCIABLE.format(True))
    outcome = run("layer")
    assert (outcome.passed, outcome.failed, outcome.skipped) == (1, 1, 0)


def test_a_run_that_finds_no_test_is_a_failure_whatever_the_other_found(a_layer: Path) -> None:
    (a_layer / "test_sociable.py").write_text(SOCIABLE.format(True))
    outcome = run("layer")
    assert (outcome.passed, outcome.failed, outcome.skipped) == (1, 1, 0)


def test_a_report_of_an_earlier_run_counts_for_nothing(a_layer: Path) -> None:
    (a_layer / "test_lonely.py").write_text(LONELY)
    (a_layer / "test_sociable.py").write_text(SOCIABLE.format(True))
    assert run("layer").ran
    (a_layer / "conftest.py").write_text("raise SystemExit(0)")
    assert not run("layer").ran


COMPILES = "import sys\n\ndef test_it() -> None:\n    assert not sys.dont_write_bytecode\n"


def test_compiled_modules_are_kept_though_the_environment_says_no(
    a_layer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    (a_layer / "test_lonely.py").write_text(LONELY)
    (a_layer / "test_compiles.py").write_text(COMPILES)
    assert run("layer").ran


@pytest.fixture
def two_layers(a_layer: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a layer in memory, and of one on a cluster whose runs are two."""
    on_a_cluster = [Run("not alone"), Run("alone", quiet=True)]
    runs = {"memory": [Run("not alone")], "layer": on_a_cluster, "later": [Run("not alone")]}
    monkeypatch.setattr(layers, "LAYERS", runs)
    monkeypatch.setattr(layers, "IN_MEMORY", {"memory"})
    (a_layer / "test_sociable.py").write_text(SOCIABLE.format(True))
    for other in ("memory", "later"):
        (a_layer.parent / other).mkdir()
        (a_layer.parent / other / "test_sociable.py").write_text(SOCIABLE.format(True))
    return a_layer.parent


SLOW = """
import time
from pathlib import Path

def test_it() -> None:
    deadline = time.monotonic() + 60
    while not Path("begun").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1)
    Path("ended").touch()
"""
BEGINS = "from pathlib import Path\n\ndef test_it() -> None:\n    Path('begun').touch()\n"
AFTER_IT = """
from pathlib import Path

import pytest

@pytest.mark.alone
def test_it() -> None:
    assert Path("ended").exists()
"""


def test_a_layer_in_memory_runs_beside_others_and_what_needs_a_quiet_machine_waits_for_it(
    two_layers: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (two_layers / "memory" / "test_slow.py").write_text(SLOW)
    (two_layers / "layer" / "test_begins.py").write_text(BEGINS)
    (two_layers / "layer" / "test_lonely.py").write_text(AFTER_IT)
    assert main(["memory", "layer", "later"]) == 0
    output = capfd.readouterr().out
    assert output.splitlines()[-1] == "6 passed, 0 failed"
    assert "tests/memory/test_slow.py" in output


@pytest.mark.parametrize("failing", ["memory", "layer"])
def test_after_a_layer_that_fails_no_other_begins(
    two_layers: Path, capfd: pytest.CaptureFixture[str], failing: str
) -> None:
    (two_layers / failing / "test_fails.py").write_text(SOCIABLE.format(False))
    (two_layers / "layer" / "test_lonely.py").write_text(LONELY)
    assert main(["memory", "layer", "later"]) == 1
    assert "later:       not run, since another did not pass" in capfd.readouterr().out


def test_what_a_layer_beside_others_prints_may_be_no_text(
    two_layers: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (two_layers / "layer" / "test_lonely.py").write_text(LONELY)
    at_its_end = 'import atexit\nimport os\n\natexit.register(os.write, 1, b"\\xff")\n'
    (two_layers / "memory" / "conftest.py").write_text(at_its_end)
    assert main(["memory", "layer"]) == 0
    assert capfd.readouterr().out.splitlines()[-1] == "3 passed, 0 failed"


INTERRUPTS = """
import os
import signal
import time
from pathlib import Path

def test_it() -> None:
    deadline = time.monotonic() + 60
    while not Path("begun").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(60)
"""
ENDLESS = """
import time
from pathlib import Path

def test_it() -> None:
    Path("begun").touch()
    time.sleep(30)
    Path("ended").touch()
"""


def test_once_the_runner_is_interrupted_nothing_goes_on_or_begins(two_layers: Path) -> None:
    (two_layers / "layer" / "test_interrupts.py").write_text(INTERRUPTS)
    (two_layers / "memory" / "test_endless.py").write_text(ENDLESS)
    with pytest.raises(KeyboardInterrupt):
        main(["memory", "layer"])
    assert Path("begun").exists() and not Path("ended").exists()


def test_each_module_of_e2e_runs_once() -> None:
    runs = [run.marks for layer in ("e2e", "live") for run in layers.LAYERS[layer]]
    for path in Path("tests/e2e").glob("test_*.py"):
        marks = set(re.findall(r"mark\.(alone|quiet|live)\b", path.read_text()))
        marked = {mark: mark in marks for mark in ("alone", "quiet", "live")}
        assert [eval(run, {}, dict(marked)) for run in runs].count(True) == 1, path


@pytest.mark.parametrize("layer", [unit, integration, e2e], ids=["unit", "integration", "e2e"])
def test_each_long_module_is_there(layer: ModuleType) -> None:
    modules = {path.stem for path in Path(layer.__file__ or "").parent.rglob("test_*.py")}
    assert set(layer.LONGEST) <= modules


def test_what_disturbs_an_api_server_is_one_group_and_each_other_module_is_one() -> None:
    """So the fixtures of a module are made once, and no worker waits for another."""

    def group(path: str) -> str:
        return Groups._split_scope(None, f"{path}::test_it[a]")  # type: ignore[arg-type]

    one, other = (
        group(f"tests/integration/test_{name}.py") for name in ("downgrade", "chart_releases")
    )
    assert one == other == integration.DISTURBED
    assert group("tests/integration/prometheus/test_metrics_faults.py") == "test_metrics_faults"
