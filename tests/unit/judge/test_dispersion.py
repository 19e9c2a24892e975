"""What a history shows of bursts and of pods that differ, and what it must not take for either."""

import math
from collections.abc import Callable
from dataclasses import replace
from random import Random
from statistics import fmean, stdev

import pytest
from scipy.stats import t

from serinus.api.baseline import Baseline, Dispersion
from serinus.judge.analysis import reads
from serinus.judge.evidence.comparison import among_pods
from serinus.judge.evidence.dispersion import (
    ALIKE_BY_CHANCE,
    ASSUMED_OF_FEW,
    ASSUMED_OF_RARE,
    PODS_TOLERATED,
    Minute,
    dispersion,
    estimated,
)
from serinus.judge.evidence.kernel import NullHypothesis
from serinus.simulation.draws import poisson
from tests.support.simulated_analysis import SimulatedAnalysis

MINUTES, REQUESTS, ERRORS = 60, 6000.0, 0.01

Rate = Callable[[int, int], float]
"""(minute, pod) -> share of errors."""


def history(
    rng: Random, rate: Rate = lambda minute, pod: ERRORS, *, pods: int = 3, burst: int = 1
) -> list[Minute]:
    """An hour of pods that share the requests; errors come so many at once."""
    each = REQUESTS / pods
    return [
        {
            f"pod {pod}": (each, burst * poisson(rng, each * rate(minute, pod) / burst))
            for pod in range(pods)
        }
        for minute in range(MINUTES)
    ]


def found(seeds: int = 60, **kwargs: object) -> list[Dispersion]:
    return [
        dispersion("errors", history(Random(seed), **kwargs))  # type: ignore[arg-type]
        for seed in range(seeds)
    ]


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


@pytest.mark.parametrize("pods", [1, 5])
def test_independent_requests_of_equal_pods_are_taken_for_that(pods: int) -> None:
    taken = 1, ASSUMED_OF_RARE if pods == 1 else 0
    quiet = [each for each in found(pods=pods) if (each.over_time, each.between_pods) == taken]
    assert len(quiet) >= 45


@pytest.mark.parametrize("pods", [1, 3, 10])
def test_errors_that_come_five_at_once_are_found_and_not_underrated(pods: int) -> None:
    bursts = [each.over_time for each in found(pods=pods, burst=5)]
    assert 5 < median(bursts) < 8
    assert sum(each < 4.5 for each in bursts) <= 3


def test_an_hour_in_which_errors_come_to_be_twice_as_many_is_no_burst() -> None:
    def rising(minute: int, pod: int) -> float:
        return ERRORS * 2 ** (minute / MINUTES)

    assert sum(each.over_time > 1 for each in found(rate=rising)) <= 15
    assert sum(each.between_pods > 0 for each in found(rate=rising, pods=5)) <= 6


def test_pods_that_differ_are_found_and_are_no_bursts() -> None:
    def unlike(minute: int, pod: int) -> float:
        return ERRORS * (0.75, 1.0, 1.25)[pod]

    differing = found(rate=unlike)
    assert 0.2 < median([each.between_pods for each in differing]) < 0.45
    assert sum(each.over_time > 1 for each in differing) <= 12


def test_bursts_of_pods_are_not_taken_for_a_lasting_difference() -> None:
    assert sum(each.between_pods > 0 for each in found(burst=5, pods=5)) <= 8


def test_what_comes_over_all_pods_at_once_does_not_hide_that_they_differ() -> None:
    def unlike(minute: int, pod: int) -> float:
        return ERRORS * (0.75, 1.0, 1.25)[pod] * (1 + minute % 2)

    differing = found(rate=unlike)
    assert median([each.between_pods for each in differing]) > 0.2
    assert median([each.over_time for each in differing]) > 5


def test_pods_that_served_at_other_hours_are_compared_with_those_beside_them() -> None:
    blocks: list[Minute] = [
        {"a": (1000.0, 10.0), "old": (1000.0, 10.0)} if minute < 30 else
        {"a": (1000.0, 100.0), "new": (1000.0, 100.0)}
        for minute in range(MINUTES)
    ]  # fmt: skip
    assert dispersion("errors", blocks).between_pods < 0.1


def test_one_pod_alone_shows_nothing_of_how_pods_differ_so_that_is_assumed() -> None:
    assert all(each.between_pods == ASSUMED_OF_RARE for each in found(pods=1, burst=5))
    common: list[Minute] = [{"pod": (1000.0, 500.0)}] * MINUTES
    assert dispersion("slow", common, rare=False).between_pods == ASSUMED_OF_FEW


