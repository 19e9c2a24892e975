"""What is the same for many is rendered once, and nobody gets what was rendered for others."""

import asyncio
import gzip
from collections.abc import Iterator

from serinus.page import renderings
from serinus.page.renderings import FRESH_FOR, Renderings


async def test_many_who_see_the_same_and_ask_at_once_get_one_rendering() -> None:
    found, made = Renderings(), []

    def pieces(text: str) -> Iterator[str]:
        made.append(text)
        yield from text

    async def ask(key: str, state: str) -> str:
        answer = await found.of(key, state, lambda: pieces(f"{key}{state}"))
        assert gzip.decompress(answer.packed).decode() == answer.html
        return answer.html

    asked = [(key, "1") for key in ("all", "shop")] * 50
    answers = await asyncio.gather(*(ask(*each) for each in asked))
    assert answers == [f"{key}{state}" for key, state in asked]
    assert sorted(made) == ["all1", "shop1"]
    assert await ask("all", "2") == "all2"
    assert await ask("shop", "1") == "shop1"
    assert sorted(made) == ["all1", "all2", "shop1"]


async def test_it_is_rendered_again_after_some_seconds_and_then_others_are_forgotten() -> None:
    now, made = 0.0, []
    found = Renderings(lambda: now)

    def pieces(key: str) -> Iterator[str]:
        made.append(key)
        yield key

    async def ask(key: str) -> None:
        await found.of(key, "1", lambda: pieces(key))

    await ask("a")
    await ask("b")
    now = FRESH_FOR
    await ask("b")
    assert made == ["a", "b", "b"]
    assert list(found._latest) == ["b"]


async def test_while_a_long_list_is_rendered_others_have_their_turn() -> None:
    turns, done = 0, False

    async def probe() -> None:
        nonlocal turns
        while not done:
            turns += 1
            await asyncio.sleep(0)

    probing = asyncio.create_task(probe())
    pieces = iter(["x"] * (50 * renderings._AT_ONCE))
    answer = await Renderings().of("all", "1", lambda: pieces)
    done = True
    await probing
    assert len(answer.html) == 50 * renderings._AT_ONCE
    assert turns >= 50
