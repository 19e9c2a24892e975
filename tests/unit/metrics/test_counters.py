"""Samples into growth: no sample twice, none lost, never the count of a lifetime."""

import math
import random

import pytest

from serinus.api.checks import LabelMatcher
from serinus.metrics.counters import BOTH_WITHIN, LATE_WITHIN, Growth, count, covered_until
from serinus.metrics.queries import CounterQuery, QueryError, QueryResult, Series
from tests.support.simulated_pods import Pods

REQUESTS = CounterQuery("requests_total")
ERRORS = CounterQuery("requests_total", (LabelMatcher(label="code", value="500"),), part=True)
PREDICTIONS = CounterQuery("predictions_total")
SINCE = 1000.0


class Counting:
    """One arm, counted look after look."""

    def __init__(self, *queries: CounterQuery, window: float = 60.0) -> None:
        self.pods = Pods()
        self.queries = queries or (REQUESTS, ERRORS)
        self.counted: dict[str, float] = {}
        self.window = window

    def look(self, at: float) -> dict[CounterQuery, float]:
        """What each counter grew by since the look before."""
        start = covered_until(self.counted, SINCE) - self.window
        return self.take(self.pods.answers(self.queries, start, at))

    def take(self, answers: dict[CounterQuery, QueryResult]) -> dict[CounterQuery, float]:
        """The same, of answers of one's own."""
        (readings,), self.counted = count((answers,), self.counted, SINCE)
        return {
            query: reading.total if isinstance(reading, Growth) else math.nan
            for query, reading in readings.items()
        }


def target(pod: str) -> str:
    return f"{pod}@10.0.0.1"


def test_growth_is_counted_from_the_last_sample_before_the_weight_took_effect() -> None:
    arm = Counting()
    arm.pods.add("a", "requests_total", 5000, code="200")
    arm.pods.scrape(980)
    arm.pods.add("a", "requests_total", 10, code="200")
    arm.pods.scrape(995)
    arm.pods.add("a", "requests_total", 7, code="200")
    arm.pods.scrape(1010)
    assert arm.look(1011)[REQUESTS] == 7


def test_a_sample_is_counted_once_however_often_it_is_looked_at() -> None:
    arm = Counting()
    arm.pods.add("a", "requests_total", 100, code="200")
    arm.pods.scrape(990)
    arm.pods.add("a", "requests_total", 7, code="200")
    arm.pods.scrape(1005)
    assert arm.look(1006)[REQUESTS] == 7
    assert arm.look(1007)[REQUESTS] == 0
    assert arm.look(1008)[REQUESTS] == 0


def test_a_pod_that_started_after_the_weight_took_effect_is_counted_from_zero() -> None:
    arm = Counting()
    arm.pods.add("old", "requests_total", 100, code="200")
    arm.pods.scrape(990)
    arm.pods.add("new", "requests_total", 42, code="200")
    arm.pods.scrape(1005)
    assert arm.look(1006)[REQUESTS] == 42


def test_the_other_arm_tells_that_prometheus_was_scraping_before_a_new_pod_came() -> None:
    candidate, stable = Pods(), Pods()
    stable.add("s", "requests_total", 100, code="200")
    stable.scrape(990)
    stable.scrape(1004)
    candidate.add("c", "requests_total", 42, code="200")
    candidate.scrape(1005)
    arms = tuple({REQUESTS: arm.answer(REQUESTS, 940, 1006)} for arm in (candidate, stable))
    (of_candidate, _), _ = count(arms, {}, SINCE)
    reading = of_candidate[REQUESTS]
    assert isinstance(reading, Growth)
    assert reading.total == 42


def test_what_one_arm_counted_waits_for_the_other_and_is_counted_with_it() -> None:
    candidate, stable = Pods(), Pods()
    for pods, at in ((candidate, 998), (stable, 999)):
        pods.add("c" if pods is candidate else "s", "requests_total", 100, code="200")
        pods.scrape(at)

    def look(counted: dict[str, float], at: float) -> tuple[list[float], dict[str, float]]:
        arms = tuple({REQUESTS: pods.answer(REQUESTS, 940, at)} for pods in (candidate, stable))
        readings, after = count(arms, counted, SINCE)
        found = [each[REQUESTS] for each in readings]
        return [each.total for each in found if isinstance(each, Growth)], after

    candidate.add("c", "requests_total", 7, code="200")
    candidate.scrape(1013)
    assert look({}, 1014) == ([0, 0], {}), "a block of one arm compares nothing"
    stable.add("s", "requests_total", 90, code="200")
    stable.scrape(1014)
    assert look({}, 1015)[0] == [7, 90]
    candidate.add("c", "requests_total", 5, code="200")
    candidate.scrape(1014 + BOTH_WITHIN)
    assert look({target("c"): 1013, target("s"): 1014}, 1200)[0] == [5, 0], "stable never came"


