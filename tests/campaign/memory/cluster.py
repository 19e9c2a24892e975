"""A cluster in memory: an API server with the chart's policy, controllers, pods and watches."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final
from unittest.mock import patch

from serinus.cluster import Cluster
from serinus.controller.pace import Pace
from tests.campaign.memory import policy
from tests.campaign.memory.api import MemoryApi
from tests.campaign.memory.jobs import Jobs
from tests.campaign.memory.pods import Pods
from tests.campaign.memory.tasks import Tasks
from tests.campaign.memory.watching import Watches
from tests.campaign.wire import Reply, Request, Wire
from tests.stage.gateways import ACCEPTED, MIRROR, WITHOUT_MIRROR, gateway_class, public

EPOCH: Final = 1_790_000_000.0
TRIP: Final = 0.002
"""Seconds that a request to the API server takes."""


def nobody() -> None:
    """Is told of nothing."""


class MemoryCluster:
    """A namespace with a Gateway, and all that acts in it without the operator.

    It is made inside of an event loop, whose time is that of the cluster.
    """

    def __init__(self, namespace: str, changed: Callable[[], None] = nobody) -> None:
        self._loop = asyncio.get_running_loop()
        self.namespace = namespace
        self.api = MemoryApi(lambda: self.now)
        self.api.refuse += [policy.approvals, policy.reviews_tasks]
        self.api.put({**public(namespace), "status": ACCEPTED})
        self.api.put(gateway_class(*WITHOUT_MIRROR, MIRROR))
        self.pods = Pods(self.api, lambda: self.now, changed)
        self.pods.later = self._later
        self.jobs = Jobs(self.api, lambda: self.now)
        self.jobs.later = self._later
        self.tasks = Tasks(self.api)
        self.tasks.later = self._later
        self.watches = Watches(self.api)
        self.api.watchers += [self.pods.seen, self.jobs.seen, self.tasks.seen]

    @property
    def now(self) -> float:
        """Unix seconds."""
        return EPOCH + self._loop.time()

    def access(self) -> Cluster:
        """Somebody's access to the API server."""
        return Cluster(Wire(self.send))  # type: ignore[arg-type]

    async def send(self, request: Request) -> Reply:
        """What the API server answers."""
        await asyncio.sleep(TRIP)
        return self.api.answer(request)

    def _later(self, delay: float, call: Callable[[], object]) -> None:
        self._loop.call_later(delay, call)

    @contextmanager
    def met(self) -> Iterator[None]:
        """Within it, an operator that is started meets this cluster, and its time."""
        clock = self._loop.time
        with ExitStack() as patched:
            for each in (
                patch("serinus.controller.informer.Watching", self.watches.open),
                # what waits for the API server waits in the time that passes here
                patch("time.monotonic", clock),
                patch.object(Pace.__init__, "__defaults__", (clock,)),
            ):
                patched.enter_context(each)
            yield
