"""Many who look at the dashboard: real HTTP, and no API server."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from serinus.page import rendering
from serinus.page.api_server import ApiServer
from serinus.page.known import KnownObjects, LiveObject
from serinus.page.look_history import LookHistory
from serinus.page.server import Page
from serinus.page.snapshot import EVERY
from serinus.page.streams import Streams
from serinus.page.viewers import UnknownViewerError
from serinus.views.reading import Live
from tests.integration.pages import Served, listening
from tests.support.page_load import Load, measured, objects
from tests.support.replayed import replayed

STATES = list(replayed())


@pytest.mark.exhaustive
async def test_a_hundred_tabs_on_five_hundred_rollouts_hold_no_probe_up() -> None:
    """The pieces of the event loop are bounded by their CPU time, which a busy machine does not
    change. The bounds of the probes are wide, since other tests run meanwhile: the median is some
    milliseconds, and was 1.3 to 3.2 s while each tab had a list rendered."""
    load = Load(rollouts=500, tabs=100, changes=50, seconds=5.0)
    figures = await measured(load)
    print(figures)
    assert figures.strange == frozenset(), "nobody may see what was rendered for others"
    assert figures.longest < 0.1
    assert figures.quantile(0.5) < 0.5
    assert figures.quantile(0.99) < 2.0, "the readiness probe has two seconds"
    assert load.tabs < figures.answers < load.tabs * (3 + figures.seconds / EVERY)


async def test_a_probe_does_not_wait_until_a_burst_of_events_is_over(tmp_path: Path) -> None:
    """As after a connection that was lost, or when all rollouts begin at once."""
    turn, turns = 0, list[int]()

    class Noting(KnownObjects):
        def put(self, found: LiveObject) -> None:
            turns.append(turn)
            super().put(found)

    async def count() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            items = list(objects(40))
            return web.json_response({"items": items, "metadata": {"resourceVersion": "1"}})
        events = web.StreamResponse()
        await events.prepare(request)
        found = [
            {**each, "metadata": {**each["metadata"], "resourceVersion": "2"}} for each in there
        ]
        lines = (json.dumps({"type": "MODIFIED", "object": each}) + "\n" for each in found)
        await events.write("".join(lines).encode())
        await asyncio.sleep(60)
        return events

    there, api, token = list(objects(40)), web.Application(), tmp_path / "token"
    token.write_text("t")
    api.router.add_get("/{path:.*}", answer)
    async with listening(api) as url, aiohttp.ClientSession(read_bufsize=16 * 2**20) as http:
        tasks = [asyncio.create_task(count())]
        known = Noting()
        tasks.append(asyncio.create_task(ApiServer(http, url, token).follow(known, "")))
        async with asyncio.timeout(30):
            while len(turns) < 3 * len(there):  # listed, known to be complete, and changed
                await asyncio.sleep(0.05)
        for each in tasks:
            each.cancel()
    listed, changed = turns[: len(there)], turns[2 * len(there) :]
    assert len(set(listed)) == len(set(changed)) == len(there)


class ByToken:
    """The token names the namespaces."""

    async def namespaces(
        self, token: str, among: Collection[str], address: str = ""
    ) -> frozenset[str]:
        return frozenset(among) & set(token.split("+"))

    async def sees(self, token: str, namespace: str, name: str, address: str = "") -> bool:
        return namespace in token.split("+")


@pytest.fixture
async def page() -> AsyncIterator[Served]:
    known = KnownObjects()
    put(known, 0, "shop")
    put(known, 0, "bank")
    async with listening(Page(known, ByToken(), login=True).application()) as url:
        yield Served(url, known)


def put(known: KnownObjects, number: int, namespace: str) -> None:
    metadata = {"namespace": namespace, "name": "loan", "resourceVersion": str(number)}
    known.put({**STATES[number], "metadata": metadata})


async def part(page: Served, path: str, token: str, tag: str = "") -> tuple[int, str, str]:
    status, text, headers = await page.get(
        path, token, **{"HX-Request": "true", "If-None-Match": tag}
    )
    assert headers["Cache-Control"] == "no-store", "a shared browser keeps nothing"
    return status, text, headers.get("ETag", "")


@pytest.mark.parametrize("path", ["/", "/rollouts/shop/loan"])
async def test_what_a_browser_shows_already_is_not_sent_again(page: Served, path: str) -> None:
    status, text, tag = await part(page, path, "shop")
    assert (status, "loan" in text) == (200, True)
    assert await part(page, path, "shop", tag) == (304, "", tag)
    put(page.known, 0, "bank")
    assert (await part(page, path, "shop", tag))[0] == 304
    put(page.known, len(STATES) - 1, "shop")
    await asyncio.sleep(EVERY)
    status, text, newer = await part(page, path, "shop", tag)
    assert (status, "RolledBack" in text, newer != tag) == (200, True, True)
    assert (await page.get(path, "shop", **{"If-None-Match": newer}))[0] == 200, "the whole page"


async def test_what_others_have_is_no_answer_to_who_may_not_see_it(page: Served) -> None:
    _, all_, tag = await part(page, "/", "shop+bank")
    assert "shop" in all_ and "bank" in all_
    status, text, other = await part(page, "/", "shop", tag)
    assert (status, "bank" in text, other != tag) == (200, False, True)
    _, _, tag = await part(page, "/rollouts/bank/loan", "shop+bank")
    for token in ("shop", ""):
        status, text, _ = await part(page, "/rollouts/bank/loan", token, tag)
        assert (status, "candidate" in text) == (404, False)


async def test_tokens_that_nobody_has_take_no_stream_of_who_has_one() -> None:
    known, rights = KnownObjects(), ByToken()
    put(known, 0, "shop")
    asked, answers = 0, asyncio.Event()

    class Slow(ByToken):
        async def namespaces(
            self, token: str, among: Collection[str], address: str = ""
        ) -> frozenset[str]:
            nonlocal asked
            asked += 1
            if token == "fake":
                await answers.wait()
                raise UnknownViewerError
            return await rights.namespaces(token, among, address)

    page = Page(known, Slow(), login=True, streams=Streams(most=3))
    async with listening(page.application()) as url, aiohttp.ClientSession() as http:
        fake = {"Authorization": "Bearer fake"}
        flood = [asyncio.create_task(http.get(f"{url}/events", headers=fake)) for _ in range(10)]
        while asked < len(flood):
            await asyncio.sleep(0.01)
        async with http.get(f"{url}/events", headers={"Authorization": "Bearer shop"}) as stream:
            assert stream.status == 200
        answers.set()
        assert {(await each).status for each in flood} == {401}


async def test_another_filter_is_another_list(page: Served) -> None:
    _, _, tag = await part(page, "/", "shop+bank")
    status, text, _ = await part(page, "/?q=bank", "shop+bank", tag)
    assert (status, "shop" in text, "bank" in text) == (200, False, True)


async def test_the_list_is_sent_packed_to_who_unpacks_it(page: Served) -> None:
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        for coding, packed in (("gzip, deflate", True), ("identity", False)):
            headers = {"Authorization": "Bearer shop", "Accept-Encoding": coding}
            async with http.get(page.url, headers={**headers, "HX-Request": "true"}) as answer:
                assert (await answer.read()).startswith(b"\x1f\x8b") == packed
                assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
                assert "Accept-Encoding" in answer.headers["Vary"]


async def test_a_rollout_that_cannot_be_rendered_is_told_as_such_and_others_are_shown(
    page: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = rendering.rollout

    def raising(live: Live, history: LookHistory, now: float) -> Iterator[str]:
        if live.namespace == "bank":
            raise ZeroDivisionError
        return shown(live, history, now)

    monkeypatch.setattr(rendering, "rollout", raising)
    status, text, _ = await page.get("/rollouts/bank/loan", "bank")
    assert (status, "An internal error of the dashboard" in text) == (500, True)
    assert (await page.get("/rollouts/shop/loan", "shop"))[0] == 200
