"""docs/architecture.md names rooms and files: they are where it says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
ROOMS = ROOT / "operator" / "serinus"
NAMED = sorted({name for name in re.findall(r"`([\w./-]+)`", PAGE) if "/" in name})


@pytest.mark.parametrize("name", NAMED)
def test_what_the_page_names_is_there(name: str) -> None:
    parts = ROOMS, ROOMS / "judge", ROOT
    assert any((part / name).exists() for part in parts)


def test_every_room_is_named() -> None:
    rooms = {each.name for each in ROOMS.iterdir() if (each / "__init__.py").exists()}
    assert {f"{room}/" for room in rooms} <= set(NAMED)
