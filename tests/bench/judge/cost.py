"""What an evaluation of four checks costs, from Prometheus's answers to verdicts."""

import gc
import time
from statistics import median

import numpy as np

from serinus.judge import EffectiveWeight, judge
from tests.bench.judge.models import CLASSIC, deciles
from tests.support.simulated_analysis import (
    INTERVAL,
    SINCE,
    SimulatedAnalysis,
    drift,
    error_rate,
    feedback,
    latency,
)

LOOKS = 200
REQUESTS = (75, 1425)
"""Of candidate and stable between two looks."""


def milliseconds() -> float:
    """The median processor time of real evaluations, each of a new block."""
    simulated, rng = (
        SimulatedAnalysis(error_rate(), latency(), drift(), feedback()),
        np.random.default_rng(1),
    )
    return median(_timed(simulated, rng) for _ in range(LOOKS))


def _timed(simulated: SimulatedAnalysis, rng: np.random.Generator) -> float:
    failed, negative = (
        [(int(rng.binomial(n, share)), n) for n in REQUESTS] for share in (0.01, 0.1)
    )
    simulated.errors(failed[0], failed[1])
    simulated.feedback(negative[0], negative[1])
    for serve, bounds in ((simulated.durations, CLASSIC), (simulated.scores, deciles()[:-1])):
        counts = [rng.multinomial(n, np.full(len(bounds), 1 / len(bounds))) for n in REQUESTS]
        serve(*(dict(zip(bounds, map(int, each), strict=True)) for each in counts))
    simulated.at += INTERVAL
    simulated.scrape()
    measurement = simulated.measurement()
    gc.freeze()  # what this bench keeps is no garbage of the judge
    started = time.process_time()
    simulated.progress = judge(
        simulated.analysis, simulated.progress, measurement, SINCE, EffectiveWeight(0.05, SINCE)
    )
    return 1000 * (time.process_time() - started)
