"""`python -m tests.bench.scale`: what one operator needs for 1, 100 and 500 ModelDeployments.

On a control plane of its own with fake nodes; the figures go to build/bench/scale.json too.
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


def main() -> None:
    """Measure, print the tables, leave the JSON."""
    options = _parser().parse_args()
    _FOLDER.mkdir(parents=True, exist_ok=True)
    log = _FOLDER / "scale-operator.log"
    log.unlink(missing_ok=True)
    figures = asyncio.run(_measure(options, log))
    (_FOLDER / "scale.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(report(figures))


async def _measure(options: argparse.Namespace, log: Path) -> Figures:
    async with (
        control_plane() as control,
        new_fleet(control) as many,
        gateway(control),
        measured_pods(control) as (served, prometheus),
        Operator(control.kubectl.kubeconfig, prometheus, log) as operator,
    ):
        bench = Bench(control, many, served, operator)
        figures: Figures = {"setting": _setting(), "at_rest": [], "upgrades": [], "rollouts": []}
        for size in sorted(
            {*options.at_rest, *options.rollouts, *options.upgrades, *options.watched}
        ):
            _say(f"growing to {size} ModelDeployments")
            await bench.grow(size)
            if size in options.at_rest:
                _say(f"{size} at rest")
                figures["at_rest"].append(_said(await bench.at_rest(size, options.seconds)))
            if size in options.upgrades:
                _say(f"another operator takes over {size}")
                figures["upgrades"].append(_said(await bench.upgraded(size, options.seconds)))
            if size in options.rollouts:
                _say(f"a new revision for {size} at once")
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
        "requests_a_second_of_a_pod": pods.RATE,
        "share_of_errors": pods.ERRORS,
        "scrape_seconds": pods.SCRAPE_SECONDS,
    }


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _said(figures: Figures) -> Figures:
    """Figures that took minutes, told at once: the next ones may fail."""
    _say(json.dumps(figures))
    return figures


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.scale", description=(__doc__ or "").partition("\n")[0]
    )

    def sizes(name: str, default: Sequence[int], text: str) -> None:
        parser.add_argument(name, type=int, nargs="*", default=default, metavar="N", help=text)

    sizes("--at-rest", (1, 100, 500), "measure with so many at rest")
    sizes("--rollouts", (200, 500), "give so many a new revision at once")
    sizes("--upgrades", (20, 500), "let another operator take over so many")
    sizes("--watched", (500,), "measure with so many at rest whose feature is watched")
    parser.add_argument(
        "--seconds", type=float, default=180, help="that a fleet at rest is watched"
    )
    return parser


if __name__ == "__main__":
    main()
