"""What is measured: the operator's own route and Services, with tiny servers behind them."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from serinus.api.spec import Gateway, ParentRef
from serinus.manifests.owner import REVISION_LABEL, Manifest, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.routers.gateway import GatewayRouter
from serinus.manifests.service import backend, service
from serinus.manifests.traffic import Traffic
from tests.gateways.client import Answer, Target
from tests.gateways.implementations import Implementation
from tests.stage.deadline import until
from tests.stage.stage import Stage

SERVED: Final[Mapping[str, str]] = {
    "stable": "ok",
    "candidate": "ok",
    "quick": "ok",
    "slow": "slow",
    "hanging": "hang",
    "closed": "closed",
}
"""Revisions with a pod, by how it answers; the port of the last is closed."""
EMPTY: Final = "empty"
"""A revision whose Service has no pod."""
MISSING: Final = "missing"
"""A revision without a Service."""
SETTLED: Final = 4.0
"""Seconds after which a route that was accepted is taken for in effect."""
_SOURCE: Final = Path(__file__).with_name("backend.py").read_text(encoding="utf-8")


@dataclass
class Scene:
    """A namespace with the route of a ModelDeployment that nobody has, at one gateway."""

    product: Stage
    implementation: Implementation
    namespace: str
    seen: list[tuple[float, Manifest]] = field(default_factory=list)
    """Each state of the route, and when it was told."""
    _applied: tuple[str, int] = ("", 0)
    """Uid and generation of the route as it was applied last."""

    @property
    def owner(self) -> Owner:
        """The name of the route, and of what is behind it."""
        return Owner(self.namespace, "loan", "nobody")

    @property
    def router(self) -> GatewayRouter:
        """The operator's."""
        parent = ParentRef(name="public", namespace=self.implementation.namespace)
        return GatewayRouter(Gateway(parent_refs=[parent], hostnames=[self.host]))

    @property
    def host(self) -> str:
        """The host name of the route."""
        return f"{self.namespace}.example.com"

    def target(self, **headers: str) -> Target:
        """The gateway, from this machine."""
        address = urlsplit(self.product.prometheus_url).hostname
        assert address is not None
        return Target(address, self.implementation.node_port, self.host, headers)

    def prepare(self) -> None:
        """Start what is behind the route, and begin to watch it."""
        self.product.fresh_namespace(self.namespace)
        for revision in (*SERVED, EMPTY):
            self._apply(self._service(revision))
        for revision in SERVED:
            self.product.api.apply(self._pod(revision))
        until("all are ready", lambda: all(map(self._ready, SERVED)), 180)
        threading.Thread(target=self._watch, daemon=True).start()

    def route(
        self,
        weight: float,
        *,
        candidate: str = "candidate",
        filters: Sequence[Manifest] = (),
        before: Sequence[Manifest] = (),
    ) -> Manifest:
        """The operator's route at a weight, with filters of its rule, and rules before it."""
        traffic = Traffic("stable", candidate, weight)
        route = self.router.route(self.owner, traffic)
        [rule] = route["spec"]["rules"]
        if filters:
            rule["filters"] = list(filters)
        route["spec"]["rules"] = [*before, rule]
        return route

    def backend(self, revision: str) -> Manifest:
        """The reference to a revision's Service."""
        return backend(self.owner, revision)

    def apply(self, route: Manifest) -> float:
        """Apply the route and wait until the operator would take it for accepted; when that was
        told. TimeoutError if it is not."""
        self.change(route)
        return self.until_accepted(20)

    def change(self, route: Manifest) -> None:
        """Apply the route."""
        self._applied = _identity(self._apply(route))

    def until_accepted(self, within: float) -> float:
        """When it was told that the route as it was applied last is accepted."""

        def accepted() -> float | None:
            return next((at for at, live in list(self.seen) if self._accepted(live)), None)

        return until("the route is accepted", accepted, within, seen=self.conditions)

    def settle(self, route: Manifest) -> None:
        """Apply the route, and wait until the gateway must have taken it up, accepted or not."""
        try:
            self.apply(route)
        except TimeoutError as refused:
            print(f"  {refused}"[:600], flush=True)
        time.sleep(SETTLED)

    def apply_other(self, route: Manifest) -> None:
        """Apply a route of another name, and give the gateway time to take it up."""
        self._apply(route)
        time.sleep(SETTLED)

    def delete_other(self, name: str) -> None:
        """Delete a route, and give the gateway time to take that up."""
        self.product.api.delete("HTTPRoute", self.namespace, name)
        time.sleep(SETTLED)

    def conditions(self) -> str:
        """What the gateway says of the route, in short."""
        live = self.product.api.get("HTTPRoute", self.namespace, "loan")
        current = live["metadata"]["generation"]
        told = []
        for parent in (live.get("status") or {}).get("parents") or []:
            for each in parent["conditions"]:
                told.append(f"{each['type']}={each['status']} ({each['reason']})")
                if each.get("observedGeneration") != current:
                    told[-1] += " of an earlier generation"
        return ", ".join(told) or "nothing"

    def asked(self, revision: str) -> int:
        """How many requests its pod has had."""
        path = f"/api/v1/namespaces/{self.namespace}/pods/{revision}:8080/proxy/asked"
        return int(self.product.api.run("get", "--raw", path))

    def _apply(self, manifest: Manifest) -> Manifest:
        metadata = {k: v for k, v in manifest["metadata"].items() if k != "ownerReferences"}
        return self.product.api.apply({**manifest, "metadata": metadata})

    def _accepted(self, live: Manifest) -> bool:
        selects = {"spec": {"selector": {REVISION_LABEL: "stable"}}}
        objects = {("HTTPRoute", "loan"): live, ("Service", "loan"): selects}
        current = _identity(live) == self._applied
        return current and self.router.leads_to(self.owner, objects) is not None

    def _service(self, revision: str) -> Manifest:
        ports = [{"name": "http", "containerPort": 8080}]
        template = {"spec": {"containers": [{"name": "model", "ports": ports}]}}
        found = Revision(revision, 1, None, template)
        return service(self.owner, self.owner.child(revision), revision, found)

    def _pod(self, revision: str) -> dict[str, Any]:
        mode = SERVED[revision]
        run = ["sleep", "infinity"] if mode == "closed" else ["python3", "-c", _SOURCE]
        environment = {"VERSION": revision, "MODE": mode}
        container = {
            "name": "model",
            "image": self.product.model_image,
            "command": run,
            "env": [{"name": name, "value": value} for name, value in environment.items()],
            "ports": [{"name": "http", "containerPort": 8080}],
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
        }
        if mode != "closed":
            container["readinessProbe"] = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": revision,
                "namespace": self.namespace,
                "labels": self.owner.pods(revision),
            },
            "spec": {
                "automountServiceAccountToken": False,
                "terminationGracePeriodSeconds": 1,
                "containers": [container],
            },
        }

    def _ready(self, revision: str) -> bool:
        live = self.product.api.get("Pod", self.namespace, revision)
        conditions = live["status"].get("conditions") or []
        return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)

    def _watch(self) -> None:
        for live in self.product.api.watch("HTTPRoute", self.namespace, "loan"):
            self.seen.append((time.time(), live))


def _identity(live: Manifest) -> tuple[str, int]:
    return live["metadata"]["uid"], live["metadata"]["generation"]


@dataclass(frozen=True)
class Cell:
    """What a row of the table says of a gateway; and whether what the operator needs is so."""

    text: str
    holds: bool = True


def milliseconds(seconds: float) -> str:
    """With a sign only if it is below 0."""
    return f"{seconds * 1000:.0f} ms"


def quantile(answers: Sequence[Answer], q: float) -> float:
    """Of the seconds that answers took."""
    ordered = sorted(answer.seconds for answer in answers)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]
