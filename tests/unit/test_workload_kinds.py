"""What runs pods is a file and a line; nothing else names its kind."""

import re
from pathlib import Path

import pytest

from serinus.manifests.workloads import WORKLOADS

ROOMS = Path(__file__).parents[2] / "operator" / "serinus"
MAY_NAME_KINDS = {
    "manifests/workloads/": "the file of the kind, and its line",
    "metrics/pod_names.py": "series are found by the names of pods, which its controllers choose",
    "api/template.py": "users know a pod template from it",
    "cli/__main__.py": "says what is converted",
    "cli/conversion.py": "reads the objects of users",
    "cli/convert.py": "reads the objects of users",
}
MODULES = [
    path.relative_to(ROOMS).as_posix()
    for path in sorted(ROOMS.rglob("*.py"))
    if not path.relative_to(ROOMS).as_posix().startswith(tuple(MAY_NAME_KINDS))
]
NAMES = [*WORKLOADS, *(type(kind).__name__ for kind in WORKLOADS.values())]
NAMED = re.compile(rf"\b({'|'.join(NAMES)})s?\b|\breadyReplicas\b")


@pytest.mark.parametrize("module", MODULES)
def test_no_other_module_names_a_kind(module: str) -> None:
    assert [line for line in (ROOMS / module).read_text().splitlines() if NAMED.search(line)] == []


@pytest.mark.parametrize("name", MAY_NAME_KINDS)
def test_no_exception_is_out_of_date(name: str) -> None:
    found = ROOMS / name
    files = found.rglob("*.py") if found.is_dir() else [found]
    assert any(NAMED.search(each.read_text()) for each in files)
