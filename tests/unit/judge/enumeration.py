"""Expectations over all outcomes of a block, instead of simulated ones."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np

Law = tuple[tuple[float, ...], ...]
"""By arm, the chance that a request is of each sort."""
Counts = tuple[tuple[int, ...], ...]
"""By arm, how many requests were of each sort."""


def shares(sorts: int, grain: int) -> list[tuple[float, ...]]:
    """All chances of so many sorts that are multiples of 1 / grain."""
    return [tuple(part / grain for part in parts) for parts in _parted(grain, sorts)]


def outcomes(sizes: tuple[int, ...], sorts: int) -> list[Counts]:
    """All that so many requests per arm can be."""
    return list(itertools.product(*(_parted(size, sorts) for size in sizes)))


def chances(laws: list[Law], sizes: tuple[int, ...], sorts: int) -> np.ndarray:
    """Of each outcome (columns) under each law (rows), for independent requests."""
    made = np.ones((len(laws), 1))
    for arm, size in enumerate(sizes):
        of = list(_parted(size, sorts))
        ways = [math.factorial(size) // math.prod(map(math.factorial, each)) for each in of]
        rates = np.array([law[arm] for law in laws])
        each = ways * np.prod(rates[:, None, :] ** np.array(of), axis=2)
        made = (made[:, :, None] * each[:, None, :]).reshape(len(laws), -1)
    return made


def expectations(
    size: tuple[int, int],
    rates: Iterable[tuple[float, float]],
    value: Callable[[tuple[int, int]], float],
) -> np.ndarray:
    """Of a value of the events, with so many requests per arm; one for each two rates."""
    laws: list[Law] = [tuple((rate, 1 - rate) for rate in arms) for arms in rates]
    values = [value((candidate[0], stable[0])) for candidate, stable in outcomes(size, 2)]
    return np.asarray(chances(laws, size, 2) @ values)


def poisson(
    means: tuple[float, float], value: Callable[[tuple[int, int]], float], most: int = 60
) -> float:
    """Expectation of a value of the events, whose numbers have such means; up to so many each."""
    numbers = range(most + 1)
    candidate, stable = (
        [math.exp(-mean) * mean**k / math.factorial(k) for k in numbers] for mean in means
    )
    both = itertools.product(numbers, numbers)
    return math.fsum(candidate[c] * stable[s] * value((c, s)) for c, s in both)


def _parted(whole: int, sorts: int) -> Iterator[tuple[int, ...]]:
    if sorts == 1:
        yield (whole,)
        return
    for first in range(whole + 1):
        for rest in _parted(whole - first, sorts - 1):
            yield first, *rest