def test_an_arm_of_which_no_sample_came_in_time_is_not_waited_for_again() -> None:
    candidate, stable = Pods(), Pods()
    for pods, pod in ((candidate, "c"), (stable, "s")):
        pods.add(pod, "requests_total", 100, code="200")
        pods.scrape(1000)
    counted: dict[str, float] = {}
    grown = []
    for at in range(1000, 1500, 15):
        stable.add("s", "requests_total", 10, code="200")
        stable.scrape(at + 1)
        arms = tuple({REQUESTS: pods.answer(REQUESTS, 940, at + 2)} for pods in (candidate, stable))
        (_, of_stable), counted = count(arms, counted, SINCE)
        reading = of_stable[REQUESTS]
        assert isinstance(reading, Growth)
        grown.append(reading.total)
    waited = round(BOTH_WITHIN / 15)
    assert grown == [*[0] * waited, 10 * (waited + 1), *[10] * (len(grown) - waited - 1)]


def test_where_nothing_was_scraped_before_a_lifetime_is_not_taken_for_new() -> None:
    arm = Counting()
    arm.pods.add("a", "requests_total", 1_000_000, code="200")
    arm.pods.scrape(1005)
    assert arm.look(1006)[REQUESTS] == 0
    arm.pods.add("a", "requests_total", 3, code="200")
    arm.pods.scrape(1020)
    assert arm.look(1021)[REQUESTS] == 3


def test_the_first_error_counts_from_zero() -> None:
    arm = Counting()
    arm.pods.add("a", "requests_total", 100, code="200")
    arm.pods.scrape(990)
    arm.pods.scrape(1005)
    assert arm.look(1006)[ERRORS] == 0
    arm.pods.add("a", "requests_total", 2, code="500")
    arm.pods.scrape(1020)
    assert arm.look(1021) == {REQUESTS: 2, ERRORS: 2}


def test_a_counter_that_falls_has_started_again_from_zero() -> None:
    arm = Counting()
    arm.pods.add("a", "requests_total", 100, code="200")
    arm.pods.scrape(995)
    arm.pods.add("a", "requests_total", 20, code="200")
    arm.pods.scrape(1005)
    arm.pods.restart("a")
    arm.pods.add("a", "requests_total", 8, code="200")
    arm.pods.scrape(1010)
    arm.pods.add("a", "requests_total", 1, code="200")
    for at in (1015, 1020, 1025, 1030):
        arm.pods.scrape(at)
    assert arm.look(1031)[REQUESTS] == 29


def test_a_reset_between_two_looks_is_counted_once() -> None:
    arm = Counting()
    arm.pods.add("a", "requests_total", 100, code="200")
    arm.pods.scrape(995)
    arm.pods.scrape(1005)
    arm.look(1006)
    arm.pods.restart("a")
    arm.pods.add("a", "requests_total", 8, code="200")
    for at in (1020, 1035, 1050, 1065, 1080):
        arm.pods.scrape(at)
    assert arm.look(1081)[REQUESTS] == 8
    assert arm.look(1082)[REQUESTS] == 0


def test_a_gap_within_the_window_loses_nothing() -> None:
    arm = Counting()
    arm.pods.add("a", "requests_total", 100, code="200")
    arm.pods.scrape(995)
    arm.pods.scrape(1005)
    arm.look(1006)
    arm.pods.add("a", "requests_total", 500, code="200")
    arm.pods.scrape(1300)
    assert arm.look(1301)[REQUESTS] == 500