@pytest.mark.parametrize(
    "blocks",
    [
        [],
        [{}] * 60,
        [{"pod": (0.0, 0.0)}] * 60,
        [{"pod": (100.0, 0.0)}] * 60,
        [{"pod": (100.0, 50.0)}, {"pod": (100.0, 0.0)}] * 10,
        [{"pod": (100.0, 0.0)}] * 59 + [{"pod": (100.0, 9.0)}],
    ],
    ids=["none", "no pods", "no requests", "no errors", "20 minutes", "9 errors"],
)
def test_too_little_to_tell_is_taken_for_independent(blocks: list[Minute]) -> None:
    assert dispersion("errors", blocks) == Dispersion(name="errors")


def test_minutes_without_requests_are_left_out() -> None:
    rng = Random(1)
    blocks = [block for each in history(rng, burst=5) for block in (each, {})]
    assert dispersion("errors", blocks) == dispersion("errors", blocks[::2])


def test_events_of_which_each_request_has_one_vary_less_than_by_chance_and_that_is_no_error() -> (
    None
):
    blocks: list[Minute] = [{"pod": (100.0, 100.0)}] * 60
    assert dispersion("errors", blocks).over_time == 1
    assert math.isfinite(dispersion("errors", blocks).between_pods)


@pytest.mark.parametrize("pods", [5, 6, 10, 30])
@pytest.mark.parametrize(("both_ways", "within"), [(False, 0.995), (True, 0.9975)])
def test_how_pods_differ_is_widened_to_students_law(
    pods: int, both_ways: bool, within: float
) -> None:
    rates = [0.1 * (1 + 0.2 * (-1) ** pod) for pod in range(pods)]
    blocks: list[Minute] = [
        {f"pod {pod}": (100_000.0, 100_000 * rate) for pod, rate in enumerate(rates)}
    ] * MINUTES
    told = dispersion("errors", blocks, both_ways=both_ways).between_pods
    plain = stdev(rates) / fmean(rates)
    law = t.ppf(within, pods - 1)
    assert told * PODS_TOLERATED == pytest.approx(plain * law, rel=0.01)


@pytest.mark.parametrize("times", [3, 20, 1000])
@pytest.mark.parametrize("pods", [4, 5, 10])
def test_a_sick_pod_shows_nothing_of_how_the_others_differ(pods: int, times: int) -> None:
    def sick(minute: int, pod: int) -> float:
        return ERRORS / 10 * (times if pod == 1 else 1)

    found_to_differ = [each.between_pods for each in found(rate=sick, pods=pods)]
    alike = 0.02 if pods == 4 else 0  # the three others are few
    assert sum(each > alike for each in found_to_differ) <= 8


def test_two_of_ten_pods_are_no_exceptions() -> None:
    def unlike(minute: int, pod: int) -> float:
        return ERRORS / 2 * (4 if pod < 2 else 1)

    assert min(each.between_pods for each in found(rate=unlike, pods=10)) > 0.3


def test_one_of_three_pods_is_no_exception() -> None:
    def unlike(minute: int, pod: int) -> float:
        return ERRORS * (3 if pod == 1 else 1)

    assert min(each.between_pods for each in found(rate=unlike, pods=3)) > 0.5


def of_unlike(pods: int, deviation: float, *, both_ways: bool, rare: bool = False) -> float:
    """What is told of pods with so many events that chance has no part in how they differ."""
    spread = [deviation * each for each in ((-1, 1), (-1, 0, 1), (-1.5, -0.5, 0.5, 1.5))[pods - 2]]
    plain = stdev(spread)
    block = {
        f"pod {n}": (1e6, 1e5 * (1 + deviation * each / plain)) for n, each in enumerate(spread)
    }
    blocks = [block] * MINUTES
    return dispersion("events", blocks, rare=rare, both_ways=both_ways).between_pods


@pytest.mark.parametrize(("both_ways", "within"), [(False, 0.995), (True, 0.9975)])
@pytest.mark.parametrize("pods", [2, 3, 4])
def test_of_fewer_than_five_pods_students_law_has_their_real_freedom(
    pods: int, both_ways: bool, within: float
) -> None:
    told = of_unlike(pods, 0.002, both_ways=both_ways)
    law = t.ppf(within, pods - 1) * (2 if pods == 2 else 1)
    assert told * PODS_TOLERATED == pytest.approx(0.002 * law, rel=0.01)


