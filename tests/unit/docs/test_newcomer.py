"""docs/first-rollout.md counts our own commands and lines of YAML rightly. Those of other tools
were counted by hand, at the dates that it names."""

import re

from tests.support.documents import ROOT, typed

PAGE = (ROOT / "docs" / "first-rollout.md").read_text("utf-8")
INSTALL = typed((ROOT / "docs" / "install.md").read_text("utf-8"))[:2]
"""The images and the chart."""
ON_A_CLUSTER = typed(PAGE.partition("## On a cluster")[2])


def ours(row: str) -> int:
    """Our figure in a row of the table."""
    (found,) = re.findall(rf"^\| {row}[\w ]* \| (\d+) \|", PAGE, re.MULTILINE)
    return int(found)


def test_the_commands_are_as_many_as_it_says() -> None:
    assert [each.split()[:2] for each in INSTALL] == [["make", "images"], ["helm", "install"]]
    ends = [n for n, each in enumerate(ON_A_CLUSTER) if each.startswith("serinus status")]
    promoted, rolled_back = (len(INSTALL) + end + 1 for end in ends)
    assert ours("commands until a canary") == promoted
    assert ours("commands until another") == rolled_back


def test_the_lines_of_yaml_are_as_many_as_it_says() -> None:
    applied = re.findall(r"examples/\S+\.yaml", "\n".join(ON_A_CLUSTER))
    assert applied == ["examples/01-first.yaml"]
    lines = (ROOT / applied[0]).read_text("utf-8").splitlines()
    assert ours("lines of YAML") == len([each for each in lines if each.strip()])
