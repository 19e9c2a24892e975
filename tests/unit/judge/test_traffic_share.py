"""trafficShare, from samples to sentences."""

import math
from dataclasses import replace

import numpy as np
import pytest

from serinus.api.status import CheckStatus, Verdict
from serinus.judge import EffectiveWeight, judge, overall
from serinus.judge.checks.traffic_share import evidence
from serinus.metrics.queries import CounterQuery, Measurement, QueryError
from tests.support.exhaustive import short
from tests.support.simulated_analysis import SINCE, SimulatedAnalysis, error_rate, traffic_share

ASKED = EffectiveWeight(0.05, SINCE)
REQUESTS = CounterQuery("model_requests_total")


def judging(weight: EffectiveWeight | None = ASKED, **settings: object) -> SimulatedAnalysis:
    """Both arms are up, and were scraped before the weight took effect."""
    simulated = SimulatedAnalysis(traffic_share(**settings))
    simulated.weight = weight
    serve(simulated, 0, 0)
    simulated.scrape()
    return simulated


def serve(simulated: SimulatedAnalysis, candidate: int, stable: int) -> None:
    """Each arm serves so many requests."""
    simulated.errors((0, candidate), (0, stable))


def test_a_split_as_asked_for_passes_with_its_figures() -> None:
    simulated = judging()
    found = simulated.until("Pass", lambda: serve(simulated, 75, 1425))
    assert found.message == (
        "The candidate served 3.4% to 7.3% of 4500 requests at a weight of 5%; within the margin "
        "(1.5% to 11%); risk of passing a split outside it at most 5% per rollout."
    )


@pytest.mark.parametrize("candidate", [0, 20, 120, 400])
def test_another_split_is_held_and_not_rolled_back(candidate: int) -> None:
    simulated = judging()
    found = simulated.until("Fail", lambda: serve(simulated, candidate, 1500 - candidate))
    assert found.split_is_wrong and not found.rolls_back
    assert overall([found]) == "Inconclusive", "nothing is said against the candidate"
    assert "at a weight of 5%; out of the tolerated range (3.5% to 6.75%)" in found.message
    assert ("Too little. " if candidate < 75 else "Too much. ") in found.message


@pytest.mark.parametrize(
    ("copied", "since"), [(False, "at this weight yet"), (True, "since the copies began")]
)
def test_nothing_is_counted_of_what_the_step_gives(copied: bool, since: str) -> None:
    found = judging(EffectiveWeight(1 / 6, SINCE, copied=copied)).look()
    assert found.message == f"No requests were counted {since}: too few to decide."


def test_pods_that_are_not_scraped_are_named_instead_of_a_wrong_split() -> None:
    simulated = judging()
    for _ in range(20):
        serve(simulated, 20, 1480)
        simulated.at += 15
        simulated.scrape()
        simulated.progress = judge(
            simulated.analysis, simulated.progress, simulated.measurement(), SINCE, ASKED, (4, 1)
        )
    found = simulated.progress.checks[0]
    assert found.verdict == "NoData"
    assert "samples of only 1 of 4 ready candidate pods" in found.message


@pytest.mark.parametrize("weight", [0.01, 0.25, 0.5, 0.95])
def test_every_weight_can_be_shown_to_be_kept(weight: float) -> None:
    simulated = judging(EffectiveWeight(weight, SINCE))
    total = 10_000
    simulated.until(
        "Pass", lambda: serve(simulated, round(total * weight), round(total * (1 - weight)))
    )


def test_a_split_that_was_mended_passes_as_soon_as_one_that_was_always_right() -> None:
    simulated = judging()
    simulated.until("Fail", lambda: serve(simulated, 400, 1100))
    for _ in range(50):
        serve(simulated, 400, 1100)
        assert simulated.look().verdict == "Fail", "it goes on to be wrong"
    mended = 0
    while simulated.look().verdict == "Fail":
        serve(simulated, 75, 1425)
        mended += 1
    assert simulated.progress.checks[0].verdict == "Pass"
    assert mended <= 10


def test_a_split_that_breaks_late_is_found_as_soon_as_one_that_was_never_right() -> None:
    simulated = judging()
    simulated.look()
    for _ in range(200):
        serve(simulated, 75, 1425)
        simulated.look()
    assert simulated.progress.checks[0].verdict == "Pass"
    simulated.until("Fail", lambda: serve(simulated, 180, 1320), looks=8)


def test_requests_from_before_the_weight_took_effect_do_not_count() -> None:
    simulated = judging(weight=EffectiveWeight(0.05, SINCE + 14))
    serve(simulated, 0, 100_000)
    simulated.look()
    for _ in range(3):
        serve(simulated, 75, 1425)
        found = simulated.look()
    assert "of 3000 requests" in found.message


def test_another_weight_has_to_be_shown_anew() -> None:
    simulated = judging()
    simulated.until("Pass", lambda: serve(simulated, 75, 1425))
    simulated.weight = None
    assert simulated.look().verdict == "Inconclusive"
    simulated.weight = EffectiveWeight(0.5, simulated.at)
    serve(simulated, 75, 1425)
    assert simulated.look().verdict == "Inconclusive", "it may have come before"
    simulated.until("Fail", lambda: serve(simulated, 75, 1425))


def test_no_step_passes_on_fewer_requests_of_the_candidate_than_asked_for() -> None:
    simulated = SimulatedAnalysis(traffic_share(), minRequests=1000)
    simulated.weight = ASKED
    serve(simulated, 0, 0)
    simulated.scrape()
    simulated.until("Pass", lambda: serve(simulated, 75, 1425))
    assert simulated.progress.checks[0].state.step_requests >= 1000


