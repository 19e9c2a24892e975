"""Rights are asked for once in a while, and never guessed."""

from collections.abc import Callable

import pytest

from serinus.page import viewers
from serinus.page.server import hosts_of
from serinus.page.viewers import ALLOWED_FOR, Review, Reviewed, UnavailableError, UnknownViewerError

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
    fails = True

    async def review(token: str, verb: str, namespace: str, name: str) -> bool:
        if fails:
            raise error
        return True

    rights = Reviewed(review)
    with pytest.raises(error):
        await rights.sees("t", "a", "loan")
    fails = False
    assert await rights.sees("t", "a", "loan")


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
