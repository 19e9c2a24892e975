"""The client: a batch of queries in, a batch of results out."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, Self

import requests
import urllib3
from prometheus_api_client import PrometheusConnect
from requests.adapters import HTTPAdapter

from serinus.api.isolation import Part
from serinus.metrics.batches import BatchQuery, halves, plan
from serinus.metrics.queries import ArmQuery, ExpressionQuery, QueryError, QueryResult, Tenant
from serinus.metrics.replicas import Sources, one_replica, undeclared
from serinus.metrics.results import ResponseTooLargeError, split
from serinus.prometheus.config import Config
from serinus.prometheus.failures import SlowError, WaitedError, unreadable
from serinus.prometheus.lanes import Lane
from serinus.prometheus.session import Session

Futures = Mapping[ArmQuery, asyncio.Future[QueryResult]]

_SMALLER: Final = 4
"""The halves of a query that took too long have a quarter of its timeout, so that the slow tenant
among a thousand is found in some steps."""
_LEAST: Final = 1.0
"""Minimum of it in seconds, if the timeout allows it."""
_TIMEOUTS: Final = (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError)
_PROBE: Final = 2.0
"""Seconds within which a running Prometheus answers the simplest query."""
_SPARE: Final = 1.0
"""Seconds for which a batch waits for its spare queries, once all others are answered."""
_LATE: Final = QueryError(
    f"It was not answered within {_SPARE:g}s after the queries of the checks that decide, which do "
    "not wait for it."
)


class Prometheus:
    """Reads samples, on its own threads; `async with Prometheus(config) as prometheus`.

    A tenant is a namespace. Its queries must not delay others: thresholds have separate slots, and
    a tenant whose own queries exceed a limit is queried separately. Spare queries delay nothing.
    """

    def __init__(self, config: Config) -> None:
        self.queries_sent = 0
        """Number of queries since the start."""
        self._config = config
        self._counters, self._values, self._alone, self._spare = self._lanes = [
            Lane(name, config.concurrency) for name in ("counters", "values", "alone", "spare")
        ]
        self._asked_alone: set[Tenant] = set()
        self._next: dict[ArmQuery, asyncio.Future[QueryResult]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sources = Sources()
        session = Session(config)
        self._prometheus = PrometheusConnect(config.base, session=session, method="POST")
        connections = HTTPAdapter(pool_maxsize=len(self._lanes) * config.concurrency, max_retries=0)
        session.mount(config.base, connections)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        for lane in self._lanes:
            lane.close()
        self._prometheus.close()

    async def read(self, batch: Iterable[ArmQuery]) -> Mapping[ArmQuery, QueryResult]:
        """A result for every query of the batch, as soon as these are answered.

        Batches that are read at the same time share queries: counters of one metric and matchers,
        over all arms; parts are read once their own whole is answered. A result for counters may
        have older samples than requested: its query has the longest window of those that share it.
        Errors are QueryErrors, and affect only what was requested in the failed query. A spare
        query that takes longer than the others is one.
        """
        loop = asyncio.get_running_loop()
        if not self._next:
            loop.call_soon(self._send)
        futures = {one: self._next.setdefault(one, loop.create_future()) for one in batch}
        if not futures:
            return {}
        needed = [future for one, future in futures.items() if not one.spare]
        if needed:
            await asyncio.wait(needed)
        if len(needed) < len(futures):
            await asyncio.wait(futures.values(), timeout=_SPARE)
        answers = {one: each.result() if each.done() else _LATE for one, each in futures.items()}
        return self._of_one_prometheus(answers)

    def _of_one_prometheus(
        self, answers: Mapping[ArmQuery, QueryResult]
    ) -> Mapping[ArmQuery, QueryResult]:
        found, replicas = one_replica(answers, self._config.labelling.replicas)
        for asked, answer in found.items():
            if not isinstance(answer, QueryError) and not isinstance(asked.query, ExpressionQuery):
                problem = None if asked.every else undeclared(answer)
                found[asked] = QueryError(problem) if problem else answer
        return self._sources.checked(found, time.monotonic(), replicas)

    # sending

    def _send(self) -> None:
        """Plan all requests since the last iteration of the event loop."""
        futures, self._next = self._next, {}
        together: dict[Tenant | None, list[ArmQuery]] = {}
        for one in futures:
            alone = one.tenant if one.tenant in self._asked_alone else None
            together.setdefault(alone, []).append(one)
        for asked in together.values():
            try:
                planned = plan(asked, self._config.timeout, self._config.labelling)
            except Exception as error:  # whoever waits for these would wait for ever
                _settle(futures, dict.fromkeys(asked, unreadable(error, self._config)))
                continue
            _settle(futures, planned.refused)
            for query in planned.queries:
                self._begin(query, futures)

    def _begin(self, query: BatchQuery, futures: Futures) -> None:
        task = asyncio.create_task(self._finish(query, futures))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(self, query: BatchQuery, futures: Futures) -> None:
        try:
            await self._answer(query, futures, self._config.timeout)
        except Exception as error:
            _settle(futures, self._unreadable(query, error))
        finally:
            # open requests will not be answered: the client stops
            for asked in query.everything:
                futures[asked].cancel()

    async def _answer(
        self, query: BatchQuery, futures: Futures, patience: float, whole_sent: float | None = None
    ) -> None:
        """Answer everything in a query within this many seconds, or its halves; then its parts.

        `whole_sent` is the time at which its whole was sent, if it is a part.
        """
        sent = time.monotonic()
        try:
            answers = await self._ask(query, patience)
        except WaitedError as error:
            _settle(futures, self._unreadable(query, error))
        except (ResponseTooLargeError, SlowError) as error:
            smaller = await self._smaller(query, error, whole_sent)
            if not smaller:
                _settle(futures, self._unreadable(query, error))
            if isinstance(error, SlowError):
                patience = max(patience / _SMALLER, min(patience, _LEAST))
            await self._answer_all(smaller, futures, patience, whole_sent)
        else:
            _settle(futures, answers)
            unread = {one.arm: a for one, a in answers.items() if isinstance(a, QueryError)}
            _settle(futures, {one: unread[one.arm] for one in query.then if one.arm in unread})
            parts = [one for one in query.then if one.arm not in unread]
            planned = plan(parts, self._late(sent), self._config.labelling)
            await self._answer_all(planned.queries, futures, self._config.timeout, sent)

    async def _answer_all(
        self,
        queries: Iterable[BatchQuery],
        futures: Futures,
        patience: float,
        whole_sent: float | None,
    ) -> None:
        answers = (self._answer(each, futures, patience, whole_sent) for each in queries)
        await asyncio.gather(*answers)

    async def _smaller(
        self, query: BatchQuery, error: Exception, whole_sent: float | None
    ) -> tuple[BatchQuery, ...]:
        """The queries that replace a query that exceeded a limit; none if that is useless."""
        if isinstance(error, SlowError) and not query.is_value and not await self._is_there():
            return ()
        if len(query.tenants) == 1:
            self._asked_alone |= query.tenants
        return halves(query, self._late(whole_sent), self._config.labelling)

    def _late(self, whole_sent: float | None) -> float:
        """Seconds by which a part may be read after its whole."""
        since = 0.0 if whole_sent is None else time.monotonic() - whole_sent
        return since + self._config.timeout

    async def _is_there(self) -> bool:
        """Whether Prometheus answers at all: otherwise smaller queries are useless."""
        try:
            await self._sent("1", self._alone, None, min(self._config.timeout, _PROBE))
        except Exception:
            return False
        return True

    async def _ask(self, query: BatchQuery, patience: float) -> dict[ArmQuery, QueryResult]:
        """Raises WaitedError, or the error that shows that less must be requested."""
        tenants = query.tenants
        alone = tenants & self._asked_alone if len(tenants) == 1 else frozenset()
        lane = self._alone if alone else self._values if query.is_value else self._counters
        lane = self._spare if query.spare else lane
        tenant = min(tenants)[0] if alone or query.is_value else None
        began = time.monotonic()
        try:
            result = await self._sent(query.text, lane, tenant, patience, query.limit)
        except (ResponseTooLargeError, SlowError, WaitedError):
            raise
        except Exception as error:
            return self._unreadable(query, error)
        if time.monotonic() - began < patience / _SMALLER:
            self._asked_alone -= alone
        return await lane.run(partial(self._split, result, query))

    async def _sent(
        self, text: str, lane: Lane, tenant: str | None, patience: float, limit: int = 1
    ) -> Any:
        deadline = time.monotonic() + patience
        sent = False
        try:
            async with asyncio.timeout(patience), lane.turn(tenant):
                sent = True
                self.queries_sent += 1
                return await lane.run(partial(self._result, text, deadline, limit))
        except (TimeoutError, *_TIMEOUTS):
            raise SlowError if sent else WaitedError from None

    def _split(self, result: Any, query: BatchQuery) -> dict[ArmQuery, QueryResult]:
        try:
            return split(result, query, self._config.labelling)
        except Exception as error:
            return self._unreadable(query, error)

    def _result(self, text: str, deadline: float, limit: int) -> Any:
        """Runs on a thread."""
        timeout = deadline - time.monotonic()
        if timeout <= 0:
            raise TimeoutError
        # those that do not know `limit` ignore it, and what is too much is found in the answer
        params = {"timeout": f"{timeout:.3f}", "limit": str(limit)}
        if self._config.read_offset:
            params["time"] = f"{time.time() - self._config.read_offset:.3f}"
        return self._prometheus.custom_query(text, params=params, timeout=timeout)

    def _unreadable(self, query: BatchQuery, error: Exception) -> dict[ArmQuery, QueryResult]:
        answer = unreadable(error, self._config)
        if answer.fault and query.spare:
            answer = replace(answer, fault=answer.fault.within(Part.AUDIT))
        return dict.fromkeys(query.everything, answer)


def _settle(futures: Futures, answers: Mapping[ArmQuery, QueryResult]) -> None:
    for asked, answer in answers.items():
        if not futures[asked].done():
            futures[asked].set_result(answer)
