"""What one tenant's queries take is not at the cost of others."""

import asyncio

import pytest
from aiohttp import web

from serinus.api.checks import LabelMatcher
from serinus.metrics.queries import (
    Arm,
    ArmQuery,
    CounterQuery,
    ExpressionQuery,
    QueryError,
    QueryResult,
    Series,
)
from serinus.prometheus import Config, Prometheus
from tests.support import faulty_prometheus as faulty
from tests.support.faulty_prometheus import Handler, matrix, saying, serving

REQUESTS = CounterQuery("model_requests_total")
ERRORS = CounterQuery(
    "model_requests_total", (LabelMatcher(label="code", operator="=~", value="5.."),), part=True
)
HEAVY = ExpressionQuery("max(heavy{$arm})")
TIMEOUT = 2.0
PATIENCE = 30.0
"""The timeout where nothing may be given up."""


def arm(number: int) -> Arm:
    return Arm(f"team-{number}", f"model-{number}")


def hanging_for(*words: str) -> Handler:
    """Never answers a query that has one of these words."""

    async def handle(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        hangs = any(word in form["query"] for word in words)
        return await (faulty.hang if hangs else saying(matrix()))(request, form)

    return handle


def held(word: str, until: asyncio.Event) -> Handler:
    """Answers a query that has this word once the event is set, and any other at once."""

    async def handle(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        if word in form["query"]:
            await until.wait()
        return web.json_response(matrix())

    return handle


async def read(prometheus: Prometheus, *batch: ArmQuery) -> list[QueryResult]:
    answers = await prometheus.read(batch)
    return [answers[one] for one in batch]


async def test_batches_that_are_read_at_the_same_moment_share_their_queries() -> None:
    arms = [arm(i) for i in range(500)]
    async with serving(saying(matrix())) as server, Prometheus(Config(server.url)) as prometheus:
        reads = [
            prometheus.read([ArmQuery(one, REQUESTS, 60), ArmQuery(one, ERRORS, 60)])
            for one in arms
        ]
        answers = await asyncio.gather(*reads)
        assert prometheus.queries_sent == 2
    assert [set(found.values()) for found in answers] == [{()}] * 500


async def greedy(prometheus: Prometheus, *tenants: str) -> list[QueryResult]:
    """Answers to 40 thresholds of each tenant, which are held."""
    slow = [ArmQuery(Arm(one, f"model-{i}"), HEAVY, 60) for one in tenants for i in range(40)]
    found = await asyncio.gather(*(prometheus.read([one]) for one in slow))
    return [answer for answers in found for answer in answers.values()]


async def begun(prometheus: Prometheus) -> None:
    while not prometheus.queries_sent:
        await asyncio.sleep(0.01)


async def test_however_many_thresholds_are_slow_counters_are_read() -> None:
    released = asyncio.Event()
    async with (
        serving(held("heavy", released)) as server,
        Prometheus(Config(server.url, timeout=PATIENCE)) as prometheus,
    ):
        slow = asyncio.create_task(greedy(prometheus, "a", "b", "c", "d"))
        await begun(prometheus)
        others = [
            read(prometheus, ArmQuery(arm(i), REQUESTS, 60), ArmQuery(arm(i), ERRORS, 60))
            for i in range(20)
        ]
        assert await asyncio.gather(*others) == [[(), ()]] * 20
        released.set()
        assert set(await slow) == {()}


async def test_one_tenants_slow_thresholds_do_not_hold_up_anybody_elses() -> None:
    released = asyncio.Event()
    async with (
        serving(held("heavy", released)) as server,
        Prometheus(Config(server.url, timeout=PATIENCE)) as prometheus,
    ):
        slow = asyncio.create_task(greedy(prometheus, "a"))
        await begun(prometheus)
        others = [
            read(prometheus, ArmQuery(arm(i), ExpressionQuery("max(x{$arm})"), 60))
            for i in range(20)
        ]
        assert await asyncio.gather(*others) == [[()]] * 20
        released.set()
        assert set(await slow) == {()}


async def test_a_part_is_asked_for_once_its_own_whole_is_answered() -> None:
    asked_for_a_part = asyncio.Event()

    async def noted(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        if "code" in form["query"]:
            asked_for_a_part.set()
        return await held("slow_total", asked_for_a_part)(request, form)

    async with (
        serving(noted) as server,
        Prometheus(Config(server.url, timeout=PATIENCE)) as prometheus,
    ):
        queries = (CounterQuery("slow_total"), REQUESTS, ERRORS)
        answers = await read(prometheus, *(ArmQuery(arm(1), query, 60) for query in queries))
    assert answers == [(), (), ()]


async def test_the_tenant_whose_counters_take_too_long_is_found_and_then_asked_for_alone() -> None:
    arms = [arm(i) for i in range(16)]
    batch = [ArmQuery(one, query, 60) for one in arms for query in (REQUESTS, ERRORS)]
    async with (
        serving(hanging_for("team-11")) as server,
        Prometheus(Config(server.url, timeout=TIMEOUT)) as prometheus,
    ):
        answers = await prometheus.read(batch)
        unread = {one.arm for one, answer in answers.items() if isinstance(answer, QueryError)}
        assert unread == {arm(11)}
        healthy = [one for one in batch if one.arm != arm(11)]
        own = asyncio.create_task(prometheus.read([one for one in batch if one.arm == arm(11)]))
        assert set(await read(prometheus, *healthy)) == {()}
        assert not own.done()
        assert all(isinstance(answer, QueryError) for answer in (await own).values())
        before = prometheus.queries_sent
        await prometheus.read(batch)
        assert prometheus.queries_sent - before <= 4, "all others are asked for in one query"


async def test_a_tenant_whose_queries_are_answered_again_is_asked_for_together_with_others() -> (
    None
):
    sick = True

    async def recovering(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        return await (hanging_for("team-1") if sick else saying(matrix()))(request, form)

    batch = [ArmQuery(arm(i), REQUESTS, 60) for i in range(4)]
    async with (
        serving(recovering) as server,
        Prometheus(Config(server.url, timeout=TIMEOUT)) as prometheus,
    ):
        await prometheus.read(batch)
        sick = False
        for expected in (2, 1):
            before = prometheus.queries_sent
            assert set((await prometheus.read(batch)).values()) == {()}
            assert prometheus.queries_sent - before == expected


async def test_a_prometheus_that_answers_nothing_is_not_asked_in_ever_smaller_pieces() -> None:
    batch = [ArmQuery(arm(i), REQUESTS, 60) for i in range(200)]
    async with (
        serving(faulty.hang) as server,
        Prometheus(Config(server.url, timeout=0.5)) as prometheus,
    ):
        answers = await read(prometheus, *batch)
        assert prometheus.queries_sent == 2
    (said,) = set(answers)
    assert isinstance(said, QueryError)
    assert "did not answer within 0.5s" in said.message


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (422, "query processing would load too many samples into memory in query execution"),
        (503, "query timed out in expression evaluation"),
        (422, "the query exceeded the maximum number of chunks (err-mimir-max-chunks-per-query)"),
    ],
)
async def test_what_is_too_much_for_prometheus_is_asked_for_in_halves(
    status: int, error: str
) -> None:
    series = {"__name__": "model_requests_total", "namespace": "team-1"}
    series |= {"pod": "model-1-5d9f7c6b8-x2x4z"}

    async def limited(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        if form["query"].count("model-") > 4:
            kind = "timeout" if status == 503 else "execution"
            return await saying({"status": "error", "errorType": kind, "error": error}, status)(
                request, form
            )
        return web.json_response(matrix((series, [[1, "1"]])))

    batch = [ArmQuery(arm(i), query, 60) for i in range(8) for query in (REQUESTS, ERRORS)]
    async with serving(limited) as server, Prometheus(Config(server.url)) as prometheus:
        answers = await prometheus.read(batch)
    assert not [answer for answer in answers.values() if isinstance(answer, QueryError)]
    assert answers[batch[2]] == (Series(series, ((1.0, 1.0),)),)


async def test_one_tenant_that_is_too_much_leaves_the_others_readable() -> None:
    async def limited(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
        if "team-3" in form["query"]:
            error = {"status": "error", "error": "would load too many samples into memory"}
            return web.json_response(error, status=422)
        return web.json_response(matrix())

    batch = [ArmQuery(arm(i), REQUESTS, 60) for i in range(8)]
    async with serving(limited) as server, Prometheus(Config(server.url)) as prometheus:
        answers = await prometheus.read(batch)
        before = prometheus.queries_sent
        await prometheus.read(batch)
        assert prometheus.queries_sent - before == 2
    unread = {one.arm for one, answer in answers.items() if isinstance(answer, QueryError)}
    assert unread == {arm(3)}


async def test_a_reading_that_is_given_up_does_not_take_away_anothers_answer() -> None:
    asked = ArmQuery(arm(1), REQUESTS, 60)
    async with serving(saying(matrix())) as server, Prometheus(Config(server.url)) as prometheus:
        given_up = asyncio.create_task(prometheus.read([asked]))
        kept = asyncio.create_task(prometheus.read([asked]))
        await asyncio.sleep(0)
        given_up.cancel()
        assert await kept == {asked: ()}


SLOW = CounterQuery("slow_total")


def spare(number: int, query: CounterQuery | ExpressionQuery) -> ArmQuery:
    return ArmQuery(arm(number), query, 60, spare=True)


async def test_a_spare_query_that_hangs_delays_nothing_and_says_that_it_was_late() -> None:
    released = asyncio.Event()
    async with (
        serving(held("slow_total", released)) as server,
        Prometheus(Config(server.url, timeout=PATIENCE)) as prometheus,
    ):
        requests, slow = await read(prometheus, ArmQuery(arm(1), REQUESTS, 60), spare(1, SLOW))
        assert requests == ()
        assert isinstance(slow, QueryError)
        assert "do not wait for it" in slow.message
        released.set()


async def test_however_many_spare_queries_hang_the_others_have_their_slots() -> None:
    released = asyncio.Event()
    async with (
        serving(held("slow_total", released)) as server,
        Prometheus(Config(server.url, timeout=PATIENCE, concurrency=2)) as prometheus,
    ):
        beside = [LabelMatcher(label="n", value=str(n)) for n in range(20)]
        hanging = [spare(1, CounterQuery("slow_total", (each,))) for each in beside]
        first = asyncio.create_task(prometheus.read(hanging))
        await begun(prometheus)
        for _ in range(5):
            assert await read(prometheus, ArmQuery(arm(1), REQUESTS, 60)) == [()]
        released.set()
        await first


async def test_what_is_waited_for_shares_no_query_and_no_whole_with_what_is_spare(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("serinus.prometheus.client._SPARE", PATIENCE)
    whole = CounterQuery("model_requests_total", (LabelMatcher(label="path", value="/p"),))
    async with serving(saying(matrix())) as server, Prometheus(Config(server.url)) as prometheus:
        answers = await read(
            prometheus,
            spare(1, REQUESTS),
            ArmQuery(arm(2), REQUESTS, 60),
            ArmQuery(arm(1), whole, 60),
            ArmQuery(arm(1), ERRORS, 60),
        )
        assert answers == [()] * 4
        assert [query for query in server.queries if "team-1" in query and "team-2" in query] == []
