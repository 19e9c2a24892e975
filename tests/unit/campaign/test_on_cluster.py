import ast
from pathlib import Path

import pytest

from tests.campaign.on_cluster import PLAYED, results
from tests.campaign.table import EVENTS, STATES

E2E = Path(__file__).parents[2] / "e2e"


def test_a_dozen_cells_of_the_table_are_played_on_the_real_cluster() -> None:
    cells = {(state.name, event.name) for state in STATES for event in EVENTS}
    assert len(PLAYED) >= 12
    assert set(PLAYED) <= cells


@pytest.mark.parametrize("test", PLAYED.values())
def test_the_test_that_plays_a_cell_exists(test: str) -> None:
    module, _, name = test.partition("::")
    tree = ast.parse((E2E / f"{module}.py").read_text())
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert name.partition("[")[0] in functions


def test_a_test_without_parameters_stands_for_all_of_them(tmp_path: Path) -> None:
    report = tmp_path / "e2e.xml"
    cases = (
        '<testcase classname="tests.e2e.test_a" name="test_x[one]"/>'
        '<testcase classname="tests.e2e.test_a" name="test_x[two]"><failure/></testcase>'
        '<testcase classname="tests.e2e.test_a" name="test_y"/>'
    )
    report.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    found = results([report])
    assert found["test_a::test_x[one]"]
    assert not found["test_a::test_x"]
    assert found["test_a::test_y"]
    assert results([tmp_path / "none.xml"]) == {}