def test_after_a_gap_longer_than_what_is_read_counting_starts_anew() -> None:
    arm = Counting()
    arm.pods.add("a", "requests_total", 100, code="200")
    arm.pods.add("a", "requests_total", 4, code="500")
    arm.pods.scrape(995)
    arm.pods.scrape(1005)
    arm.look(1006)
    arm.pods.add("a", "requests_total", 70_000, code="200")
    arm.pods.add("a", "requests_total", 900, code="500")
    arm.pods.scrape(9000)
    arm.pods.add("a", "requests_total", 5, code="200")
    arm.pods.scrape(9015)
    late = arm.pods.answers(arm.queries, 8990, 9016)
    assert arm.take(late) == {REQUESTS: 5, ERRORS: 0}


def test_a_part_that_is_read_further_back_than_its_whole_does_not_bring_a_lifetime_in() -> None:
    arm = Counting()
    arm.counted = {target("a"): 1005.0}
    arm.pods.add("a", "requests_total", 70_000, code="200")
    arm.pods.add("a", "requests_total", 900, code="500")
    arm.pods.scrape(8985)
    arm.pods.scrape(9000)
    arm.pods.add("a", "requests_total", 5, code="500")
    arm.pods.scrape(9015)
    late: dict[CounterQuery, QueryResult] = {
        REQUESTS: arm.pods.answer(REQUESTS, 8990, 9016),
        ERRORS: arm.pods.answer(ERRORS, 8980, 9016),
    }
    assert arm.take(late) == {REQUESTS: 5, ERRORS: 5}


def test_a_pod_that_vanishes_keeps_what_was_counted_and_does_not_hold_the_others_back() -> None:
    arm = Counting()
    for pod in ("a", "b"):
        arm.pods.add(pod, "requests_total", 100, code="200")
    arm.pods.scrape(995)
    for pod in ("a", "b"):
        arm.pods.add(pod, "requests_total", 10, code="200")
    arm.pods.scrape(1005)
    assert arm.look(1006)[REQUESTS] == 20
    total = 0.0
    for at in range(1020, 3000, 15):
        arm.pods.add("a", "requests_total", 1, code="200")
        arm.pods.scrape(at, "a")
        total += arm.look(at + 1)[REQUESTS]
    assert total == len(range(1020, 3000, 15))
    assert covered_until(arm.counted, SINCE) > 2900


def test_an_error_newer_than_the_newest_whole_waits_for_the_next_look() -> None:
    arm = Counting()
    arm.pods.add("a", "requests_total", 100, code="200")
    arm.pods.add("a", "requests_total", 0, code="500")
    arm.pods.scrape(995)
    arm.pods.add("a", "requests_total", 10, code="200")
    arm.pods.scrape(1005)
    whole = arm.pods.answer(REQUESTS, 940, 1006)
    arm.pods.add("a", "requests_total", 6, code="500")
    arm.pods.scrape(1010)
    part = arm.pods.answer(ERRORS, 940, 1011)
    assert arm.take({REQUESTS: whole, ERRORS: part}) == {REQUESTS: 10, ERRORS: 0}
    assert arm.look(1011) == {REQUESTS: 6, ERRORS: 6}


def test_an_error_whose_sample_comes_later_than_that_of_its_requests_is_counted_with_them() -> None:
    arm = Counting()
    for code in ("200", "500"):
        arm.pods.add("a", "requests_total", 100, code=code)
    arm.pods.scrape(995)
    arm.pods.add("a", "requests_total", 10, code="200")
    arm.pods.add("a", "requests_total", 7, code="500")
    late = arm.pods.answer(ERRORS, 940, 1006)
    arm.pods.scrape(1005)
    whole = arm.pods.answer(REQUESTS, 940, 1006)
    assert arm.take({REQUESTS: whole, ERRORS: late}) == {REQUESTS: 0, ERRORS: 0}
    assert arm.look(1007) == {REQUESTS: 17, ERRORS: 7}


def test_errors_that_a_pod_exports_no_more_do_not_hold_its_requests_up_for_ever() -> None:
    arm = Counting()
    for code in ("200", "500"):
        arm.pods.add("a", "requests_total", 100, code=code)
    arm.pods.scrape(995)
    arm.pods.restart("a")
    total = 0.0
    for at in range(1005, 1100, 15):
        arm.pods.add("a", "requests_total", 10, code="200")
        arm.pods.scrape(at)
        total += arm.look(at + 1)[REQUESTS]
    assert total == 10 * len(range(1005, 1100, 15))


