"""What the tests of all layers share."""

from contextlib import AbstractContextManager

import pytest


@pytest.fixture(scope="session")
def progress_shown(pytestconfig: pytest.Config) -> AbstractContextManager[None]:
    """Within it, what is written to stderr is seen at once, not only after a failure."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    shown: AbstractContextManager[None] = capture.global_and_fixture_disabled()
    return shown
