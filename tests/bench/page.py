"""`python -m tests.bench.page`: how long a probe of the dashboard takes beside many tabs."""

import argparse
import asyncio

from tests.support.page_load import Load, measured


def main() -> None:
    """Measure, one size after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.page", description=__doc__)
    parser.add_argument("--tabs", type=int, nargs="+", default=[1, 10, 100, 200])
    parser.add_argument("--rollouts", type=int, default=500)
    parser.add_argument("--changes", type=int, default=50, help="objects that change in a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    for tabs in options.tabs:
        load = Load(options.rollouts, tabs, options.changes, options.seconds)
        print(f"{tabs} tabs: {asyncio.run(measured(load))}", flush=True)


if __name__ == "__main__":
    main()
