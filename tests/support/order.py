"""In which order modules of tests begin, where they run beside each other."""

from collections.abc import Sequence

import pytest


def longest_first(items: list[pytest.Item], longest: Sequence[str]) -> None:
    """The longest modules begin, so that none is left for the end; the others keep their order."""
    turns = {name: turn for turn, name in enumerate(longest)}
    items.sort(key=lambda item: turns.get(item.path.stem, len(turns)))