def test_two_wholes_read_around_a_scrape_lose_nothing_of_either() -> None:
    arm = Counting(REQUESTS, PREDICTIONS)
    arm.pods.add("a", "requests_total", 100)
    arm.pods.add("a", "predictions_total", 100)
    arm.pods.scrape(995)
    arm.pods.add("a", "requests_total", 3)
    arm.pods.add("a", "predictions_total", 3)
    arm.pods.scrape(1005)
    first = arm.pods.answer(REQUESTS, 940, 1006)
    arm.pods.add("a", "requests_total", 4)
    arm.pods.add("a", "predictions_total", 4)
    arm.pods.scrape(1010)
    second = arm.pods.answer(PREDICTIONS, 940, 1011)
    assert arm.take({REQUESTS: first, PREDICTIONS: second}) == {REQUESTS: 3, PREDICTIONS: 3}
    assert arm.look(1011) == {REQUESTS: 4, PREDICTIONS: 4}


def test_a_metric_missing_after_a_restart_does_not_hide_what_the_others_count() -> None:
    arm = Counting(REQUESTS, PREDICTIONS)
    arm.pods.add("a", "requests_total", 100)
    arm.pods.add("a", "predictions_total", 100)
    for at in (985, 1000, 1015):
        arm.pods.scrape(at)
    arm.look(1016)
    arm.pods.restart("a")
    total = 0.0
    for at in range(1030, 1300, 15):
        arm.pods.add("a", "requests_total", 10)
        arm.pods.scrape(at)
        total += arm.look(at + 1)[REQUESTS]
    assert total == 10 * len(range(1030, 1300, 15))


def test_a_counter_read_too_late_to_show_where_it_stood_is_not_counted_from_zero() -> None:
    arm = Counting(REQUESTS, PREDICTIONS)
    arm.pods.add("a", "requests_total", 9000)
    arm.pods.add("a", "predictions_total", 9000)
    arm.pods.scrape(945)
    arm.pods.add("a", "requests_total", 5)
    arm.pods.add("a", "predictions_total", 5)
    arm.pods.scrape(1005)
    answers: dict[CounterQuery, QueryResult] = {
        REQUESTS: arm.pods.answer(REQUESTS, 944, 1010),
        PREDICTIONS: arm.pods.answer(PREDICTIONS, 946, 1012),
    }
    assert arm.take(answers) == {REQUESTS: 5, PREDICTIONS: 0}


def test_a_counter_that_cannot_be_read_does_not_stop_the_others() -> None:
    arm = Counting(REQUESTS, PREDICTIONS)
    arm.pods.add("a", "requests_total", 100)
    arm.pods.scrape(995)
    arm.pods.add("a", "requests_total", 3)
    arm.pods.scrape(1005)
    answers: dict[CounterQuery, QueryResult] = {
        REQUESTS: arm.pods.answer(REQUESTS, 940, 1006),
        PREDICTIONS: QueryError("Prometheus said no."),
    }
    (readings,), _ = count((answers,), {}, SINCE)
    assert readings[REQUESTS].total == 3  # type: ignore[union-attr]
    assert readings[PREDICTIONS] == QueryError("Prometheus said no.")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_samples_that_are_no_numbers_are_not_counted(value: float) -> None:
    series = Series({"pod": "a", "instance": "i"}, ((995.0, 1.0), (1005.0, value)))
    (readings,), counted = count(({REQUESTS: (series,)},), {}, SINCE)
    assert isinstance(readings[REQUESTS], QueryError)
    assert counted == {}


def test_a_pod_that_two_jobs_scrape_is_counted_once() -> None:
    samples = ((995.0, 100.0), (1005.0, 110.0))
    answer = tuple(
        Series({"pod": "a", "instance": "i", "job": job}, samples) for job in ("pods", "monitor")
    )
    (readings,), _ = count(({REQUESTS: answer},), {}, SINCE)
    assert readings[REQUESTS].total == 10  # type: ignore[union-attr]


def test_no_series_is_not_the_same_as_no_growth() -> None:
    arm = Counting(REQUESTS)
    (readings,), _ = count(({REQUESTS: ()},), {}, SINCE)
    assert readings[REQUESTS] == Growth((), None)
    arm.pods.add("a", "requests_total", 0)
    arm.pods.scrape(995)
    arm.pods.scrape(1005)
    (readings,), _ = count(({REQUESTS: arm.pods.answer(REQUESTS, 940, 1006)},), {}, SINCE)
    assert readings[REQUESTS].total == 0  # type: ignore[union-attr]
    assert readings[REQUESTS].newest == 1005  # type: ignore[union-attr]


