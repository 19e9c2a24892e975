"""A restart is a restart, however often; counters of several processes are no evidence."""

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serinus.metrics.counters import SHARED_FOR, Growth, Reading, count, covered_until
from serinus.metrics.queries import CounterQuery, QueryError, Series
from serinus.metrics.resets import Falls, explained, falls
from tests.support.exhaustive import short
from tests.support.simulated_analysis import SimulatedAnalysis, requests
from tests.support.simulated_pods import Pods
from tests.unit.metrics.test_counters import ERRORS, REQUESTS, SINCE

ERROR_RATE = {"name": "errors", "errorRate": {}}


class Workers(Pods):
    """Pods of so many processes behind one port: each scrape reads one of them. The kernel gives
    some of them more requests than others, or all as many."""

    def __init__(self, workers: int, rng: random.Random, *, even: bool = False) -> None:
        super().__init__()
        self._rng, self._even = rng, even
        self._of: list[dict[tuple[str, tuple[tuple[str, str], ...]], float]] = [
            {} for _ in range(workers)
        ]

    def add(self, pod: str, metric: str, amount: float, **labels: str) -> None:
        """Each request is taken by one of them."""
        self.values.setdefault(pod, {})
        key = (metric, tuple(sorted(labels.items())))
        for own in self._of:
            own.setdefault(key, 0.0)
        load = [1 if self._even else n for n in range(1, len(self._of) + 1)]
        for own in self._rng.choices(self._of, load, k=int(amount)):
            own[key] += 1

    def scrape(self, at: float, *pods: str) -> None:
        """Of whichever answers."""
        for pod in pods or self.values:
            self.values[pod] = self._rng.choice(self._of)
        super().scrape(at, *pods)


@pytest.mark.parametrize("workers", [2, 4])
@pytest.mark.parametrize("seed", short(range(15), range(1)))
def test_several_processes_behind_one_port_are_an_error_with_the_remedy(
    workers: int, seed: int
) -> None:
    rng = random.Random(seed)
    judging = SimulatedAnalysis(ERROR_RATE)
    judging.candidate, judging.stable = Workers(workers, rng), Workers(workers, rng)
    served(judging, (0, 0), (200, 20_000))
    judging.scrape()
    verdicts = []
    for _ in range(60):
        served(judging, (2, 100), (8, 400))
        found = judging.look()
        verdicts.append(found.verdict)
    assert "Fail" not in verdicts
    assert "Pass" not in verdicts
    assert found.verdict == "Error"
    assert "processes with separate counters" in found.message
    assert "PROMETHEUS_MULTIPROC_DIR" in found.message


@pytest.mark.parametrize("workers", [2, 4])
@pytest.mark.parametrize("seed", range(5))
def test_that_several_processes_answer_is_not_forgotten(workers: int, seed: int) -> None:
    """Of the candidate's alone, which are loaded alike: of its series only the errors fall."""
    rng = random.Random(seed)
    judging = SimulatedAnalysis(ERROR_RATE)
    judging.candidate = Workers(workers, rng, even=True)
    served(judging, (0, 0), (200, 20_000))
    verdicts = []
    for _ in range(120):
        served(judging, (1, 60), (rng.randrange(8), 240))
        verdicts.append(judging.look().verdict)
    noticed = verdicts.index("Error")
    assert set(verdicts[noticed:]) == {"Error"}


@pytest.mark.parametrize("before", [2, 100, 100_000])
def test_a_single_restart_is_no_error_however_little_was_counted_before(before: int) -> None:
    judging = SimulatedAnalysis(ERROR_RATE)
    served(judging, (0, before), (0, 1000))
    judging.scrape()
    for _ in range(5):
        served(judging, (0, 1), (0, 50))
        assert judging.look().verdict != "Error"
    judging.candidate.restart("candidate")
    for _ in range(20):
        served(judging, (0, 2), (0, 50))
        found = judging.look()
        assert found.verdict != "Error"
    assert found.state.candidate["requests"] == 5 + 40


def test_what_a_pod_counts_after_a_fall_waits_until_it_is_known_to_be_a_restart() -> None:
    pods = Pods()
    pods.add("a", "requests_total", 100, code="200")
    pods.scrape(SINCE - 5)
    pods.restart("a")
    counted: dict[str, float] = {}
    grown = []
    for n in range(7):
        pods.add("a", "requests_total", 10, code="200")
        pods.scrape(SINCE + 10 + 15 * n)
        reading, counted = looked(pods, counted, SINCE + 11 + 15 * n)
        assert isinstance(reading, Growth)
        grown.append(reading.total)
    assert grown == [0, 0, 0, 0, 50, 10, 10]


