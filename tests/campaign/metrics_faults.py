"""`python -m tests.campaign.metrics_faults`: what goes wrong between the operator and Prometheus.

A real Prometheus, and a second one beside it, scrape pods that serve; a proxy alters what the
operator's client reads. For each fault a candidate as good as stable and a bad one are judged.
The oracle: no promotion and no rollback that would not come without the fault, nobody's requests
counted twice, and where nothing can be decided a sentence that names the cause.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import aiohttp
from aiohttp import web

from serinus.api.analysis import Analysis
from serinus.controller.queue import Key
from serinus.controller.sampling import Sampler
from serinus.judge import EffectiveWeight, Progress, judge, overall, queries_of
from serinus.metrics.counters import covered_until
from serinus.metrics.labelling import Labelling
from serinus.metrics.queries import Arm, ArmQuery, ExpressionQuery, Measurement
from serinus.metrics.requests import Request
from serinus.prometheus import Config, Prometheus
from tests.support.real_prometheus import Pods, Server, pod, serving

Decided = Literal["promoted", "rolled back", "held"]
Quality = Literal["good", "bad"]
Document = dict[str, Any]
Ask = Callable[[int], Awaitable[Document]]
"""What the first (0) or second (1) Prometheus answers to the query at hand."""
Fault = Callable[[str, Ask], Awaitable[web.StreamResponse]]
"""Answers a query, given its text."""

RATE: Final = 200.0
"""Requests a second of each pod."""
ERRORS: Final = {"good": 0.01, "bad": 0.025}
LONGEST: Final = 16.0
"""Seconds after which a run that has decided nothing is held."""
WARM_UP: Final = 8.0
"""Seconds that pods are scraped before the first run."""
AT_ONCE: Final = 6
"""Scenarios that run beside each other, with either candidate."""
SUFFIXES: Final = ("aaaaa", "bbbbb")
WITHOUT: Final[Mapping[Quality, Decided]] = {"good": "promoted", "bad": "rolled back"}
"""What is decided without a fault."""
ANALYSIS: Final = Analysis.model_validate(
    {
        "interval": "1s",
        "minRequests": 2000,  # five seconds: what goes wrong is seen before a candidate can pass
        "checks": [
            {"name": "errors", "errorRate": {}},
            {"name": "drift", "predictionDrift": {}},
        ],
    }
)


@dataclass(frozen=True)
class Scenario:
    """A fault, and what is to come of it."""

    fault: Callable[[], Fault]
    """Made anew for each run."""
    same: bool = False
    """Whether the decision must be that of the run without a fault; else it may also be held."""
    says: str = ""
    """What must have been said at some time."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the client."""
    processes: int = 1
    """Of each pod, behind one port."""
    ahead: float = 0.0
    """Seconds by which the clock of Prometheus is."""
    beside: bool = False
    """Whether another tenant asks for something that never ends."""


@dataclass(frozen=True)
class Result:
    """What came of a fault."""

    fault: str
    candidate: Quality
    expected: str
    decided: Decided
    seconds: float
    counted: float
    """Requests of the candidate that were counted."""
    served: float
    """Requests that the candidate had served when it was decided."""
    said: tuple[str, ...]
    """Every sentence that was no count."""
    wrong: str = ""

    def line(self) -> str:
        """As JSON."""
        return json.dumps({**asdict(self), "ok": not self.wrong})


# pods


