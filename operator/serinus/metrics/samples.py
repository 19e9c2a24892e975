"""Packed samples of a series, because those of all rollouts are in memory at the same time."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Self, overload

Sample = tuple[float, float]
"""Unix seconds, value."""


class Samples(Sequence[Sample]):
    """Behaves like a tuple of samples, with a fifth of the memory."""

    __slots__ = ("times", "values")

    times: "array[float]"
    values: "array[float]"

    def __init__(self, samples: Iterable[Sample]) -> None:
        found = tuple(samples)
        self.times = array("d", [at for at, _ in found])
        self.values = array("d", [value for _, value in found])

    @classmethod
    def of(cls, times: "array[float]", values: "array[float]") -> Self:
        """Samples at these times, which series of one scrape may have in common."""
        made = cls.__new__(cls)
        made.times, made.values = times, values
        return made

    def __len__(self) -> int:
        return len(self.times)

    def __iter__(self) -> Iterator[Sample]:
        return zip(self.times, self.values, strict=True)

    @overload
    def __getitem__(self, at: int) -> Sample: ...
    @overload
    def __getitem__(self, at: slice) -> "Samples": ...
    def __getitem__(self, at: int | slice) -> "Sample | Samples":
        if isinstance(at, slice):
            return Samples.of(self.times[at], self.values[at])
        return self.times[at], self.values[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


def packed(samples: Sequence[Sample]) -> Samples:
    """The same samples, packed if they are not yet."""
    # isinstance() would ask the metaclass, for each series of a look
    return samples if type(samples) is Samples else Samples(samples)
