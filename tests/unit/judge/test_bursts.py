"""Events that begin to come in bursts during a rollout, after a quiet hour."""

import math
from math import comb
from random import Random

import numpy as np
import pytest

from serinus.api.status import CheckState, CheckStatus, Comparison, Swings
from serinus.judge import GuardWindow
from serinus.judge.evidence.comparison import Policy, Scale, begun, compare
from serinus.judge.evidence.dispersion import (
    ArmBlock,
    after_look,
    jumped,
    swinging,
    with_peaks,
)
from serinus.judge.evidence.kernel import WORSE, NullHypothesis
from serinus.simulation.draws import poisson
from tests.bench.judge.checks import ERRORS, Check
from tests.bench.judge.measure import Trial
from tests.bench.judge.models import failing, steady
from tests.bench.judge.traffic import Traffic
from tests.support.exhaustive import short
from tests.support.simulated_analysis import SINCE, SimulatedAnalysis, error_rate

REQUESTS = 1425.0


def swings(rng: Random, burst: int, looks: int, known: Swings | None = None) -> Swings | None:
    for _ in range(looks):
        known = after_look(known, ArmBlock(REQUESTS, burst * poisson(rng, 14 / burst)))
    return known


@pytest.mark.parametrize(
    ("check", "most"),
    [(ERRORS, 0.03), (ERRORS.tolerating(1.1, 0.001).sharing(0.005), 0.02)],
    ids=["tolerance 1", "defaults"],
)
def test_equal_candidates_are_seldom_rolled_back_for_bursts_after_a_quiet_hour(
    check: Check, most: float
) -> None:
    model = failing(steady(0.01))
    rules = {"serinus": check.rule_after_quiet_hour}
    trial = Trial(rules, Traffic(burst=5, lasts=1800.0), model, model)
    assert np.isfinite(trial.batch(1, 0)["serinus"]).mean() <= most


def test_bursts_are_known_after_a_few_looks() -> None:
    known = sorted(swinging(swings(Random(seed), 5, 30)) for seed in range(99))
    assert known[5] > 2 and 3 < known[50] < 12


def test_independent_events_are_seldom_taken_for_bursts() -> None:
    known = [swinging(swings(Random(seed), 1, 15)) for seed in range(200)]
    assert sum(each > 1 for each in known) <= 10


@pytest.mark.parametrize("sizes", [(10, 10), (10, 70), (70, 10)])
@pytest.mark.parametrize("events", [1, 2, 7])
def test_a_pair_of_looks_of_any_lengths_is_expected_to_differ_by_one(
    sizes: tuple[int, int], events: int
) -> None:
    share, expected = sizes[0] / sum(sizes), 0.0
    for first in range(events + 1):
        chance = comb(events, first) * share**first * (1 - share) ** (events - first)
        known = after_look(None, ArmBlock(sizes[0], first))
        known = after_look(known, ArmBlock(sizes[1], events - first, variance=1000.0))
        assert known
        expected += chance * known.squares
    assert expected == pytest.approx(1, abs=1e-3)


def test_looks_without_requests_or_events_show_nothing() -> None:
    known = after_look(None, ArmBlock(REQUESTS, 0))
    assert known
    assert after_look(known, ArmBlock(0, 0)) == known
    after = after_look(known, ArmBlock(100, 0))
    assert after and (after.requests, after.pairs) == (100, 0)


def test_bursts_that_end_are_forgotten_and_so_is_an_outage() -> None:
    rng = Random(1)
    known, block = swings(rng, 1, 20), ArmBlock(REQUESTS, REQUESTS)
    assert jumped(known, block)
    outage = after_look(known, block)
    assert swinging(swings(rng, 1, 1, outage)) < 5
    assert swinging(swings(rng, 1, 80, outage)) == 1
    assert swinging(swings(rng, 1, 80, swings(rng, 5, 20))) == 1


def test_bursts_that_begin_late_are_seen() -> None:
    rng = Random(2)
    assert swinging(swings(rng, 5, 30, swings(rng, 1, 1000))) > 2


