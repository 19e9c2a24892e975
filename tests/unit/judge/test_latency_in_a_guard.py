"""latency in a guard: each revision against its own first half hour."""

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from math import inf

import pytest

from serinus.api.baseline import Baseline, CheckBaseline
from serinus.judge import EffectiveWeight, GuardWindow
from serinus.judge.analysis import reads
from serinus.judge.evidence.odds import odds, surely, tangent
from tests.support.simulated_analysis import SINCE, SimulatedAnalysis, buckets, latency

MINUTE = 60.0
DURATIONS = "model_request_duration_seconds"
SERVED = 1000
"""Requests of the previous revision in a minute; the promoted one has nine times as many."""


def shares(times: float) -> dict[float, float]:
    """Of requests that take so many times as long as 80 ms on the average, by bucket."""
    bounds = (0.05, 0.1, 0.25, 0.5, 1.0)
    beyond = [math.exp(-bound / (0.08 * times)) for bound in bounds]
    parts = [1 - beyond[0], *(a - b for a, b in pairwise(beyond)), beyond[-1]]
    return dict(zip((*bounds, inf), parts, strict=True))


def counts(times: float, requests: int) -> Mapping[float, int]:
    return {bound: round(share * requests) for bound, share in shares(times).items()}


class Guarded:
    """Nine of ten requests have the promoted revision."""

    def __init__(self, **settings: object) -> None:
        self.analysis = SimulatedAnalysis(latency(**settings))
        self.analysis.weight = EffectiveWeight(0.9, since=-inf)
        self.analysis.guard = GuardWindow(SINCE, 4 * 3600.0)
        self.analysis.durations(counts(1, 0), counts(1, 0))
        self.analysis.look()

    def serve(
        self, minutes: int, candidate: float = 1.0, stable: float = 1.0, load: float = 1.0
    ) -> str:
        """So many minutes in which requests take so many times as long; the verdict."""
        for _ in range(minutes):
            served = round(SERVED * load)
            self.analysis.durations(counts(candidate, 9 * served), counts(stable, served))
            found = self.analysis.look(MINUTE)
            if found.verdict == "Fail":
                return "Fail"
        return found.verdict

    @property
    def message(self) -> str:
        return self.analysis.progress.checks[0].message


@pytest.fixture
def guarded() -> Guarded:
    return Guarded()


def test_nothing_is_judged_in_the_first_half_hour_and_the_message_says_so(guarded: Guarded) -> None:
    guarded.serve(1)
    assert guarded.serve(20, candidate=3) == "Inconclusive"
    assert guarded.message == (
        "Latencies are compared with each revision's own in 30m of the guard. So far 20m are "
        "recorded, and nothing is judged yet."
    )


def test_a_promoted_revision_that_becomes_slower_is_found_and_both_changes_are_said(
    guarded: Guarded,
) -> None:
    guarded.serve(45)
    assert guarded.serve(30, candidate=1.5) == "Fail"
    assert "and in the reference candidate" in guarded.message
    assert "the candidate has become slower by more than tolerated" in guarded.message


def test_one_that_was_slower_from_the_start_is_not_the_guards_business(guarded: Guarded) -> None:
    assert guarded.serve(180, candidate=1.5) == "Inconclusive"


def test_what_makes_both_slower_or_quicker_is_no_change(guarded: Guarded) -> None:
    guarded.serve(45, candidate=1.3)
    assert guarded.serve(60, candidate=1.3 * 2, stable=2) == "Inconclusive"
    assert guarded.serve(60, candidate=1.3 * 0.6, stable=0.6) == "Inconclusive"


def test_requests_at_more_load_than_in_the_reference_are_no_evidence(guarded: Guarded) -> None:
    """Slower without a leak; another reference begins, and finds one that comes later."""
    guarded.serve(45)
    assert guarded.serve(90, candidate=1.5, load=1.5) == "Inconclusive"
    assert guarded.serve(30, candidate=2.5, load=1.5) == "Fail"


def test_at_less_load_it_may_always_be_as_slow_as_the_previous_revision(guarded: Guarded) -> None:
    """Where requests wait for each other to make a batch, fewer of them are slower."""
    guarded.serve(45, candidate=0.5, stable=1)
    assert guarded.serve(90, candidate=1, stable=1, load=0.2) == "Inconclusive"
    assert guarded.serve(60, candidate=1.8, stable=1, load=0.2) == "Fail"


