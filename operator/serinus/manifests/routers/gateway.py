"""Weights at a Gateway, by a route that Serinus owns entirely."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

from serinus.api.capabilities import Capability
from serinus.api.spec import Gateway, ParentRef, Spec
from serinus.manifests.covers import unlike
from serinus.manifests.kinds import GATEWAY, SERVICE, Kind
from serinus.manifests.owner import Manifest, Objects, Owner
from serinus.manifests.revision import Revision, named_after_revision
from serinus.manifests.routers.gateway_class import class_of, features_of, unlisted
from serinus.manifests.routers.router import Need, Routed, Unserved
from serinus.manifests.routers.rules import (
    FRONTS,
    Front,
    backends_of,
    copying,
    led,
    mirror,
    mirrors_of,
    previewed,
    reached,
    rules_of,
    split_of,
)
from serinus.manifests.service import (
    SERVICE_PORT,
    app_protocol,
    backend,
    selected_revision,
    service,
    target_port,
)
from serinus.manifests.traffic import Traffic

_FIELD = "spec.traffic.gateway.parentRefs"


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


def _stables_only(rule: Manifest, name: str, stable: str) -> Manifest:
    """A live rule of the route of this name with stable's backend alone, if it has any."""
    if not rule.get("backendRefs"):
        return rule
    to_stable = {"group": "", "kind": SERVICE.name, "name": f"{name}-{stable}"}
    left = {**rule, "backendRefs": [{**to_stable, "port": SERVICE_PORT, "weight": 100}]}
    filters = [each for each in rule.get("filters") or [] if not _copies_to_a_revision(each, name)]
    if filters:
        return {**left, "filters": filters}
    return {key: value for key, value in left.items() if key != "filters"}


def _copies_to_a_revision(each: Manifest, name: str) -> bool:
    mirrored: Manifest | None = each.get("requestMirror")
    if mirrored is None:
        return False
    to = mirrored["backendRef"]
    return not to.get("namespace") and named_after_revision(to["name"], name)


def _cause(condition: Manifest) -> str:
    return f"{condition['reason']}: {condition.get('message', '')}".rstrip(": ")


