"""The load generator: what clients see, and whose failure it was."""

import asyncio
import contextlib
import json
import math
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import islice
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

import inference
import loadgen
import loans
from loans import FEATURES, Application

QueryResult = Callable[[web.Request], Awaitable[web.StreamResponse]]
INFER = "/v2/models/loan/infer"
ROWS = [
    Application(tuple(float(i + j) for j in range(len(FEATURES))), "white", approved=i % 2 == 0)
    for i in range(7)
]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "applications.csv"
    loans.write(path, ROWS)
    return path


@contextlib.asynccontextmanager
async def answering(infer: QueryResult, feedback: QueryResult | None = None) -> AsyncIterator[str]:
    """A server on loopback that answers as told; gives its URL."""
    app = web.Application()
    app.router.add_post(INFER, infer)
    if feedback is not None:
        app.router.add_post("/feedback", feedback)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


def good(version: str = "v1") -> web.Response:
    outputs = [{"name": "class", "datatype": "BYTES", "shape": [1], "data": ["approve"]}]
    return web.json_response({"outputs": outputs}, headers={"model-version": version})


async def sent_to(infer: QueryResult, rows: Path, **options: object) -> loadgen.Tally:
    async with answering(infer) as url:
        chosen = {"rate": 100, "duration": 0.2, "report": 60, **options}
        return await loadgen.generate(loadgen.Options(url=url, rows=rows, **chosen))  # type: ignore[arg-type]


def test_rows_come_over_and_over_in_one_order_that_the_seed_fixes() -> None:
    first = list(islice(loadgen.applications_forever(ROWS, seed=1), 14))
    assert first[:7] == first[7:]
    assert first == list(islice(loadgen.applications_forever(ROWS, seed=1), 14))
    assert first != list(islice(loadgen.applications_forever(ROWS, seed=2), 14))
    assert Counter(first[:7]) == Counter(ROWS)


def test_a_request_carries_the_application_with_missing_values_as_null() -> None:
    application = Application((math.nan, *ROWS[0].values[1:]), "black", approved=True)
    body = loadgen.inference_request(application)
    assert json.loads(body)["inputs"][0]["data"] == [None]
    batch = inference.parse(body)
    assert math.isnan(batch.rows[0, 0])
    assert tuple(batch.rows[0, 1:]) == application.values[1:]
    assert batch.groups == ["black"]


def test_percentiles_are_of_values_that_were_seen() -> None:
    latencies = [i / 1000 for i in range(100, 0, -1)]
    assert loadgen.quantiles(latencies) == {"p50": 50, "p90": 90, "p99": 99, "max": 100}
    assert loadgen.quantiles([0.001]) == {"p50": 1, "p90": 1, "p99": 1, "max": 1}
    assert loadgen.quantiles([]) == {}


async def test_answers_are_counted_by_code_and_version_with_their_times(rows: Path) -> None:
    answered = 0

    async def infer(request: web.Request) -> web.Response:
        nonlocal answered
        answered += 1
        return good("v1" if answered <= 15 else "v2")

    before = time.time()
    total = await sent_to(infer, rows)
    assert total.sent == 20
    assert total.codes == {"200": 20}
    assert total.versions["v1"].codes == {"200": 15}
    assert total.versions["v2"].codes == {"200": 5}
    v1, v2 = total.versions["v1"], total.versions["v2"]
    assert before <= v1.first < v1.last <= v2.first < v2.last <= time.time()
    assert len(total.latencies) == 20


async def test_only_a_5xx_of_the_models_own_server_is_the_models_failure(rows: Path) -> None:
    answers = iter(
        [
            web.json_response({}, status=500, headers={"model-version": "v3"}),
            web.json_response({}, status=503),  # the gateway has no upstream
            web.json_response({}, status=404, headers={"model-version": "v3"}),
            web.json_response({}),  # somebody else's answer
        ]
    )

    async def infer(request: web.Request) -> web.Response:
        return next(answers, good())

    total = await sent_to(infer, rows)
    assert total.model_failures == {"v3": 1}
    assert total.infrastructure_failures == {"http_503": 1, "http_404": 1, "no_version": 1}
    assert total.codes == {"200": 17, "500": 1, "503": 1, "404": 1}


