"""Leader election by a Lease, with the rules of client-go.

The holder of the Lease renews it; another replica takes over once the record has not changed for
its duration *on that replica's clock* (clocks of machines are never compared). A leader that cannot
renew in time stops before another may start. On exit the Lease is released.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from serinus.cluster import ApiError, Cluster
from serinus.manifests.kinds import KINDS

log = logging.getLogger(__name__)

DURATION: Final = 7.0
"""Seconds without a change of the record after which another replica takes over. A standby sees a
change at most RETRY after it was made, so a dead leader is replaced within DURATION + RETRY plus
the time of two requests, less than ten seconds."""
RENEW_WITHIN: Final = 5.0
"""Seconds after which a leader that could not renew stops leading: time for three attempts, and two
seconds before another may start."""
RETRY: Final = 1.5
_HELM: Final = "meta.helm.sh"
_BY_HELM: Final = {"app.kubernetes.io/managed-by": "Helm"}


class Lease:
    """One replica in the election."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        name: str,
        identity: str,
        release: str = "",
        labels: Mapping[str, str] | None = None,
    ) -> None:
        # leading must not end because others wait for slow responses
        self._cluster = cluster.urgent
        self._namespace = namespace
        self._name = name
        self._release = release
        self._labels = dict(labels or {})
        self._identity = f"{release}/{identity}" if release else identity
        self._live: dict[str, Any] | None = None
        """As last read or written."""
        self._told_rival: str | None = None
        self._seen: tuple[Any, ...] = ()
        self._seen_at = 0.0
        self._renewed_at = 0.0
        """Start of the last successful attempt: others count from then or later."""

    async def acquire(self) -> None:
        """Wait until this replica is the leader."""
        self._live = None
        while not await self._attempt(RENEW_WITHIN):
            if self.rival != self._told_rival:
                self._told_rival = self.rival
                log.warning("%s", self.rival or "no other release is active any more")
            await asyncio.sleep(min(RETRY, max(self._left(), 0.1)))
        log.info("this replica is the leader, as %s", self._identity)

    @property
    def rival(self) -> str | None:
        """Message if another release, not another replica of this one, holds the Lease; otherwise
        None."""
        holder = str(self._seen[0]).rpartition("/")[0] if self._seen else ""
        if not self._release or holder in ("", self._release):
            return None
        return (
            f"release {holder} acts on the same ModelDeployments and holds the Lease "
            f"{self._namespace}/{self._name}: set another class for this release (chart value "
            "class), or uninstall the other release"
        )

    async def keep(self) -> None:
        """Renew until another replica has taken over, or renewing has failed for too long."""
        while (left := self._renewed_at + RENEW_WITHIN - time.monotonic()) > 0:
            await asyncio.sleep(min(RETRY, left))
            left = self._renewed_at + RENEW_WITHIN - time.monotonic()
            if await self._attempt(max(left, 0.1)) is False:
                log.warning("another replica is the leader now")
                return
        log.warning("the Lease could not be renewed in time; this replica is no longer the leader")

    async def release(self) -> None:
        """Release the Lease, so that another replica can take over at once. If a renewal that was
        under way is written between read and write, both are made once more."""
        try:
            try:
                await self._give_up()
            except ApiError as error:
                if not error.conflict:
                    raise
                await self._give_up()
        except ApiError as error:
            log.warning("the Lease could not be released and will expire: %s", error)

    async def _give_up(self) -> None:
        live = await self._cluster.find("Lease", self._namespace, self._name)
        if live is not None and _holder(live) == self._identity:
            released = {**_spec(live), "holderIdentity": "", "leaseDurationSeconds": 1}
            await self._cluster.update({**live, "spec": released})

    async def _attempt(self, timeout: float) -> bool | None:
        """True: ours. False: another's. None: unknown, because the API server did not answer."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(timeout):
                ours = await self._take_or_renew()
        except ApiError as error:
            self._live = None
            if not error.conflict:
                log.warning("Lease %s/%s: %s", self._namespace, self._name, error)
        except TimeoutError:
            self._live = None
            log.warning("Lease %s/%s: timeout", self._namespace, self._name)
        else:
            self._renewed_at = started if ours else self._renewed_at
            return ours
        return None

    async def _take_or_renew(self) -> bool:
        live = self._live
        if live is None or _holder(live) != self._identity:
            # a renewal needs no read: the write is rejected if another replica wrote
            live = await self._cluster.find("Lease", self._namespace, self._name)
            self._notice(live)
        if live is None:
            self._notice(await self._create())
            return True
        if _holder(live) != self._identity and self._left() > 0:
            return False
        self._notice(await self._cluster.update({**live, "spec": self._taken(_spec(live))}))
        return True

    def _notice(self, live: dict[str, Any] | None) -> None:
        record = (_holder(live), _spec(live).get("renewTime"))
        if record != self._seen:
            self._seen, self._seen_at = record, time.monotonic()
        self._live = live

    def _left(self) -> float:
        """Seconds until the last known record has been unchanged for its duration."""
        if self._live is None:
            return RETRY
        if not _holder(self._live):
            return 0.0
        lasts: float = _spec(self._live).get("leaseDurationSeconds", DURATION)
        return self._seen_at + lasts - time.monotonic()

    def _taken(self, spec: dict[str, Any]) -> dict[str, Any]:
        """The record with which this replica holds the Lease from now on."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        taken = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": round(DURATION),
            "renewTime": now,
        }
        if spec.get("holderIdentity") == self._identity:
            return {**spec, **taken}
        transitions = spec.get("leaseTransitions", -1) + 1
        return {**taken, "acquireTime": now, "leaseTransitions": transitions}

    async def _create(self) -> dict[str, Any]:
        metadata = {"namespace": self._namespace, "name": self._name, **self._marks()}
        head = {"apiVersion": KINDS["Lease"].api_version, "kind": "Lease", "metadata": metadata}
        return await self._cluster.create({**head, "spec": self._taken({})})

    def _marks(self) -> dict[str, Any]:
        """Labels and annotations by which Helm treats the Lease as part of the release and deletes
        it with it, although the operator created it."""
        namespace, _, name = self._release.partition("/")
        if not name:
            return {"labels": self._labels}
        of_release = {f"{_HELM}/release-namespace": namespace, f"{_HELM}/release-name": name}
        return {"labels": {**self._labels, **_BY_HELM}, "annotations": of_release}


def _spec(live: dict[str, Any] | None) -> dict[str, Any]:
    return (live or {}).get("spec") or {}


def _holder(live: dict[str, Any] | None) -> str:
    return str(_spec(live).get("holderIdentity") or "")