@dataclass(frozen=True)
class GatewayRouter:
    """Splits by the weights of a route; the Service selects stable only."""

    kinds: ClassVar[tuple[Kind, ...]] = (SERVICE, *(front.kind for front in FRONTS.values()))
    needed_kinds: ClassVar[Mapping[Kind, Unserved]] = {GATEWAY: _unserved}
    shares_one_service: ClassVar = False

    gateway: Gateway

    @classmethod
    def of(cls, spec: Spec) -> Self | None:
        """If `spec.traffic.gateway` is set."""
        gateway = spec.traffic.gateway
        return None if gateway is None else cls(gateway)

    @property
    def front(self) -> Front:
        """The kind of route that is asked for."""
        return FRONTS[self.gateway.route_kind]

    def manifests(
        self, owner: Owner, traffic: Traffic, revisions: Mapping[str, Revision]
    ) -> list[Manifest]:
        """The Service and the route of the ModelDeployment."""
        main = revisions.get(traffic.main)
        services = [service(owner, owner.name, traffic.main, main)] if main else []
        return [*services, *self.routes(owner, traffic)]

    def routes(self, owner: Owner, traffic: Traffic) -> list[Manifest]:
        """That of the ModelDeployment first, and the candidate's own while people try it at host
        names. One that became a host name of the clients is theirs at once, whatever step the
        candidate is in."""
        main, candidate, tried = self.route(owner, traffic), traffic.candidate, traffic.preview
        hosts = [each for each in tried.hostnames if not self.gateway.serves(each)] if tried else []
        if candidate is None or not hosts:
            return [main]
        return [main, self._of_preview(owner, candidate, hosts)]

    def route(self, owner: Owner, traffic: Traffic) -> Manifest:
        """With the server's defaults filled in so that it can be compared whole."""
        # also no host names, which is all: otherwise what somebody adds would stay
        spec = self._spec(self.gateway.hostnames, self._rules(owner, traffic))
        return {**owner.object(self.front.kind, owner.name), "spec": spec}

    def _of_preview(self, owner: Owner, candidate: str, hostnames: Sequence[str]) -> Manifest:
        """With all the rules of the other, and the candidate alone behind them. Its name is that
        of the candidate's Service, so it never leads to another revision."""
        backends = [{**backend(owner, candidate), "weight": 1}]
        rules = [self.front.rendered(each, backends) for each in self.gateway.rules or [{}]]
        metadata = owner.object(self.front.kind, owner.child(candidate), candidate)
        return {**metadata, "spec": self._spec(hostnames, rules)}

    def _spec(self, hostnames: Sequence[str], rules: list[Manifest]) -> Manifest:
        parents = [
            {"group": GATEWAY.group, "kind": GATEWAY.name, **parent.to_json()}
            for parent in self.gateway.parent_refs
        ]
        return {"parentRefs": parents, "hostnames": [*hostnames], "rules": rules}

    def _rules(self, owner: Owner, traffic: Traffic) -> list[Manifest]:
        """Each as its user wrote it, with the split, and always at its place: a gateway may name
        what is behind a rule by the place of the rule, and Envoy Gateway does. It then leads
        clients to what another rule had at that place until it has the whole of the new route. So
        those of a preview come last: of two matches the one with more header fields is served,
        whichever is first."""
        backends = _backends(owner, traffic)
        rules = [self.front.rendered(each, backends) for each in self.gateway.rules or [{}]]
        if traffic.candidate is None:
            return rules
        candidate = backend(owner, traffic.candidate)
        fields = traffic.preview.headers if traffic.preview else ()
        previews = previewed(rules, fields, candidate) if fields else []
        copies = _copies(owner, traffic)
        return [*(copying(each, copies) for each in rules), *previews]

    def replaced(self, owner: Owner, traffic: Traffic, live: Objects) -> list[Manifest]:
        """A route of another kind, until every Gateway has accepted the one that replaces it."""
        others = [each for each in _routes(owner, live) if each["kind"] != self.front.kind.name]
        if not others:
            return []
        route, parents = live.get((self.front.kind.name, owner.name)), self.gateway.parent_refs
        if (
            route is not None
            and not unlike(route, self.route(owner, traffic))
            and not any(_answer(owner, parent, route) for parent in parents)
        ):
            return []
        return [_resplit(owner, traffic, each) for each in others]

    def split_alone(self, owner: Owner, traffic: Traffic, live: Objects) -> list[Manifest]:
        """The live route with the backends and copies of this traffic."""
        route = live.get((self.front.kind.name, owner.name))
        return [_resplit(owner, traffic, route)] if route else []

    def left_over(self, owner: Owner, traffic: Traffic, live: Objects) -> list[Manifest]:
        """Routes of candidates that nobody is to try at a host name any more."""
        previews = _of_previews(owner, live)
        wanted = {_key(each) for each in self.routes(owner, traffic)} if previews else set()
        return [each for each in previews if _key(each) not in wanted]

    def read_back(
        self,
        owner: Owner,
        traffic: Traffic,
        revisions: Mapping[str, Revision],
        live: Objects,
        ready: Mapping[str, int],
    ) -> Routed:
        """In effect once every Gateway has accepted the current generation of the routes."""
        main = live.get((self.front.kind.name, owner.name))
        actual = _candidate_share(owner, traffic, _routes(owner, live))
        mirrored = _mirrored(owner, traffic, main) if main else 0.0
        routed = partial(Routed, actual, mirrored=mirrored)
        routes = self.routes(owner, traffic)
        for wanted in routes:
            route, name = live.get(_key(wanted)), " ".join(_key(wanted))
            if route is None:
                return routed(False, f"{name} does not exist yet")
            if difference := unlike(route, wanted):
                return routed(False, difference)
            for parent in self.gateway.parent_refs:
                verdict = _answer(owner, parent, route)
                if verdict is not None:
                    message, refused = verdict
                    of = "" if route is main else f"{name}, of the preview: "
                    return routed(False, f"{of}{message}", refused)
        if others := [" ".join(_key(each)) for each in _routes(owner, live) if each is not main]:
            # which of them a gateway serves is not known, nor whether it has both as they are
            return routed(False, f"{others[0]}, which it replaces, is still there")
        if over := [" ".join(_key(each)) for each in self.left_over(owner, traffic, live)]:
            return routed(False, f"{over[0]}, of a preview that is over, is still there")
        contested = (
            _contested(owner, parent, live[_key(wanted)])
            for wanted in routes
            for parent in self.gateway.parent_refs
        )
        return routed(True, "", contested=" ".join(filter(None, contested)))

    def leads_to(self, owner: Owner, live: Objects) -> frozenset[str] | None:
        """What the Service selects, and the route's backends once every Gateway has accepted it."""
        route, found = (live.get((kind.name, owner.name)) for kind in (self.front.kind, SERVICE))
        if route is None or found is None:
            return None
        if any(_answer(owner, parent, route) for parent in self.gateway.parent_refs):
            return None
        behind = (
            name.removeprefix(f"{owner.name}-")
            for each in (*_routes(owner, live), *_of_previews(owner, live))
            for name in reached(each)
        )
        return frozenset(filter(None, (*behind, selected_revision(found))))

    @classmethod
    def only(cls, live: Manifest, stable: str) -> Manifest | None:
        """The route has no backend but stable's, and copies nothing to another revision. Not by
        what renders routes, which may be what cannot be trusted."""
        if live["kind"] not in FRONTS:
            return None
        before = live["spec"].get("rules") or []
        rules = [_stables_only(rule, live["metadata"]["name"], stable) for rule in before]
        return {"spec": {"rules": rules}} if rules != before else None

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
            for capability, features in features_of(self.front.kind).items()
            if (why := unlisted(features, gateway, told.get(class_of(gateway))))
        }

    def outranked(self, owner: Owner, live: Objects, others: Iterable[Manifest]) -> str:
        """Older routes have all that it matches, at the same Gateway. Others are only looked at if
        a Gateway reports an overlap."""
        route = live.get((self.front.kind.name, owner.name))
        if route is None:
            return ""
        if not any(_contested(owner, parent, route) for parent in self.gateway.parent_refs):
            return ""
        older = (o for o in others if o["kind"] == route["kind"] and _age(o) < _age(route))
        taken: dict[tuple[str, str], str] = {}
        for other in sorted(older, key=_age):
            for request in _same_requests(route, other):
                metadata = other["metadata"]
                taken.setdefault(request, f"{metadata['namespace']}/{metadata['name']}")
        if not set(_matched(route)) <= set(taken):
            return ""
        served = " and ".join(sorted({f"{self.front.kind.name} {by}" for by in taken.values()}))
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


