"""Sends loan applications to a model at a fixed rate, and counts the responses.

    python loadgen.py --url http://10.96.0.20 --host loan.example.com --rate 100 --duration 60

Open loop: requests start on time whether or not earlier ones were answered. If more than
--max-in-flight requests are pending, further ones are skipped and counted as skipped. Prints a JSON
line every --report seconds and a summary at the end, also after SIGTERM.

A failure is the model's if the model server reports it: a 5xx with the header model-version. Any
other response than 200 is a failure of the infrastructure.
"""

import argparse
import asyncio
import json
import math
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp

from loans import FEATURES, Application, read

FEEDBACK_TRIES = 60
"""How often an outcome is sent until it reaches its version."""


@dataclass(frozen=True)
class Options:
    """What to send, where, how fast and for how long."""

    url: str
    rows: Path = Path("/models/applications.csv")
    host: str | None = None
    model: str = "loan"
    rate: float = 50
    duration: float = 60
    report: float = 1
    timeout: float = 5
    max_in_flight: int = 200
    seed: int = 0
    feedback: bool = False
    feedback_within: float = 0
    income: float = 1
    keep_alive: bool = True


@dataclass
class Seen:
    """Responses of one version: number by code, first and last time (Unix seconds)."""

    codes: Counter[str] = field(default_factory=Counter)
    first: float = math.inf
    last: float = -math.inf

    def add(self, code: str, at: float) -> None:
        self.codes[code] += 1
        self.first = min(self.first, at)
        self.last = max(self.last, at)

    def report(self) -> dict[str, object]:
        return {
            "requests": self.codes.total(),
            "codes": dict(self.codes),
            "first": round(self.first, 3),
            "last": round(self.last, 3),
        }


@dataclass
class Tally:
    """Everything counted since the start, or in one interval."""

    sent: int = 0
    not_sent: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    versions: dict[str, Seen] = field(default_factory=dict)
    model_failures: Counter[str] = field(default_factory=Counter)
    infrastructure_failures: Counter[str] = field(default_factory=Counter)
    feedback: Counter[str] = field(default_factory=Counter)
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    """The feedback that reached its version, by version."""
    latencies: list[float] = field(default_factory=list)

    def answered(self, code: int, version: str | None, at: float, seconds: float) -> None:
        self.codes[str(code)] += 1
        self.latencies.append(seconds)
        if version is not None:
            self.versions.setdefault(version, Seen()).add(str(code), at)
        if version is not None and code >= 500:
            self.model_failures[version] += 1
        elif code != 200:
            self.infrastructure_failures[f"http_{code}"] += 1
        elif version is None:
            self.infrastructure_failures["no_version"] += 1

    def report(self) -> dict[str, object]:
        return {
            "sent": self.sent,
            "not_sent": self.not_sent,
            "answered": self.codes.total(),
            "codes": dict(self.codes),
            "versions": {name: seen.report() for name, seen in sorted(self.versions.items())},
            "model_failures": dict(self.model_failures),
            "infrastructure_failures": dict(self.infrastructure_failures),
            "latency_ms": quantiles(self.latencies),
            "feedback": dict(self.feedback),
            "outcomes": {name: dict(told) for name, told in sorted(self.outcomes.items())},
        }


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """Nearest-rank percentiles and the greatest, in milliseconds; empty without values."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    ranks = {
        f"p{p:g}": ordered[max(0, math.ceil(p / 100 * len(ordered)) - 1)] for p in (50, 90, 99)
    }
    return {name: round(1000 * s, 1) for name, s in {**ranks, "max": ordered[-1]}.items()}


def applications_forever(rows: Sequence[Application], seed: int) -> Iterator[Application]:
    """The rows, repeated for ever in one shuffled order given by the seed."""
    order = list(rows)
    random.Random(seed).shuffle(order)
    while True:
        yield from order


def outcome_of(decision: str, *, approved: bool) -> str:
    """The outcome of a decision, if the bank's own decision is correct."""
    positive = decision == "approve"
    return f"{positive == approved}_{'positive' if positive else 'negative'}".lower()


def with_income(application: Application, times: float) -> Application:
    """The same applicant, with the income multiplied."""
    values = tuple(
        value * times if feature in ("income", "coapplicant_income") else value
        for feature, value in zip(FEATURES, application.values, strict=True)
    )
    return replace(application, values=values)


def inference_request(application: Application) -> bytes:
    """The request body for one application."""
    tensors: list[dict[str, object]] = [
        {
            "name": name,
            "datatype": "FP64",
            "shape": [1],
            "data": [None if math.isnan(value) else value],
        }
        for name, value in zip(FEATURES, application.values, strict=True)
    ]
    group = {"name": "group", "datatype": "BYTES", "shape": [1], "data": [application.group]}
    return json.dumps({"inputs": [*tensors, group]}).encode()


