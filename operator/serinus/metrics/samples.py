"""Packed samples of a series, because those of all rollouts are in memory at the same time."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

Sample = tuple[float, float]
"""Unix seconds, value."""


class Samples(Sequence[Sample]):
    """Behaves like a tuple of samples, with a fifth of the memory."""

    __slots__ = ("_times", "_values")

    def __init__(self, samples: Iterable[Sample]) -> None:
        found = tuple(samples)
        self._times = array("d", [at for at, _ in found])
        self._values = array("d", [value for _, value in found])

    @property
    def values(self) -> list[float]:
        """The values without their times."""
        return self._values.tolist()

    def __len__(self) -> int:
        return len(self._times)

    def __iter__(self) -> Iterator[Sample]:
        return zip(self._times, self._values, strict=True)

    @overload
    def __getitem__(self, at: int) -> Sample: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Sample, ...]: ...
    def __getitem__(self, at: int | slice) -> Sample | tuple[Sample, ...]:
        if isinstance(at, slice):
            return tuple(zip(self._times[at], self._values[at], strict=True))
        return self._times[at], self._values[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


def values_of(samples: Sequence[Sample]) -> list[float]:
    """The values without their times."""
    if type(samples) is Samples:  # isinstance() asks the metaclass, for each series of a look
        return samples.values
    return [value for _, value in samples]
