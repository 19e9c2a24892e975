"""The runner of the layers must not let one pass that has not run."""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests import layers
from tests.e2e import conftest as e2e
from tests.integration import conftest as integration
from tests.integration.conftest import Groups
from tests.layers import Outcome, counted, main, reports_of, run
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
    parts = [("-m", "not alone"), ("-m", "alone")]
    monkeypatch.setattr(layers, "LAYERS", {"layer": parts})
    monkeypatch.setattr(layers, "REPORTS", tmp_path / "reports")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = alone\n")
    tests = tmp_path / "tests" / "layer"
    tests.mkdir(parents=True)
    return tests


def test_what_is_marked_as_known_to_fail_is_told_apart_from_what_was_skipped(a_layer: Path) -> None:
    known = "import pytest\n\n@pytest.mark.xfail(strict=True)\n" + SOCIABLE
    (a_layer / "test_sociable.py").write_text(SOCIABLE.format(True))
    (a_layer / "test_lonely.py").write_text(LONELY)
    (a_layer / "test_known.py").write_text(known.format(False))
    outcome = run("layer")
    assert outcome.ran
    assert (outcome.passed, outcome.skipped, outcome.known) == (2, 0, 1)
    assert "2 passed, 0 failed, 0 skipped, 1 known to fail" in str(outcome)
    (a_layer / "test_known.py").write_text(known.format(True))
    assert not run("layer").ran, "mended, and the mark is still there"


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


ALL = (("-m", "not alone"),)
UP = "from pathlib import Path\n\ndef test_it() -> None:\n    assert Path('up').exists() is {}\n"


@pytest.mark.parametrize(
    ("asked", "is_up"),
    [(["unit", "layer", "live"], True), (["e2e"], False)],
)
def test_the_cluster_is_up_after_the_unit_tests_if_a_later_layer_needs_it(
    tmp_path: Path, a_layer: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str], is_up: bool
) -> None:
    monkeypatch.setattr(layers, "LAYERS", dict.fromkeys(asked, ALL))
    monkeypatch.setattr(layers, "FOLDERS", {"live": ["e2e"]})
    code = "import pathlib, time; time.sleep(2); pathlib.Path('up').touch()"
    monkeypatch.setattr(layers, "BRING_UP", (sys.executable, "-c", code))
    for name, source in (
        ("unit", SOCIABLE.format(True)),
        ("layer", UP.format(is_up)),
        ("e2e", UP.format(is_up)),
    ):
        (tmp_path / "tests" / name).mkdir(exist_ok=True)
        (tmp_path / "tests" / name / "test_sociable.py").write_text(source)
    assert main(asked) == 0


def test_each_module_of_e2e_runs_once() -> None:
    runs = [run[1] for layer in ("e2e", "live") for run in layers.LAYERS[layer]]
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