def test_a_pod_that_went_does_not_hold_the_verdict_up_for_ever() -> None:
    simulated = judging()
    simulated.stable.add("gone", "model_requests_total", 10, code="200")
    simulated.look()
    del simulated.stable.values["gone"]
    simulated.until("Pass", lambda: serve(simulated, 75, 1425), looks=15)


def test_what_cannot_be_read_is_an_error_and_what_is_not_there_no_data() -> None:
    simulated = SimulatedAnalysis(traffic_share())
    simulated.weight = ASKED
    assert simulated.look().verdict == "NoData"
    unreadable = QueryError("Prometheus is away.")
    measured = Measurement(simulated.at, {REQUESTS: unreadable}, {REQUESTS: ()})
    progress = judge(simulated.analysis, simulated.progress, measured, SINCE, ASKED)
    assert (progress.checks[0].verdict, progress.checks[0].message) == (
        "Error",
        "Prometheus is away.",
    )


def test_it_takes_no_part_of_the_budget_for_false_rollbacks() -> None:
    def fails_after(*others: dict[str, object]) -> float:
        simulated = SimulatedAnalysis(error_rate(), *others)
        simulated.weight = ASKED
        simulated.errors((0, 0), (0, 0))
        simulated.scrape()
        found = simulated.until("Fail", lambda: simulated.errors((1, 20), (4, 380)))
        return found.state.candidate["requests"]

    assert fails_after() == fails_after(traffic_share())


@pytest.mark.parametrize("share", [0.01, 0.0675, 0.5, 0.99])
@pytest.mark.parametrize("requests", [1, 2, 7, 40])
def test_evidence_does_not_grow_on_average_where_the_share_is_no_greater(
    share: float, requests: int
) -> None:
    for true in (share, share / 2, share / 20):
        expected = sum(
            math.comb(requests, events)
            * true**events
            * (1 - true) ** (requests - events)
            * math.exp(evidence(events, requests - events, share))
            for events in range(requests + 1)
        )
        assert expected <= 1 + 1e-12
        assert true < share or expected > 0.97, "at the bound it is nearly a fair bet"


@pytest.mark.parametrize("weight", short([0.05, 0.5], [0.05]))
def test_bursts_between_the_scrapes_of_the_two_arms_do_not_look_like_another_split(
    weight: float,
) -> None:
    """Five times as much for 10 s of each minute, pods scraped out of step, a look every 5 s."""
    held, passed = 0, 0
    for run in range(40):
        verdicts = _looks(np.random.default_rng(run), weight, weight)
        held += "Fail" in verdicts
        passed += "Pass" in verdicts
    assert held == 0
    assert passed == 40


def test_twice_the_weight_is_found_within_six_minutes_whatever_the_bursts() -> None:
    for run in range(20):
        verdicts = _looks(np.random.default_rng(run), 0.05, 0.1)
        assert "Fail" in verdicts[:72]


@pytest.mark.parametrize("before", [0.0, 0.05])
def test_requests_that_take_a_minute_do_not_look_like_another_split(before: float) -> None:
    """They are counted once they are answered: first those of the weight before."""
    for run in range(10):
        verdicts = _looks(np.random.default_rng(run), 0.25, 0.25, answered=(60, before))
        assert "Fail" not in verdicts
        assert "Pass" in verdicts[:72]


def _looks(
    rng: np.random.Generator,
    asked: float,
    share: float,
    answered: tuple[int, float] = (0, 0.0),
) -> list[Verdict]:
    """The verdicts of ten minutes at 200 requests a second, a look every 5 s. `answered`: until
    when, in seconds, those of another share are answered."""
    slow, before = answered
    simulated = SimulatedAnalysis(traffic_share())
    simulated.weight = EffectiveWeight(asked, SINCE)
    pods = [(simulated.candidate, "c"), *((simulated.stable, f"s{n}") for n in range(3))]
    offsets = rng.integers(0, 15, len(pods))
    start = int(rng.integers(0, 60))
    verdicts = []
    for second in range(-30, 600):
        simulated.at = SINCE + second
        rate = 1000 if (start + second) % 60 < 10 else 200
        own = share if second >= slow else before
        shares = [own, *[(1 - own) / 3] * 3]
        for (arm, pod), count, offset in zip(
            pods, rng.multinomial(rng.poisson(rate), shares), offsets, strict=True
        ):
            arm.add(pod, "model_requests_total", int(count), code="200")
            if (second + offset) % 15 == 0:
                arm.scrape(simulated.at, pod)
        if second > 0 and second % 5 == 0:
            verdicts.append(simulated.judge().verdict)
    return verdicts


def test_every_further_verdict_needs_more_evidence_so_that_all_keep_to_the_budget() -> None:
    def fails_after(trial: int) -> int:
        simulated = judging()
        known = simulated.look()
        assert known.state.split is not None
        split = known.state.split.replace(trial=trial)
        later = known.replace(state=known.state.replace(split=split))
        simulated.progress = replace(simulated.progress, checks=(later,))
        return next(look for look in range(200) if served(simulated).verdict == "Fail")

    def served(simulated: SimulatedAnalysis) -> CheckStatus:
        serve(simulated, 2, 13)
        return simulated.look()

    assert fails_after(1) < fails_after(10) < fails_after(100)


def test_a_clock_that_is_set_back_delays_no_trial_for_the_same_time() -> None:
    simulated = judging()
    serve(simulated, 75, 1425)
    simulated.look()
    [check] = simulated.progress.checks
    assert check.state.split
    later = check.state.split.replace(since=check.state.split.since + 3600)
    ahead = check.replace(state=check.state.replace(split=later))
    simulated.progress = replace(simulated.progress, checks=(ahead,))
    simulated.until("Pass", lambda: serve(simulated, 75, 1425), looks=10)