def test_a_look_is_weighed_by_what_stables_looks_before_it_showed_and_by_nothing_else() -> None:
    policy = Policy(NullHypothesis(1.0, 0.0), NullHypothesis(1.5, 0.0))
    [fresh] = compare(CheckState(), [begun("errors")], WORSE).comparisons
    plain = Scale(policy, 75, 1425)

    def gained(before: Comparison, candidate: float, stable: float) -> list[float]:
        after = plain.weigh(before, candidate, stable)
        return [e - b for e, b in zip(after.above, before.above, strict=True)]

    def looked(known: Comparison, candidate: float, stable: float) -> Comparison:
        after = plain.weigh(known, candidate, stable)
        return after.replace(swings=after_look(known.swings, ArmBlock(1425, stable)))

    calm, stormy = fresh, fresh
    for stable in (0, 40) * 4:
        calm = looked(calm, 0, 14)
        stormy = looked(stormy, 40 - stable, stable)
    assert swinging(calm.swings) == 1
    times = swinging(stormy.swings)
    assert times > 10
    for counts in ((10, 14), (0, 90)):
        whole = gained(calm, *counts)
        assert gained(stormy, *counts) == pytest.approx([gain / times for gain in whole], abs=1e-5)
    with_other_candidate = fresh
    for stable in (0, 40) * 4:
        with_other_candidate = looked(with_other_candidate, 7, stable)
    assert with_other_candidate.swings == stormy.swings


def test_bursts_of_the_rollout_are_told() -> None:
    simulated = SimulatedAnalysis(error_rate())
    simulated.errors((0, 0), (0, 0))
    simulated.scrape()
    for errors in (0, 60, 0, 60, 0):
        simulated.errors((1, 75), (errors, 1425))
        found = simulated.look()
    assert "Stable's errors came in bursts (" in found.message
    assert found.message.endswith(" times the variance of independent events), so each counts for "
                                  "less.")  # fmt: skip


def guarded(seed: int, burst: int, share: float = 0.01) -> CheckStatus:
    """The check after two hours of a guard in which errors of both come in bursts; so many of the
    promoted revision's 1,425 requests a look fail."""
    rng = Random(seed)
    simulated = SimulatedAnalysis(error_rate())
    simulated.guard = GuardWindow(SINCE, 7200.0)
    simulated.errors((0, 0), (0, 0))
    simulated.scrape()
    for _ in range(480):
        own = min(burst * poisson(rng, 1425 * share / burst), 1425)
        of_the_previous = min(burst * poisson(rng, 75 * 0.01 / burst), 75)
        simulated.errors((own, 1425), (of_the_previous, 75))
        found = simulated.look()
        if found.verdict == "Fail":
            break
    return found


@pytest.mark.parametrize("burst", short([5, 20], [20]))
def test_in_a_guard_bursts_show_in_the_promoted_revision_first(burst: int) -> None:
    """The previous one has 5% of the traffic: of bursts of 20, one in 27 looks."""
    found = [guarded(seed, burst) for seed in range(6)]
    assert "Fail" not in {each.verdict for each in found}
    assert all(" errors came in bursts (" in each.message for each in found)


def test_in_a_guard_a_burst_that_several_looks_show_is_one() -> None:
    """Its pods are scraped one after the other, and the previous revision had none so far."""
    simulated = SimulatedAnalysis(error_rate())
    simulated.guard = GuardWindow(SINCE, 7200.0)
    simulated.errors((0, 0), (0, 0))
    simulated.scrape()
    for _ in range(4):
        simulated.errors((5, 475), (0, 25))
        simulated.look(5)
    for _ in range(5):
        simulated.errors((40, 475), (0, 25))
        found = simulated.look(5)
    assert found.verdict == "Inconclusive"
    assert 1 < found.state.peak < math.log(100)
    simulated.errors((40, 475), (0, 25))
    simulated.until("Fail", lambda: simulated.errors((40, 475), (0, 25)), looks=20)


def test_a_peak_is_known_for_a_burst_after_the_first_and_a_fault_that_begins_is_none() -> None:
    def after(*events: int) -> float:
        known: Swings | None = None
        for each in events:
            known = with_peaks(known, ArmBlock(REQUESTS, each))
        return swinging(known)

    quiet, bad = [13, 15] * 10, [190, 200] * 5
    assert after(*quiet) == 1
    assert after(*quiet, *bad) < 2
    assert after(*quiet, 200, *quiet) > 5


def test_the_message_says_whose_bursts_they_are() -> None:
    assert "The candidate's errors came in bursts (" in guarded(0, 20).message


def test_in_a_guard_errors_that_are_more_are_found_although_they_come_in_bursts() -> None:
    assert guarded(1, 5, share=0.05).verdict == "Fail"


def test_a_status_of_an_older_operator_begins_to_learn() -> None:
    older = Comparison.model_validate({"name": "errors", "candidate": 3, "stable": 50})
    assert "swings" not in older.to_json()
    assert swinging(older.swings) == 1
    known = after_look(older.swings, ArmBlock(REQUESTS, 14))
    again = Comparison.model_validate(older.replace(swings=known).to_json())
    assert again.swings == known
