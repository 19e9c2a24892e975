"""What people install, and the promises of the sources that no other tool checks."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "operator" / "serinus"
LOCKED = ("requirements/*.txt", "examples/*/requirements*.txt", "tests/e2e/*/requirements.txt")
LOCKS = [lock for pattern in LOCKED for lock in ROOT.glob(pattern)]
SOURCES = sorted(PACKAGE.rglob("*.py"))
PURE = ("api", "judge", "manifests", "plan")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def pins(lock: Path) -> dict[str, str]:
    """Package -> pinned version, or versions where they differ by Python's version."""
    pinned: dict[str, str] = {}
    for package, version in re.findall(r"^(\S+)==(\S+)", lock.read_text(), re.MULTILINE):
        pinned[package] = f"{pinned[package]} {version}" if package in pinned else version
    return pinned


@pytest.mark.parametrize("lock", LOCKS, ids=name)
def test_every_locked_package_has_a_hash_and_no_lock_names_an_index(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", lock.read_text())
    packages = [entry for entry in entries if not entry.startswith("#")]
    assert packages
    assert [entry for entry in packages if "--hash=sha256:" not in entry] == []
    assert "://" not in lock.read_text()


def test_the_tests_run_what_the_image_ships() -> None:
    ships, tests = (pins(ROOT / "requirements" / f"{of}.txt") for of in ("operator", "dev"))
    assert ships.items() <= tests.items()


def test_the_command_is_installed_without_what_only_the_operator_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base, operator = project["dependencies"], project["optional-dependencies"]["operator"]
    names = {re.split(r"[^a-z-]", each)[0] for each in base}
    prometheus = {"prometheus-api-client", "prometheus-client"}
    assert names == {"common-expression-language", *prometheus, "pydantic", "pyyaml"}
    assert {re.split(r"[^a-z-]", each)[0] for each in operator} >= {"kopf", "kubernetes"}
    page = project["optional-dependencies"]["dashboard"]
    assert {re.split(r"[^a-z0-9-]", each)[0] for each in page} == {"aiohttp", "jinja2"}
    assert {"serinus", "kubectl-serinus"} <= set(project["scripts"])


@pytest.mark.parametrize("room", PURE)
def test_the_pure_rooms_read_no_clock(room: str) -> None:
    read = [
        f"{name(path)}:{node.lineno}"
        for path in (PACKAGE / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today")
        if isinstance(node.value, ast.Name) and node.value.id in ("datetime", "date")
    ]
    assert read == []


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=name)
def test_a_room_says_what_belongs_there(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_only_one_room_listens() -> None:
    """So that no port has clients without a limit."""
    listens = re.compile(r"AppRunner|TCPSite|run_app|create_server|start_server|HTTPServer")
    found = {name(path) for path in SOURCES if listens.search(path.read_text())}
    assert found == {"operator/serinus/serving/server.py"}


def test_no_function_is_longer_than_sixty_lines() -> None:
    assert [told for path in SOURCES for told in long_functions(path)] == []


def long_functions(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > 60:
                yield f"{name(path)}:{node.lineno} {node.name}: {lines} lines"


def test_every_target_of_the_makefile_says_what_it_does() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^\.PHONY: (\S+)$", makefile, re.MULTILINE)
    described = re.findall(r"^([a-z0-9-]+):.*## \S", makefile, re.MULTILINE)
    assert targets == described
