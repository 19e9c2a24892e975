"""`python -m tests.bench.reaction`: how long clients still reach a candidate that shows to be bad.

From the moment the breaching sample is readable in Prometheus, asked beside the operator, to the
last answer that clients had from the candidate.
"""

import argparse
import json
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

from tests.stage import prometheus
from tests.stage.deadline import until
from tests.stage.deployed import Deployed
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage, stage

RATE: Final = 40.0
_ERRORS: Final = 'sum(rate(model_requests_total{{{arm},code=~"5.."}}[4s]))'
_QUIET: Final = 2.5
"""Seconds without an answer of the candidate after which none is expected any more: the clients'
counts come every second."""
_LOOK_EVERY: Final = 0.02


@dataclass(frozen=True)
class Reaction:
    """One rollback; moments in Unix seconds."""

    readable: float
    last_answer: float

    @property
    def seconds(self) -> float:
        """How long clients still reached it."""
        return self.last_answer - self.readable


class Watch:
    """Notes when a query first gives a positive value; a context that asks it in a thread."""

    def __init__(self, url: str, query: str) -> None:
        self._url, self._query = url, query
        self._seen: float | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def seen(self) -> float | None:
        """Unix seconds."""
        return self._seen

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_EVERY):
            if breached(self._url, self._query):
                self._seen = time.time()
                return


def breached(url: str, query: str) -> bool:
    """Whether the query gives a positive value now."""
    return any(float(element["value"][1]) > 0 for element in prometheus.query(url, query))


def measure(product: Stage, namespace: str, interval: str, count: int) -> Sequence[Reaction]:
    """Roll one bad version back `count` times over, with looks at this interval."""
    model = _model(product, namespace, interval)
    loan = Deployed(product.api, namespace, model.name)
    product.api.apply(model.manifest())
    loan.until_healthy("v2")
    target = Target(product.gateway_url, model.host, RATE, longest=60.0 * (count + 2))
    reactions: list[Reaction] = []
    with Load(product.api, product.model_image, namespace, target) as load:
        product.api.apply(replace(model, version="v3").manifest())
        revision = loan.until("a candidate", lambda s: s.get("candidate"))["candidate"]["revision"]
        query = _ERRORS.format(arm=f'namespace="{namespace}",pod=~"loan-{revision}-.*"')
        for number in range(count):
            if number:
                loan.command(f"retry/{revision}/{number}")
            reactions.append(_one(product, loan, load, query))
    return reactions


def _one(product: Stage, loan: Deployed, load: Load, query: str) -> Reaction:
    with Watch(product.prometheus_url, query) as watch:
        loan.until_rejected(within=90)
        readable = watch.seen
    if readable is None:
        raise RuntimeError("it was rolled back before anybody else could read why")
    quiet = time.time() + _QUIET
    until(
        "no more answers of the candidate",
        lambda: time.time() > max(quiet, load.seen.versions["v3"].last + _QUIET),
        within=60,
    )
    until("its errors are old", lambda: not breached(product.prometheus_url, query), within=30)
    return Reaction(readable, load.seen.versions["v3"].last)


def _model(product: Stage, namespace: str, interval: str) -> Model:
    errors = {"query": _ERRORS.format(arm="$arm"), "max": 0}
    return Model(
        namespace,
        "loan",
        product.model_image,
        version="v2",
        gateway=product.gateway,
        steps=[{"setWeight": 50}, {"pause": {}}],
        analysis={"interval": interval, "checks": [{"name": "errors", "threshold": errors}]},
        rollout={"scaleDownDelay": "1h"},
    )


def summary(reactions: Sequence[Reaction], interval: str) -> dict[str, object]:
    """Nearest-rank percentiles, seconds."""
    seconds = sorted(reaction.seconds for reaction in reactions)
    rank = {p: seconds[math.ceil(p / 100 * len(seconds)) - 1] for p in (50, 99)}
    return {
        "interval": interval,
        "rollbacks": len(seconds),
        "p50_seconds": round(rank[50], 3),
        "p99_seconds": round(rank[99], 3),
        "seconds": [round(each, 3) for each in seconds],
    }


def main() -> None:
    """Print the summary as JSON."""
    parser = argparse.ArgumentParser(description="Measure how fast a bad candidate loses traffic.")
    parser.add_argument("--interval", default="5s", help="of the analysis")
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
