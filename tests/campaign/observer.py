"""Watches a namespace of a real API server, and notes what happens in it."""

import json
import logging
from collections.abc import Callable
from typing import Any, Self

from serinus.api.validation import in_full
from serinus.manifests.kinds import CHILDREN
from serinus.manifests.owner import NAME_LABEL, REVISION_LABEL
from tests.campaign.crashes import WHOSE, Crashes
from tests.campaign.history import History, Snapshot, Told, Write
from tests.campaign.real import RealApi
from tests.campaign.wire import Request
from tests.support.routes import weights

Manifest = dict[str, Any]


class Observer:
    """Keeps the history of one ModelDeployment, from the API server and from what is sent to it."""

    def __init__(self, real: RealApi, namespace: str, name: str, now: Callable[[], float]) -> None:
        self._real, self._namespace, self._name, self._now = real, namespace, name, now
        self._live: dict[tuple[str, str], Manifest] = {}
        self._split: dict[str, float] = {}
        self._crashes = Crashes(history := History())
        self.history = history
        self._hindered: frozenset[str] = frozenset()
        self.bad: dict[str, str] = {}
        """Revisions that fail their clients, and how."""

    def __enter__(self) -> Self:
        WHOSE.set(self.history)
        logging.getLogger("serinus").addHandler(self._crashes)
        self._real.hear(self._namespace, self._heard)
        self.record()
        return self

    def __exit__(self, *_: object) -> None:
        self.history.end = self._now()
        self._real.hear(self._namespace, None)
        logging.getLogger("serinus").removeHandler(self._crashes)

    def sent(self, method: str, path: str, body: bytes, status: int) -> None:
        """The operator sent something, and was answered so."""
        kind, _, name, sub = Request(method, path.partition("?")[0], {}, "").place
        if method == "GET" or kind == "Lease":
            return
        if kind == "Event":
            told = json.loads(body)
            if status < 400:
                self.history.told.append(
                    Told(self._now(), told["reason"], told["type"], told["note"])
                )
        self.history.writes.append(Write(self._now(), method, kind, name or "", sub, status))

    def hinder(self, what: frozenset[str]) -> None:
        """From now on a fault keeps this from happening."""
        self._hindered = what
        self.record()

    def serve(self, route: Manifest) -> None:
        """The gateway sends requests as this route says from now on."""
        weights = self._weights(route)
        whole = sum(weights.values())
        split = {revision: 100 * weight / whole for revision, weight in weights.items() if weight}
        if split != self._split:
            self._split = split
            self.record()

    def record(self) -> None:
        """Note how everything stands."""
        live = self._live.get(("ModelDeployment", self._name))
        ready: dict[str, int] = {}
        for pod in self._all("Pod"):
            conditions = (pod.get("status") or {}).get("conditions") or []
            able = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
            revision = _revision(pod)
            leaving = "deletionTimestamp" in pod["metadata"]
            ready[revision] = ready.get(revision, 0) + (able and not leaving)
        snapshot = Snapshot(
            at=self._now(),
            live=live,
            ready=ready,
            pods={_revision(d): d["spec"]["replicas"] for d in self._all("Deployment")},
            asked=self._asked(),
            split=self._split,
            children=frozenset(
                (kind, each["metadata"]["name"])
                for kind in CHILDREN
                for each in self._all(kind)
                if (each["metadata"].get("labels") or {}).get(NAME_LABEL) == self._name
            ),
            hindered=self._hindered,
            bad=dict(self.bad),
        )
        self.history.snapshots.append(snapshot)

    def _heard(self, event: str, live: Manifest) -> None:
        kind, name = live["kind"], live["metadata"]["name"]
        if event == "DELETED":
            self._live.pop((kind, name), None)
        else:
            self._live[kind, name] = live
        if kind == "ModelDeployment" and "status" in live:
            full, _ = in_full(live["status"])
            self.history.statuses.append((live["metadata"]["uid"], full))
        if kind == "HTTPRoute" and event == "DELETED":
            self._split = {}
        self.record()

    def _all(self, kind: str) -> list[Manifest]:
        return [live for (each, _), live in self._live.items() if each == kind]

    def _asked(self) -> dict[str, int]:
        route = self._live.get(("HTTPRoute", self._name))
        return {} if route is None else self._weights(route)

    def _weights(self, route: Manifest) -> dict[str, int]:
        found = weights(route).items()
        return {name.removeprefix(f"{self._name}-"): weight for name, weight in found}


def _revision(live: Manifest) -> str:
    found: str = live["metadata"]["labels"].get(REVISION_LABEL, "")
    return found