@pytest.mark.parametrize(("rare", "assumed"), [(True, ASSUMED_OF_RARE), (False, ASSUMED_OF_FEW)])
@pytest.mark.parametrize("pods", [2, 3])
def test_few_pods_are_taken_to_differ_by_no_more_than_is_assumed_unless_they_are_seen_to(
    pods: int, rare: bool, assumed: float
) -> None:
    assert of_unlike(pods, 0.08, rare=rare, both_ways=False) == pytest.approx(assumed)
    seen = of_unlike(pods, 0.3, rare=rare, both_ways=False)
    assert seen == pytest.approx(0.3 * 1.8, rel=0.01)


def with_a_sick_pod(pods: int, requests: float, share: float) -> list[Minute]:
    """One pod has so many requests a minute and fails this share; the others fail a thousandth."""
    well = {f"pod {n}": (2000.0, 2.0) for n in range(pods - 1)}
    return [{**well, "sick": (requests, requests * share)}] * MINUTES


@pytest.mark.parametrize(("requests", "share"), [(1000, 0.02), (1000, 0.3), (17, 1.0), (2000, 1.0)])
@pytest.mark.parametrize("pods", [2, 3])
@pytest.mark.parametrize("rare", [True, False])
def test_no_sick_pod_of_few_makes_a_candidate_tolerable_that_fails_most_requests(
    pods: int, requests: float, share: float, rare: bool
) -> None:
    blocks = with_a_sick_pod(pods, requests, share)
    found = dispersion("errors", blocks, rare=rare)
    allowed = among_pods(NullHypothesis(1.1, 0.001), found, (1, pods))
    whole, failed = (sum(each[of] for each in blocks[0].values()) for of in (0, 1))
    of_stable = failed / whole
    most = max(0.5 + of_stable / 2, 2.25 * of_stable)
    assert allowed.ratio * of_stable < 1.001 * most


@pytest.mark.parametrize("pods", [3, 4, 6])
def test_a_sick_pod_with_few_requests_is_no_burst_and_tells_nothing_of_the_others(
    pods: int,
) -> None:
    found = dispersion("errors", with_a_sick_pod(pods, 8, 1.0))
    assert found.over_time == 1
    assert found.between_pods <= ALIKE_BY_CHANCE[0]


def test_a_candidate_that_always_fails_is_found_though_a_pod_of_stable_was_sick() -> None:
    check = {"name": "errors", "errorRate": {}}
    simulated = SimulatedAnalysis(check)
    [asked] = simulated.analysis.checks
    known = estimated([dispersion("errors", with_a_sick_pod(2, 1000, 0.02))])
    learned = Baseline(measured_at=0.0, checks=[known.replace(reads=reads(asked))])
    simulated.progress = replace(simulated.progress, baseline=learned)
    simulated.errors((0, 0), (0, 0))
    simulated.look()
    for _ in range(4):
        simulated.errors((150, 150), (1, 600))
        found = simulated.look()
    assert found.verdict == "Fail"


def test_whatever_pods_differ_by_there_are_numbers_for_it() -> None:
    widest = Dispersion(name="errors", between_pods=1e6)
    ratio = among_pods(NullHypothesis(1.1, 0.001), widest, (1, 2)).ratio
    assert math.isfinite(ratio**2)


def test_two_pods_that_chance_may_have_made_alike_are_not_taken_for_alike() -> None:
    alike = [history(Random(seed), pods=2) for seed in range(60)]
    rare = [dispersion("errors", blocks).between_pods for blocks in alike]
    common = [dispersion("slow", blocks, rare=False).between_pods for blocks in alike]
    assert median(rare) == 0.06
    assert median(common) == ASSUMED_OF_FEW


@pytest.mark.parametrize("pods", [1, 5])
@pytest.mark.parametrize("begins", [0.0, 0.5])
def test_an_incident_in_the_hour_is_no_burst_that_comes_again(pods: int, begins: float) -> None:
    def incident(minute: int, pod: int) -> float:
        inside = min(max(minute - 29 - begins, 0), 1) - min(max(minute - 34 - begins, 0), 1)
        return ERRORS + 0.3 * inside

    assert sum(each.over_time > 1 for each in found(rate=incident, pods=pods)) <= 15


@pytest.mark.parametrize("burst", [20, 100])
def test_large_bursts_are_no_incidents(burst: int) -> None:
    bursts = [each.over_time for each in found(burst=burst, pods=1)]
    assert sum(each < 0.7 * burst for each in bursts) <= 3
