"""One cluster and one operator for all, an empty namespace a module, and an operator of its own for
a module that disturbs one.

Modules run beside each other. One that must not is marked `alone`; one that may only beside few is
marked `quiet`.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.cluster import cache, description, kind
from tests.stage.operator import Operator
from tests.stage.stage import CLUSTER, Stage, bring_up, connected
from tests.support.order import longest_first

# kind is preferred where it can run, and its clusters keep no audit log
collect_ignore = ["test_audit_log.py"] if kind.can_run() else []

LONGEST: Final = (
    "test_auto_steps",
    "test_bad_node",
    "test_readme",
    "test_story",
    "test_examples",
    "test_page",
    "test_long_examples",
    "test_judged_examples",
    "test_connections_cut",
    "test_without_gateway",
    "test_lifecycle",
    "test_killed",
    "test_cluster_leaves_nothing",
    "test_mirror",
    "test_bad_days",
    "test_grpc",
    "test_arms_differ",
    "test_second_prometheus",
    "test_traffic_share",
    "test_prometheus_outage",
    "test_hanging_candidate",
    "test_guard_readiness",
    "test_shared_outage",
    "test_sick_baseline",
    "test_missing_feature",
    "test_crash_loop",
)
"""The modules that take more than a minute, the longest first. A worker with a module of one or two
tests takes the next one at once, which is a short one here."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules begin."""
    longest_first(items, LONGEST)


@pytest.fixture(scope="session")
def product(
    progress_shown: Callable[[], AbstractContextManager[None]], run_folder: Path
) -> Iterator[Stage]:
    """The product, installed by its chart: by the first process of a run, for all of them."""
    is_up = run_folder / "is-up"
    lock = f"stage-{cache.digest(str(description.folder_of(CLUSTER)))}"
    with progress_shown(), cache.locked(lock):
        if not is_up.exists():
            bring_up()
            is_up.touch()
    with connected() as ready:
        yield ready


@pytest.fixture(scope="module")
def namespace(product: Stage, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty namespace for the tests of a module."""
    name = _name(request)
    product.fresh_namespace(name)
    yield name
    product.api.delete("Namespace", "", name)


@pytest.fixture(scope="module")
def operator(product: Stage, request: pytest.FixtureRequest) -> Iterator[Operator]:
    """An operator for the module alone, which may kill, upgrade, reconfigure or remove it; it acts
    on the ModelDeployments of its class."""
    name = _name(request)
    own = replace(
        product.operator, namespace=f"{name}-operator", release=name, klass=name, replicas=1
    )
    with ExitStack() as removed:
        removed.callback(product.api.delete, "Namespace", "", own.namespace)
        removed.callback(own.uninstall)
        own.uninstall()  # what is left of a run that was killed
        product.fresh_namespace(own.namespace)
        own.install(product.operator_image)
        yield own


def _name(request: pytest.FixtureRequest) -> str:
    """What a module calls its own in the cluster."""
    name: str = request.module.__name__
    return name.rpartition(".")[2].replace("test_", "e2e-").replace("_", "-")
