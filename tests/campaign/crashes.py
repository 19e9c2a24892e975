"""Exceptions that nobody foresaw, as the operator logs them."""

import logging
import traceback
from contextvars import ContextVar

from tests.campaign.history import History

WHOSE: ContextVar[History | None] = ContextVar("whose", default=None)
"""Whose operator it is whose code runs, where several run beside each other."""


class Crashes(logging.Handler):
    """Notes those of one history's operator, and those of nobody's."""

    def __init__(self, history: History) -> None:
        super().__init__(logging.WARNING)
        self._history = history

    def emit(self, record: logging.LogRecord) -> None:
        """Note it if it tells of an exception."""
        if WHOSE.get() not in (None, self._history):
            return
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            frames = traceback.extract_tb(error.__traceback__)
            where = (
                f" in {frames[-1].name}, {frames[-1].filename.rpartition('/')[2]}" if frames else ""
            )
            self._history.crashes.append(f"{type(error).__name__}: {error}{where}")
