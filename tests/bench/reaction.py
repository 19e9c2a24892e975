"""`python -m tests.bench.reaction`: how long clients still reach a candidate that shows to be bad.

From the moment the breaching sample is readable in Prometheus, asked beside the operator, to the
last answer that clients had from the candidate.
"""

import argparse
import json
import math
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Self

from tests.stage import prometheus
from tests.stage.deadline import until
from tests.stage.deployed import Deployed
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage, stage

RATE: Final = 40.0
_ERRORS: Final = 'sum(rate(model_requests_total{{{arm},code=~"5.."}}[{window}s]))'
_BEYOND: Final = 5
"""Seconds by which the rate's window is longer than the interval: no error may come and go unseen
between two looks."""
_QUIET: Final = 2.5
"""Seconds without an answer of the candidate after which none is expected any more: the clients'
counts come every second."""
_LOOK_EVERY: Final = 0.02


@dataclass(frozen=True)
class Reaction:
    """One rollback; moments in Unix seconds."""

    readable: float
    decided: float
    last_answer: float

    @property
    def seconds(self) -> float:
        """How long clients still reached it."""
        return self.last_answer - self.readable

    def __str__(self) -> str:
        decided = self.decided - self.readable
        return f"decided after {decided:.2f} s, last answer after {self.seconds:.2f} s"


class DriftState:
    """Notes when a query first gives a positive value; a context that asks it in a thread."""

    def __init__(self, url: str, query: str) -> None:
        self._look_at = (url, query)
        self._left = threading.Event()
        self._threads = ThreadPoolExecutor(max_workers=1)

    def __enter__(self) -> Self:
        self._seen = self._threads.submit(self._look)
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._threads.shutdown()

    def seen(self, within: float) -> float:
        """Unix seconds; TimeoutError if it gives none for so long from now on."""
        return self._seen.result(within)

    def _look(self) -> float:
        while not self._left.wait(_LOOK_EVERY):
            if breached(*self._look_at):
                return time.time()
        return math.inf


def breached(url: str, query: str) -> bool:
    """Whether the query gives a positive value now."""
    return any(float(element["value"][1]) > 0 for element in prometheus.query(url, query))


def measure(product: Stage, namespace: str, interval: int, count: int) -> Sequence[Reaction]:
    """Roll one bad version back `count` times over, with a look every `interval` seconds."""
    model = _model(product, namespace, interval)
    loan = Deployed(product.api, namespace, model.name)
    product.api.apply(model.manifest())
    loan.until_healthy("v2")
    target = Target(product.gateway_url, model.host, RATE, longest=60.0 * (count + 2))
    reactions: list[Reaction] = []
    with Load(product.api, product.model_image, namespace, target) as load:
        product.api.apply(replace(model, version="v3").manifest())
        for number in range(1, count + 1):
            status = loan.until("a candidate", lambda s: s.get("candidate"))
            revision = status["candidate"]["revision"]
            query = _query(interval, f'namespace="{namespace}",pod=~"loan-{revision}-.*"')
            reactions.append(_one(product, loan, load, query))
            print(f"{number} of {count}: {reactions[-1]}", file=sys.stderr, flush=True)
            if number < count:
                loan.command(f"retry/{revision}/{number}")
    return reactions


def _one(product: Stage, loan: Deployed, load: Load, query: str) -> Reaction:
    with DriftState(product.prometheus_url, query) as watch:
        rejected = loan.until_rejected(within=90)["rejected"]
        # the operator may be the first to read it, by a moment
        decided = datetime.fromisoformat(rejected["at"]).timestamp()
        readable = min(watch.seen(within=5), decided)
    quiet = time.time() + _QUIET
    until(
        "no more answers of the candidate",
        lambda: time.time() > max(quiet, load.seen.versions["v3"].last + _QUIET),
        within=60,
    )
    until("its errors are old", lambda: not breached(product.prometheus_url, query), within=60)
    return Reaction(readable, decided, load.seen.versions["v3"].last)


def _query(interval: int, arm: str) -> str:
    return _ERRORS.format(arm=arm, window=interval + _BEYOND)


def _model(product: Stage, namespace: str, interval: int) -> Model:
    errors = {"query": _query(interval, "$arm"), "max": 0}
    return Model(
        namespace,
        "loan",
        product.model_image,
        version="v2",
        gateway=product.gateway,
        steps=[{"setWeight": 50}, {"pause": {}}],
        analysis={"interval": f"{interval}s", "checks": [{"name": "errors", "threshold": errors}]},
        rollout={"scaleDownDelay": "1h"},
    )


def summary(reactions: Sequence[Reaction], interval: int) -> dict[str, object]:
    """Nearest-rank percentiles; `decided` is the share of the operator, until its decision."""
    seconds = sorted(reaction.seconds for reaction in reactions)
    rank = {p: seconds[math.ceil(p / 100 * len(seconds)) - 1] for p in (50, 99)}
    return {
        "interval_seconds": interval,
        "rollbacks": len(seconds),
        "p50_seconds": round(rank[50], 3),
        "p99_seconds": round(rank[99], 3),
        "seconds": [round(each, 3) for each in seconds],
        "decided": [round(each.decided - each.readable, 3) for each in reactions],
    }


def main() -> None:
    """Print the summary as JSON."""
    parser = argparse.ArgumentParser(description="Measure how fast a bad candidate loses traffic.")
    parser.add_argument("--interval", type=int, default=5, help="of the analysis, in seconds")
    parser.add_argument("--rollbacks", type=int, default=20)
    options = parser.parse_args()
    namespace = "bench-reaction"
    with stage() as product:
        product.fresh_namespace(namespace)
        reactions = measure(product, namespace, options.interval, options.rollbacks)
        product.api.delete("Namespace", "", namespace)
    print(json.dumps(summary(reactions, options.interval), indent=2))


if __name__ == "__main__":
    main()
