"""What kopf logs of its watches."""

import asyncio
import logging

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from serinus.controller.watching import WatchAnswers, tell_answers_in_words


def logged(logger: str, cause: Exception | None) -> logging.LogRecord:
    """An error that has a cause, as kopf's own errors about answers have."""
    error = RuntimeError("404 page not found")
    error.__cause__ = cause
    told = (type(error), error, None)
    return logging.LogRecord(logger, logging.ERROR, "", 0, f"has failed: {error}", (), told)


def answer() -> Exception:
    request = aiohttp.RequestInfo(URL("https://api/"), "GET", CIMultiDictProxy(CIMultiDict()))
    return aiohttp.ClientResponseError(request, (), status=404)


def test_what_the_api_server_answered_is_told_without_a_traceback() -> None:
    record = logged("kopf._core.reactor.running", answer())
    assert tell_answers_in_words(record)
    assert (record.getMessage(), record.exc_info) == ("has failed: 404 page not found", None)


@pytest.mark.parametrize(
    ("logger", "cause"),
    [("kopf._core.reactor.running", None), ("kopf.x", ValueError()), ("serinus.x", answer())],
)
def test_a_mistake_is_told_with_its_traceback(logger: str, cause: Exception | None) -> None:
    record = logged(logger, cause)
    assert tell_answers_in_words(record)
    assert record.exc_info


class Answer:
    """Of the API server, as far as it is read."""

    def __init__(self, status: int) -> None:
        self.status = status


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/namespaces/shop/services?watch=true", "Service"),
        ("/apis/apps/v1/deployments?watch=true&resourceVersion=4", "Deployment"),
    ],
)
def test_a_watch_that_is_forbidden_is_known_until_it_is_allowed(path: str, kind: str) -> None:
    answers = WatchAnswers()

    def answered(url: str, status: int) -> frozenset[str]:
        ended = aiohttp.TraceRequestEndParams(
            "GET",
            URL(f"https://api{url}"),
            CIMultiDict(),
            Answer(status),  # type: ignore[arg-type]
        )
        asyncio.run(answers(None, None, ended))
        return answers.forbidden

    assert answered(path.partition("?")[0], 403) == frozenset(), "a list"
    assert answered(path, 500) == frozenset()
    assert answered(path, 403) == {kind}
    assert answered("/apis/apps/v1/controllerrevisions?watch=true", 200) == {kind}
    assert answered(path, 200) == frozenset()
