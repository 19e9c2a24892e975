"""The client: a batch of questions in, a batch of answers out."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

from prometheus_api_client import PrometheusConnect
from requests.adapters import HTTPAdapter

from serinus.judge.questions import Answer, Unreadable
from serinus.prometheus.answers import TooLargeError, split
from serinus.prometheus.config import Config
from serinus.prometheus.failures import sentence
from serinus.prometheus.queries import Asked, Query, halves, plan
from serinus.prometheus.session import Session


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

    async def __aexit__(self, *_: object) -> None:
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
        return dict.fromkeys(query.asked, Unreadable(sentence(error, self._config)))
