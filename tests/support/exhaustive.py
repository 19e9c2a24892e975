"""Long tests of which `make test` has a short form."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def short(values: Iterable[Any], of_these: Collection[Any]) -> list[Any]:
    """Parameters, of which `make test` takes these, and `make test-all` the others as well. A tuple
    has one for each name."""
    return [each if each in of_these else _long(each) for each in values]


def _long(value: Any) -> Any:
    words = value if isinstance(value, tuple) else (value,)
    return pytest.param(*words, marks=pytest.mark.exhaustive)