def test_a_fall_from_much_to_little_is_a_restart_at_once_and_no_verdict_waits() -> None:
    found = fell([100, 200, 300, 400, 500, 600, 90])
    assert found == Falls()


def test_a_fall_from_little_to_less_may_be_another_process_for_four_samples() -> None:
    since = [100, 200, 300, 400, 500, 120, 90]
    assert fell(since).unexplained
    assert fell([*since, 190, 290, 390]).unexplained
    assert not fell([*since, 190, 290, 390, 490]).unexplained


def test_a_fall_to_much_more_than_is_ever_counted_between_two_samples_is_odd_for_nine_samples() -> (
    None
):
    odd = fell([1000, 1100, 1200, 1300, 1400, 1500, 900])
    assert odd.odd
    assert not odd.several_processes, "many requests may have come at once"
    later = fell([1000, 1100, 1200, 1300, 1400, 1500, *range(900, 1900, 100)])
    assert not later.odd, "no verdict waits for ever"
    assert later.unsettled_since == math.inf, "and its counts do not wait either"
    waits = fell([1000, 1100, 1200, 1300, 1400, 1500, *range(900, 1800, 100)])
    assert (waits.odd, waits.unsettled_since) == (True, 75)


def test_a_fall_from_which_counters_are_back_by_a_leap_is_odd() -> None:
    assert fell([100, 200, 300, 400, 500, 600, 90, 190, 790]).odd
    assert not fell([100, 200, 300, 400, 500, 90, 190, 290, 390, 490, 590]).odd


def test_a_series_that_falls_while_others_rise_is_odd() -> None:
    """Of two processes that have served as much, errors fall by chance, and requests never."""
    served = [(15.0 * n, 1000.0 + 100 * n) for n in range(7)]
    failed = [(15.0 * n, value) for n, value in enumerate((10.0, 11, 12, 13, 14, 15, 12))]
    assert explained({"requests": falls([served, failed])})["requests"].odd


def test_two_odd_falls_show_several_processes() -> None:
    assert fell([1000, 1100, 1200, 1300, 1400, 900, 1500, 1600, 1000]).several_processes


def test_little_is_known_of_how_much_a_target_counts_after_few_samples() -> None:
    assert not fell([1000, 1100, 1200, 900]).odd


@pytest.mark.parametrize("life", [2, 3, 5, 8])
@pytest.mark.parametrize("pods", [1, 3])
def test_a_bad_candidate_that_crashes_again_and_again_is_rolled_back(life: int, pods: int) -> None:
    """Each life begins at 0, which no other process does."""
    rng = random.Random(life)
    judging = SimulatedAnalysis(ERROR_RATE)
    served(judging, (0, 0), (200, 20_000))
    verdicts = []
    for n in range(60):
        for pod in range(pods):
            if (n + pod) % life == 0:
                judging.candidate.restart(f"pod-{pod}")
            requests(judging.candidate, f"pod-{pod}", rng.randrange(6), 100)
        requests(judging.stable, "stable", rng.randrange(4), 300)
        verdicts.append(judging.look().verdict)
        if verdicts[-1] == "Fail":
            break
    assert verdicts[-1] == "Fail"
    assert "Error" not in verdicts


def test_a_restart_and_many_requests_at_once_are_no_error() -> None:
    judging = SimulatedAnalysis(ERROR_RATE)
    served(judging, (0, 1000), (0, 1000))
    for n in range(40):
        if n == 20:
            judging.candidate.restart("candidate")
        served(judging, (0, 500 if n == 20 else 5), (0, 500))
        assert judging.look().verdict != "Error"


def test_a_pass_waits_until_it_is_known_why_counters_fell() -> None:
    judging, passing = SimulatedAnalysis(ERROR_RATE, minRequests=100), []
    served(judging, (0, 0), (200, 20_000))
    for n in range(40):
        if n == 10:
            judging.stable.restart("stable")
            served(judging, (0, 300), (0, 5000))
        else:
            served(judging, (0, 300), (0, 300))
        passing.append(judging.look())
    verdicts = [found.verdict for found in passing]
    first = verdicts.index("Pass")
    assert first < 10
    assert verdicts[10:19] == ["Inconclusive"] * 9
    assert "several processes share one port" in passing[10].message
    assert verdicts[19:] == ["Pass"] * 21


