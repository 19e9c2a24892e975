"""Which ModelDeployments this operator acts on, if several are installed.

Those of its class, as with an IngressClass. A cluster-wide operator ignores namespaces with their
own operator of the same class: it can see their Leases, while an operator for one namespace has no
permissions beyond it.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from serinus.api.spec import DEFAULT_CLASS
from serinus.cluster import ApiError, Cluster

log = logging.getLogger(__name__)

CLASS_LABEL: Final = "serinus.dev/class"
"""Label of the Lease of an operator for one namespace: its class."""
LOOK: Final = 60.0
"""Seconds between two lists of operators of namespaces."""
RETRY: Final = 5.0


class Scope:
    """A class, and the ignored namespaces."""

    def __init__(self, class_name: str = DEFAULT_CLASS, look: float = LOOK) -> None:
        self.class_name = class_name
        self.left_out: frozenset[str] = frozenset()
        self._look = look

    def includes(self, live: dict[str, Any]) -> bool:
        """Whether this operator acts on a ModelDeployment."""
        named = live["spec"].get("class", DEFAULT_CLASS)
        return named == self.class_name and live["metadata"]["namespace"] not in self.left_out

    async def find_others(self, cluster: Cluster) -> frozenset[str]:
        """List which namespaces have their own operator; returns those that changed."""
        while True:
            try:
                leases = await cluster.list("Lease", selector=f"{CLASS_LABEL}={self.class_name}")
                break
            except ApiError as error:
                log.warning("cannot list the operators of namespaces: %s", error)
                await asyncio.sleep(RETRY)
        found = frozenset(lease["metadata"]["namespace"] for lease in leases)
        changed = found ^ self.left_out
        for namespace in sorted(found - self.left_out):
            log.warning(
                "namespace %s has its own operator of class %s and is ignored",
                namespace,
                self.class_name,
            )
        for namespace in sorted(self.left_out - found):
            log.info("namespace %s no longer has its own operator", namespace)
        self.left_out = found
        return changed

    async def keep_finding(
        self, cluster: Cluster, changed: Callable[[frozenset[str]], None]
    ) -> None:
        """List repeatedly until cancelled."""
        while True:
            await asyncio.sleep(self._look)
            if namespaces := await self.find_others(cluster):
                changed(namespaces)
