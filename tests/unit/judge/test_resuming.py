"""An operator that dies between any two looks: its successor reads the status, and goes on."""

import random

from serinus.api.baseline import Baseline, CheckBaseline, Dispersion
from serinus.judge import EffectiveWeight, Progress, enter_step, judge
from serinus.judge.analysis import reads
from serinus.metrics.queries import ExpressionQuery, Series
from tests.support.simulated_analysis import (
    SINCE,
    SimulatedAnalysis,
    drift,
    error_rate,
    fairness,
    feedback,
    latency,
    traffic_share,
)

QUERY = "max(model_drift_psi{$arm})"
CLASSES = ("approve", "deny", "ask")
BOUNDS = (0.05, 0.1, 0.25, 0.5)
LOOSE = {"tolerance": 20, "margin": 30, "absoluteTolerance": "5%"}
"""Most of what is served here is within it, so that the evidence goes on."""
EVERY_KIND = (
    error_rate(limit="20%"),
    drift(**LOOSE),
    latency(limit={"bound": "500ms", "share": "30%"}),
    feedback(after="30s", minFeedback=5, **LOOSE),
    fairness(favourable=[{"label": "class", "value": "approve"}], equalisedOdds={}, **LOOSE),
    {"name": "psi", "threshold": {"query": QUERY, "max": 0.5, "for": "40s"}},
    traffic_share(),
)


def judging() -> SimulatedAnalysis:
    """Every kind of check; stable's errors came in bursts before."""
    simulated = SimulatedAnalysis(*EVERY_KIND)
    bursts = Dispersion(name="errors", over_time=1.7, between_pods=0.13)
    known = CheckBaseline(reads=reads(simulated.analysis.checks[0]), dispersions=[bursts])
    simulated.weight = EffectiveWeight(0.05, SINCE + 0.123456)
    simulated.progress = Progress(baseline=Baseline(measured_at=simulated.at, checks=[known]))
    return simulated


def serve(simulated: SimulatedAnalysis, chance: random.Random) -> None:
    """Some requests of each sort to both arms; now and then a pod starts again from nothing."""
    if chance.random() < 0.1:
        simulated.candidate.restart("pod")

    def few() -> int:
        return chance.randrange(30)

    simulated.errors((few() // 9, 30), (few(), 600))
    simulated.classes({name: few() for name in CLASSES}, {name: 20 * few() for name in CLASSES})
    simulated.scores({0.5: few(), 1.0: few()}, {0.5: 20 * few(), 1.0: 20 * few()})
    simulated.durations({b: few() for b in BOUNDS}, {b: 20 * few() for b in BOUNDS})
    simulated.feedback((few() // 9, 5), (few(), 100))
    simulated.groups(north=(few(), 40), south=(few(), 40))
    simulated.odds(north=(few(), few(), few(), few()), south=(few(), few(), few(), few()))
    simulated.values = {ExpressionQuery(QUERY): (Series({}, ((simulated.at, chance.random()),)),)}


def test_it_is_the_same_to_the_last_bit_as_never_having_stopped() -> None:
    for seed in range(5):
        through, resumed = judging(), judging()
        for turn in range(20):
            for simulated in (through, resumed):
                serve(simulated, random.Random(f"{seed} {turn}"))
                simulated.look()
                if turn % 7 == 6:
                    checks = tuple(enter_step(simulated.progress.checks, again=False))
                    simulated.progress = Progress(
                        simulated.progress.counted, checks, simulated.progress.baseline
                    )
            resumed.resume()
            assert resumed.progress == through.progress
        assert all(check.state.comparisons for check in through.progress.checks[:-2])


def test_a_measurement_that_was_counted_already_changes_no_digit_of_any_kind() -> None:
    simulated = judging()
    for turn in range(3):
        serve(simulated, random.Random(turn))
        simulated.look()
    for turn in range(3, 12):
        serve(simulated, random.Random(turn))
        simulated.look()
        known, measured = simulated.progress, simulated.measurement()
        again = judge(simulated.analysis, known, measured, SINCE, simulated.weight)
        assert again.counted == known.counted
        assert [c.state for c in again.checks] == [c.state for c in known.checks]


def test_what_was_missed_is_judged_to_the_last_bit_as_it_would_have_been_but_by_threshold() -> None:
    """Of an expression the present value alone is known."""
    for seed in range(4):
        present, absent = judging(), judging()
        for turn in range(16):
            for simulated in (present, absent):
                serve(simulated, random.Random(f"{seed} {turn}"))
                if simulated is present or turn not in range(5, 13):
                    simulated.look()
                else:
                    simulated.at += 15
                    simulated.scrape()
        found, wanted = (
            [check for check in each.progress.checks if check.kind != "threshold"]
            for each in (absent, present)
        )
        assert found == wanted
        assert absent.progress.counted == present.progress.counted
