"""latency: {p99: 1.3}: a ratio of quantiles in shares, by what stable's last hour shows."""

import math
from random import Random

import pytest

from serinus.api.analysis import Analysis
from serinus.api.baseline import Baseline, Slower
from serinus.api.status import CheckStatus
from serinus.judge import Progress, asks_of_history, learn
from serinus.judge.checks.slowdown import MOST_BOUNDS, kept, ratios
from serinus.metrics.queries import CounterQuery, History
from tests.support.simulated_analysis import SINCE, SimulatedAnalysis, buckets, latency
from tests.support.simulated_pods import Pods

BOUNDS = tuple(0.01 * 1.25**n for n in range(30))
MEAN = 0.1
DURATIONS = "model_request_duration_seconds"
PODS = "abcde"
"""Of stable: fewer would be taken to differ."""


def exponential(bound: float, mean: float = MEAN) -> float:
    return math.exp(-bound / mean)


def served(rng: Random, requests: int, mean: float) -> dict[float, int]:
    """So many requests that take as long on the average, by bucket."""
    found = dict.fromkeys((*BOUNDS, math.inf), 0)
    for _ in range(requests):
        took = rng.expovariate(1 / mean)
        found[next((bound for bound in BOUNDS if took <= bound), math.inf)] += 1
    return found


def an_hour(wanted: Analysis, requests: int = 400) -> Baseline:
    pods, rng = Pods(), Random(3)
    for minute in range(61):
        for pod in PODS:
            buckets(pods, pod, DURATIONS, served(rng, requests // len(PODS), MEAN))
        pods.scrape(SINCE - 60 * (61 - minute))
    stable = pods.answers(asks_of_history(wanted), SINCE - 3700, SINCE)
    found = learn(wanted, History(SINCE, stable))
    assert isinstance(found, Baseline)
    return found


def judged(mean: float, baseline: Baseline | None = None, **settings: object) -> CheckStatus:
    """After at most 6,000 requests of a candidate that takes as long on the average."""
    it, rng = SimulatedAnalysis(latency(**settings)), Random(7)
    wanted = an_hour(it.analysis) if baseline is None else baseline
    it.progress = Progress(baseline=wanted)
    for _ in range(20):
        it.durations(served(rng, 300, mean), served(rng, 1500, MEAN))
        found = it.look()
        if found.verdict in ("Fail", "Pass"):
            break
    return found


def test_what_is_slower_by_less_than_is_tolerated_stays_and_by_more_is_rolled_back() -> None:
    assert judged(1.25 * MEAN).verdict == "Fail", "it is beyond the default tolerance"
    assert judged(1.25 * MEAN, p99=1.3).verdict == "Pass"
    assert judged(1.3 * MEAN, p99=1.3).verdict != "Fail"
    slower = judged(1.8 * MEAN, p99=1.3)
    assert slower.verdict == "Fail"
    assert "For p99 1.3 times as long, " in slower.message
    assert " times stable's + 0.5% may be slower than " in slower.message


def test_the_ratio_at_each_bound_is_that_of_stable_slowed_down() -> None:
    wanted = Analysis.model_validate({"checks": [latency(p99=1.3)]})
    known = an_hour(wanted, requests=4000).checks[0]
    assert len(known.bounds) > 4
    for bound in known.bounds:
        found = ratios(known.slower, bound, 1.3)
        assert found
        exact = [exponential(bound / by) / exponential(bound) for by in (1.3, 1.6)]
        assert found == pytest.approx(exact, rel=0.1)


def test_it_is_said_before_the_first_look() -> None:
    wanted = Analysis.model_validate({"checks": [latency(p99=1.3)]})
    assert "Check slow: a p99 1.3 times as long means 1.2 to " in an_hour(wanted).message
    assert "p99" not in an_hour(Analysis.model_validate({"checks": [latency()]})).message


def test_without_an_hour_the_default_tolerance_applies_and_that_is_said() -> None:
    found = judged(1.3 * MEAN, Baseline(measured_at=SINCE), p99=1.3)
    assert found.verdict == "Fail"
    assert "worse than tolerated (1.1 times stable's + 0.5%)" in found.message
    assert "Stable's last hour cannot turn a p99 1.3 times as long into shares" in found.message


def test_another_p99_in_mid_rollout_is_converted_by_the_same_hour() -> None:
    wanted = Analysis.model_validate({"checks": [latency(p99=1.3)]})
    known = an_hour(wanted)
    assert judged(1.5 * MEAN, known, p99=1.3).verdict == "Fail"
    assert judged(1.5 * MEAN, known, p99=2).verdict == "Pass"


@pytest.mark.parametrize("first", [{}, {"p99": 1.3}], ids=["tolerance", "p99"])
def test_it_can_be_tried_in_audit_mode_beside_a_tolerance(first: dict[str, float]) -> None:
    other = {"p99": 1.3} if not first else {}
    usual, tried = ({**latency(**each), "name": n} for n, each in (("a", first), ("b", other)))
    it, rng = SimulatedAnalysis(usual, {**tried, "mode": "Audit"}), Random(7)
    it.progress = Progress(baseline=an_hour(it.analysis))
    it.durations(served(rng, 300, MEAN), served(rng, 1500, MEAN))
    it.look()
    it.durations(served(rng, 300, MEAN), served(rng, 1500, MEAN))
    it.look()
    said = ["For p99 1.3 times as long, " in each.message for each in it.progress.checks]
    assert said == ["p99" in first, "p99" in other]


def test_a_limit_is_what_it_is() -> None:
    found = judged(2 * MEAN, p99=3, limit={"bound": "100ms", "share": "1%"})
    assert found.verdict == "Fail"
    assert "above the limit of 1%" in found.message and "p99" not in found.message


@pytest.mark.parametrize("bound", [0.001, 0.05, 0.3, 9.0])
def test_a_margin_is_beyond_its_tolerance_whatever_the_histogram(bound: float) -> None:
    rng = Random(1)
    for _ in range(200):
        size = rng.randrange(1, 8)
        bounds = sorted(rng.uniform(0.0, 1.0) for _ in range(size))
        shares = sorted((rng.choice([0.0, 1.0, rng.random()]) for _ in range(size)), reverse=True)
        found = ratios(kept(dict(zip(bounds, shares, strict=True))), bound, 1.3)
        if found is not None:
            assert 1 <= found[0] < found[1] < math.inf
    assert ratios([], bound, 1.3) is None


def test_of_many_bounds_some_are_kept() -> None:
    found = kept({float(n): 1 / (n + 1) for n in range(1000)})
    assert len(found) <= MOST_BOUNDS
    assert found[0] == Slower(bound=0.0, share=1.0)


def test_the_counters_are_those_without_it() -> None:
    usual, p99 = (
        Analysis.model_validate({"checks": [each]}) for each in (latency(), latency(p99=2))
    )
    assert asks_of_history(usual) == asks_of_history(p99)
    assert all(isinstance(query, CounterQuery) for query in asks_of_history(p99))


@pytest.mark.parametrize("beside", [{"tolerance": 1.2}, {"margin": 2.0}])
def test_both_ways_at_once_are_refused(beside: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="set either p99 or tolerance and margin, not both"):
        Analysis.model_validate({"checks": [latency(p99=1.3, **beside)]})
