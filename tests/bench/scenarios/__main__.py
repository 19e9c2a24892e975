"""`python -m tests.bench.scenarios`: how the operator's defaults fare in the scenarios. If all are
run, docs/by-itself-tables.md is written."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.bench.scenarios import report
from tests.bench.scenarios.course import NAMED, Run, run
from tests.bench.scenarios.scenario import Grade

PAGE = Path(__file__).parents[3] / "docs" / "by-itself-tables.md"


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
    kinds: dict[str, list[Run]] = {}
    for each in runs:
        kinds.setdefault(NAMED[each.name].kind, []).append(each)
    print(f"\n{report.by_kind(kinds)}{sum(each.took for each in runs):.0f} seconds of one core")
    if wanted.json:
        wanted.json.write_text(json.dumps([each.as_json for each in runs], indent=1) + "\n")
    if wanted.only == list(NAMED):
        PAGE.write_text(report.page(runs), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
