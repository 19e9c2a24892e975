"""`python -m tests.gateways`: measure what gateways do with the operator's route, and write
docs/gateways.md. It fails if one does not do what the operator needs.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.cluster import bare, description, system
from tests.gateways import mirrors, page, splits
from tests.gateways.implementations import ALL, Implementation, install
from tests.gateways.outage import controller_down, gateway_deleted
from tests.gateways.page import Found
from tests.gateways.rollouts import calls, rollouts
from tests.gateways.scene import Cell, Scene
from tests.stage.stage import CLUSTER, Stage, stage

PARTS = {
    "features": splits.features,
    "weights": splits.weights,
    "moments": splits.moments,
    "rules": splits.rules,
    "missing": splits.missing,
    "copies": mirrors.copies,
    "bad-targets": mirrors.bad_targets,
    "controller": controller_down,
    "gateway": gateway_deleted,
}
"""What is measured at one gateway after another."""
BESIDE = ("grpc", "rollouts")
"""What is measured with the operator itself."""


def main() -> int:
    """Measure, write the page, and say what does not hold."""
    arguments = _arguments()
    found = page.read()
    with stage() as product, tempfile.TemporaryDirectory() as folder:
        bare.load(description.folder_of(CLUSTER), system.gateway_images())
        install(product, Path(folder))
        for name, row, cell in _measured(product, arguments.gateway, arguments.part):
            verdict = "" if cell.holds else "  <- this is not what the operator needs"
            print(f"{name}: {row}: {cell.text}{verdict}", flush=True)
            found.setdefault(name, {})[row] = cell
            page.write(found)
    return _verdict(found)


def _measured(
    product: Stage, names: Sequence[str], parts: Sequence[str]
) -> Iterator[tuple[str, str, Cell]]:
    chosen = {name: ALL[name] for name in names}
    for name, implementation in chosen.items():
        for row, cell in _at(product, name, implementation, parts):
            yield name, row, cell
    if "rollouts" in parts:
        yield from rollouts(product, chosen)


def _at(
    product: Stage, name: str, implementation: Implementation, parts: Sequence[str]
) -> Iterator[tuple[str, Cell]]:
    scene = Scene(product, implementation, f"scene-{name}")
    if wanted := [PARTS[part] for part in parts if part in PARTS]:
        scene.prepare()
    for measure in wanted:
        began = time.monotonic()
        yield from measure(scene)
        print(f"  {measure.__name__}: {time.monotonic() - began:.0f} s", flush=True)
    product.delete_namespace(scene.namespace)
    if "grpc" in parts:
        yield from calls(implementation.stage(product), f"calls-{name}")


def _verdict(found: Found) -> int:
    unexpected = page.unexpected(found)
    for line in unexpected:
        print(line, file=sys.stderr)
    return 1 if unexpected else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.gateways", description=__doc__)
    everything = [*PARTS, *BESIDE]
    parser.add_argument("--gateway", nargs="+", choices=list(ALL), default=list(ALL))
    parser.add_argument("--part", nargs="+", choices=everything, default=everything)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
