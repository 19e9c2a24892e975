"""What one operator needs for many ModelDeployments: requests, time, CPU and memory.

On a control plane of its own with fake nodes. The tables are printed, and the figures go to
build/bench/scale.json too. A run that begins while less than 80% of the machine is idle is marked
BUSY: it measures what else runs as well. Without sizes everything is measured, else only what has
sizes.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.bench.scale import fleet, pods
from tests.bench.scale.control import NODES, ROOT, control_plane
from tests.bench.scale.fleet import new_fleet
from tests.bench.scale.gateway import gateway
from tests.bench.scale.operator import Operator
from tests.bench.scale.pods import measured_pods
from tests.bench.scale.report import report
from tests.bench.scale.scenarios import Bench, Figures

_FOLDER: Final = ROOT / "build" / "bench"
_EVERYTHING: Final[dict[str, Sequence[int]]] = {
    "at_rest": (1, 100, 500),
    "rollouts": (200, 500),
    "upgrades": (20, 500),
    "killed": (200, 500),
    "watched": (500,),
}
_EXAMPLES: Final = """\
examples, to be run with PYTHONPATH=operator:
  python -m tests.bench.scale
      everything
  python -m tests.bench.scale --rollouts 200 500 1000 --runs 3
      rollouts alone, each size three times, as least / median / most
  python -m tests.bench.scale --rollouts 50 --scale-down-delay 0
      a few, whose old pods go at once
"""


def main() -> None:
    """Measure, print the tables, leave the JSON."""
    options = _options()
    _FOLDER.mkdir(parents=True, exist_ok=True)
    log = _FOLDER / "scale-operator.log"
    log.unlink(missing_ok=True)
    figures = asyncio.run(_measure(options, log))
    (_FOLDER / "scale.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(report(figures))


async def _measure(options: argparse.Namespace, log: Path) -> Figures:
    async with (
        control_plane() as control,
        new_fleet(control, options.scale_down_delay) as many,
        gateway(control),
        measured_pods(control) as (served, prometheus),
        Operator(control.kubectl.kubeconfig, prometheus, log) as operator,
    ):
        bench = Bench(control, many, served, operator)
        setting = {**_setting(), "scale_down_delay": options.scale_down_delay}
        figures: Figures = {"setting": setting}
        figures |= {part: [] for part in ("at_rest", "upgrades", "killed", "rollouts")}
        sizes = options.at_rest, options.rollouts, options.upgrades, options.killed, options.watched
        for size in sorted(set().union(*sizes)):
            _say(f"growing to {size} ModelDeployments")
            await bench.grow(size)
            if size in options.at_rest:
                _say(f"{size} at rest")
                figures["at_rest"].append(_said(await bench.at_rest(size, options.seconds)))
            if size in options.upgrades:
                _say(f"another operator takes over {size}")
                figures["upgrades"].append(_said(await bench.upgraded(size, options.seconds)))
            if size in options.killed:
                for run in range(1, options.runs + 1):
                    _say(f"an operator of {size} is killed, run {run} of {options.runs}")
                    figures["killed"].append(_said(await bench.killed(size)))
            if size in options.rollouts:
                for run in range(1, options.runs + 1):
                    _say(f"a new revision for {size} at once, run {run} of {options.runs}")
                    figures["rollouts"].append(_said(await bench.all_at_once(size)))
            if size in options.watched:
                _say(f"{size} at rest whose feature is watched")
                figures["at_rest"].append(_said(await bench.watched(size, options.seconds)))
    return figures


def _setting() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "fake_nodes": NODES,
        "replicas": fleet.REPLICAS,
        "steps": fleet.STEPS,
        "analysis": fleet.ANALYSIS,
        "requests_a_second_to_each": pods.RATE,
        "share_of_errors": pods.ERRORS,
        "share_of_errors_if_bad": pods.BAD_ERRORS,
        "scrape_seconds": pods.SCRAPE_SECONDS,
    }


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _said(figures: Figures) -> Figures:
    """Figures that took minutes, told at once: the next ones may fail."""
    _say(json.dumps(figures))
    return figures


def _options() -> argparse.Namespace:
    options = _parser().parse_args()
    if not any(getattr(options, part) for part in _EVERYTHING):
        vars(options).update(_EVERYTHING)
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.scale",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def sizes(name: str, text: str) -> None:
        parser.add_argument(name, type=int, nargs="+", default=(), metavar="N", help=text)

    sizes("--at-rest", "measure with so many at rest")
    sizes(
        "--rollouts",
        "give so many a new revision at once, every tenth of them a bad one",
    )
    sizes("--upgrades", "let another operator take over so many")
    sizes(
        "--killed",
        "kill an operator of so many without leader election, while ten of them change",
    )
    sizes("--watched", "measure with so many at rest whose feature is watched")
    parser.add_argument(
        "--runs",
        type=int,
        default=1,
        metavar="N",
        help="of each size of --rollouts and --killed; default 1",
    )
    parser.add_argument(
        "--scale-down-delay",
        type=float,
        metavar="SECONDS",
        help="that the pods of an old revision are kept; default: that of a ModelDeployment",
    )
    parser.add_argument(
        "--seconds", type=float, default=180, help="that a fleet at rest is watched"
    )
    return parser


if __name__ == "__main__":
    main()
