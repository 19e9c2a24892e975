"""`python -m tests.bench.judge`: measure, and write docs/judge-tables.md and the plots."""

import argparse
import os
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from math import ceil
from pathlib import Path

import numpy as np

from tests.bench.judge import measure, plots, rare, report, singly
from tests.bench.judge.cost import milliseconds
from tests.bench.judge.report import Found
from tests.bench.judge.singly import SINGLY
from tests.bench.judge.traffic import Floats
from tests.bench.judge.trials import RARE, trials

DOCS = Path(__file__).parents[3] / "docs"
TRIALS = trials()

Job = tuple[str, int, int]
"""Name of the trial, number of the batch, and its runs."""


def jobs(share: float) -> Iterator[Job]:
    """All batches; `share` of the runs that each trial has."""
    wanted = {name: runs for name, (_, runs) in TRIALS.items()}
    wanted |= {name: runs for name, (_, _, runs) in RARE.items()}
    wanted |= {name: runs for name, (_, runs) in SINGLY.items()}
    for name, runs in wanted.items():
        for index in range(ceil(runs * share / measure.BATCH)):
            yield name, index, min(measure.BATCH, ceil(runs * share) - index * measure.BATCH)


def run(job: Job) -> Found:
    """By trial and rule, what each run came to."""
    name, index, runs = job
    seed = zlib.crc32(name.encode())
    if name in RARE:
        traffic, rate, _ = RARE[name]
        rng = np.random.default_rng([seed, index])
        return {(name, ""): rare.weights(traffic, rate, rng, runs)}
    if name in SINGLY:
        return singly.of_runs(name, np.random.default_rng([seed, index]), runs)
    found = TRIALS[name][0].batch(seed, index, runs)
    return {(name, rule): requests for rule, requests in found.items()}


def measured(todo: Sequence[Job]) -> Found:
    """What all batches came to, on all cores."""
    parts: dict[tuple[str, str], list[Floats]] = {}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for done, batch in enumerate(pool.map(run, todo), start=1):
            for key, requests in batch.items():
                parts.setdefault(key, []).append(requests)
            print(f"\r{done} of {len(todo)} batches", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return {key: np.concatenate(each) for key, each in parts.items()}


def main(arguments: Sequence[str]) -> None:
    """Measure all, print the page, and write it with its plots unless less was measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.judge", description=__doc__)
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the runs; with less, nothing is written"
    )
    share = parser.parse_args(arguments).share
    started = time.monotonic()
    found = measured(list(jobs(share)))
    page = report.page(found)
    print(page)
    if share == 1:
        (DOCS / "judge-tables.md").write_text(page)
        plots.write(found, DOCS)
    print(f"One evaluation of four checks: {milliseconds():.2f} ms of processor time, the median.")
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
