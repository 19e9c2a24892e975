"""Leader election by a Lease, by the rules of client-go.

Whoever holds the Lease renews it; others take over once its record has not changed for its
duration *on their own clock* (clocks of machines are never compared). A leader that cannot renew
in time stops by itself before others may start. On exit the Lease is released.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import Any

from serinus.cluster import KINDS, ApiError, Cluster

log = logging.getLogger(__name__)

DURATION = 8.0
"""Seconds after which a silent leader is replaced; the next look comes at most RETRY later."""
RENEW_WITHIN = 6.0
"""Seconds after which a leader that could not renew stops leading; below DURATION."""
RETRY = 1.5


class Lease:
    """One replica's part in the election."""

    def __init__(self, cluster: Cluster, namespace: str, name: str, identity: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._seen: tuple[Any, ...] = ()
        self._seen_at = 0.0
        self._live: dict[str, Any] | None = None
        self.leading = False

    async def acquire(self) -> None:
        """Wait until this replica leads."""
        while not await self._try(RENEW_WITHIN):
            await asyncio.sleep(RETRY)
        self.leading = True
        log.info("this replica leads as %s", self._identity)

    async def keep(self) -> None:
        """Renew until it fails for too long, or another replica has taken over."""
        deadline = time.monotonic() + RENEW_WITHIN
        try:
            while (left := deadline - time.monotonic()) > 0:
                await asyncio.sleep(min(RETRY, left))
                started = time.monotonic()
                renewed = await self._try(max(deadline - started, 0.1))
                if renewed:
                    deadline = started + RENEW_WITHIN
                elif renewed is False:
                    log.warning("another replica leads now")
                    return
            log.warning("the Lease could not be renewed in time")
        finally:
            self.leading = False

    async def release(self) -> None:
        """Let another replica take over at once."""
        live = self._live
        if live is None or live["spec"].get("holderIdentity") != self._identity:
            return
        released = {**live["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
        try:
            await self._cluster.update({**live, "spec": released})
        except ApiError as error:
            log.warning("the Lease was not released, and runs out by itself: %s", error)
        self._live = None

    async def _try(self, timeout: float) -> bool | None:
        """True: ours. False: another's. None: unknown, the API server did not tell."""
        try:
            return await asyncio.wait_for(self._take(), timeout)
        except ApiError as error:
            if error.conflict:
                return None
            log.warning("Lease %s/%s: %s", self._namespace, self._name, error)
        except TimeoutError:
            log.warning("Lease %s/%s: no answer in time", self._namespace, self._name)
        return None

    async def _take(self) -> bool:
        live = await self._cluster.find("Lease", self._namespace, self._name)
        spec: dict[str, Any] = (live or {}).get("spec") or {}
        record = (spec.get("holderIdentity"), spec.get("renewTime"))
        if record != self._seen:
            self._seen, self._seen_at = record, time.monotonic()
        holder = spec.get("holderIdentity")
        mine = holder == self._identity
        waited = time.monotonic() - self._seen_at
        if holder and not mine and waited < spec.get("leaseDurationSeconds", DURATION):
            return False
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        taken = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": round(DURATION),
            "acquireTime": spec.get("acquireTime", now) if mine else now,
            "renewTime": now,
            "leaseTransitions": spec.get("leaseTransitions", 0) + (0 if mine or not live else 1),
        }
        self._live = await self._write(live, taken)
        return True

    async def _write(self, live: dict[str, Any] | None, spec: dict[str, Any]) -> dict[str, Any]:
        if live is not None:
            return await self._cluster.update({**live, "spec": spec})
        metadata = {"namespace": self._namespace, "name": self._name}
        head = {"apiVersion": KINDS["Lease"].api_version, "kind": "Lease", "metadata": metadata}
        return await self._cluster.create({**head, "spec": spec})
