"""A cluster in memory for each test, in a loop in which time passes by itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any
from unittest.mock import patch

import pytest

from serinus.cluster import Cluster
from tests.campaign.clock import MovedLoop
from tests.campaign.memory.cluster import MemoryCluster
from tests.campaign.wire import Reply, Request, Wire
from tests.support.inprocess import Operator

Answer = Callable[[Request], Awaitable[Reply | None]]


def pytest_asyncio_loop_factories() -> Mapping[str, Any]:
    """Hours pass in milliseconds."""
    return {"moved": MovedLoop}


@pytest.fixture
async def memory() -> AsyncIterator[MemoryCluster]:
    """A cluster in memory, with whatever acts in it beside the operator."""
    found = MemoryCluster("shop")
    with found.met(), patch("time.time", lambda: found.now):
        yield found


@pytest.fixture
def namespace(memory: MemoryCluster) -> str:
    """A namespace with a Gateway."""
    return memory.namespace


@pytest.fixture
def cluster(memory: MemoryCluster) -> Cluster:
    """Our own client of its API server."""
    return memory.access()


@pytest.fixture
async def operator(memory: MemoryCluster, cluster: Cluster) -> AsyncIterator[Operator]:
    """The operator, with a clock that the test moves."""
    async with Operator(cluster, memory.namespace) as running:
        yield running


class Between(Wire):
    """Between an operator and the API server: notes what is asked, and may answer in its place."""

    def __init__(self, memory: MemoryCluster) -> None:
        super().__init__(memory.send)
        self.before: Answer | None = None
        """Sees each request; an answer of its own goes to the operator, None lets it pass."""
        self.requests: list[Request] = []

    async def call_api(self, request: Request, _request_timeout: float | None = None) -> Reply:
        """As the client's, which does not wait for longer than it is told."""
        self.requests.append(request)
        async with asyncio.timeout(_request_timeout):
            if self.before is not None and (own := await self.before(request)) is not None:
                return own
            return await super().call_api(request)


@pytest.fixture
def between(memory: MemoryCluster) -> Between:
    """Where a test breaks what `through` asks for."""
    return Between(memory)


@pytest.fixture
async def through(memory: MemoryCluster, between: Between) -> AsyncIterator[Operator]:
    """An operator whose requests go through it, those of the user included."""
    client: Any = between
    async with Operator(Cluster(client), memory.namespace) as running:
        yield running
