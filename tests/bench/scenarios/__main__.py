"""`python -m tests.bench.scenarios`: how the operator's defaults fare in the scenarios."""

import argparse
import json
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from serinus.api.quantities import spoken
from tests.bench.scenarios.nights import SCENARIOS
from tests.bench.scenarios.scenario import Grade, Outcome
from tests.bench.scenarios.staging import play

NAMED = {scenario.name: scenario for scenario in SCENARIOS}


@dataclass(frozen=True)
class Run:
    """A scenario with one seed."""

    name: str
    seed: int
    grade: Grade
    took: float
    """Seconds."""
    outcome: Outcome | None = None
    crash: str = ""
    """Why there is no outcome, which counts as forbidden."""

    def __str__(self) -> str:
        if self.outcome is None:
            return f"{self.grade:10} {self.name} ({self.seed}): {self.crash.splitlines()[-1]}"
        found = self.outcome
        told = f"{found.ending} after {spoken(found.after)}"
        cost = f"{found.failed} of {found.requests} failed"
        said = found.said.splitlines()[0][:200] if found.said else ""
        return f"{self.grade:10} {self.name} ({self.seed}): {told}, {cost}. {found.reason} {said}"

    @property
    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return {**asdict(self), "kind": NAMED[self.name].kind, "night": NAMED[self.name].night}


def run(job: tuple[str, int]) -> Run:
    """A scenario by its name, with a seed."""
    name, seed = job
    began, scenario = time.process_time(), NAMED[name]
    try:
        outcome = play(scenario, seed)
    except Exception:
        took = time.process_time() - began
        return Run(name, seed, Grade.FORBIDDEN, took, crash=traceback.format_exc())
    return Run(name, seed, scenario.graded(outcome), time.process_time() - began, outcome)


def table(runs: Iterable[Run]) -> str:
    """How many runs of each kind came to which grade."""
    counted: dict[str, Counter[Grade]] = {}
    for each in runs:
        counted.setdefault(NAMED[each.name].kind, Counter())[each.grade] += 1
    counted["all"] = sum(counted.values(), Counter())
    lines = ["| kind | " + " | ".join(Grade) + " |", "|---" * (1 + len(Grade)) + "|"]
    for kind, grades in counted.items():
        lines.append(f"| {kind} | " + " | ".join(str(grades[grade]) for grade in Grade) + " |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them, and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scenarios", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", default=list(NAMED), choices=NAMED)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each scenario")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="runs at the same time")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run to this file")
    wanted = parser.parse_args(arguments)
    todo = [(name, seed) for seed in range(1, wanted.seeds + 1) for name in wanted.only]
    runs = []
    with ProcessPoolExecutor(wanted.jobs) as pool:
        for done, each in enumerate(pool.map(run, todo), start=1):
            runs.append(each)
            print(f"\r{done} of {len(todo)} runs", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    runs.sort(key=lambda each: list(NAMED).index(each.name))
    for each in runs:
        if each.grade in (Grade.POOR, Grade.FORBIDDEN):
            print(each)
    print(f"\n{table(runs)}\n{sum(each.took for each in runs):.0f} seconds of one core")
    if wanted.json:
        wanted.json.write_text(json.dumps([each.as_json for each in runs], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
