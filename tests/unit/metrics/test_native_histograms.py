"""Native histograms, as Prometheus sends them, in the form of classic ones."""

from typing import Any

import pytest

from serinus.metrics.native_histograms import as_classic

LABELS = {"__name__": "took_seconds", "pod": "fraud-1-5d9f7c6b8-x2x4z"}
Buckets = list[tuple[float, float, int]]


def element(*samples: Buckets) -> dict[str, Any]:
    """One sample a second, each of buckets (from, to, observations)."""
    histograms = [
        [
            second,
            {
                "count": str(sum(count for _, _, count in buckets)),
                "sum": "1.5",
                "buckets": [[0, str(low), str(high), str(count)] for low, high, count in buckets],
            },
        ]
        for second, buckets in enumerate(samples)
    ]
    return {"metric": LABELS, "histograms": histograms}


def counts(*samples: Buckets) -> dict[str, list[float]]:
    """By bound."""
    return {
        series.labels["le"]: [value for _, value in series.samples]
        for series in as_classic(element(*samples))
    }


def test_buckets_become_counts_up_to_each_bound_and_labels_stay() -> None:
    (first, *_) = as_classic(element([(0.5, 1, 3), (1, 2, 4)]))
    assert first.labels == {**LABELS, "le": "0.5"}
    assert first.target == "fraud-1-5d9f7c6b8-x2x4z@"
    assert counts([(0.5, 1, 3), (1, 2, 4)]) == {"0.5": [0], "1": [3], "2": [7], "inf": [7]}


def test_buckets_that_are_empty_are_not_sent_and_their_bounds_count_all_the_same() -> None:
    found = counts([(0.5, 1, 3), (4, 8, 2)])
    assert found == {"0.5": [0], "1": [3], "4": [3], "8": [5], "inf": [5]}


def test_a_bucket_that_fills_later_has_a_count_from_the_first_sample_on() -> None:
    found = counts([(0.5, 1, 3)], [(0.5, 1, 3), (1, 2, 1)])
    assert found == {"0.5": [0, 0], "1": [3, 3], "2": [3, 4], "inf": [3, 4]}


def test_a_histogram_that_grows_coarser_keeps_the_bounds_that_remain() -> None:
    found = counts([(1, 2, 3), (2, 4, 4)], [(1, 4, 9)])
    assert found == {"1": [0, 0], "4": [7, 9], "inf": [7, 9]}


def test_observations_of_nothing_and_below_lie_in_buckets_too() -> None:
    assert counts([(-2, -1, 1), (-0.001, 0.001, 5), (1, 2, 1)])["0.001"] == [6]


def test_a_histogram_without_any_observation_has_a_total_of_none() -> None:
    assert counts([]) == {"inf": [0]}


def test_bounds_of_coarse_and_of_fine_buckets_are_written_alike() -> None:
    fine, coarse = counts([(2**0.5, 2.0000000000000004, 1)]), counts([(1, 2, 1)])
    assert set(fine) & set(coarse) == {"2", "inf"}


@pytest.mark.parametrize("count", ["NaN", "+Inf", "-1"])
def test_counts_that_are_no_counts_are_refused(count: str) -> None:
    broken = element([(1, 2, 1)])
    broken["histograms"][0][1]["buckets"][0][3] = count
    with pytest.raises(ValueError, match="has invalid counts"):
        as_classic(broken)
