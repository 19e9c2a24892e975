"""How deep the objects of the API server may be nested."""

import sys
from typing import Final

_DEEPEST: Final = 10_000
"""Levels beyond which the API server rejects JSON."""
_CALLS: Final = 4
"""Of ours at each level, at most."""


def allow_deep_nesting() -> None:
    """Let this process read, copy and write such objects. A pod template may have any fields, and
    Python fails at a thousand levels by default: anybody who may create a ModelDeployment could end
    the operator."""
    sys.setrecursionlimit(_CALLS * _DEEPEST)
