"""The benchmark's numpy is the operator's judge, run by run; and with it, guarantee and speed on
random traffic. `make bench-judge` says them closer."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from serinus.api.baseline import CheckBaseline, Dispersion
from serinus.api.checks.error_rate import ErrorRate
from serinus.api.checks.latency import Latency
from serinus.api.checks.prediction_drift import PredictionDrift
from serinus.api.status import CheckState
from serinus.judge.checks.error_rate import ErrorRateCheck
from serinus.judge.checks.latency import LatencyCheck
from serinus.judge.checks.prediction_drift import PredictionDriftCheck
from serinus.judge.evidence.kernel import NullHypothesis
from serinus.judge.evidence.look import ErrorBudget, Look
from tests.bench.judge import rare
from tests.bench.judge.checks import ERRORS, MARGIN, Passing, Serinus, drift, latency
from tests.bench.judge.evidence import Varied
from tests.bench.judge.measure import Trial
from tests.bench.judge.models import (
    DURATIONS,
    NATIVE,
    deciles,
    failing,
    lasting,
    routed,
    scoring,
    shares_of,
    steady,
)
from tests.bench.judge.stability import by_index
from tests.bench.judge.traffic import Block, Rollouts, Shares, Traffic
from tests.support.exhaustive import short
from tests.unit.judge import looks

RUNS, LOOKS = 3, 80
BUDGET = ErrorBudget(false_fail=0.01, false_pass=0.05, false_rollback=0.01, min_requests=1)
RELATIVE = {"absolute_tolerance": "0%", "margin": 2.0, "absolute_margin": "0%"}

Judged = ErrorRateCheck | LatencyCheck | PredictionDriftCheck


def of_failures(check: Judged, block: Block, run: int) -> Look:
    """The sorts are failed and answered."""
    return looks.events(check, tuple(tuple(arm[run]) for arm in (block.candidate, block.stable)))


def of_buckets(check: Judged, block: Block, run: int, bounds: Sequence[float]) -> Look:
    """The sorts are buckets with these upper bounds, the last one infinite."""
    histogram, *_ = looks.asked(check)
    up_to = (np.cumsum(arm[run]).tolist() for arm in (block.candidate, block.stable))
    named = ([({"le": str(le)}, n) for le, n in zip(bounds, arm, strict=True)] for arm in up_to)
    return looks.looked(*({histogram: looks.grown(*arm)} for arm in named))


def side_by_side(
    make: Callable[[Rollouts], Serinus],
    judged: Judged,
    look: Callable[[Judged, Block, int], Look],
    shares: tuple[Shares, Shares],
) -> None:
    traffic = Traffic(lasts=LOOKS * 15.0)
    rollouts = Rollouts(traffic, *shares, np.random.default_rng(5), RUNS)
    rule, states = make(rollouts), [CheckState()] * RUNS
    for block in rollouts.blocks():
        failed = rule.look(block)
        for run in range(RUNS):
            found = judged.judge(states[run], look(judged, block, run), BUDGET)
            states[run] = found.state
            assert found.state.peak == pytest.approx(rule.evidence.peak[run], abs=1e-9)
            assert (found.verdict == "Fail") == failed[run]


@pytest.mark.parametrize("tolerance", short([1.0, 1.1, 2.0], [1.1]))
@pytest.mark.parametrize(("candidate", "stable"), [(0.01, 0.01), (0.02, 0.01), (0.4, 0.3)])
def test_failures_weigh_the_same(tolerance: float, candidate: float, stable: float) -> None:
    judged = ErrorRateCheck(ErrorRate(tolerance=tolerance, **(RELATIVE | {"margin": 3.0})))
    shares = failing(steady(candidate)), failing(steady(stable))
    side_by_side(ERRORS.tolerating(tolerance).rule, judged, of_failures, shares)


def test_failures_weigh_the_same_with_an_absolute_tolerance() -> None:
    judged = ErrorRateCheck(ErrorRate())
    shares = failing(steady(0.02)), failing(steady(0.01))
    side_by_side(ERRORS.tolerating(1.1, 0.001).rule, judged, of_failures, shares)


def test_failures_weigh_the_same_where_stables_history_told_of_bursts_and_of_pods() -> None:
    judged = ErrorRateCheck(ErrorRate(tolerance=1.0, **(RELATIVE | {"margin": 3.0})))
    told = Dispersion(name="errors", over_time=3.0, between_pods=0.2)

    def look(check: Judged, block: Block, run: int) -> Look:
        baseline = CheckBaseline(dispersions=[told])
        return replace(of_failures(check, block, run), baseline=baseline)

    varied = Varied(np.array([[3.0]]), np.array([[0.2]]), (1, 1))
    side_by_side(
        lambda rollouts: Serinus(ERRORS, rollouts.runs, varied),
        judged,
        look,
        (failing(steady(0.05)), failing(steady(0.01))),
    )


@pytest.mark.parametrize("tolerance", [1.0, 1.1])
def test_failures_weigh_the_same_within_strata(tolerance: float) -> None:
    judged = ErrorRateCheck(ErrorRate(tolerance=tolerance, **(RELATIVE | {"margin": 3.0})))

    def look(check: Judged, block: Block, run: int) -> Look:
        arms = ((arm[run][:2], arm[run][2:]) for arm in (block.candidate, block.stable))
        counts = tuple(tuple(route) for arm in arms for route in arm)
        return looks.by_route(looks.events)(check, counts)

    side_by_side(
        ERRORS.tolerating(tolerance).rule_within,
        judged,
        look,
        (routed((0.5, 0.02), (0.5, 0.1)), routed((0.8, 0.01), (0.2, 0.1))),
    )


TOLERANCES = ((1.0, 0.0), (1.1, 0.005), (1.6, 0.02))
"""Ratio and offset."""


@pytest.mark.parametrize(("ratio", "offset"), short(TOLERANCES, TOLERANCES[-1:]))
@pytest.mark.parametrize("times", [1.0, 1.1])
def test_durations_weigh_the_same(times: float, ratio: float, offset: float) -> None:
    settings = RELATIVE | {"tolerance": ratio, "absolute_tolerance": f"{100 * offset:g}%"}
    judged = LatencyCheck(Latency(warm_up="0s", **settings))
    fast = latency(DURATIONS, NATIVE, shares_of(lasting())).tolerating(ratio, offset)
    bounds = [
        DURATIONS[int(np.argmax(fast.sorts[:, quantity] > 0)) - 1]
        for quantity in range(fast.sorts.shape[1])
    ]
    known = fast.known
    assert known is not None

    def look(check: Judged, block: Block, run: int) -> Look:
        baseline = CheckBaseline(bounds=bounds, shares=known.tolist())
        return replace(of_buckets(check, block, run, DURATIONS), baseline=baseline)

    side_by_side(fast.rule, judged, look, (lasting(steady(times)), lasting()))


@pytest.mark.parametrize(("ratio", "offset"), short(TOLERANCES, TOLERANCES[-1:]))
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_scores_weigh_the_same(shift: float, ratio: float, offset: float) -> None:
    bounds = deciles()
    settings = RELATIVE | {"tolerance": ratio, "absolute_tolerance": f"{100 * offset:g}%"}
    judged = PredictionDriftCheck(PredictionDrift(scores="score", **settings))
    side_by_side(
        drift(bounds).tolerating(ratio, offset).rule,
        judged,
        lambda check, block, run: of_buckets(check, block, run, bounds),
        (scoring(bounds, steady(shift)), scoring(bounds)),
    )


@pytest.mark.parametrize("psi", [0.02, 0.1])
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_an_index_weighs_the_same(shift: float, psi: float) -> None:
    bounds = deciles()
    side_by_side(
        partial(by_index, psi, drift(bounds)),
        PredictionDriftCheck(PredictionDrift(scores="score", psi=psi)),
        lambda check, block, run: of_buckets(check, block, run, bounds),
        (scoring(bounds, steady(shift)), scoring(bounds)),
    )


def test_failures_pass_at_the_same_look() -> None:
    judged = ErrorRateCheck(ErrorRate(tolerance=1.0, **RELATIVE))
    model = failing(steady(0.01))
    rollouts = Rollouts(Traffic(), model, model, np.random.default_rng(6), 1)
    rule, state = Passing(rollouts, NullHypothesis(2.0, 0.0)), CheckState()
    for block in rollouts.blocks():
        passed = rule.look(block)[0]
        found = judged.judge(state, of_failures(judged, block, 0), BUDGET)
        state = found.state
        assert (found.verdict == "Pass") == passed
        if passed:
            break
    assert found.verdict == "Pass"


@pytest.mark.parametrize(
    ("traffic", "rate"),
    [
        pytest.param(Traffic(), steady(0.01), id="an hour"),
        pytest.param(
            Traffic(lasts=86400.0), steady(0.01), id="a day", marks=pytest.mark.exhaustive
        ),
        pytest.param(
            Traffic(weight=lambda at: 0.05 + 0.45 * at / 3600),
            lambda at: 0.01 * (1 + at / 3600),
            id="weight and base rate rise",
        ),
    ],
)
def test_equal_candidates_are_rolled_back_at_most_once_in_a_hundred_though_looked_at_always(
    traffic: Traffic, rate: Callable[[float], float]
) -> None:
    chances = rare.weights(traffic, rate, np.random.default_rng(1), 2000)
    error = chances.std() / np.sqrt(len(chances))
    assert chances.mean() <= 0.01 + 3 * error
    assert error < 0.0005


@pytest.mark.parametrize(
    ("candidate", "stable", "wanted"), [(0.02, 0.01, 1450), (0.05, 0.01, 280), (0.005, 0.001, 1620)]
)
def test_a_candidate_that_fails_more_often_is_found_in_time(
    candidate: float, stable: float, wanted: float
) -> None:
    models = failing(steady(candidate)), failing(steady(stable))
    trial = Trial({"serinus": ERRORS.rule}, Traffic(), *models, until_decided=0.55)
    assert np.median(trial.batch(1, 0)["serinus"]) <= wanted


def test_equal_candidates_pass_in_time() -> None:
    model = failing(steady(0.01))
    rules = {"serinus": partial(Passing, margin=NullHypothesis(1.5, 0.0))}
    trial = Trial(rules, Traffic(), model, model, until_decided=0.55)
    assert np.median(trial.batch(1, 0)["serinus"]) <= 2900


@pytest.mark.parametrize("stable", [0.001, 0.01])
@pytest.mark.parametrize("entries", [1, 3, 6])
def test_a_candidate_at_the_default_margin_seldom_passes_however_often_its_weight_takes_effect(
    stable: float, entries: int
) -> None:
    at_the_margin = failing(steady(MARGIN.ratio * stable + MARGIN.offset))
    rules = {"serinus": partial(Passing, margin=MARGIN, entries=entries)}
    trial = Trial(rules, Traffic(lasts=1800.0), at_the_margin, failing(steady(stable)))
    assert np.isfinite(trial.batch(1, 0, 4000)["serinus"]).mean() <= 0.05


def test_equal_predictions_are_rolled_back_at_most_once_in_a_hundred() -> None:
    bounds = deciles()
    trial = Trial(
        {"serinus": drift(bounds).rule}, Traffic(interval=60.0), scoring(bounds), scoring(bounds)
    )
    assert np.isfinite(trial.batch(1, 0)["serinus"]).mean() <= 0.01