def test_a_fail_waits_only_where_no_restart_explains_the_fall() -> None:
    for at_once, expected in ((100, "Fail"), (5000, "Inconclusive")):
        judging = SimulatedAnalysis(ERROR_RATE)
        requests(judging.stable, "restarts", 200, 20_000)
        for _ in range(8):
            served(judging, (1, 100), (1, 100))
            requests(judging.stable, "restarts", 1, 100)
            judging.look()
        judging.stable.restart("restarts")
        for failed, at_stable in ((1, at_once), (100, 100), (100, 100)):
            served(judging, (failed, 100), (1, 100))
            requests(judging.stable, "restarts", 1, at_stable)
            found = judging.look()
        assert found.verdict == expected


def test_a_pod_that_crashes_after_few_requests_each_time_is_still_counted() -> None:
    """Its lives are short, but each begins below where the one before had come."""
    pods = Pods()
    pods.add("a", "requests_total", 1000, code="500")
    pods.scrape(SINCE - 5)
    counted: dict[str, float] = {}
    total = 0.0
    for n in range(40):
        if n % 3 == 0:
            pods.restart("a")
        pods.add("a", "requests_total", 10 + 30 * (n < 3), code="500")
        pods.scrape(SINCE + 10 + 15 * n)
        reading, counted = looked(pods, counted, SINCE + 11 + 15 * n)
        if isinstance(reading, Growth):
            total += reading.total
    assert total > 0


@pytest.mark.parametrize("failing", [30, -30], ids=["failures increase", "all decrease"])
@pytest.mark.parametrize("interval", [15.0, 60.0])
def test_what_decreases_at_each_scrape_is_no_counter_and_blames_nobody(
    failing: int, interval: float
) -> None:
    """Each value would count as what was served since a restart: five million requests."""
    judging = SimulatedAnalysis(ERROR_RATE)
    requests(judging.candidate, "gauge", 5000, 100_000)
    requests(judging.stable, "stable", 200, 20_000)
    judging.scrape()
    verdicts = []
    for _ in range(60):
        requests(judging.candidate, "gauge", failing, -100)
        requests(judging.stable, "stable", 1, 100)
        found = judging.look(interval)
        verdicts.append(found.verdict)
    noticed = verdicts.index("Error")
    assert noticed < 9 and set(verdicts[:noticed]) == {"Inconclusive"}
    assert set(verdicts[noticed:]) == {"Error"}, "and it is not forgotten"
    assert "model_requests_total of pod gauge decreases at every scrape" in found.message


def test_a_restart_is_no_gauge_whatever_follows() -> None:
    for later in ([0, 0, 0, 0, 0, 0, 0], [90, 80, 70, 60, 50, 40, 41]):
        assert not fell([100, *later]).no_counter
    assert fell([100, 90, 80, 70, 60, 50, 40]).no_counter


def fell(values: Sequence[float]) -> Falls:
    """Of one series, scraped each 15 seconds from 0 on."""
    return together(values)[0]


def together(*counters: Sequence[float]) -> list[Falls]:
    """Of counters of one series each, scraped each 15 seconds from 0 on."""
    found = {
        name: falls([[(15.0 * n, float(value)) for n, value in enumerate(values)]])
        for name, values in enumerate(counters)
    }
    return list(explained(found).values())


def served(judging: SimulatedAnalysis, candidate: tuple[int, int], stable: tuple[int, int]) -> None:
    """Each arm's pod serves so many requests, the first of which fail: (errors, requests)."""
    requests(judging.candidate, "candidate", *candidate)
    requests(judging.stable, "stable", *stable)


def looked(pods: Pods, counted: dict[str, float], at: float) -> tuple[Reading, dict[str, float]]:
    answers = pods.answers((REQUESTS, ERRORS), covered_until(counted, SINCE) - 60, at)
    (grown,), counted = count((answers,), counted, SINCE)
    return grown[REQUESTS], counted


def test_a_pod_of_several_processes_makes_every_counter_of_it_unreadable() -> None:
    """Those that are too few to fall yet are no better."""
    other = CounterQuery("other_total")
    values = (100.0, 101.0, 102.0, 50.0, 103.0, 104.0, 51.0)
    samples = tuple((SINCE + 15 * n, value) for n, value in enumerate(values, 1))
    flat = tuple((at, 1.0) for at, _ in samples)
    labels = {"pod": "a", "instance": "i"}
    arm = {REQUESTS: (Series(labels, samples),), other: (Series(labels, flat),)}
    (grown,), counted = count((arm,), {}, SINCE)
    assert isinstance(grown[REQUESTS], QueryError)
    assert isinstance(grown[other], QueryError)
    assert counted == {"a@i": samples[-1][0] - SHARED_FOR}, "and it is read again"


