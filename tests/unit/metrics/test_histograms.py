"""Histograms of a block, of pods that export one for each route."""

from math import inf

from serinus.metrics.counters import Growth, Increase
from serinus.metrics.histograms import ArmHistogram
from serinus.metrics.queries import Series


def histogram(route: str, up_to: dict[float, float], pod: str = "pod@") -> list[Increase]:
    return [
        Increase(Series({"le": str(le), "route": route}, ()), pod, 0.0, 0.0, count, True)
        for le, count in up_to.items()
    ]


def of_pod(*histograms: list[Increase]) -> ArmHistogram:
    return ArmHistogram.of(Growth(tuple(each for one in histograms for each in one)))


def test_the_histograms_of_a_pod_are_summed() -> None:
    found = of_pod(
        histogram("/a", {0.1: 5, 0.5: 8, inf: 10}), histogram("/b", {0.1: 0, 0.5: 20, inf: 20})
    )
    assert found.above(0.1) == {"pod@": 25}
    assert found.above(0.5) == {"pod@": 2}


def test_a_bound_that_one_of_them_lacks_for_want_of_observations_counts_all_the_same() -> None:
    fast, slow = {0.5: 0.0, 1: 10, inf: 10}, {2: 0.0, 4: 10, inf: 10}
    found = of_pod(histogram("/fast", fast), histogram("/slow", slow))
    assert found.bounds == [0.5, 1, 2, 4]
    counts = [found.above(bound) for bound in found.bounds]
    assert counts == [{"pod@": 20}, {"pod@": 10}, {"pod@": 10}, {"pod@": 0}]


def test_a_bound_inside_a_bucket_of_one_of_them_is_not_known() -> None:
    fine, coarse = {1: 0.0, 2: 3, 4: 5, inf: 5}, {1: 0.0, 4: 5, inf: 5}
    found = of_pod(histogram("/fine", fine), histogram("/coarse", coarse))
    assert found.bounds == [1, 4]
    assert found.above(2) is None
    assert found.above(4) == {"pod@": 0}
