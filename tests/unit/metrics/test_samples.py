"""Packed samples: read as a tuple of them is, in less memory."""

import tracemalloc
from bisect import bisect_right
from collections.abc import Callable, Iterator
from math import inf

import pytest

from serinus.metrics.samples import Sample, Samples


def minutes(number: int) -> Iterator[Sample]:
    return ((1.7e9 + 60.0 * minute, 0.1 * minute) for minute in range(number))


HOUR = tuple(minutes(61))
PACKED = Samples(HOUR)


def test_they_read_as_the_tuple_that_they_were_made_of() -> None:
    assert (len(PACKED), tuple(PACKED)) == (61, HOUR)
    assert (PACKED[0], PACKED[-1]) == (HOUR[0], HOUR[-1])
    assert [*map(tuple, (PACKED[3:7], PACKED[:-50], PACKED[99:]))] == [HOUR[3:7], HOUR[:-50], ()]
    assert not Samples(())
    with pytest.raises(IndexError):
        PACKED[61]


def test_a_moment_is_found_in_them_as_in_a_tuple() -> None:
    for moment in (0.0, HOUR[7][0], HOUR[7][0] + 1, HOUR[-1][0], inf):
        assert bisect_right(PACKED, (moment, inf)) == bisect_right(HOUR, (moment, inf))


def test_they_equal_the_same_samples_however_kept() -> None:
    assert PACKED == HOUR
    assert HOUR == PACKED
    assert Samples(HOUR) == PACKED
    assert hash(PACKED) == hash(HOUR)
    assert Samples(HOUR[1:]) != PACKED


def test_they_take_a_fifth_of_the_memory() -> None:
    many = 50_000
    assert taken(lambda: Samples(minutes(many))) < taken(lambda: tuple(minutes(many))) / 5


def taken(make: Callable[[], object]) -> int:
    """Bytes of what is made."""
    tracemalloc.start()
    made = make()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert made
    return size
