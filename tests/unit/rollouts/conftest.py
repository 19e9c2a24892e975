"""A cluster in memory for each test, in a loop in which time passes by itself."""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from unittest.mock import patch

import pytest

from serinus.cluster import Cluster
from tests.campaign.clock import MovedLoop
from tests.campaign.memory.cluster import MemoryCluster
from tests.support.inprocess import Operator


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
