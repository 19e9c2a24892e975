"""docs/checks.md has every kind of check, and examples that are valid."""

import re
from pathlib import Path

import pytest
import yaml
from pydantic.alias_generators import to_camel

from serinus.api.analysis import Analysis
from serinus.api.checks import Check

TEXT = (Path(__file__).parents[3] / "docs" / "checks.md").read_text()
KINDS = sorted(to_camel(name) for name in set(Check.model_fields) - {"name", "mode", "weight"})
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE))


def test_the_table_tells_of_each_kind_and_no_other() -> None:
    assert re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_section_with_a_valid_example(kind: str) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", SECTIONS[kind], re.DOTALL)
    assert examples
    for example in examples:
        checks = Analysis.model_validate({"checks": yaml.safe_load(example)}).checks
        assert [check.kind for check in checks] == [kind]