async def test_a_server_that_hangs_resets_or_is_not_there_is_the_infrastructures_failure(
    rows: Path,
) -> None:
    async def hang(request: web.Request) -> web.Response:
        await asyncio.sleep(10)
        return good()

    async def reset(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return good()

    total = await sent_to(hang, rows, timeout=0.1)
    assert total.infrastructure_failures == {"timeout": 20}
    total = await sent_to(reset, rows)
    assert total.infrastructure_failures == {"reset": 20}
    async with answering(hang) as gone:
        pass
    options = loadgen.Options(url=gone, rows=rows, rate=100, duration=0.2, report=60)
    total = await loadgen.generate(options)
    assert total.infrastructure_failures == {"connect": 20}
    assert not total.codes
    assert not total.model_failures


async def test_requests_start_on_time_though_earlier_ones_are_not_answered(rows: Path) -> None:
    waiting, most = 0, 0

    async def slow(request: web.Request) -> web.Response:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        await asyncio.sleep(0.5)
        waiting -= 1
        return good()

    total = await sent_to(slow, rows)
    assert total.codes == {"200": 20}
    assert most == 20


async def test_more_in_flight_than_allowed_are_not_sent_and_counted_so(rows: Path) -> None:
    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(0.5)
        return good()

    total = await sent_to(slow, rows, max_in_flight=3)
    assert total.sent == 3
    assert total.not_sent == 17
    assert not total.infrastructure_failures


async def test_connections_are_kept_alive_unless_told_otherwise(rows: Path) -> None:
    ports: list[int] = []

    async def infer(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports.append(request.transport.get_extra_info("peername")[1])
        return good()

    await sent_to(infer, rows)
    kept = len(set(ports))
    ports.clear()
    await sent_to(infer, rows, keep_alive=False)
    assert kept < 10
    assert len(set(ports)) == 20


async def test_the_host_header_is_the_one_given(rows: Path) -> None:
    hosts = set()

    async def infer(request: web.Request) -> web.Response:
        hosts.add(request.host)
        return good()

    await sent_to(infer, rows, host="loan.example.com")
    assert hosts == {"loan.example.com"}


async def test_outcomes_are_sent_until_they_reach_their_version(rows: Path) -> None:
    tries = 0
    counted: Counter[str] = Counter()

    async def infer(request: web.Request) -> web.Response:
        return good("v2")

    async def feedback(request: web.Request) -> web.Response:
        nonlocal tries
        tries += 1
        told = await request.json()
        assert told["model_version"] == "v2"
        assert told["group"] == "white"
        if tries % 3:
            return web.json_response({}, status=421)
        counted[told["outcome"]] += 1
        return web.Response(status=204)

    async with answering(infer, feedback) as url:
        options = loadgen.Options(
            url=url, rows=rows, rate=100, duration=0.07, report=60, feedback=True
        )
        total = await loadgen.generate(options)
    # all seven rows are approved, and the bank approved four
    assert counted == {"true_positive": 4, "false_positive": 3}
    assert total.feedback == counted
    assert total.codes == {"200": 7}


@pytest.mark.parametrize(
    ("decision", "approved", "outcome"),
    [
        ("approve", True, "true_positive"),
        ("approve", False, "false_positive"),
        ("deny", True, "false_negative"),
        ("deny", False, "true_negative"),
    ],
)
def test_an_outcome_says_what_was_decided_and_whether_rightly(
    decision: str, approved: bool, outcome: str
) -> None:
    assert loadgen.outcome_of(decision, approved=approved) == outcome


def test_incomes_can_be_moved_for_everybody() -> None:
    moved = loadgen.with_income(ROWS[0], 0.5)
    changed = {
        feature: after / before
        for feature, before, after in zip(FEATURES, ROWS[0].values, moved.values, strict=True)
        if after != before
    }
    assert changed == {"income": 0.5, "coapplicant_income": 0.5}


async def test_sigterm_ends_it_cleanly_with_lines_and_the_summary(rows: Path) -> None:
    async def infer(request: web.Request) -> web.Response:
        return good()

    folder = Path(loadgen.__file__).parent
    async with answering(infer) as url:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "loadgen.py", "--url", url, "--rows", str(rows)),
            *("--rate", "50", "--duration", "60", "--report", "0.2"),
            cwd=folder,
            env=dict(os.environ),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        async with asyncio.timeout(20):
            lines = [json.loads(await process.stdout.readline()) for _ in range(2)]
            process.send_signal(signal.SIGTERM)
            rest = (await process.stdout.read()).decode().splitlines()
            assert await process.wait() == 0
    summary = json.loads(rest[-1])["summary"]
    assert summary["sent"] == summary["answered"] == summary["codes"]["200"]
    assert summary["sent"] >= sum(line["sent"] for line in lines) > 0
    assert not summary["infrastructure_failures"]
    seen = lines[1]["versions"]["v1"]
    assert lines[0]["time"] <= seen["first"] <= seen["last"] <= lines[1]["time"]