def test_pods_that_went_hours_ago_are_forgotten() -> None:
    arm = Counting(REQUESTS)
    arm.counted = {target(f"gone-{n}"): 2000.0 + n for n in range(100)}
    arm.pods.add("a", "requests_total", 0)
    arm.pods.scrape(20_000)
    arm.take({REQUESTS: arm.pods.answer(REQUESTS, 19_000, 20_001)})
    assert set(arm.counted) == {target("a")}


def test_after_an_outage_what_is_read_reaches_back_to_the_last_sample_counted() -> None:
    assert covered_until({"a": 1500.0, "b": 1510.0}, SINCE) == 1500.0
    assert covered_until({"a": 100.0, "b": 1510.0}, SINCE) == 1510.0
    assert covered_until({}, SINCE) == SINCE - LATE_WITHIN, "late series are to be seen as such"


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_order_of_scrapes_looks_and_restarts_the_sum_is_what_was_served(
    seed: int,
) -> None:
    rng = random.Random(seed)
    arm = Counting(window=120)
    pods = [f"pod-{n}" for n in range(4)]
    for pod in pods:
        arm.pods.add(pod, "requests_total", rng.randrange(10_000), code="200")
    arm.pods.scrape(SINCE)
    served, failed, found_served, found_failed = 0, 0, 0.0, 0.0
    unrestarted = set(pods)
    for at in range(1001, 1400):
        pod = rng.choice(pods)
        event = rng.random()
        if event < 0.5:
            failing = rng.random() < 0.2
            amount = rng.randrange(5)
            arm.pods.add(pod, "requests_total", amount, code="500" if failing else "200")
            served += amount
            failed += amount if failing else 0
        elif event < 0.85:
            arm.pods.scrape(at, pod)
        elif event < 0.88 and pod in unrestarted:
            unrestarted.remove(pod)
            arm.pods.scrape(at, pod)  # what a process had not shown is lost with it
            arm.pods.restart(pod)
            for code in ("200", "500"):  # a restart shows where a value falls
                arm.pods.add(pod, "requests_total", 0, code=code)
            arm.pods.scrape(at + 0.5, pod)
        else:
            grown = arm.look(at)
            assert grown[ERRORS] <= grown[REQUESTS]
            found_served += grown[REQUESTS]
            found_failed += grown[ERRORS]
    for at in (1400, 1401, 1402, 1403, 1404):
        arm.pods.scrape(at)
    grown = arm.look(1405)
    assert found_served + grown[REQUESTS] == served
    assert found_failed + grown[ERRORS] == failed


def jobs(*scraped: tuple[str, str, tuple[tuple[float, float], ...]]) -> tuple[Series, ...]:
    """One pod's series of each job, at its address."""
    return tuple(
        Series({"pod": "a", "instance": instance, "job": job}, samples)
        for job, instance, samples in scraped
    )


def test_a_pod_that_two_jobs_scrape_at_two_addresses_is_counted_once() -> None:
    one = ((995.0, 100.0), (1005.0, 110.0))
    other = ((990.0, 99.0), (1003.0, 108.0))
    answer = jobs(("pods", "10.0.0.1:8080", one), ("services", "pod-a", other))
    (readings,), _ = count(({REQUESTS: answer},), {}, SINCE)
    assert readings[REQUESTS].total == 10  # type: ignore[union-attr]
    assert readings[REQUESTS].pods == 1  # type: ignore[union-attr]


def test_two_ports_of_one_job_are_two_processes_and_both_count() -> None:
    one, other = ((995.0, 100.0), (1005.0, 110.0)), ((995.0, 50.0), (1005.0, 57.0))
    answer = jobs(("pods", "10.0.0.1:8080", one), ("pods", "10.0.0.1:8081", other))
    (readings,), _ = count(({REQUESTS: answer},), {}, SINCE)
    assert readings[REQUESTS].total == 17  # type: ignore[union-attr]


