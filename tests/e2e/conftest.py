"""One cluster, one operator, and an empty namespace a test."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest

from tests.stage.stage import Stage, stage


@pytest.fixture(scope="session")
def product(progress_shown: AbstractContextManager[None]) -> Iterator[Stage]:
    """The product, installed by its chart."""
    with ExitStack() as until_the_end:
        with progress_shown:
            ready = until_the_end.enter_context(stage())
        yield ready


@pytest.fixture(scope="module")
def namespace(product: Stage, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty namespace for the tests of a module."""
    name = request.module.__name__.rpartition(".")[2].replace("test_", "e2e-").replace("_", "-")
    product.fresh_namespace(name)
    yield name
    product.api.delete("Namespace", "", name)