def failure_kind(error: Exception) -> str:
    """The name of a failure without a response."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "connect"
    if isinstance(error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError | OSError):
        return "reset"
    return type(error).__name__


class LoadGenerator:
    """Runs once. `total` holds the counts since the start, `interval` those since the last line."""

    def __init__(
        self,
        options: Options,
        session: aiohttp.ClientSession,
        applications: Iterator[Application],
    ) -> None:
        self.options = options
        self.applications = applications
        self.total = Tally()
        self.interval = Tally()
        self.stopped = asyncio.Event()
        self._session = session
        self._headers = {"Host": options.host} if options.host else {}
        self._in_flight = 0

    async def run(self) -> None:
        """Send until the duration is over or `stopped` is set, then await pending requests."""
        clock = asyncio.get_running_loop().time
        start = clock()
        async with asyncio.TaskGroup() as tasks:
            for number in range(int(self.options.rate * self.options.duration)):
                if await self._stopped_within(start + number / self.options.rate - clock()):
                    break
                if self._in_flight < self.options.max_in_flight:
                    self._in_flight += 1
                    tasks.create_task(self._exchange(next(self.applications)))
                else:
                    for tally in self._tallies:
                        tally.not_sent += 1

    async def _stopped_within(self, seconds: float) -> bool:
        """Wait, or until stopped; yields to the event loop even if the time is over."""
        try:
            await asyncio.wait_for(self.stopped.wait(), max(seconds, 0.0001))
        except TimeoutError:
            return False
        return True

    @property
    def _tallies(self) -> tuple[Tally, Tally]:
        return self.total, self.interval

    async def _exchange(self, application: Application) -> None:
        try:
            answer = await self._ask(application)
            if answer is not None and self.options.feedback:
                await self._tell_outcome(application, *answer)
        finally:
            self._in_flight -= 1

    async def _ask(self, application: Application) -> tuple[str, bytes] | None:
        """Send one request and count it; version and body of a 200, otherwise None."""
        for tally in self._tallies:
            tally.sent += 1
        start = time.perf_counter()
        try:
            async with self._session.post(
                f"{self.options.url}/v2/models/{self.options.model}/infer",
                data=inference_request(application),
                headers={**self._headers, "Content-Type": "application/json"},
            ) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            for tally in self._tallies:
                tally.infrastructure_failures[failure_kind(error)] += 1
            return None
        version = response.headers.get("model-version")
        for tally in self._tallies:
            tally.answered(response.status, version, time.time(), time.perf_counter() - start)
        return (version, body) if response.status == 200 and version is not None else None

    async def _tell_outcome(self, application: Application, version: str, body: bytes) -> None:
        # at once, a gateway that takes turns would send all applications to one version, and their
        # outcomes to another
        await asyncio.sleep(random.uniform(0, self.options.feedback_within))
        [decision] = next(t["data"] for t in json.loads(body)["outputs"] if t["name"] == "class")
        outcome = outcome_of(decision, approved=application.approved)
        told = {"model_version": version, "outcome": outcome, "group": application.group}
        counted = await self._deliver(told, outcome)
        for tally in self._tallies:
            tally.feedback[counted] += 1
            if counted == outcome:
                tally.outcomes.setdefault(version, Counter())[outcome] += 1

    async def _deliver(self, told: dict[str, str], outcome: str) -> str:
        """The outcome if it reached its version, otherwise `undelivered`."""
        for _ in range(FEEDBACK_TRIES):
            try:
                async with self._session.post(
                    f"{self.options.url}/feedback", json=told, headers=self._headers
                ) as response:
                    if response.status == 204:
                        return outcome
                    if response.status != 421:
                        break
            except (aiohttp.ClientError, TimeoutError, OSError):
                break
        return "undelivered"

    async def report(self) -> None:
        """Print a line every `report` seconds, for ever."""
        while True:
            await asyncio.sleep(self.options.report)
            finished, self.interval = self.interval, Tally()
            line = {"time": round(time.time(), 3), **finished.report()}
            print(json.dumps(line), flush=True)


def applicants(options: Options) -> Iterator[Application]:
    """Those of the file, for ever."""
    rows = [with_income(one, options.income) for one in read(options.rows)]
    return applications_forever(rows, options.seed)


async def generate(options: Options, applications: Iterator[Application] | None = None) -> Tally:
    """Send these applications, by default those of the file, to the end and print interim reports.
    SIGTERM and SIGINT stop it early."""
    if applications is None:
        applications = applicants(options)
    if options.keep_alive:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=3000)
    else:
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=options.timeout)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        generator = LoadGenerator(options, session, applications)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, generator.stopped.set)
        reporter = asyncio.create_task(generator.report())
        try:
            await generator.run()
        finally:
            reporter.cancel()
        return generator.total


def options() -> Options:
    parser = argparse.ArgumentParser(
        description="Send loan applications to a model at a set rate.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    default = Options(url="")
    parser.add_argument("--url", required=True, help="URL of the gateway")
    parser.add_argument("--host", help="Host header; defaults to that of the URL")
    parser.add_argument("--rows", type=Path, default=default.rows, help="path of applications.csv")
    parser.add_argument("--model", default=default.model, help="name of the model")
    parser.add_argument("--rate", type=float, default=default.rate, help="requests per second")
    parser.add_argument("--duration", type=float, default=default.duration, help="in seconds")
    parser.add_argument(
        "--report", type=float, default=default.report, help="seconds between reports"
    )
    parser.add_argument("--timeout", type=float, default=default.timeout, help="in seconds")
    parser.add_argument("--max-in-flight", type=int, default=default.max_in_flight)
    parser.add_argument("--seed", type=int, default=default.seed, help="seed of the order of rows")
    parser.add_argument(
        "--income", type=float, default=default.income, help="factor for all incomes"
    )
    parser.add_argument("--feedback", action="store_true", help="post the bank's decisions")
    parser.add_argument(
        "--feedback-within",
        type=float,
        default=default.feedback_within,
        help="seconds from a response to its feedback, at most; each at random",
    )
    parser.add_argument(
        "--no-keep-alive",
        dest="keep_alive",
        action="store_false",
        help="use a new connection for each request, because a Service balances connections",
    )
    parsed = parser.parse_args()
    if min(parsed.rate, parsed.duration, parsed.report, parsed.income) <= 0:
        parser.error("--rate, --duration, --report and --income must be greater than 0")
    return Options(**vars(parsed))


def main() -> None:
    total = asyncio.run(generate(options()))
    print(json.dumps({"summary": total.report()}), flush=True)


if __name__ == "__main__":
    main()
