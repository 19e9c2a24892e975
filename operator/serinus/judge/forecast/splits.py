"""What the candidate gets at a weight: what the weight says, or what whole pods give."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Split:
    """What the candidate gets at a weight."""

    share: float
    """Of the requests that both revisions get, 0 to 1."""
    pods: Fraction
    """Its pods for each pod of stable."""


Splitting = Callable[[int], Split]
"""By weight, in percent."""


def exact(weight: int) -> Split:
    """Of a router that gives each weight."""
    return Split(weight / 100, Fraction(weight, 100))


def by_pods(candidate: int, stable: int) -> Split:
    """Of so many pods which all get the same."""
    return Split(candidate / (candidate + stable), Fraction(candidate, stable))