def test_at_another_weight_another_reference_begins(guarded: Guarded) -> None:
    guarded.serve(45)
    guarded.analysis.weight = EffectiveWeight(0.8, since=-inf)
    assert guarded.serve(30, candidate=1.5) == "Inconclusive"
    assert "Recording started again" in guarded.message
    assert guarded.serve(60, candidate=1.5) == "Inconclusive"


def test_a_weight_that_is_not_in_effect_for_a_while_changes_nothing(guarded: Guarded) -> None:
    guarded.serve(45)
    weight, guarded.analysis.weight = guarded.analysis.weight, None
    assert guarded.serve(20, candidate=3) == "Inconclusive"
    guarded.analysis.weight = weight
    assert guarded.serve(45) == "Inconclusive"
    assert guarded.serve(30, candidate=1.5) == "Fail"


def test_pods_that_start_more_often_than_a_window_lasts_hide_no_leak() -> None:
    """One of nine is replaced every four minutes, and stable's were seen to take a minute to level
    off."""
    analysis = SimulatedAnalysis({"name": "slow", "latency": {}})
    analysis.weight = EffectiveWeight(0.9, since=-inf)
    analysis.guard = GuardWindow(SINCE, 4 * 3600.0)
    [check] = analysis.analysis.checks
    known = Baseline(measured_at=SINCE, checks=[CheckBaseline(reads=reads(check), warm_up=MINUTE)])
    analysis.progress = replace(analysis.progress, baseline=known)
    buckets(analysis.stable, "previous", DURATIONS, counts(1, 0))
    verdicts = []
    for look in range(4 * 75):
        if look % 16 == 0:
            analysis.candidate.values.pop(f"pod-{look // 16 - 9}", None)
        for pod in range(max(look // 16 - 8, 0), max(look // 16, 8) + 1):
            slower = 2.0 if look > 4 * 50 else 1.0
            fresh = f"pod-{pod}" not in analysis.candidate.values
            buckets(
                analysis.candidate, f"pod-{pod}", DURATIONS, counts(slower, 0 if fresh else 250)
            )
        buckets(analysis.stable, "previous", DURATIONS, counts(1, 250))
        verdicts.append(analysis.look().verdict)
    assert "Fail" in verdicts
    assert verdicts.index("Fail") > 4 * 50


def test_a_clock_that_was_an_hour_ahead_makes_no_window_longer(guarded: Guarded) -> None:
    guarded.serve(45)
    [check] = guarded.analysis.progress.checks
    known = check.state.reference
    assert known
    ahead = known.replace(looked_at=known.looked_at + 3600)
    check = check.replace(state=check.state.replace(reference=ahead))
    guarded.analysis.progress = replace(guarded.analysis.progress, checks=(check,))
    assert guarded.serve(30, candidate=1.5) == "Fail"


def test_a_leak_that_restarts_reset_is_found_in_between_or_not_at_all(guarded: Guarded) -> None:
    guarded.serve(45)
    for _ in range(5):
        assert guarded.serve(10, candidate=1.02) == "Inconclusive"
        assert guarded.serve(10, candidate=1.04) == "Inconclusive"
    for _ in range(5):
        found = [guarded.serve(20, candidate=times) for times in (1.2, 1.4, 1.6)]
        if "Fail" in found:
            return
    pytest.fail("it was never found")


def test_a_tangent_is_nowhere_below_what_the_odds_allow() -> None:
    for psi in (1.0, 1.3, 4.0):
        for expected in (0.001, 0.2, 0.7):
            line = tangent(psi, expected)
            assert odds(line.ratio * expected + line.offset) == pytest.approx(psi * odds(expected))
            for share in (0.0, 0.01, 0.3, 0.6, 0.95):
                allowed = psi * share / (1 + (psi - 1) * share)
                assert allowed <= line.ratio * share + line.offset + 1e-12


def test_the_share_of_events_is_surely_between_its_limits() -> None:
    least, most = surely(30, 1000, 1e-4)
    assert least < 0.03 < most
    for share, tail in ((least, range(30, 1001)), (most, range(31))):
        chance = math.fsum(math.comb(1000, n) * share**n * (1 - share) ** (1000 - n) for n in tail)
        assert 1e-6 < chance <= 1e-4
    assert surely(0, 100, 0.01)[0] == 0
    assert surely(100, 100, 0.01)[1] == 1
