"""A measurement that covers many looks is divided as those would have divided it."""

import tracemalloc
from dataclasses import replace

import pytest

from serinus.metrics.counters import count
from serinus.metrics.queries import (
    CounterQuery,
    ExpressionQuery,
    Measurement,
    Query,
    QueryError,
    QueryResult,
    Series,
)
from serinus.metrics.samples import Samples
from serinus.metrics.slices import MOST_SLICES, sliced

REQUESTS, OTHER = CounterQuery("requests"), CounterQuery("other")
VALUE = ExpressionQuery("up")
SINCE, INTERVAL = 1000.0, 15.0
TARGET = "pod@"


def measured(at: float, *moments: float, **more: QueryResult) -> Measurement:
    """Both arms were scraped at these moments."""
    series = Series({"pod": "pod"}, Samples((moment, moment) for moment in moments))
    candidate: dict[Query, QueryResult] = {REQUESTS: (series,), VALUE: ()}
    if "other" in more:
        candidate[OTHER] = more["other"]
    return Measurement(at, candidate, {REQUESTS: (series,)}, read_from=SINCE - 60)


def ends(measurement: Measurement, newest: float) -> list[float]:
    return [each.at for each in sliced(measurement, {TARGET: newest}, SINCE, INTERVAL)]


@pytest.mark.parametrize("newest", [1080.0, 1086.0, 1100.0])
def test_a_usual_look_is_one_whenever_its_samples_were_taken(newest: float) -> None:
    measurement = measured(1100.0, newest, 1087, 1090, 1099)
    assert list(sliced(measurement, {TARGET: newest}, SINCE, INTERVAL)) == [measurement]


def test_a_long_one_ends_where_the_looks_before_it_would_have_been() -> None:
    assert ends(measured(1100.0, 1030, 1041, 1056, 1071, 1086), 1030) == [
        1055.0,
        1070.0,
        1085.0,
        1100.0,
    ]


def test_looks_without_new_samples_are_left_out() -> None:
    assert ends(measured(1100.0, 1000, 1040, 1095), 1000) == [1040.0, 1100.0]
    assert ends(measured(1100.0, 1000), 1000) == [1100.0]


def test_before_the_first_look_it_begins_with_the_weight() -> None:
    found = sliced(measured(1060.0, 990, 1010, 1050), {}, SINCE, INTERVAL)
    assert [each.at for each in found] == [1015.0, 1060.0]


def test_a_slice_has_what_was_known_then() -> None:
    failed = QueryError("down")
    first, last = sliced(
        measured(1100.0, 1000, 1040, 1095, other=failed), {TARGET: 1000.0}, SINCE, INTERVAL
    )
    assert first.candidate.keys() == {REQUESTS, OTHER}
    assert first.candidate[OTHER] == failed
    for arm in (first.candidate, first.stable):
        [series] = arm[REQUESTS]  # type: ignore[misc]
        assert list(series.samples) == [(1000.0, 1000.0), (1040.0, 1040.0)]
    assert first.read_from == SINCE - 60
    assert last.candidate.keys() == {REQUESTS, OTHER, VALUE}


def test_an_hour_is_divided_into_longer_ones() -> None:
    scraped = range(1000, 4601, 15)
    found = ends(measured(4600.0, *scraped), 1000)
    assert len(found) == MOST_SLICES
    assert found[0] == 1060.0


def test_a_gap_beyond_what_was_read_is_not_divided() -> None:
    """After a day away, the last hour is read, and no slice of it is longer than it has to be."""
    scraped = range(83000, 86601, 15)
    found = ends(replace(measured(86600.0, *scraped), read_from=83000.0), 1000)
    assert len(found) == MOST_SLICES
    assert found[0] == 83060.0


def test_slices_are_not_all_in_memory_at_once() -> None:
    whole = measured(4600.0, *range(1000, 4601, 15))
    tracemalloc.start()
    for each in sliced(whole, {TARGET: 1000.0}, SINCE, INTERVAL):
        last = each
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert last is whole
    samples = sum(len(series.samples) for series in whole.stable[REQUESTS])  # type: ignore[union-attr, misc]
    assert peak < MOST_SLICES * samples * 16 / 2, "half of what all slices of one arm would take"


def test_all_slices_count_what_the_whole_counts() -> None:
    whole = measured(1300.0, *range(1000, 1300, 7))
    counted: dict[str, float] = {TARGET: 1000.0}
    total = 0.0
    for each in sliced(whole, counted, SINCE, INTERVAL):
        answers = {REQUESTS: each.candidate[REQUESTS]}, {REQUESTS: each.stable[REQUESTS]}
        (grown, _), counted = count(answers, counted, SINCE, each.read_from)
        total += grown[REQUESTS].total  # type: ignore[union-attr]
    assert (total, counted) == (294.0, {TARGET: 1294.0})
