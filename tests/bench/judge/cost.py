"""What an evaluation of four checks costs, from Prometheus's answers to verdicts."""

import gc
import time
from statistics import median

import numpy as np

from serinus.judge import judge
from tests.bench.judge.models import CLASSIC, deciles
from tests.unit.judge.judging import INTERVAL, SINCE, Judging, drift, error_rate, feedback, latency

LOOKS = 200
REQUESTS = (75, 1425)
"""Of candidate and stable between two looks."""


def milliseconds() -> float:
    """The median processor time of real evaluations, each of a new block."""
    paper, rng = Judging(error_rate(), latency(), drift(), feedback()), np.random.default_rng(1)
    return median(_timed(paper, rng) for _ in range(LOOKS))


def _timed(paper: Judging, rng: np.random.Generator) -> float:
    failed, negative = (
        [(int(rng.binomial(n, share)), n) for n in REQUESTS] for share in (0.01, 0.1)
    )
    paper.errors(failed[0], failed[1])
    paper.feedback(negative[0], negative[1])
    for serve, bounds in ((paper.durations, CLASSIC), (paper.scores, deciles()[:-1])):
        counts = [rng.multinomial(n, np.full(len(bounds), 1 / len(bounds))) for n in REQUESTS]
        serve(*(dict(zip(bounds, map(int, each), strict=True)) for each in counts))
    paper.at += INTERVAL
    paper.scrape()
    measurement = paper.measurement()
    gc.freeze()  # what this bench keeps is no garbage of the judge
    started = time.process_time()
    paper.progress = judge(paper.analysis, paper.progress, measurement, SINCE)
    return 1000 * (time.process_time() - started)