class Serving(Pods):
    """Pods that have served at their rate since they began."""

    def __init__(self) -> None:
        super().__init__()
        self.born = time.time()
        self._errors: dict[str, float] = {}
        self._processes: dict[str, int] = {}
        self._chance: dict[str, random.Random] = {}

    def serve(self, arm: Arm, errors: float, processes: int) -> None:
        """Both pods of an arm."""
        for suffix in SUFFIXES:
            path = f"/{arm.namespace}/{pod(arm, suffix)}"
            self.set_text(arm.namespace, pod(arm, suffix), "")
            self._errors[path], self._processes[path] = errors, processes
            self._chance[path] = random.Random(path)

    def text(self, path: str) -> str:
        """What a scrape reads: of several processes, the one that takes the connection. In turn,
        each of two Prometheus would read the same one again and again."""
        processes = self._processes[path]
        # a process of its own load has counts of its own
        turn = self._chance[path].randrange(processes)
        share = (1 + turn) / sum(range(1, processes + 1))
        requests = (time.time() - self.born) * RATE * share
        failed = int(requests * self._errors[path])
        lines = [
            f'model_requests_total{{code="200"}} {int(requests) - failed}',
            f'model_requests_total{{code="500"}} {failed}',
            f'model_predictions_total{{class="a"}} {int(requests * 0.7)}',
            f'model_predictions_total{{class="b"}} {int(requests * 0.3)}',
        ]
        return "\n".join(lines) + "\n"


# faults: each is a function that makes one


def none() -> Fault:
    """Nothing is wrong."""

    async def fault(query: str, ask: Ask) -> web.StreamResponse:
        return web.json_response(await ask(0))

    return fault


def during(seconds: tuple[float, float], fault: Fault) -> Fault:
    """A fault between two moments, counted from the first query."""
    began: list[float] = []

    async def sometimes(query: str, ask: Ask) -> web.StreamResponse:
        began.append(time.monotonic())
        wrong = seconds[0] <= time.monotonic() - began[0] < seconds[1]
        return await (fault if wrong else none())(query, ask)

    return sometimes


async def down(query: str, ask: Ask) -> web.StreamResponse:
    """The connection is closed."""
    raise ConnectionResetError


async def hanging(query: str, ask: Ask) -> web.StreamResponse:
    """No answer in time."""
    await asyncio.sleep(LONGEST)
    raise ConnectionResetError


