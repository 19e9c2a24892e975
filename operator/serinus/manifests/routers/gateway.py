"""Weights at a Gateway, by a route that Serinus owns entirely."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Final, Self

from serinus.api.capabilities import Capability
from serinus.api.spec import Gateway, ParentRef, Spec
from serinus.manifests.covers import unlike
from serinus.manifests.kinds import GATEWAY, HTTP_ROUTE, SERVICE, Kind
from serinus.manifests.owner import Manifest, Objects, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.routers.gateway_class import class_of, features_of, unlisted
from serinus.manifests.routers.router import Need, Routed, Unserved
from serinus.manifests.service import (
    app_protocol,
    backend,
    selected_revision,
    service,
    target_port,
)
from serinus.manifests.traffic import Traffic

_FIELD = "spec.traffic.gateway.parentRefs"
_MIRROR: Final = "RequestMirror"

Preview = tuple[tuple[str, str], ...]
"""Name and value of header fields."""


def _unserved(namespace: str, name: str, live: Manifest | None) -> str | None:
    """Why this Gateway serves no routes; None if it may."""
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


@dataclass(frozen=True, slots=True)
class Front:
    """A kind of route at a Gateway. What is behind it is the same for all: the Services of the
    revisions."""

    kind: Kind
    everything: Manifest
    """The match of a rule for all requests, with the server's defaults."""


_HTTP: Final = Front(HTTP_ROUTE, {"path": {"type": "PathPrefix", "value": "/"}})


