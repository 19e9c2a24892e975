"""The client: a batch of questions in, a batch of answers out."""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import requests
import urllib3
from prometheus_api_client import PrometheusConnect
from requests.adapters import HTTPAdapter

from serinus.judge.questions import Answer, Unreadable
from serinus.prometheus.answers import TooLargeError, UnreadableError, cleaned, split
from serinus.prometheus.config import Config
from serinus.prometheus.queries import Asked, Query, halves, plan
from serinus.prometheus.session import Session

_LOG = logging.getLogger(__name__)


class Prometheus:
    """Reads samples, on threads of its own; `async with Prometheus(config) as prometheus`."""

    def __init__(self, config: Config) -> None:
        self.queries_sent = 0
        """Queries since the start."""
        self._config = config
        self._turns = asyncio.Semaphore(config.concurrency)
        self._threads = ThreadPoolExecutor(config.concurrency, thread_name_prefix="prometheus")
        session = Session(config)
        self._prometheus = PrometheusConnect(config.base, session=session, method="POST")
        session.mount(config.base, HTTPAdapter(pool_maxsize=config.concurrency, max_retries=0))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._prometheus.close()

    async def read(self, batch: Iterable[Asked]) -> Mapping[Asked, Answer]:
        """An answer to every question of the batch, within the timeout of the configuration.

        Counters of one metric and matchers share a query, over all arms; parts are read once the
        wholes are answered. An answer to Counters may hold samples older than was asked for:
        its query has the longest window of those that share it. Whatever goes wrong is an
        Unreadable, and only for the questions of the query that it befell.
        """
        deadline = time.monotonic() + self._config.timeout
        planned = plan(batch, late=self._config.timeout)
        answers: dict[Asked, Answer] = dict(planned.refused)
        for part in (False, True):
            due = [query for query in planned.queries if query.part is part]
            answers |= await self._all(due, deadline)
        return answers

    async def _answers(self, query: Query, deadline: float) -> dict[Asked, Answer]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(deadline - time.monotonic()), self._turns:
                self.queries_sent += 1
                return await loop.run_in_executor(self._threads, self._ask, query, deadline)
        except TimeoutError as error:
            return self._unreadable(query, error)
        except TooLargeError as error:
            smaller = halves(query, late=self._config.timeout)
            if not smaller:
                return self._unreadable(query, error)
            return await self._all(smaller, deadline)

    async def _all(self, queries: Iterable[Query], deadline: float) -> dict[Asked, Answer]:
        found = await asyncio.gather(*(self._answers(query, deadline) for query in queries))
        return {asked: answer for answers in found for asked, answer in answers.items()}

    def _ask(self, query: Query, deadline: float) -> dict[Asked, Answer]:
        """Runs on a thread."""
        try:
            return split(self._result(query.text, deadline - time.monotonic()), query)
        except TooLargeError:
            raise
        except Exception as error:
            return self._unreadable(query, error)

    def _result(self, text: str, timeout: float) -> Any:
        if timeout <= 0:
            raise TimeoutError
        return self._prometheus.custom_query(
            text,
            params={"timeout": f"{timeout:.3f}"},
            timeout=timeout,
        )

    def _unreadable(self, query: Query, error: Exception) -> dict[Asked, Answer]:
        return dict.fromkeys(query.asked, Unreadable(self._sentence(error)))

    def _sentence(self, error: Exception) -> str:
        """What a person should look at."""
        where = f"Prometheus at {self._config.base}"
        match error:
            case UnreadableError():
                return str(error)
            case TimeoutError() | requests.exceptions.Timeout() | urllib3.exceptions.TimeoutError():
                return (
                    f"{where} did not answer within {self._config.timeout:g}s: check whether it "
                    "runs, and how busy it is."
                )
            case requests.exceptions.SSLError():
                return (
                    f"The certificate of {where} is not trusted: check ca_file and the host name "
                    f"({_root(error)})."
                )
            case requests.exceptions.ConnectionError():
                return f"{where} cannot be reached: check its address and state ({_root(error)})."
            case OSError() | urllib3.exceptions.HTTPError():
                return f"The answer of {where} broke off, or could not be read ({_root(error)})."
        _LOG.exception("a query to %s failed in a way that was not foreseen", where)
        return f"{where} cannot be asked: {type(error).__name__}; the operator's log has more."


def _root(error: BaseException) -> str:
    """The innermost cause, in its own words."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    strerror = error.strerror if isinstance(error, OSError) else None
    return cleaned(strerror or str(error) or type(error).__name__)
