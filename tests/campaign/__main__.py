"""`python -m tests.campaign`: run every part, and write docs/reliability.md from what came of it.

Those with a real API server or Prometheus wait for it for much of their time. The others, in
memory, run beside them, at a low priority. `--part NAME` runs some of them, and writes no page.
`--report` writes it from the last results. What a part prints, and its errors, are in
build/campaign.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.campaign import report

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "build" / "campaign"
Part = Sequence[Sequence[str]]
REAL: Final[dict[str, Part]] = {
    "table-real": [("table", "--real")],
    "sequences-real": [
        ("sequences", "--real", "--count", "50", "--seed", str(seed)) for seed in (1, 2, 3, 4)
    ],
    "api_faults": [("api_faults",)],
    "metrics_faults": [("metrics_faults",)],
}
IN_MEMORY: Final[dict[str, Part]] = {
    "table": [("table",), ("table", "--followed")],
    "raising": [("raising",)],
    "sequences": [
        ("sequences", "--count", "5000", "--seed", "1"),
        ("sequences", "--count", "5000", "--seed", "2"),
    ],
    "mutation": [("mutation",)],
    "fuzz": [("fuzz", "--count", "1500", "--seed", str(seed)) for seed in (1, 2)],
    "attackers": [("attackers", "--execute", "1000")],
    "tenants": [("tenants",)],
}
PARTS: Final = {**REAL, **IN_MEMORY}
"""What is run of tests.campaign for each part, beside each other."""


def _run(part: str) -> bool:
    """Run a part; whether all was well."""
    started = time.monotonic()
    print(f"{part} ...", flush=True)
    running = []
    for number, command in enumerate(PARTS[part]):
        path = RESULTS / f"{part}-{number}.jsonl"
        output, errors = path.open("w"), path.with_suffix(".err").open("w")
        whole = [sys.executable, "-m", f"tests.campaign.{command[0]}", *command[1:]]
        if part in IN_MEMORY:
            whole = ["nice", "-n", "19", *whole]
        one = subprocess.Popen(whole, cwd=ROOT, stdout=output, stderr=errors)
        running.append((one, output, errors))
    well = True
    for process, *files in running:
        well &= process.wait() == 0
        for file in files:
            file.close()
    took = time.monotonic() - started
    (RESULTS / f"{part}.seconds").write_text(f"{took:.0f}\n")
    print(f"{part}: {'well' if well else 'something is wrong'}, {took:.0f} s", flush=True)
    return well


def _run_all(parts: Sequence[str]) -> bool:
    """Run parts in order, one of each list at a time; whether all was well."""
    lanes = [[part for part in parts if part in lane] for lane in (REAL, IN_MEMORY)]
    with ThreadPoolExecutor(len(lanes)) as pool:
        outcomes = pool.map(lambda lane: [_run(part) for part in lane], lanes)
        return all(well for lane in outcomes for well in lane)


def main(arguments: Sequence[str]) -> int:
    """Run parts, write the page; 1 if something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--part", action="append", choices=PARTS, help="only this; may be repeated")
    parser.add_argument("--report", action="store_true", help="only write the page")
    options = parser.parse_args(arguments)
    RESULTS.mkdir(parents=True, exist_ok=True)
    parts = [] if options.report else options.part or list(PARTS)
    well = _run_all(parts)
    if not options.part:
        found = report.results(RESULTS)
        if missing := set(PARTS) - set(found):
            parser.error(f"no results of {', '.join(sorted(missing))}; run these parts first")
        (ROOT / "docs" / "reliability.md").write_text(report.page(found))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