@dataclass(frozen=True)
class GatewayRouter:
    """Splits by the weights of a route; the Service selects stable only."""

    front: ClassVar = _HTTP
    kinds: ClassVar[tuple[Kind, ...]] = (SERVICE, front.kind)
    needed_kinds: ClassVar[Mapping[Kind, Unserved]] = {GATEWAY: _unserved}
    shares_one_service: ClassVar = False

    gateway: Gateway

    @classmethod
    def of(cls, spec: Spec) -> Self | None:
        """If `spec.traffic.gateway` is set."""
        gateway = spec.traffic.gateway
        return None if gateway is None else cls(gateway)

    def manifests(
        self, owner: Owner, traffic: Traffic, revisions: Mapping[str, Revision]
    ) -> list[Manifest]:
        """The Service and the route of the ModelDeployment."""
        main = revisions.get(traffic.main)
        services = [service(owner, owner.name, traffic.main, main)] if main else []
        return [*services, self.route(owner, traffic)]

    def route(self, owner: Owner, traffic: Traffic) -> Manifest:
        """With the server's defaults filled in so that it can be compared whole. Backends of weight
        0 are left out."""
        return {
            **owner.object(self.front.kind, owner.name),
            "spec": {
                "parentRefs": [
                    {"group": GATEWAY.group, "kind": GATEWAY.name, **parent.to_json()}
                    for parent in self.gateway.parent_refs
                ],
                # also none, which is all: otherwise what somebody adds would stay
                "hostnames": self.gateway.hostnames,
                "rules": self._rules(owner, traffic),
            },
        }

    def _rules(self, owner: Owner, traffic: Traffic) -> list[Manifest]:
        """The split first, and always there: a gateway may name what is behind a rule by the place
        of the rule, and Envoy Gateway does. It then leads clients to what another rule had at that
        place until it has the whole of the new route. Of two matches the one with more header
        fields is served, whichever is first."""
        backends = [
            {**backend(owner, revision), "weight": weight}
            for revision, weight in traffic.weights.items()
        ]
        split = {"matches": [self.front.everything], "backendRefs": backends}
        if traffic.candidate is None:
            return [split]
        candidate = backend(owner, traffic.candidate)
        rules = [split]
        if traffic.preview:
            rules.append(_previewed(split, traffic.preview, candidate))
        if traffic.mirrored:
            split["filters"] = [_mirror(candidate, traffic.mirrored)]
        return rules

    def read_back(
        self,
        owner: Owner,
        traffic: Traffic,
        revisions: Mapping[str, Revision],
        live: Objects,
        ready: Mapping[str, int],
    ) -> Routed:
        """In effect once every Gateway has accepted the current generation of the route."""
        route = live.get((self.front.kind.name, owner.name))
        if route is None:
            return Routed(0.0, False, f"{self.front.kind.name} {owner.name} does not exist yet")
        routed = partial(
            Routed,
            _candidate_share(owner, traffic, route),
            mirrored=_mirrored(owner, traffic, route),
        )
        if difference := unlike(route, self.route(owner, traffic)):
            return routed(False, difference)
        for parent in self.gateway.parent_refs:
            verdict = _answer(owner, parent, route)
            if verdict is not None:
                message, refused = verdict
                return routed(False, message, refused)
        contested = (_contested(owner, parent, route) for parent in self.gateway.parent_refs)
        return routed(True, "", contested=" ".join(filter(None, contested)))

    def leads_to(self, owner: Owner, live: Objects) -> frozenset[str] | None:
        """What the Service selects, and the route's backends once every Gateway has accepted it."""
        route, found = (live.get((kind.name, owner.name)) for kind in (self.front.kind, SERVICE))
        if route is None or found is None:
            return None
        if any(_answer(owner, parent, route) for parent in self.gateway.parent_refs):
            return None
        behind = (name.removeprefix(f"{owner.name}-") for name in _backends(route))
        return frozenset(filter(None, (*behind, selected_revision(found))))

    @classmethod
    def only(cls, live: Manifest, stable: str) -> Manifest | None:
        """The route has no backend but stable's, and copies nothing to another revision."""
        if live["kind"] != cls.front.kind.name:
            return None
        before = live["spec"].get("rules") or []
        alone = (_with_stable_alone(live["metadata"]["name"], stable, rule) for rule in before)
        rules = [rule for rule in alone if rule["backendRefs"]]
        return {"spec": {"rules": rules}} if rules and rules != before else None

    def needs(self, owner: Owner) -> list[Need]:
        """The Gateways that the spec names."""
        parents = self.gateway.parent_refs
        named = [("Gateway", each.namespace or owner.namespace, each.name) for each in parents]
        return list(dict.fromkeys(named))

    def unserved(self, found: Mapping[Need, Manifest | None]) -> str:
        """A Gateway does not exist, or no controller has accepted it: then the status of a route
        may be out of date."""
        reasons = [_unserved(namespace, name, live) for (_, namespace, name), live in found.items()]
        why = "; ".join(filter(None, reasons))
        return f"{_FIELD}: {why}" if why else ""

    def told_by(
        self, found: Mapping[Need, Manifest], capabilities: frozenset[Capability]
    ) -> list[Need]:
        """The classes of the Gateways."""
        asked = capabilities & features_of(self.front.kind).keys()
        return list(dict.fromkeys(map(class_of, found.values()))) if asked else []

    def unable(
        self, found: Mapping[Need, Manifest], told: Mapping[Need, Manifest | str]
    ) -> dict[Capability, str]:
        """What the class of a Gateway does not list, if it lists anything."""
        return {
            capability: why
            for gateway in found.values()
            for capability, feature in features_of(self.front.kind).items()
            if (why := unlisted(feature, gateway, told.get(class_of(gateway))))
        }

    def outranked(self, owner: Owner, live: Objects, others: Iterable[Manifest]) -> str:
        """An older route has each of its host names at the same Gateway. Others are only looked at
        if a Gateway reports an overlap."""
        route = live.get((self.front.kind.name, owner.name))
        if route is None:
            return ""
        if not any(_contested(owner, parent, route) for parent in self.gateway.parent_refs):
            return ""
        taken: dict[str, str] = {}
        for other in sorted((each for each in others if _age(each) < _age(route)), key=_age):
            for host in _same_requests(route, other):
                metadata = other["metadata"]
                taken.setdefault(host, f"{metadata['namespace']}/{metadata['name']}")
        hosts = route["spec"].get("hostnames") or ["*"]
        if not set(hosts) <= set(taken):
            return ""
        served = " and ".join(sorted({f"{self.front.kind.name} {taken[host]}" for host in hosts}))
        return (
            f"It gets no requests: {served} is older and has the same host names at the same "
            "Gateway. Give each ModelDeployment its own spec.traffic.gateway.hostnames."
        )

    def candidate_replicas(self, replicas: int, weight: int) -> int:
        """The weight's share of `replicas`, rounded up, at least one."""
        return min(replicas, max(1, -(-replicas * weight // 100)))

    def held_back_replicas(self, replicas: int, percent: int) -> int:
        """All of them, so that it can take all traffic back at once."""
        return replicas

    def incompatibility(self, stable: Revision, candidate: Revision) -> str | None:
        """A gateway may use one protocol for all backends of a rule.

        Envoy Gateway does: if one backend uses HTTP/2, it uses HTTP/2 for all of them.
        """
        ports = [target_port(revision.template) for revision in (stable, candidate)]
        old, new = (app_protocol(port) for port in ports)
        if old == new:
            return None
        named = [port.get("name") or port["containerPort"] for port in ports]
        return (
            f"stable's port {named[0]} uses {old} and the candidate's port {named[1]} uses {new}: "
            "a gateway may use one protocol for both, and then requests fail. If both use the same "
            "protocol, give their ports the same name; otherwise set spec.rollout.steps to [], so "
            "that they never share traffic"
        )


def _candidate_share(owner: Owner, traffic: Traffic, route: Manifest) -> float:
    if traffic.candidate is None:
        return 0.0
    weights = _weights(route)
    total = sum(weights.values())
    return 100 * weights.get(owner.child(traffic.candidate), 0) / total if total else 0.0


def _weights(route: Manifest) -> dict[str, int]:
    """Weight by Service, in the rule that has the split."""
    weights: dict[str, int] = {}
    for rule in (route["spec"].get("rules") or [])[:1]:
        for each in rule.get("backendRefs") or []:
            weights[each["name"]] = weights.get(each["name"], 0) + each.get("weight", 1)
    return weights


def _mirrored(owner: Owner, traffic: Traffic, route: Manifest) -> float:
    """Percentage of the requests that are copied to the candidate."""
    if traffic.candidate is None:
        return 0.0
    mirrors = _mirrors((route["spec"].get("rules") or [])[:1])
    own = (each for each in mirrors if each["backendRef"]["name"] == owner.child(traffic.candidate))
    return float(sum(each.get("percent", 100) for each in own))


def _backends(route: Manifest) -> set[str]:
    """Services that get requests or copies of them."""
    rules = route["spec"].get("rules") or []
    answering = (each["name"] for rule in rules for each in rule.get("backendRefs") or [])
    return {*answering, *(each["backendRef"]["name"] for each in _mirrors(rules))}


def _mirrors(rules: Iterable[Manifest]) -> Iterator[Manifest]:
    for rule in rules:
        for each in rule.get("filters") or []:
            if mirror := each.get("requestMirror"):
                yield mirror


def _mirror(backend: Manifest, percent: float) -> Manifest:
    """A filter that copies so many requests."""
    return {
        "type": _MIRROR,
        "requestMirror": {"backendRef": backend, "percent": int(percent)},
    }


def _previewed(rule: Manifest, preview: Preview, backend: Manifest) -> Manifest:
    """The rule for requests that also have these header fields."""
    headers = [{"type": "Exact", "name": name, "value": value} for name, value in preview]
    matches = [
        {**each, "headers": [*each.get("headers", []), *headers]} for each in rule["matches"]
    ]
    return {**rule, "matches": matches, "backendRefs": [{**backend, "weight": 1}]}


def _with_stable_alone(name: str, stable: str, rule: Manifest) -> Manifest:
    """A rule of the route of this name that leads to no other revision."""
    kept = [
        {**each, "weight": 100}
        for each in rule.get("backendRefs") or []
        if each["name"].endswith(f"-{stable}")
    ]
    filters = [
        each
        for each in rule.get("filters") or []
        if not any(
            mirror["backendRef"]["name"].startswith(f"{name}-")
            for mirror in _mirrors([{"filters": [each]}])
        )
    ]
    without = {key: value for key, value in rule.items() if key != "filters"}
    return {**without, "backendRefs": kept, **({"filters": filters} if filters else {})}


def _answer(owner: Owner, parent: ParentRef, route: Manifest) -> tuple[str, bool] | None:
    """Why this Gateway does not serve the route, and whether it refuses it; None if it does."""
    name = _name(owner, parent)
    if not _heard(owner, parent, route):
        why = f"{_FIELD}: {name} has not reported on the route: check that it exists and that a"
        return f"{why} controller serves it", False
    waiting = f"{name} has not yet accepted the current generation of the route"
    for wanted in ("Accepted", "ResolvedRefs"):
        conditions = _conditions(owner, parent, route, wanted)
        if not conditions:
            return waiting, False
        if all(condition["status"] != "True" for condition in conditions):
            refused = conditions[0]["status"] == "False"
            return f"{_FIELD}: {name} refuses the route: {_cause(conditions[0])}", refused
    # rules were dropped, or the previous ones are still served: neither is the route as it is
    for condition in _conditions(owner, parent, route, "PartiallyInvalid"):
        if condition["status"] == "True":
            return f"{_FIELD}: {name} refuses the route: {_cause(condition)}", True
    return None


def _contested(owner: Owner, parent: ParentRef, route: Manifest) -> str:
    """A sentence if this Gateway has other routes for the same requests, as Envoy Gateway reports.
    It reports that on each of them, and not which is served: the oldest, by the Gateway API."""
    for condition in _conditions(owner, parent, route, "RouteRulesOverlap"):
        if condition["status"] == "True":
            return (
                f"{_name(owner, parent)} serves the oldest of several routes that match the same "
                f"requests: {condition.get('message', '')}. Give each its own hostnames "
                "(spec.traffic.gateway.hostnames)."
            )
    return ""


def _same_requests(route: Manifest, other: Manifest) -> list[str]:
    """Host names that both have at a listener, * if both have all. A wildcard is no match: the
    exact name is served before it, whichever is older."""
    parents, others = (
        {_identity(each, route_owner) for each in live["spec"].get("parentRefs") or []}
        for live, route_owner in ((route, _owner(route)), (other, _owner(other)))
    )
    if not parents & others:
        return []
    hosts, known = (live["spec"].get("hostnames") or ["*"] for live in (route, other))
    return [host for host in hosts if host in known]


def _owner(route: Manifest) -> Owner:
    """For references that name no namespace."""
    metadata = route["metadata"]
    return Owner(metadata["namespace"], metadata["name"], "")


def _age(route: Manifest) -> tuple[str, str, str]:
    """The least is served, by the Gateway API."""
    metadata = route["metadata"]
    return metadata.get("creationTimestamp", ""), metadata["namespace"], metadata["name"]


def _name(owner: Owner, parent: ParentRef) -> str:
    return f"Gateway {parent.namespace or owner.namespace}/{parent.name}"


def _heard(owner: Owner, parent: ParentRef, route: Manifest) -> list[Manifest]:
    """The status entries of the route for this Gateway."""
    return [
        status
        for status in (route.get("status") or {}).get("parents") or []
        if _identity(status["parentRef"], owner) == _identity(parent.to_json(), owner)
    ]


def _conditions(owner: Owner, parent: ParentRef, route: Manifest, kind: str) -> list[Manifest]:
    """The conditions of a type for the route's current generation."""
    return [
        condition
        for status in _heard(owner, parent, route)
        for condition in status.get("conditions") or []
        if condition["type"] == kind
        and condition.get("observedGeneration", 0) >= route["metadata"]["generation"]
    ]


def _identity(reference: dict[str, Any], owner: Owner) -> tuple[str, ...]:
    return (
        reference.get("group", GATEWAY.group),
        reference.get("kind", "Gateway"),
        reference.get("namespace") or owner.namespace,
        reference["name"],
        reference.get("sectionName") or "",
    )