def test_failures_are_of_the_job_whose_requests_count() -> None:
    """The other job may be the first to have seen one."""
    one, other = ((995.0, 100.0), (1005.0, 110.0)), ((990.0, 99.0), (1003.0, 108.0))
    bad = ((1003.0, 4.0),)
    whole = jobs(("pods", "10.0.0.1", one), ("services", "10.0.0.1", other))
    part = jobs(("services", "10.0.0.1", bad))
    (readings,), _ = count(({REQUESTS: whole, ERRORS: part},), {}, SINCE)
    assert readings[ERRORS].total == 0  # type: ignore[union-attr]


def test_where_one_of_two_jobs_ends_the_other_goes_on_from_there() -> None:
    """And does not count again what the first had counted."""
    first = tuple((980.0 + 15 * n, 100.0 + 10 * n) for n in range(20))
    second = tuple((985.0 + 15 * n, 103.0 + 10 * n) for n in range(60))
    counted: dict[str, float] = {}
    total = 0.0
    for at in range(1006, 1860, 15):
        start = covered_until(counted, SINCE) - 60
        seen = [
            tuple(sample for sample in samples if start < sample[0] <= at)
            for samples in (first, second)
        ]
        answer = jobs(("a", "10.0.0.1", seen[0]), ("b", "pod-a", seen[1]))
        (readings,), counted = count(({REQUESTS: answer},), counted, SINCE)
        total += readings[REQUESTS].total  # type: ignore[union-attr]
    served = second[-1][1] - 110
    assert served - 100 <= total <= served


def test_the_first_growth_counts_from_zero_where_the_target_itself_was_seen_before() -> None:
    """A server that exports a counter only from its first event on, and is the first to."""
    arm = Counting(REQUESTS, PREDICTIONS)
    arm.pods.add("a", "requests_total", 100)
    for at in range(905, 2000, 15):
        arm.pods.scrape(at)
    arm.counted = {target("a"): 1985.0}
    arm.pods.add("a", "requests_total", 9)
    arm.pods.add("a", "predictions_total", 9)
    arm.pods.scrape(2000)
    answers = arm.pods.answers(arm.queries, 1925, 2001)
    (readings,), _ = count((answers,), arm.counted, SINCE, read_from=1926)
    assert [readings[each].total for each in arm.queries] == [9, 9]  # type: ignore[union-attr]


def test_what_was_read_too_late_is_not_taken_for_a_first_event() -> None:
    arm = Counting(REQUESTS, PREDICTIONS)
    arm.counted = {target("a"): 1985.0}
    arm.pods.add("a", "requests_total", 100)
    arm.pods.add("a", "predictions_total", 70_000)
    arm.pods.scrape(1985)
    arm.pods.scrape(2000)
    answers: dict[CounterQuery, QueryResult] = {
        REQUESTS: arm.pods.answer(REQUESTS, 1984, 2001),
        PREDICTIONS: arm.pods.answer(PREDICTIONS, 1986, 2003),
    }
    (readings,), _ = count((answers,), arm.counted, SINCE, read_from=1986)
    assert [readings[each].total for each in arm.queries] == [0, 0]  # type: ignore[union-attr]


@pytest.mark.parametrize("labels", [{}, {"le": "high"}, {"le": "NaN"}])
def test_a_series_without_a_bucket_bound_makes_its_histogram_unreadable_and_no_other(
    labels: dict[str, str],
) -> None:
    durations = CounterQuery("took_seconds_bucket", buckets=True)
    pods = Pods()
    for le in ("0.1", "+Inf"):
        pods.add("a", "took_seconds_bucket", 10, le=le)
    pods.add("a", "took_seconds_bucket", 10, **labels)
    pods.add("a", "requests_total", 10, code="200")
    pods.scrape(1010)
    answers = pods.answers((durations, REQUESTS), 900, 1010)
    (readings,), _ = count((answers,), {}, SINCE)
    assert readings[durations] == QueryError(
        "took_seconds_bucket of pod a has a series without a bucket bound in the label le: export "
        "a histogram, or leave the series out with a matcher.",
        exported=True,
    )
    assert isinstance(readings[REQUESTS], Growth)


@pytest.mark.parametrize("value", [1e308, 2.0**60, math.nan, math.inf, -1.0])
def test_a_value_that_no_counter_reaches_is_unreadable(value: float) -> None:
    labels = {"pod": "a", "instance": "i", "__name__": "requests_total"}
    samples = ((SINCE + 15, 1.0), (SINCE + 30, value), (SINCE + 45, value))
    (grown,), _ = count(({REQUESTS: (Series(labels, samples),) * 3},), {}, SINCE)
    found = grown[REQUESTS]
    assert isinstance(found, QueryError) and found.exported


