"""Is one group favoured over another more than stable does it? The e-value of a block.

A group's odds are its favours over its refusals, and an arm's odds ratio is the first group's odds
over the second's. Null hypothesis, in every block: the candidate's odds ratio is at most so many
times stable's. Given how many answers each group got in each arm, how many favours each arm gave
and how many each group got, one number is free: the candidate's favours of the first group, x. Of
independent answers its law is

    P(x) = w(x) psi^x / Z(psi),  w(x) = the product, over groups and arms, of binomial(n, favours),

with psi the candidate's odds ratio over stable's, whatever the four rates are (M. Zelen, The
analysis of several 2 x 2 contingency tables, 1971). The evidence for psi_1 against psi_0 is
P_1(x) / P_0(x). It is exactly 1 in expectation at psi_0, and at most 1 on the far side of psi_0,
since it is monotone in x and x grows with psi. Blocks multiply, however the rates, the sizes and
the split change between them. All is the same for refusals in place of favours.

Of n answers of a pair of groups in an arm, the conditions cost one: a block with five keeps four
fifths of what they show, a block with one shows nothing.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

NEGLIGIBLE: Final = 1e-18
"""Of the greatest summand."""
MOST_ANSWERS: Final = 1e10
"""Of a group in a block, beyond which rounding of ln n! would pass for evidence: then there is
none."""
PER_DEVIATION: Final = 4
"""Summands in one standard deviation of x, which is as good as all of them: for a bell of
deviation s, a sum in strides of s / 4 is wrong by exp(-2 (4 pi)^2), or 1e-137."""

Counted = tuple[float, float]
"""Favours and answers."""


class PairCounts(NamedTuple):
    """Of two groups in both arms."""

    candidate: tuple[Counted, Counted]
    stable: tuple[Counted, Counted]


class _Cell(NamedTuple):
    """Answers to a group in an arm, with how many favours there are where x is 0."""

    answers: int
    favours: int
    sign: int
    """Favours more for one more of x."""

    @property
    def most(self) -> int:
        """Greatest x that it admits."""
        return self.answers - self.favours if self.sign > 0 else self.favours

    @property
    def least(self) -> int:
        return -self.favours if self.sign > 0 else self.favours - self.answers

    def split(self, x: int) -> tuple[int, int]:
        """Favours and refusals."""
        favours = self.favours + self.sign * x
        return favours, self.answers - favours


class Block:
    """The counts of a block, and what they are evidence for."""

    def __init__(self, rates: PairCounts) -> None:
        (c_1, c_2), (s_1, s_2) = ((_whole(rate) for rate in arm) for arm in rates)
        self._x = c_1[0]
        cells = (
            _Cell(c_1[1], 0, 1),
            _Cell(c_2[1], c_2[0] + self._x, -1),
            _Cell(s_1[1], s_1[0] + self._x, -1),
            _Cell(s_2[1], s_2[0] - self._x, 1),
        )
        self._log_total = _LogTotal(cells)

    def log_ratios(self, null: float, alternatives: Sequence[float]) -> list[float]:
        """ln of the evidence for each alternative of psi against the null's."""
        if self._log_total.is_certain:
            return [0.0] * len(alternatives)
        at_null = self._log_total(math.log(null))
        return [
            self._x * math.log(other / null) - self._log_total(math.log(other)) + at_null
            for other in alternatives
        ]


def _whole(rate: Counted) -> tuple[int, int]:
    """Estimates are made from parts of requests."""
    answers = round(rate[1])
    return min(round(rate[0]), answers), answers


class _LogTotal:
    """ln Z, which alternatives and null have most summands of in common."""

    def __init__(self, cells: Sequence[_Cell]) -> None:
        self._cells = cells
        self._low = max(cell.least for cell in cells)
        self._high = min(cell.most for cell in cells)
        self._known: dict[int, float] = {}

    @property
    def is_certain(self) -> bool:
        """Whether x can be but one number, or the counts are too great to tell."""
        too_great = any(cell.answers > MOST_ANSWERS for cell in self._cells)
        return too_great or self._low == self._high

    def __call__(self, log_psi: float) -> float:
        mode = self._mode(log_psi)
        stride = max(int(self._deviation(mode) / PER_DEVIATION), 1)
        mode -= (mode - self._low) % stride
        greatest = self._log_weight(mode) + mode * log_psi

        def part(x: int) -> float:
            return math.exp(self._log_weight(x) + x * log_psi - greatest)

        sums = (math.fsum(_until_negligible(part, each)) for each in self._sides(mode, stride))
        return greatest + math.log(stride * (1 + sum(sums)))

    def _sides(self, mode: int, stride: int) -> tuple[range, range]:
        up = range(mode + stride, self._high + 1, stride)
        return up, range(mode - stride, self._low - 1, -stride)

    def _mode(self, log_psi: float) -> int:
        """The x of the greatest summand; they rise up to it and fall beyond."""
        low, high = self._low, self._high
        while low < high:
            middle = (low + high) // 2
            rise = self._log_weight(middle + 1) - self._log_weight(middle) + log_psi
            low, high = (middle + 1, high) if rise > 0 else (low, middle)
        return low

    def _deviation(self, x: int) -> float:
        """Standard deviation of the bell around x."""
        counts = (count for cell in self._cells for count in cell.split(x))
        return math.sqrt(1 / math.fsum(1 / (count + 1) for count in counts))

    def _log_weight(self, x: int) -> float:
        if x not in self._known:
            counts = (count for cell in self._cells for count in cell.split(x))
            self._known[x] = -math.fsum(math.lgamma(count + 1) for count in counts)
        return self._known[x]


def _until_negligible(part: Callable[[int], float], values: Sequence[int]) -> Iterator[float]:
    for x in values:
        yield (summand := part(x))
        if summand < NEGLIGIBLE:
            return
