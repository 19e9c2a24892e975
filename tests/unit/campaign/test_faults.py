"""The faults that are planted can still be planted."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FAULTS = sorted((ROOT / "tests" / "campaign" / "faults").glob("*.toml"))


@pytest.mark.parametrize("path", FAULTS, ids=lambda path: path.stem)
def test_the_mended_code_stands_where_the_fault_is_planted(path: Path) -> None:
    fault = tomllib.loads(path.read_text())
    source = (ROOT / fault["file"]).read_text()
    assert source.count(fault["after"].strip("\n")) == 1, "the snippet is not there once"
    assert fault["planted"].strip("\n") != fault["after"].strip("\n")


@pytest.mark.parametrize("path", FAULTS, ids=lambda path: path.stem)
def test_the_tests_that_a_fault_names_are_there(path: Path) -> None:
    for name in tomllib.loads(path.read_text())["tests"]:
        file, _, test = name.partition("::")
        assert f"def {test.partition('[')[0]}(" in (ROOT / file).read_text(), name
