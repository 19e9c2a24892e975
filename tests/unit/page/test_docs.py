"""docs/page.md says what the page does."""

import re
import shlex
import tomllib
from pathlib import Path

import yaml

from serinus.cli.__main__ import parser
from serinus.page.known import MOST_HISTORIES
from serinus.page.look_history import MOST_LOOKS
from serinus.page.rendering import STATIC
from serinus.page.streams import MOST_STREAMS
from serinus.page.viewers import ALLOWED_FOR

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "page.md").read_text()
TYPED = [
    shlex.split(line)
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]


def test_the_command_takes_what_is_typed_and_listens_where_it_is_said() -> None:
    (arguments,) = [words[1:] for words in TYPED if words[0] == "serinus"]
    options = parser("dashboard").parse_args(arguments)
    assert f"http://{options.address}:{options.port}`" in PAGE
    (installed,) = [words[-1] for words in TYPED if words[0] == "pip"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert installed == ".[dashboard]" and "dashboard" in project["optional-dependencies"]


def test_the_values_exist() -> None:
    values = yaml.safe_load((ROOT / "charts" / "serinus" / "values.yaml").read_text())
    named = re.findall(r"--set (\w+)\.(\w+)=|`(\w+)\.(\w+)`", PAGE)
    assert named
    for match in named:
        value, key = filter(None, match)
        assert key in values[value]


def test_the_limits_are_those_of_the_code() -> None:
    for words in (
        f"at most {MOST_LOOKS} points",
        f"{MOST_HISTORIES} rollouts have curves",
        f"At most {MOST_STREAMS} tabs",
        f"counts for {ALLOWED_FOR:.0f} seconds",
    ):
        assert words in " ".join(PAGE.split())


def test_the_pictures_are_small() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", PAGE)
    assert shown
    assert all((ROOT / "docs" / name).stat().st_size < 150_000 for name in shown)


def test_what_others_made_is_there_with_its_licence() -> None:
    for made, licence in (("htmx", "htmx-2.0.11.LICENSE"), ("uplot", "uplot-1.6.32.LICENSE")):
        assert (STATIC / licence).read_text()
        (script,) = STATIC.glob(f"{made}-*.min.js")
        assert script.name.removesuffix(".min.js") == licence.removesuffix(".LICENSE")
        base = (STATIC.parent / "templates" / "base.html").read_text()
        assert script.name in base