def test_a_restart_that_the_requests_show_explains_why_failures_fell() -> None:
    """A failures counter of 3, 0 and 60 looks like that of another process."""
    failed = [0, 1, 1, 2, 3, 3, 0, 60]
    assert fell(failed).odd
    requests_, failures = together([100, 200, 300, 400, 500, 600, 90, 190], failed)
    assert requests_ == Falls()
    assert (failures.odd, failures.unsettled_since) == (False, math.inf), "and nothing waits"
    assert failures.unexplained, "but a Pass"


def test_several_failures_at_once_after_each_restart_are_no_several_processes() -> None:
    failed = [0, 1, 3, 0, 60, 60, 2, 65, 65]
    assert fell(failed).several_processes
    assert not together([100, 200, 300, 90, 190, 290, 80, 180, 280], failed)[1].several_processes


def test_a_counter_of_less_does_not_explain_why_requests_fell() -> None:
    """Two processes, of which one has answered no outcomes yet."""
    requests_, outcomes = together(
        [1000, 1100, 1200, 1300, 1400, 1500, 900], [0, 5, 10, 20, 30, 40, 2]
    )
    assert requests_.odd and requests_.unsettled_since == 75
    assert outcomes.odd, "and is explained no better"


def test_counters_that_fall_at_other_scrapes_explain_nothing() -> None:
    failed = [0, 1, 1, 2, 3, 0, 60, 60]
    assert together([100, 200, 300, 400, 500, 600, 700, 90], failed)[1].odd


@pytest.mark.parametrize("life", [2, 3, 4, 5, 8])
def test_a_pod_that_restarts_again_and_again_is_counted_after_nine_scrapes_at_most(
    life: int,
) -> None:
    """Its failures come in bursts: 3 in one life, and 60 at once in the next."""
    pods, counted, total = Pods(), dict[str, float](), 0.0
    pods.scrape(SINCE - 5)
    failures = CounterQuery("failures_total")
    for n in range(40):
        if n and n % life == 0:
            pods.restart("a")
        pods.add("a", "requests_total", 100, code="200")
        burst = 60 if n // life % 2 else 3
        pods.add("a", "failures_total", burst if n % life == 1 else 0)
        pods.scrape(SINCE + 10 + 15 * n)
        at = SINCE + 11 + 15 * n
        answers = pods.answers((REQUESTS, failures), covered_until(counted, SINCE) - 60, at)
        (grown,), counted = count((answers,), counted, SINCE)
        reading = grown[REQUESTS]
        assert isinstance(reading, Growth), reading
        total += reading.total
    assert total >= 4000 - 100 * 10, "no more than nine scrapes wait"


@given(
    lives=st.lists(st.lists(st.integers(0, 50), min_size=2, max_size=8), min_size=1, max_size=12)
)
def test_however_often_a_process_restarts_and_fails_each_request_is_counted_once(
    lives: list[list[int]],
) -> None:
    """By life, the failures that each scrape finds anew; half of the requests at the most. A life
    that begins with more failures than the last one had is not seen in them."""
    pods, counted, failures = Pods(), dict[str, float](), CounterQuery("failures_total")
    pods.add("a", "requests_total", 1000, code="200")
    pods.add("a", "failures_total", 0)
    pods.scrape(SINCE - 5)
    total = {REQUESTS: 0.0, failures: 0.0}
    ends = SINCE
    for failed in (each for life in (*lives, [0] * 10) for each in (None, *life)):
        if failed is None:
            pods.restart("a")
            continue
        pods.add("a", "requests_total", 100, code="200")
        pods.add("a", "failures_total", failed)
        ends += 15
        pods.scrape(ends)
        answers = pods.answers((REQUESTS, failures), covered_until(counted, SINCE) - 60, ends + 1)
        (grown,), counted = count((answers,), counted, SINCE)
        for query, reading in grown.items():
            assert isinstance(reading, Growth), reading
            total[query] += reading.total
        assert ends - min(counted.values(), default=SINCE) <= 9 * 15, (
            "no more than nine scrapes wait"
        )
    assert total[REQUESTS] == 100 * (sum(map(len, lives)) + 10)
    assert total[failures] <= sum(map(sum, lives))
