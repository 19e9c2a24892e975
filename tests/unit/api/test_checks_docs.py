"""docs/checks has a page of every kind of check, with examples that are valid."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic.alias_generators import to_camel

from serinus.api.analysis import Analysis
from serinus.api.checks import Check

PAGES = Path(__file__).parents[3] / "docs" / "checks"
KINDS = sorted(
    to_camel(name) for name in set(Check.model_fields) - {"name", "mode", "weight", "preset"}
)


def test_the_table_lists_each_kind_and_no_other() -> None:
    overview = (PAGES / "index.md").read_text()
    found = re.findall(r"^\| \[`(\w+)`\]\((\w+)\.md\) \|", overview, re.MULTILINE)
    assert found == [(kind, kind) for kind in KINDS]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_page_with_a_valid_example(kind: str) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", (PAGES / f"{kind}.md").read_text(), re.DOTALL)
    assert examples
    for example in examples:
        checks = Analysis.model_validate({"checks": yaml.safe_load(example)}).checks
        assert [check.kind for check in checks] == [kind]