@pytest.mark.parametrize("value", [2.0**60, math.nan, math.inf, -1.0])
@pytest.mark.parametrize(
    ("after", "counted"), [((504.0,), 4), ((504.0, 507.0), 7), ((3.0, 4.0, 5.0, 6.0, 7.0), 7)]
)
def test_a_value_that_no_counter_reaches_is_over_with_the_next_sample_that_is_a_count(
    value: float, after: tuple[float, ...], counted: float
) -> None:
    """Which is lower if the process has restarted."""
    values = (1.0, 500.0, value, *after)
    labels = {"pod": "a", "instance": "i", "__name__": "requests_total"}
    samples = tuple((SINCE + 15 * look, each) for look, each in enumerate(values))
    (grown,), _ = count(({REQUESTS: (Series(labels, samples),)},), {"a@i": SINCE + 15}, SINCE)
    found = grown[REQUESTS]
    assert isinstance(found, Growth)
    assert found.total == counted


def looks_with(
    no_count: range, requests: list[float], failed: float = 0.02, window: int = 5
) -> list[dict[CounterQuery, float]]:
    """At each look the requests of a pod so far, of which such a share failed; the counter of those
    is NaN at some looks. Predictions can be counted then."""
    pod = {"pod": "a", "instance": "i"}
    arm = Counting(REQUESTS, PREDICTIONS, ERRORS)
    arm.counted = {"a@i": SINCE}
    found = []
    for look in range(1, len(requests)):
        read = [(each, SINCE + 15 * each) for each in range(max(0, look - window), look + 1)]
        good = Series(
            {**pod, "code": "200"}, tuple((at, (1 - failed) * requests[each]) for each, at in read)
        )
        bad = Series(
            {**pod, "code": "500"},
            tuple(
                (at, math.nan if each in no_count else failed * requests[each]) for each, at in read
            ),
        )
        predicted = Series(pod, tuple((at, requests[each]) for each, at in read))
        answers = {REQUESTS: (good, bad), PREDICTIONS: (predicted,), ERRORS: (bad,)}
        found.append(arm.take({key: tuple(each) for key, each in answers.items()}))
    return found


@pytest.mark.parametrize(("looks", "lost"), [(1, 0), (3, 0), (10, 11)])
def test_failures_that_are_no_count_for_some_looks_are_of_the_same_scrapes_as_requests(
    looks: int, lost: int
) -> None:
    """Five scrapes are read: after more of them, what was before is not known."""
    found = looks_with(range(2, 2 + looks), [100.0 * look for look in range(16)])
    unread = [number for number, each in enumerate(found, 1) if math.isnan(each[ERRORS])]
    assert unread == [*range(2, 2 + looks)]
    counted = [each for each in found if not math.isnan(each[ERRORS])]
    assert sum(each[ERRORS] for each in counted) == pytest.approx(2 * (15 - lost))
    assert sum(each[REQUESTS] for each in counted) == pytest.approx(100 * (15 - lost))


@pytest.mark.parametrize("failed", [0.02, 0.5])
def test_failures_that_are_no_count_in_every_other_look_are_counted_in_the_others(
    failed: float,
) -> None:
    requests = [100.0 * look for look in range(16)]
    found = looks_with(range(2, 16, 2), requests, failed)[::2]
    assert sum(each[REQUESTS] for each in found) == 1500
    assert sum(each[ERRORS] for each in found) == pytest.approx(1500 * failed)


@pytest.mark.parametrize("looks", [1, 3, 6])
def test_a_restart_after_which_a_series_is_no_count_for_some_looks_is_one(looks: int) -> None:
    requests = [3000.0 + 100 * look for look in range(20)] + [100.0 * look for look in range(1, 30)]
    found = looks_with(range(20, 20 + looks), requests, failed=0.3, window=40)
    assert [n for n, each in enumerate(found, 1) if math.isnan(each[REQUESTS])] == [
        *range(20, 20 + looks)
    ]


