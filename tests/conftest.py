"""What the tests of all layers share."""

import gc
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import pytest

_OBJECTS: Final = 10_000
"""New objects after which the collector looks for garbage; by default 700."""


def pytest_configure() -> None:
    """Most of what a test makes is no garbage before its end."""
    gc.set_threshold(_OBJECTS)


def pytest_collection_finish() -> None:
    """The tests that were found are never garbage, and take long to look through."""
    gc.freeze()


@pytest.fixture(scope="session")
def progress_shown(pytestconfig: pytest.Config) -> Callable[[], AbstractContextManager[None]]:
    """Within it, what is written to stderr is seen at once, not only after a failure."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    shown: Callable[[], AbstractContextManager[None]] = capture.global_and_fixture_disabled
    return shown


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """One for all processes of a run, new for each run."""
    ours = tmp_path_factory.getbasetemp()
    return ours if worker_id == "master" else ours.parent
