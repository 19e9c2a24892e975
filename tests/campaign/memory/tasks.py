"""The controllers of what is run instead of Jobs: each object runs for a while and ends."""

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.campaign.memory.api import MemoryApi
from tests.campaign.memory.jobs import ENDLESS, JOB_TAKES
from tests.support.task_kinds import TASK_KINDS, ended

Manifest = dict[str, Any]


class Tasks:
    """They say what has become of each object in its status, as their kinds do."""

    def __init__(self, api: MemoryApi) -> None:
        self._api = api
        self.later: Callable[[float, Callable[[], object]], None]
        self.how = "succeeds"
        """How those end that end from now on: succeeds, fails, or ENDLESS."""

    def seen(self, event: str, live: Manifest) -> None:
        """Something was written."""
        kind = next((each for each in TASK_KINDS if each.kind == live["kind"]), None)
        if event == "ADDED" and kind is not None:
            self._api.set_status(live, ended(kind, "Running") if kind is TASK_KINDS[0] else {})
            self.later(JOB_TAKES, partial(self._end, live))

    def _end(self, live: Manifest) -> None:
        kind = next(each for each in TASK_KINDS if each.kind == live["kind"])
        if self.how == ENDLESS:
            return
        good = self.how == "succeeds"
        message = "" if good else "step train: no data"
        self._api.set_status(live, ended(kind, "Succeeded" if good else "Failed", message))
