"""The runner of the layers must not let one pass that has not run."""

from pathlib import Path

import pytest

from tests.layers import counted


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
