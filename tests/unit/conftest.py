"""In which order unit tests begin, and what one leaves to the next."""

import sys
from collections.abc import Iterator
from typing import Final

import pytest

from tests.support.order import longest_first

LONGEST: Final = (
    "test_short_form",
    "test_simulate",
    "test_guarantees",
    "test_allowed_tasks",
    "test_guard_restarts",
    "test_model_server",
    "test_guard",
    "test_raising",
    "test_chosen_steps",
    "test_clock",
    "test_tenants",
    "test_docs",
    "test_chart",
    "test_history",
    "test_forecast",
    "test_gateway_view",
    "test_fuzz",
    "test_comparing",
    "test_retries",
    "test_slowdown",
    "test_replacing",
    "test_recordings",
    "test_readiness",
    "test_many_runs",
    "test_internal_errors",
    "test_guard_changes",
    "test_explained",
    "test_inputs",
)
"""The modules that take more than ten seconds, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules begin."""
    longest_first(items, LONGEST)


@pytest.fixture(autouse=True)
def recursion_limit() -> Iterator[None]:
    """What reads deep objects raises it for the whole process, and so for every later test."""
    before = sys.getrecursionlimit()
    yield
    sys.setrecursionlimit(before)
