"""Rights are asked for once in a while, and never guessed."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from serinus.page import viewers
from serinus.page.server import hosts_of
from serinus.page.viewers import (
    ALLOWED_FOR,
    REMEMBERED_FOR,
    Review,
    Reviewed,
    TooManyError,
    UnavailableError,
    UnknownViewerError,
)

Asked = list[tuple[str, str, str, str]]


def reviewing(asked: Asked, allowed: Callable[[str, str], bool]) -> Review:
    async def review(token: str, verb: str, namespace: str, name: str) -> bool:
        asked.append((token, verb, namespace, name))
        return allowed(token, namespace)

    return review


async def test_one_answer_is_enough_for_who_may_list_everything() -> None:
    asked: Asked = []
    rights = Reviewed(reviewing(asked, lambda token, namespace: True))
    assert await rights.namespaces("admin", ["a", "b"]) == {"a", "b"}
    assert await rights.sees("admin", "a", "loan")
    assert asked == [("admin", "list", "", "")]


async def test_others_are_asked_about_namespace_by_namespace_and_by_token() -> None:
    asked: Asked = []
    rights = Reviewed(reviewing(asked, lambda token, namespace: namespace == token))
    assert await rights.namespaces("a", ["a", "b"]) == {"a"}
    assert await rights.namespaces("b", ["a", "b"]) == {"b"}
    assert not await rights.sees("a", "b", "loan")
    assert asked[-1] == ("a", "get", "b", "loan")


async def test_an_answer_counts_for_some_seconds() -> None:
    asked: Asked = []
    now = 0.0
    rights = Reviewed(reviewing(asked, lambda token, namespace: now == 0), lambda: now)
    for _ in range(3):
        assert await rights.namespaces("t", ["a"]) == {"a"}
    assert len(asked) == 1
    now = ALLOWED_FOR
    assert await rights.namespaces("t", ["a"]) == set()


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "\u00e9", "a" * 9000])
async def test_what_is_no_token_is_not_sent(token: str) -> None:
    asked: Asked = []
    rights = Reviewed(reviewing(asked, lambda token, namespace: True))
    with pytest.raises(UnknownViewerError):
        await rights.namespaces(token, ["a"])
    assert asked == []


@pytest.mark.parametrize("error", [UnknownViewerError, UnavailableError])
async def test_without_an_answer_nothing_is_seen_and_nothing_is_kept(
    error: type[Exception],
) -> None:
    fails, now = True, 0.0

    async def review(token: str, verb: str, namespace: str, name: str) -> bool:
        if fails:
            raise error
        return True

    rights = Reviewed(review, lambda: now)
    with pytest.raises(error):
        await rights.sees("t", "a", "loan")
    fails, now = False, 5.0
    assert await rights.sees("t", "a", "loan")


async def test_while_nobody_answers_the_last_answer_counts_for_an_hour_and_nobody_waits() -> None:
    asked: Asked = []
    now: float = 0.0
    error: Exception | None = None

    async def review(token: str, verb: str, namespace: str, name: str) -> bool:
        asked.append((token, verb, namespace, name))
        if error:
            raise error
        return namespace == "a"

    rights = Reviewed(review, lambda: now)
    assert await rights.namespaces("t", ["a", "b"]) == {"a"}
    asked.clear()
    error = UnavailableError()
    for later in (ALLOWED_FOR, ALLOWED_FOR + 1, REMEMBERED_FOR - 1):
        now = later
        assert await rights.namespaces("t", ["a", "b"]) == {"a"}
        assert await rights.sees("t", "a", "loan")
        with pytest.raises(UnavailableError):
            await rights.sees("t", "b", "loan")
        with pytest.raises(UnavailableError):
            await rights.namespaces("of.somebody.else", ["a"])
    assert len(asked) == 2, "one request in vain is enough for some seconds"
    now = REMEMBERED_FOR
    with pytest.raises(UnavailableError):
        await rights.namespaces("t", ["a", "b"])


async def test_a_viewer_whom_the_api_server_answers_no_more_keeps_nobody_else_out() -> None:
    async def review(token: str, verb: str, namespace: str, name: str) -> bool:
        if token == "greedy":
            raise TooManyError
        return True

    rights = Reviewed(review, lambda: 0.0)
    with pytest.raises(UnavailableError):
        await rights.sees("greedy", "a", "loan")
    assert await rights.sees("t", "a", "loan")


async def test_a_token_that_was_refused_sees_nothing_in_an_outage_after_that() -> None:
    now: float = 0.0
    error: Exception | None = None

    async def review(token: str, verb: str, namespace: str, name: str) -> bool:
        if error:
            raise error
        return True

    rights = Reviewed(review, lambda: now)
    assert await rights.sees("t", "a", "loan")
    now, error = ALLOWED_FOR, UnknownViewerError()
    with pytest.raises(UnknownViewerError):
        await rights.sees("t", "a", "loan")
    error = UnavailableError()
    with pytest.raises(UnavailableError):
        await rights.sees("t", "a", "loan")


async def test_the_answers_are_bounded_and_no_token_is_among_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(viewers, "MOST_ANSWERS", 10)
    rights = Reviewed(reviewing([], lambda token, namespace: True))
    for number in range(100):
        await rights.namespaces(f"secret-{number}", [])
    assert len(rights._answers) <= 10
    assert "secret" not in repr(rights._answers)


def test_a_local_page_answers_by_local_names_only() -> None:
    assert hosts_of("127.0.0.1") == frozenset({"localhost", "127.0.0.1", "::1"})
    assert "10.0.0.1" in (hosts_of("10.0.0.1") or ())
    assert hosts_of("0.0.0.0") is None


class Slow:
    """An API server that answers when it is told to; it accepts tokens that begin with `real`."""

    def __init__(self) -> None:
        self.asked: Asked = []
        self._answers = asyncio.Event()
        self.rights = Reviewed(self._review)

    async def _review(self, token: str, verb: str, namespace: str, name: str) -> bool:
        self.asked.append((token, verb, namespace, name))
        await self._answers.wait()
        if not token.startswith("real"):
            raise UnknownViewerError
        return namespace != ""

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        self._answers.set()
        yield
        self._answers.clear()

    def flood(self, address: str) -> list[asyncio.Task[frozenset[str]]]:
        """Many requests with tokens that nobody has."""
        return [
            asyncio.create_task(self.rights.namespaces(f"fake-{each}", ["a"], address))
            for each in range(100)
        ]

    async def waits_for(self, *tokens: str) -> bool:
        """Whether the API server is asked about them, without anything being answered."""
        for _ in range(20):
            await asyncio.sleep(0)
        return set(tokens) <= {token for token, *_ in self.asked}


async def ended(tasks: list[asyncio.Task[frozenset[str]]]) -> None:
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_tokens_that_nobody_has_take_no_turn_of_a_viewer_who_was_accepted() -> None:
    slow = Slow()
    async with slow.answering():
        await slow.rights.sees("real-1", "a", "loan")
    flood = slow.flood("10.0.0.1") + slow.flood("10.0.0.2") + slow.flood("10.0.0.3")
    assert await slow.waits_for("fake-0")
    asked = len(slow.asked)
    assert asked < 10, "and the API server gets few of them at a time"
    viewer = asyncio.create_task(slow.rights.namespaces("real-1", ["b"], "10.0.0.1"))
    await slow.waits_for()
    assert slow.asked[asked:] == [("real-1", "list", "b", "")], "from the same address as well"
    async with slow.answering():
        assert await viewer == {"b"}
    await ended(flood)


async def test_tokens_that_nobody_has_do_not_keep_a_new_viewer_of_another_address_out() -> None:
    slow = Slow()
    flood = slow.flood("10.0.0.1")
    assert await slow.waits_for("fake-0")
    viewer = asyncio.create_task(slow.rights.namespaces("real-1", ["a"], "10.0.0.2"))
    assert await slow.waits_for("real-1")
    async with slow.answering():
        assert await viewer == {"a"}
    await ended(flood)


async def test_a_viewer_who_asks_without_end_leaves_turns_to_others() -> None:
    slow = Slow()
    async with slow.answering():
        for token in ("real-1", "real-2"):
            await slow.rights.sees(token, "a", "loan")
    many = [f"team-{each}" for each in range(100)]
    greedy = [asyncio.create_task(slow.rights.namespaces("real-1", many))]
    await slow.waits_for()
    other = [asyncio.create_task(slow.rights.namespaces("real-2", ["b"]))]
    await slow.waits_for()
    assert ("real-2", "list", "b", "") in slow.asked
    await ended(greedy + other)


async def test_who_waits_no_longer_is_forgotten() -> None:
    slow = Slow()
    flood = slow.flood("10.0.0.1")
    await slow.waits_for("fake-0")
    await ended(flood)
    del flood
    await asyncio.sleep(0)
    gc.collect()
    assert not slow.rights._strangers._of