def test_a_scrape_of_no_counts_does_not_divide_a_block() -> None:
    """Where another counter was read before the last scrape."""
    pod = {"pod": "a", "instance": "i"}
    good = Series({**pod, "code": "200"}, tuple((SINCE + 15 * n, 98.0 * n) for n in range(5)))
    failed = (0.0, 2.0, 4.0, math.nan, 8.0)
    bad = Series({**pod, "code": "500"}, tuple((SINCE + 15 * n, v) for n, v in enumerate(failed)))
    predicted = Series(pod, good.samples[:4])
    answers = {REQUESTS: (good, bad), PREDICTIONS: (predicted,), ERRORS: (bad,)}
    arm = Counting()
    arm.counted = {"a@i": SINCE}
    assert arm.take({key: tuple(each) for key, each in answers.items()})[REQUESTS] == 200
    answers[PREDICTIONS] = (Series(pod, good.samples),)
    assert arm.take({key: tuple(each) for key, each in answers.items()})[REQUESTS] == 200


def test_values_that_are_no_counts_before_the_first_that_is_one_are_no_lifetime() -> None:
    labels = {"pod": "a", "instance": "i", "__name__": "requests_total"}
    samples = tuple(
        (SINCE + at, value) for at, value in ((-15, math.nan), (15, 500.0), (30, 510.0))
    )
    (grown,), _ = count(({REQUESTS: (Series(labels, samples),)},), {}, SINCE)
    found = grown[REQUESTS]
    assert isinstance(found, Growth) and found.total == 10


def test_after_scrapes_of_no_counts_no_lifetime_is_counted_though_the_other_arm_was_read() -> None:
    times = [SINCE + 15 * look for look in range(5)]
    pod, other = {"pod": "a", "instance": "i"}, {"pod": "b", "instance": "i"}
    bad = tuple(zip(times, (math.nan, math.nan, math.nan, 500.0, 510.0), strict=True))
    good = tuple((at, at) for at in times)
    arms = (
        {REQUESTS: (Series(pod, bad),), PREDICTIONS: (Series(pod, good),)},
        {REQUESTS: (Series(other, good),), PREDICTIONS: (Series(other, good),)},
    )
    (grown, _), _ = count(arms, {"a@i": times[2], "b@i": times[2]}, SINCE)
    found = grown[REQUESTS]
    assert isinstance(found, Growth) and found.total == 10


@pytest.mark.parametrize("labels", [{"code": "500"}, {"code": "200"}])
@pytest.mark.parametrize("replaced", [False, True])
def test_a_series_that_is_no_counter_is_over_once_its_process_no_longer_exports_it(
    labels: dict[str, str], replaced: bool
) -> None:
    """Of a pod that was replaced, two minutes later."""
    key = CounterQuery("took_seconds_bucket") if replaced else REQUESTS
    old = {"pod": "a", "instance": "i", "__name__": key.metric}
    new = {**old, "pod": "b"} if replaced else old
    bad = Series({**old, **labels}, ((SINCE + 15, 2.0**60),))
    found = []
    for last in (30.0, 60.0, 180.0):
        good = Series({**new, "code": "2xx"}, ((SINCE + 15, 1.0), (SINCE + last, 5.0)))
        (grown,), _ = count(({key: (bad, good)},), {}, SINCE)
        found.append(isinstance(grown[key], QueryError))
    assert found == ([True, True, False] if replaced else [True, False, False])


@pytest.mark.parametrize(("last", "waits"), [(90, True), (180, False)])
def test_a_pod_that_is_gone_after_a_part_of_a_scrape_is_waited_for_two_minutes(
    last: int, waits: bool
) -> None:
    gone = {"pod": "a", "instance": "i", "__name__": "requests_total"}
    answer = (
        Series({**gone, "code": "200"}, ((SINCE, 1.0), (SINCE + 15, 2.0), (SINCE + 30, 3.0))),
        Series({**gone, "code": "500"}, ((SINCE, 1.0), (SINCE + 15, 2.0))),
        Series(
            {**gone, "pod": "b"}, tuple((SINCE + at, 1.0 + at) for at in range(0, last + 1, 15))
        ),
    )
    (grown,), _ = count(({REQUESTS: answer},), {"a@i": SINCE + 15, "b@i": SINCE + 15}, SINCE)
    found = grown[REQUESTS]
    assert isinstance(found, Growth)
    assert found.total == (0 if waits else last - 15 + 1)
