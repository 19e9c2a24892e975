"""A sender and a real receiver: turns, order, and what is given up."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from serinus.api.notifications import Endpoint
from serinus.api.status import Notice
from serinus.notifications.forms import Subject
from serinus.notifications.resolving import Resolver
from serinus.notifications.sender import Sender
from tests.support.receiver import Attempt, Receiver


def notice(number: int, at: float | None = None) -> Notice:
    moment = time.time() if at is None else at
    identifier = f"{number:032}"
    return Notice(id=identifier, kind="Started", at=moment, reason="RolloutStarted", to=["ops"])


def sender(receiver: Receiver, told: Callable[[Subject], None] = lambda _: None) -> Sender:
    folder = str(receiver.folder)
    given = {"name": "ops", "form": "CloudEvents", "folder": folder, "allowHttp": True}
    return Sender(Endpoint.model_validate(given), told)


@asynccontextmanager
async def running(under_test: Sender) -> AsyncIterator[None]:
    task = asyncio.create_task(under_test.run())
    yield
    task.cancel()
    await asyncio.wait([task])


async def test_a_thousand_objects_are_told_in_order_and_one_that_fails_holds_up_none(
    tmp_path: Path,
) -> None:
    async def behave(attempt: Attempt) -> web.Response:
        return web.Response(status=500 if attempt.event["data"]["name"] == "m7" else 204)

    under_test = sender(receiver := Receiver(tmp_path / "ops", behave=behave))
    for number in range(1000):
        subject = Subject("shop", f"m{number}")
        under_test.offer(str(number), subject, [notice(2 * number), notice(2 * number + 1)])
    async with receiver, running(under_test):
        await receiver.until(lambda r: len(r.taken) == 2 * 999)
    by_name: dict[str, list[str]] = {}
    for attempt in receiver.taken:
        by_name.setdefault(attempt.event["data"]["name"], []).append(attempt.event["id"])
    assert all(ids == sorted(ids) for ids in by_name.values())
    assert "m7" not in by_name
    failed = [each for each in receiver.attempts if each.event["data"]["name"] == "m7"]
    assert {each.event["id"] for each in failed} == {notice(14).id}, "its second one waits"


async def test_what_is_told_is_not_told_again_while_the_status_still_has_it(
    tmp_path: Path,
) -> None:
    told: list[Subject] = []
    under_test = sender(receiver := Receiver(tmp_path / "ops"), told.append)
    subject, written = Subject("shop", "fraud"), [notice(1)]
    async with receiver, running(under_test):
        under_test.offer("uid", subject, written)
        await receiver.until(lambda r: len(r.taken) == 1)
        while not told:
            await asyncio.sleep(0.01)
        assert under_test.done_of("uid") == {notice(1).id}
        under_test.offer("uid", subject, written)
        under_test.offer("uid", subject, [*written, notice(2)])
        await receiver.until(lambda r: len(r.taken) == 2)
        under_test.offer("uid", subject, [])
        assert under_test.done_of("uid") == set()
    assert [each.event["id"] for each in receiver.taken] == [notice(1).id, notice(2).id]
    assert told == [subject, subject]


async def test_a_notice_of_yesterday_has_one_attempt_and_one_of_tomorrow_has_many(
    tmp_path: Path,
) -> None:
    """The clock of another operator may be ahead, or ours may have been."""

    async def behave(_: Attempt) -> web.Response:
        return web.Response(status=503)

    under_test = sender(receiver := Receiver(tmp_path / "ops", behave=behave))
    under_test.offer("old", Subject("shop", "old"), [notice(1, time.time() - 90_000)])
    under_test.offer("new", Subject("shop", "new"), [notice(2, time.time() + 90_000)])
    async with receiver, running(under_test):
        await receiver.until(lambda r: len(r.attempts) >= 4)
        names = [each.event["data"]["name"] for each in receiver.attempts]
    assert names.count("old") == 1
    assert under_test.outcomes["expired"] == 1
    assert under_test.done_of("old") == {notice(1).id}, "so that the status drops it"


async def test_what_is_due_of_a_deleted_object_is_told_and_then_forgotten(tmp_path: Path) -> None:
    under_test = sender(receiver := Receiver(tmp_path / "ops"))
    under_test.offer("uid", Subject("shop", "fraud"), [notice(1), notice(2)])
    under_test.forget("uid")
    async with receiver, running(under_test):
        await receiver.until(lambda r: len(r.taken) == 2)
        under_test.offer("other", Subject("shop", "loan"), [notice(3)])
        await receiver.until(lambda r: len(r.taken) == 3)
    assert under_test.done_of("uid") == set()


async def test_an_object_that_was_left_out_for_a_while_is_told_once(tmp_path: Path) -> None:
    under_test = sender(receiver := Receiver(tmp_path / "ops"))
    subject, written = Subject("shop", "fraud"), [notice(1)]
    under_test.offer("uid", subject, written)
    under_test.forget("uid")
    under_test.offer("uid", subject, written)
    async with receiver, running(under_test):
        await receiver.until(lambda r: len(r.taken) == 1)
        while not under_test.done_of("uid"):
            await asyncio.sleep(0.01)
        under_test.offer("uid", subject, written)
        under_test.offer("other", Subject("shop", "loan"), [notice(2)])
        await receiver.until(lambda r: len(r.taken) == 2)
    assert [each.event["id"] for each in receiver.taken] == [notice(1).id, notice(2).id]


async def test_another_leader_is_not_helped(tmp_path: Path) -> None:
    under_test = sender(receiver := Receiver(tmp_path / "ops"))
    under_test.offer("uid", Subject("shop", "fraud"), [notice(1)])
    under_test.forget_everything()
    async with receiver, running(under_test):
        under_test.offer("other", Subject("shop", "loan"), [notice(2)])
        await receiver.until(lambda r: len(r.taken) == 1)
    assert [each.event["id"] for each in receiver.attempts] == [notice(2).id]


async def test_a_name_is_looked_up_though_the_shared_threads_hang() -> None:
    ended = threading.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    stuck = asyncio.ensure_future(asyncio.to_thread(ended.wait))
    await asyncio.sleep(0)
    resolver = Resolver("ops")
    try:
        found = await asyncio.wait_for(resolver.resolve("localhost", 80), 10)
    finally:
        ended.set()
        await stuck
        await resolver.close()
    assert ("127.0.0.1", 80) in [(each["host"], each["port"]) for each in found]
