"""What both arms share fails, and pods are scraped at different moments: nobody is to blame."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

import pytest

from serinus.api.status import CheckState
from serinus.judge.evidence.comparison import begun, compare, weighed_by_arm
from serinus.judge.evidence.dispersion import ArmBlock
from serinus.judge.evidence.kernel import WORSE
from serinus.judge.evidence.look import ErrorBudget
from tests.support.exhaustive import short
from tests.support.simulated_analysis import (
    SINCE,
    SimulatedAnalysis,
    buckets,
    drift,
    error_rate,
    latency,
    requests,
)
from tests.support.simulated_pods import Pods

CANDIDATE, STABLE = ("new",), tuple(f"old-{n}" for n in range(5))
SERVED = {"new": 50, **dict.fromkeys(STABLE, 190)}
"""Per second."""
GOOD_BEFORE, OUTAGE, GOOD_AFTER = 150, 60, 150
"""Seconds."""
BAD = 0.01
BUDGET = ErrorBudget(false_fail=0.01, false_pass=0.05, false_rollback=0.01, min_requests=1)

Serve = Callable[[Pods, str, int, int], None]
"""A pod serves so many requests, some of them bad: (pods, pod, bad, all)."""
Check = Mapping[str, object]


def durations(pods: Pods, pod: str, bad: int, served: int) -> None:
    buckets(pods, pod, "model_request_duration_seconds", {0.1: served - bad, 1.0: bad})


def classes(pods: Pods, pod: str, bad: int, served: int) -> None:
    for name, count in (("dog", bad), ("cat", served - bad)):
        pods.add(pod, "model_predictions_total", count, **{"class": name})


ERRORS: tuple[Check, Serve] = (error_rate(), requests)
LATENCY: tuple[Check, Serve] = (latency(), durations)
DRIFT: tuple[Check, Serve] = (drift(classes={"metric": "model_predictions_total"}), classes)
KINDS = pytest.mark.parametrize(
    ("check", "serve"), [ERRORS, LATENCY, DRIFT], ids=["errors", "latency", "drift"]
)


OUTAGES = [(5, 1.0), (15, 1.0), (30, 1.0), (30, 0.3), (60, 1.0), (60, 0.3)]
"""Seconds from scrape to scrape, and the share of requests that fail."""


class Rollout:
    """Each pod is scraped at its own moment; a look every 15 s."""

    def __init__(self, check: Check, serve: Serve, scrapes: int, order: Sequence[str]) -> None:
        self.simulated = SimulatedAnalysis(check)
        self.failed = False
        self._serve, self._scrapes = serve, scrapes
        self._moments = {pod: n * scrapes // len(order) for n, pod in enumerate(order)}
        self._bad = dict.fromkeys(SERVED, 0.0)
        self._second = 0
        self._go_on(dict.fromkeys(SERVED, (0, 0)), scrape=True)

    def serve(self, seconds: int, candidate: float, stable: float) -> None:
        """With such a share of bad requests."""
        for _ in range(seconds):
            counts = {}
            for pod, served in SERVED.items():
                self._bad[pod] += served * (candidate if pod in CANDIDATE else stable)
                bad = int(self._bad[pod] + 1e-9)
                self._bad[pod] -= bad
                counts[pod] = bad, served
            self._go_on(counts)

    def _go_on(self, counts: Mapping[str, tuple[int, int]], *, scrape: bool = False) -> None:
        self.simulated.at = SINCE + self._second
        for pod, (bad, served) in counts.items():
            pods = self.simulated.candidate if pod in CANDIDATE else self.simulated.stable
            self._serve(pods, pod, bad, served)
            if scrape or self._second % self._scrapes == self._moments[pod]:
                pods.scrape(self.simulated.at, pod)
        if self._second and self._second % 15 == 0:
            self.failed |= self.simulated.judge().verdict == "Fail"
        self._second += 1


@KINDS
@pytest.mark.parametrize("order", [(*CANDIDATE, *STABLE), (*STABLE, *CANDIDATE)])
@pytest.mark.parametrize(("scrapes", "share"), short(OUTAGES, [(15, 1.0), (30, 0.3)]))
def test_a_shared_outage_is_no_evidence_whoever_is_scraped_first(
    check: Check, serve: Serve, order: Sequence[str], scrapes: int, share: float
) -> None:
    for begins in range(0, scrapes, max(scrapes // 5, 1)):
        rollout = Rollout(check, serve, scrapes, order)
        rollout.serve(GOOD_BEFORE + begins, BAD, BAD)
        rollout.serve(OUTAGE, share, share)
        rollout.serve(GOOD_AFTER, BAD, BAD)
        assert not rollout.failed, begins


@KINDS
@pytest.mark.parametrize("good", [15, 60, 1500])
def test_a_total_failure_is_found_with_the_second_scrape_however_late(
    check: Check, serve: Serve, good: int
) -> None:
    rollout = Rollout(check, serve, 15, (*STABLE, *CANDIDATE))
    rollout.serve(good, BAD, BAD)
    rollout.serve(15, 1.0, BAD)
    assert not rollout.failed
    rollout.serve(15, 1.0, BAD)
    assert rollout.failed


def test_a_candidate_that_is_worse_in_an_outage_as_well_is_found_after_it() -> None:
    rollout = Rollout(*ERRORS, 30, (*CANDIDATE, *STABLE))
    rollout.serve(GOOD_BEFORE, BAD, BAD)
    rollout.serve(OUTAGE, 1.0, 1.0)
    rollout.serve(GOOD_AFTER, 5 * BAD, BAD)
    assert rollout.failed


def test_looks_without_a_new_sample_confirm_nothing() -> None:
    simulated = SimulatedAnalysis(error_rate())
    simulated.errors((0, 0), (0, 0))
    simulated.scrape()
    simulated.look()
    simulated.errors((75, 75), (14, 1425))
    first = simulated.look()
    for _ in range(3):
        simulated.at += 1
        assert simulated.judge().state == first.state


def test_stable_that_always_jumps_hides_no_bad_candidate() -> None:
    simulated = SimulatedAnalysis(error_rate())
    simulated.errors((0, 0), (0, 0))
    simulated.scrape()
    stable = itertools.cycle([(14, 1425), (140, 1425)])
    simulated.until("Fail", lambda: simulated.errors((40, 75), next(stable)), looks=40)


def state(*blocks: tuple[float, float], evidence: float = 0.0) -> CheckState:
    """After blocks of stable's, (events, requests), each of which multiplied the evidence against
    the candidate by e, and all evidence before by e to this power."""
    found = compare(CheckState(), [begun("errors")], WORSE)
    for events, served in blocks:
        [known] = found.comparisons
        grown = [e + evidence for e in known.above]
        after = [known.replace(above=grown)]
        found = weighed_by_arm(found, after, after, [ArmBlock(served, events)], BUDGET)
    return found


def total(found: CheckState) -> float:
    [known] = found.comparisons
    return math.log(found.held_back + math.fsum(map(math.exp, known.above)))


STEADY, JUMPED = (10.0, 1000.0), (60.0, 1000.0)


def test_no_block_alone_is_enough_and_two_are() -> None:
    once, twice = (state(*[STEADY] * n, evidence=50.0) for n in (1, 2))
    assert 2 < once.peak < math.log(100) < twice.peak


@pytest.mark.parametrize("blocks", [(STEADY, JUMPED), (JUMPED, STEADY)])
def test_two_blocks_between_which_stable_jumps_add_nothing(
    blocks: tuple[tuple[float, float], ...],
) -> None:
    found = state(*blocks, evidence=50.0)
    assert total(found) == pytest.approx(total(state()), abs=1e-5)
    assert found.peak < math.log(100)
    afterwards = state(*blocks, blocks[-1], blocks[-1], evidence=50.0)
    assert afterwards.peak > math.log(100)


def test_what_speaks_for_the_candidate_is_kept_though_stable_jumps() -> None:
    assert total(state(STEADY, JUMPED, evidence=-1.0)) == pytest.approx(
        total(state(STEADY, STEADY, evidence=-1.0)), abs=1e-5
    )


def test_a_jump_takes_back_what_was_added_before_a_look_without_requests_of_stable() -> None:
    found = state(STEADY, STEADY, evidence=1.0)
    [known] = found.comparisons
    after = [known.replace(above=[e + 1.0 for e in known.above])]
    found = weighed_by_arm(found, after, after, [ArmBlock(0.0, 0.0)], BUDGET)
    [known] = found.comparisons
    after = [known.replace(above=[e + 1.0 for e in known.above])]
    found = weighed_by_arm(found, after, after, [ArmBlock(1000.0, 60.0)], BUDGET)
    assert total(found) == pytest.approx(total(state(STEADY, evidence=1.0)), abs=1e-5)
