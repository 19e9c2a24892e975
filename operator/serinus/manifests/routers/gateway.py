"""Weights at a Gateway: an HTTPRoute that is whole and ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from serinus.api.spec import Gateway, ParentRef, Traffic
from serinus.manifests.covers import unlike
from serinus.manifests.kinds import SERVICE, Kind
from serinus.manifests.owner import REVISION_LABEL, Manifest, Objects, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.routers.router import Need, NeededKind, Routed, Split
from serinus.manifests.workload import SERVICE_PORT, app_protocol, service, target_port

_GROUP = "gateway.networking.k8s.io"
_FIELD = "spec.traffic.gateway.parentRefs"


def _unserved(namespace: str, name: str, live: Manifest | None) -> str | None:
    """Why no route at this Gateway is served; None if nothing speaks against it."""
    if live is None:
        return f"Gateway {namespace}/{name} does not exist"
    accepted = [
        condition
        for condition in (live.get("status") or {}).get("conditions") or []
        if condition["type"] == "Accepted"
    ]
    if any(condition["status"] == "True" for condition in accepted):
        return None
    why = f" ({_cause(accepted[0])})" if accepted else ""
    return f"no controller has accepted Gateway {namespace}/{name}{why}"


def _cause(condition: Manifest) -> str:
    return f"{condition['reason']}: {condition.get('message', '')}".rstrip(": ")


_GATEWAY: Final = NeededKind("Gateway", f"{_GROUP}/v1", "gateways", _unserved)
_ROUTE: Final = Kind("HTTPRoute", f"{_GROUP}/v1", "httproutes")


@dataclass(frozen=True)
class GatewayRouter:
    """Splits by the weights of an HTTPRoute; the Service leads to stable alone."""

    kinds: ClassVar[tuple[Kind, ...]] = (SERVICE, _ROUTE)
    needed_kinds: ClassVar[tuple[NeededKind, ...]] = (_GATEWAY,)
    shares_one_service: ClassVar = False

    gateway: Gateway

    @classmethod
    def of(cls, traffic: Traffic) -> Self | None:
        """With `traffic.gateway`."""
        return None if traffic.gateway is None else cls(traffic.gateway)

    def manifests(
        self, owner: Owner, split: Split, revisions: Mapping[str, Revision]
    ) -> list[Manifest]:
        """The Service and the HTTPRoute of the ModelDeployment."""
        main = revisions.get(split.main)
        services = [service(owner, owner.name, split.main, main)] if main else []
        return [*services, self.route(owner, split)]

    def route(self, owner: Owner, split: Split) -> Manifest:
        """The HTTPRoute. It says also what the server would default, so that it can be compared
        whole. A backend of weight 0 is left out: a proxy need not know it."""
        hostnames = {"hostnames": self.gateway.hostnames} if self.gateway.hostnames else {}
        backends = [
            {
                "group": "",
                "kind": "Service",
                "name": owner.child(revision),
                "port": SERVICE_PORT,
                "weight": weight,
            }
            for revision, weight in split.weights.items()
        ]
        everything = [{"path": {"type": "PathPrefix", "value": "/"}}]
        return {
            **owner.object(_ROUTE, owner.name),
            "spec": {
                "parentRefs": [
                    {"group": _GROUP, "kind": "Gateway", **parent.to_json()}
                    for parent in self.gateway.parent_refs
                ],
                **hostnames,
                "rules": [{"matches": everything, "backendRefs": backends}],
            },
        }

    def read_back(
        self,
        owner: Owner,
        split: Split,
        revisions: Mapping[str, Revision],
        live: Objects,
        ready: Mapping[str, int],
    ) -> Routed:
        """In effect once each Gateway has accepted the route at its current generation."""
        route = live.get(("HTTPRoute", owner.name))
        if route is None:
            return Routed(0.0, False, f"HTTPRoute {owner.name} does not exist yet")
        actual = _candidate_share(owner, split, route)
        if difference := unlike(route, self.route(owner, split)):
            return Routed(actual, False, difference)
        for parent in self.gateway.parent_refs:
            verdict = _answer(owner, parent, route)
            if verdict is not None:
                message, refused = verdict
                return Routed(actual, False, message, refused)
        contested = (_contested(owner, parent, route) for parent in self.gateway.parent_refs)
        return Routed(actual, True, "", contested=" ".join(filter(None, contested)))

    def leads_to(self, owner: Owner, live: Objects) -> frozenset[str] | None:
        """Those in the route that each Gateway has taken, and whom the Service selects."""
        route, found = live.get(("HTTPRoute", owner.name)), live.get(("Service", owner.name))
        if route is None or found is None:
            return None
        if any(_answer(owner, parent, route) for parent in self.gateway.parent_refs):
            return None
        selected = found["spec"]["selector"].get(REVISION_LABEL)
        behind = (name.removeprefix(f"{owner.name}-") for name in _weights(route))
        return frozenset({*behind, selected} - {None})

    def needs(self, owner: Owner) -> list[Need]:
        """The Gateways that the spec names."""
        parents = self.gateway.parent_refs
        named = [("Gateway", each.namespace or owner.namespace, each.name) for each in parents]
        return list(dict.fromkeys(named))

    def unserved(self, found: Mapping[Need, Manifest | None]) -> str:
        """A Gateway does not exist, or no controller has accepted it: then its controller may leave
        what it said of a route as it was."""
        reasons = [_unserved(namespace, name, live) for (_, namespace, name), live in found.items()]
        why = "; ".join(filter(None, reasons))
        return f"{_FIELD}: {why}" if why else ""

    def candidate_replicas(self, replicas: int, weight: int) -> int:
        """As many of `replicas` as the weight asks for, and one at least."""
        return min(replicas, max(1, -(-replicas * weight // 100)))

    def incompatibility(self, stable: Revision, candidate: Revision) -> str | None:
        """A gateway may have to speak one protocol to all backends of a rule.

        Envoy Gateway does: beside one backend for HTTP/2 every other is spoken to by HTTP/2.
        """
        ports = [target_port(revision.template) for revision in (stable, candidate)]
        old, new = (app_protocol(port) for port in ports)
        if old == new:
            return None
        named = [port.get("name") or port["containerPort"] for port in ports]
        return (
            f"stable's port {named[0]} is for {old} and the candidate's port {named[1]} for {new}: "
            "a gateway may speak to both as it has to speak to one, and no request is answered. If "
            "both speak the same, name their ports alike; else set spec.rollout.steps to [], so "
            "that the two never share traffic"
        )


def _candidate_share(owner: Owner, split: Split, route: Manifest) -> float:
    if split.candidate is None:
        return 0.0
    weights = _weights(route)
    total = sum(weights.values())
    return 100 * weights.get(owner.child(split.candidate), 0) / total if total else 0.0


def _weights(route: Manifest) -> dict[str, int]:
    """By Service."""
    weights: dict[str, int] = {}
    for rule in route["spec"].get("rules") or []:
        for backend in rule.get("backendRefs") or []:
            weights[backend["name"]] = weights.get(backend["name"], 0) + backend.get("weight", 1)
    return weights


def _answer(owner: Owner, parent: ParentRef, route: Manifest) -> tuple[str, bool] | None:
    """None if this Gateway serves the route as it stands; else why not, and whether it refused."""
    name = _name(owner, parent)
    if not _heard(owner, parent, route):
        why = f"{_FIELD}: {name} has not answered: does it exist, and does a controller serve it?"
        return why, False
    waiting = f"{name} has not yet taken the route at its current generation"
    for wanted in ("Accepted", "ResolvedRefs"):
        conditions = _conditions(owner, parent, route, wanted)
        if not conditions:
            return waiting, False
        if all(condition["status"] != "True" for condition in conditions):
            refused = conditions[0]["status"] == "False"
            return f"{_FIELD}: {name} refuses the route: {_cause(conditions[0])}", refused
    # a part was dropped, or what was served before is served on: either is not what we ask for
    for condition in _conditions(owner, parent, route, "PartiallyInvalid"):
        if condition["status"] == "True":
            return f"{_FIELD}: {name} refuses the route: {_cause(condition)}", True
    return None


def _contested(owner: Owner, parent: ParentRef, route: Manifest) -> str:
    """That this Gateway has other routes for the same requests, as Envoy Gateway tells. It tells
    each of them, and not which is served: that is the oldest, by the Gateway API."""
    for condition in _conditions(owner, parent, route, "RouteRulesOverlap"):
        if condition["status"] == "True":
            return (
                f"{_name(owner, parent)} serves the oldest of several routes that match the same "
                f"requests: {condition.get('message', '')}. Give each hostnames of its own "
                "(spec.traffic.gateway.hostnames)."
            )
    return ""


def _name(owner: Owner, parent: ParentRef) -> str:
    return f"Gateway {parent.namespace or owner.namespace}/{parent.name}"


def _heard(owner: Owner, parent: ParentRef, route: Manifest) -> list[Manifest]:
    """What this Gateway's controllers say of the route."""
    return [
        status
        for status in (route.get("status") or {}).get("parents") or []
        if _identity(status["parentRef"], owner) == _identity(parent.to_json(), owner)
    ]


def _conditions(owner: Owner, parent: ParentRef, route: Manifest, kind: str) -> list[Manifest]:
    """The conditions of a type that are of the route's current generation."""
    return [
        condition
        for status in _heard(owner, parent, route)
        for condition in status.get("conditions") or []
        if condition["type"] == kind
        and condition.get("observedGeneration", 0) >= route["metadata"]["generation"]
    ]


def _identity(reference: dict[str, Any], owner: Owner) -> tuple[str, ...]:
    return (
        reference.get("group", _GROUP),
        reference.get("kind", "Gateway"),
        reference.get("namespace") or owner.namespace,
        reference["name"],
        reference.get("sectionName") or "",
    )