async def cut_short(query: str, ask: Ask) -> web.StreamResponse:
    """The answer ends in the middle."""
    body = json.dumps(await ask(0))
    return web.Response(text=body[: len(body) // 2], content_type="application/json")


async def bad_gateway(query: str, ask: Ask) -> web.StreamResponse:
    """A proxy before Prometheus cannot reach it."""
    return web.Response(status=502, text="<html>Bad gateway</html>", content_type="text/html")


def slow_for(*words: str) -> Fault:
    """Queries with one of these words take too long."""

    async def fault(query: str, ask: Ask) -> web.StreamResponse:
        slow = any(word in query for word in words)
        return await (hanging if slow else none())(query, ask)

    return fault


async def too_many_samples(query: str, ask: Ask) -> web.StreamResponse:
    """Prometheus refuses what asks for more than one workload."""
    if "|" in query.partition("pod=~")[2]:
        words = "query processing would load too many samples into memory in query execution"
        return web.json_response({"status": "error", "error": words}, status=422)
    return await none()(query, ask)


async def warning(query: str, ask: Ask) -> web.StreamResponse:
    """A store of a Thanos is not there."""
    return web.json_response({**await ask(0), "warnings": ["store b: unavailable"]})


def in_turn() -> Fault:
    """Replicas behind one Service answer, whichever comes."""
    chance = random.Random(1)

    async def fault(query: str, ask: Ask) -> web.StreamResponse:
        return web.json_response(await ask(chance.randrange(2)))

    return fault


def failing_over() -> Fault:
    """The first replica is gone after a while, and the second one answers."""
    began: list[float] = []

    async def fault(query: str, ask: Ask) -> web.StreamResponse:
        began.append(time.monotonic())
        return web.json_response(await ask(int(time.monotonic() - began[0] > 3)))

    return fault


async def both(query: str, ask: Ask) -> web.StreamResponse:
    """Both replicas' series, told apart by a label."""
    documents = [await ask(0), await ask(1)]
    named = [_labelled(each, replica=name) for each, name in zip(documents, "ab", strict=True)]
    result = [series for each in named for series in each["data"]["result"]]
    return web.json_response(_with(documents[0], result))


def one_of_both_away() -> Fault:
    """Both replicas' series, and the first one scrapes nothing for a while."""
    began: list[float] = []

    async def fault(query: str, ask: Ask) -> web.StreamResponse:
        began.append(time.time())
        start, end = began[0] + 2, began[0] + 5
        first, second = [_labelled(await ask(n), replica="ab"[n]) for n in (0, 1)]
        gap = _kept(first, lambda _, at: not start <= at <= end)
        return web.json_response(_with(first, [*gap["data"]["result"], *second["data"]["result"]]))

    return fault


def label_appears() -> Fault:
    """Each series gets a label more from a moment on."""
    began: list[float] = []

    async def fault(query: str, ask: Ask) -> web.StreamResponse:
        began.append(time.time())
        moment, document = began[0] + 1, await ask(0)
        before = _kept(document, lambda _, at: at < moment)
        after = _labelled(_kept(document, lambda _, at: at >= moment), replica="a")
        return web.json_response(
            _with(document, [*before["data"]["result"], *after["data"]["result"]])
        )

    return fault


def late(seconds: float) -> Fault:
    """Stable's predictions of one class arrive so much later than those of the others, as they do
    by another shard of a remote write."""

    async def fault(query: str, ask: Ask) -> web.StreamResponse:
        def arrived(labels: Mapping[str, str], at: float) -> bool:
            is_late = "-1-" in labels.get("pod", "") and labels.get("class") == "b"
            return not is_late or at < time.time() - seconds

        return web.json_response(_kept(await ask(0), arrived))

    return fault


def skewed(seconds: float) -> Fault:
    """Prometheus's clock is ahead by so much."""

    async def fault(query: str, ask: Ask) -> web.StreamResponse:
        return web.json_response(_changed(await ask(0), lambda _, at, value: (at + seconds, value)))

    return fault


def frozen() -> Fault:
    """The candidate's counters stand still, at new timestamps."""
    began: list[float] = []
    last: dict[str, str] = {}

    async def fault(query: str, ask: Ask) -> web.StreamResponse:
        began.append(time.time())

        def stands(labels: Mapping[str, str], at: float, value: str) -> tuple[float, str]:
            name = json.dumps(labels, sort_keys=True)
            if "-2-" not in labels.get("pod", "") or at < began[0] + 1:
                return at, value
            return at, last.setdefault(name, value)

        return web.json_response(_changed(await ask(0), stands))

    return fault


async def not_a_number(query: str, ask: Ask) -> web.StreamResponse:
    """The newest sample of each series is NaN."""
    document = await ask(0)
    for series in document["data"]["result"]:
        series["values"][-1][1] = "NaN"
    return web.json_response(document)


async def two_jobs(query: str, ask: Ask) -> web.StreamResponse:
    """Two jobs scrape each pod, at an address each."""
    document = await ask(0)
    other = _labelled(document, job="other", instance="10.9.9.9:9090")
    return web.json_response(
        _with(document, [*document["data"]["result"], *other["data"]["result"]])
    )


def _with(document: Document, result: list[Any]) -> Document:
    return {**document, "data": {**document["data"], "result": result}}


def _labelled(document: Document, **labels: str) -> Document:
    result = document["data"]["result"]
    return _with(document, [{**one, "metric": {**one["metric"], **labels}} for one in result])


def _changed(
    document: Document, change: Callable[[Mapping[str, str], float, str], tuple[float, str]]
) -> Document:
    result = document["data"]["result"]
    return _with(
        document,
        [
            {**one, "values": [list(change(one["metric"], *sample)) for sample in one["values"]]}
            for one in result
        ],
    )


def _kept(document: Document, keep: Callable[[Mapping[str, str], float], bool]) -> Document:
    kept = [
        {**one, "values": [sample for sample in one["values"] if keep(one["metric"], sample[0])]}
        for one in document["data"]["result"]
    ]
    return _with(document, [one for one in kept if one["values"]])


REPLICA = Labelling(replicas=("replica",))
SCENARIOS: Final[Mapping[str, Scenario]] = {
    "none": Scenario(none, same=True),
    "down for 3 s": Scenario(lambda: during((1, 4), down), same=True, says="cannot be reached"),
    "hangs for 3 s": Scenario(lambda: during((1, 4), hanging), same=True, says="did not answer"),
    "cut in the middle": Scenario(lambda: cut_short, says="not from a Prometheus API"),
    "bad gateway": Scenario(lambda: bad_gateway, says="HTTP 502"),
    "slow for another tenant": Scenario(lambda: slow_for("greedy"), same=True, beside=True),
    "slow for its own errors": Scenario(lambda: slow_for("5.."), says="did not answer"),
    "too many samples": Scenario(lambda: too_many_samples, same=True),
    "warnings": Scenario(lambda: warning, says="may be incomplete: store b: unavailable"),
    "replicas in turn": Scenario(in_turn, says="answer alternately"),
    "failover to a replica": Scenario(failing_over, same=True),
    "both replicas": Scenario(lambda: both, says="--prometheus-replica-labels=replica"),
    "both replicas, declared": Scenario(lambda: both, same=True, settings={"labelling": REPLICA}),
    "one of both away, declared": Scenario(
        one_of_both_away, same=True, settings={"labelling": REPLICA}
    ),
    "a replica label appears": Scenario(label_appears, says="--prometheus-replica-labels=replica"),
    "a replica label appears, declared": Scenario(
        label_appears, same=True, settings={"labelling": REPLICA}
    ),
    "two scrape jobs": Scenario(lambda: two_jobs, same=True),
    "late series": Scenario(lambda: late(3), same=True),
    "late series, read offset": Scenario(lambda: late(3), same=True, settings={"read_offset": 4.0}),
    "clock ahead by 5 s": Scenario(lambda: skewed(5), same=True, ahead=5),
    "clock behind by 5 s": Scenario(lambda: skewed(-5), same=True),
    "several processes": Scenario(none, processes=2, says="processes with separate counters"),
    "frozen": Scenario(frozen),
    "NaN": Scenario(lambda: not_a_number, says="which is not a valid count"),
}


# running


@asynccontextmanager
async def proxied(fault: Fault, upstreams: Sequence[str]) -> AsyncIterator[str]:
    """The address of a proxy that answers as the fault says."""
    async with aiohttp.ClientSession() as session:

        async def answer(request: web.Request) -> web.StreamResponse:
            form = {name: str(value) for name, value in (await request.post()).items()}

            async def ask(number: int) -> Document:
                url = upstreams[number] + request.path
                async with session.post(url, data=form) as answered:
                    document: Document = await answered.json()
                    return document

            try:
                return await fault(form["query"], ask)
            except ConnectionResetError:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()

        app = web.Application()
        app.router.add_post("/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0, handler_cancellation=True)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            yield f"http://{host}:{port}"
        finally:
            await runner.cleanup()


@dataclass(frozen=True)
class World:
    """Pods that serve, and two Prometheus that scrape them."""

    pods: Serving
    upstreams: Sequence[str]


def namespace(name: str, quality: Quality) -> str:
    """Of a run."""
    return f"{name}-{quality}".replace(" ", "-").replace(",", "").lower()


@contextmanager
def world(names: Iterable[str]) -> Iterator[World]:
    """Pods for a run of each of these scenarios with either candidate."""
    pods = Serving()
    for name in names:
        for quality in WITHOUT:
            place, processes = namespace(name, quality), SCENARIOS[name].processes
            pods.serve(Arm(place, "model-1"), ERRORS["good"], processes)
            pods.serve(Arm(place, "model-2"), ERRORS[quality], processes)
    with ExitStack() as stack:
        stack.enter_context(serving(pods))
        servers = []
        for replica in ("a", "b"):
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            servers.append(Server(Path(folder), pods, replica=replica))
            stack.callback(servers[-1].stop)
            servers[-1].start()
        time.sleep(WARM_UP)  # until there is a past to count from
        yield World(pods, [server.url for server in servers])


async def run(name: str, quality: Quality, world: World) -> Result:
    """Judge a candidate through a fault until something is decided."""
    scenario = SCENARIOS[name]
    place = namespace(name, quality)
    candidate, stable = Arm(place, "model-2"), Arm(place, "model-1")
    async with (
        proxied(scenario.fault(), world.upstreams) as url,
        Prometheus(Config(url, **{"timeout": 1.5, **scenario.settings})) as prometheus,
    ):
        beside = asyncio.create_task(_greedy(prometheus)) if scenario.beside else None
        since = time.time()
        measured = asyncio.Event()
        sampler = Sampler(prometheus, time.time, lambda *_: measured.set())
        running = asyncio.create_task(sampler.run())
        progress, decided, said = Progress(), "held", dict[str, None]()
        key = Key(place, "model")
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST):
                while decided == "held":
                    wanted = covered_until(progress.counted, since)
                    queries = queries_of(ANALYSIS)
                    sampler.want(key, Request(1.0, queries, candidate, stable, wanted))
                    await measured.wait()
                    measured.clear()
                    measurement = sampler.take(key)
                    assert isinstance(measurement, Measurement)
                    weight = EffectiveWeight(0.5, since)
                    progress = judge(ANALYSIS, progress, measurement, since, weight)
                    checks = progress.checks
                    said |= dict.fromkeys(c.message for c in checks if c.verdict == "Error")
                    verdict = overall(checks)
                    decided = {"Pass": "promoted", "Fail": "rolled back"}.get(verdict, "held")
        ended = time.time()
        for task in filter(None, (running, beside)):
            task.cancel()
    counted = max((c.state.candidate.get("requests", 0.0) for c in progress.checks), default=0.0)
    # from the scrape before its traffic began, by the clock of Prometheus
    served = (ended - since + 1.5 + scenario.ahead) * RATE * len(SUFFIXES)
    expected = WITHOUT[quality] if scenario.same else f"{WITHOUT[quality]} or held"
    result = Result(
        *(name, quality, expected, decided),  # type: ignore[arg-type]
        *(round(ended - since, 1), counted, round(served), tuple(said)),
    )
    return replace(result, wrong=_wrong(result, scenario))


def _wrong(result: Result, scenario: Scenario) -> str:
    allowed = {WITHOUT[result.candidate]} | (set() if scenario.same else {"held"})
    if result.decided not in allowed:
        return f"was {result.decided} and not {result.expected}"
    if result.counted > result.served:
        return f"{result.counted:g} requests were counted of at most {result.served:g}"
    if scenario.says and not any(scenario.says in each for each in result.said):
        return f"nothing said {scenario.says!r}"
    return ""


async def _greedy(prometheus: Prometheus) -> None:
    """Another tenant, whose thresholds never end."""
    while True:
        asked = [
            ArmQuery(Arm("greedy", f"m-{n}"), ExpressionQuery("max(up{$arm})"), 60)
            for n in range(20)
        ]
        await asyncio.gather(*(prometheus.read([one]) for one in asked))


def run_all(names: Sequence[str]) -> Iterator[Result]:
    """All scenarios with either candidate, some beside each other."""

    async def beside(batch: Sequence[str], scraped: World) -> list[Result]:
        runs = (run(name, quality, scraped) for name in batch for quality in WITHOUT)
        return list(await asyncio.gather(*runs))

    for first in range(0, len(names), AT_ONCE):
        batch = names[first : first + AT_ONCE]
        with world(batch) as scraped:
            yield from asyncio.run(beside(batch, scraped))


def main() -> int:
    """Run the faults that are named, or all; a line of JSON for each, and 1 if one came through."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.metrics_faults")
    parser.add_argument("fault", nargs="*", metavar="FAULT", help=", ".join(SCENARIOS))
    names = parser.parse_args().fault or list(SCENARIOS)
    if unknown := set(names) - set(SCENARIOS):
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    wrong = False
    for result in run_all(names):
        print(result.line(), flush=True)
        wrong |= bool(result.wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
