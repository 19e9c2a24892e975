"""One restart is a restart; counters that fall again and again are no evidence."""

import random

import pytest

from serinus.judge.counters import Growth, Reading, count, covered_until
from serinus.judge.questions import Counters, Series, Unreadable
from tests.unit.judge.judging import Judging, requests
from tests.unit.judge.metrics import Pods
from tests.unit.judge.test_counters import ERRORS, REQUESTS, SINCE

ERROR_RATE = {"name": "errors", "errorRate": {}}


class Workers(Pods):
    """Pods of so many processes behind one port: each scrape reads one of them. The kernel gives
    some of them more requests than others."""

    def __init__(self, workers: int, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng
        self._of: list[dict[tuple[str, tuple[tuple[str, str], ...]], float]] = [
            {} for _ in range(workers)
        ]

    def add(self, pod: str, metric: str, amount: float, **labels: str) -> None:
        """Each request is taken by one of them."""
        self.values.setdefault(pod, {})
        key = (metric, tuple(sorted(labels.items())))
        for own in self._of:
            own.setdefault(key, 0.0)
        uneven = range(1, len(self._of) + 1)
        for own in self._rng.choices(self._of, uneven, k=int(amount)):
            own[key] += 1

    def scrape(self, at: float, *pods: str) -> None:
        """Of whichever answers."""
        for pod in pods or self.values:
            self.values[pod] = self._rng.choice(self._of)
        super().scrape(at, *pods)


@pytest.mark.parametrize("workers", [2, 4])
@pytest.mark.parametrize("seed", range(15))
def test_several_processes_behind_one_port_are_an_error_with_the_remedy(
    workers: int, seed: int
) -> None:
    rng = random.Random(seed)
    judging = Judging(ERROR_RATE)
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
    assert "several processes answer on its port in turn" in found.message
    assert "PROMETHEUS_MULTIPROC_DIR" in found.message


@pytest.mark.parametrize("before", [2, 100, 100_000])
def test_a_single_restart_is_no_error_however_little_was_counted_before(before: int) -> None:
    judging = Judging(ERROR_RATE)
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


def served(judging: Judging, candidate: tuple[int, int], stable: tuple[int, int]) -> None:
    """Each arm's pod serves so many requests, the first of which fail: (errors, requests)."""
    requests(judging.candidate, "candidate", *candidate)
    requests(judging.stable, "stable", *stable)


def looked(pods: Pods, counted: dict[str, float], at: float) -> tuple[Reading, dict[str, float]]:
    answers = pods.answers((REQUESTS, ERRORS), covered_until(counted, SINCE) - 60, at)
    (grown,), counted = count((answers,), counted, SINCE)
    return grown[REQUESTS], counted


def test_a_pod_of_several_processes_makes_every_counter_of_it_unreadable() -> None:
    """Those that are too few to fall yet are no better."""
    other = Counters("other_total")
    values = (10.0, 4.0, 11.0, 5.0, 12.0)
    samples = tuple((SINCE + 15 * n, value) for n, value in enumerate(values, 1))
    flat = tuple((at, 1.0) for at, _ in samples)
    labels = {"pod": "a", "instance": "i"}
    arm = {REQUESTS: (Series(labels, samples),), other: (Series(labels, flat),)}
    (grown,), counted = count((arm,), {}, SINCE)
    assert isinstance(grown[REQUESTS], Unreadable)
    assert isinstance(grown[other], Unreadable)
    assert counted == {}