def _backends(owner: Owner, traffic: Traffic) -> list[Manifest]:
    """Of every rule that leads to the model. Those of weight 0 are left out."""
    return [
        {**backend(owner, revision), "weight": weight}
        for revision, weight in traffic.weights.items()
    ]


def _copies(owner: Owner, traffic: Traffic) -> list[Manifest]:
    """The filter by which a candidate gets copies, if it does."""
    if traffic.candidate is None or not traffic.mirrored:
        return []
    return [mirror(backend(owner, traffic.candidate), traffic.mirrored)]


def _resplit(owner: Owner, traffic: Traffic, route: Manifest) -> Manifest:
    """A live route with the backends and copies of this traffic, to apply. Rules of a preview have
    them too, until the route is as it is wanted."""
    backends, copies = _backends(owner, traffic), _copies(owner, traffic)
    rules = [led(rule, owner.name, backends, copies) for rule in rules_of(route)]
    kind = FRONTS[route["kind"]].kind
    return {**owner.object(kind, owner.name), "spec": {**route["spec"], "rules": rules}}


def _routes(owner: Owner, live: Objects) -> list[Manifest]:
    """Of any kind: two while one replaces the other."""
    found = (live.get((kind, owner.name)) for kind in FRONTS)
    return [each for each in found if each is not None]


def _of_previews(owner: Owner, live: Objects) -> list[Manifest]:
    """Those by which people try candidates at host names."""
    others = ((kind, name) for kind, name in live if kind in FRONTS and name != owner.name)
    return [live[key] for key in others]


def _key(route: Manifest) -> tuple[str, str]:
    """Its kind and name."""
    return route["kind"], route["metadata"]["name"]


def _candidate_share(owner: Owner, traffic: Traffic, routes: Iterable[Manifest]) -> float:
    """Percent; of two routes of which one replaces the other, the most that one gives."""
    if traffic.candidate is None:
        return 0.0
    split = [backends_of(rule) for route in routes for rule in split_of(route)]
    name = owner.child(traffic.candidate)
    return max(
        (100 * each.get(name, 0) / sum(each.values()) for each in split if any(each.values())),
        default=0.0,
    )


def _mirrored(owner: Owner, traffic: Traffic, route: Manifest) -> float:
    """Percentage of the requests that are copied to the candidate."""
    if traffic.candidate is None:
        return 0.0
    name = owner.child(traffic.candidate)
    own = (each for each in mirrors_of(split_of(route)) if each["backendRef"]["name"] == name)
    return float(sum(each.get("percent", 100) for each in own))


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
    is_main = route["metadata"]["name"] == owner.name
    whose = "traffic.gateway.hostnames" if is_main else "rollout.steps[].preview.hostnames"
    for condition in _conditions(owner, parent, route, "RouteRulesOverlap"):
        if condition["status"] == "True":
            return (
                f"{_name(owner, parent)} serves the oldest of several routes that match the same "
                f"requests: {condition.get('message', '')}. Give each its own "
                f"hostnames (spec.{whose})."
            )
    return ""


def _same_requests(route: Manifest, other: Manifest) -> list[tuple[str, str]]:
    """What both match at a listener. A wildcard is no match: the exact name is served before it,
    whichever is older."""
    parents, others = (
        {_identity(each, route_owner) for each in live["spec"].get("parentRefs") or []}
        for live, route_owner in ((route, _owner(route)), (other, _owner(other)))
    )
    if not parents & others:
        return []
    known = set(_matched(other))
    return [request for request in _matched(route) if request in known]


def _matched(route: Manifest) -> Iterator[tuple[str, str]]:
    """Host names, * if it has all, each with the other conditions of a match."""
    for host in route["spec"].get("hostnames") or ["*"]:
        for rule in rules_of(route):
            for match in rule.get("matches") or [{}]:
                yield host, json.dumps(match, sort_keys=True)


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
        str(reference.get("port") or ""),
    )
