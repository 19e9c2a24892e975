"""The rules of a route: rendered from those of users, and with other backends."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from serinus.api.route_rule import redirects, with_headers
from serinus.manifests.kinds import GATEWAY, GRPC_ROUTE, HTTP_ROUTE, SERVICE, Kind
from serinus.manifests.owner import Manifest
from serinus.manifests.revision import named_after_revision

_OF_EVERY_KIND: Final[Mapping[str, Manifest]] = {
    "matches.headers": {"type": "Exact"},
    "filters.externalAuth.backendRef": {"group": "", "kind": "Service"},
    "filters.requestMirror.backendRef": {"group": "", "kind": "Service"},
    "filters.requestMirror.fraction": {"denominator": 100},
    "sessionPersistence": {"type": "Cookie"},
    "sessionPersistence.cookieConfig": {"lifetimeType": "Session"},
}


@dataclass(frozen=True, slots=True)
class Front:
    """A kind of route at a Gateway. What is behind it is the same for all: the Services of the
    revisions."""

    kind: Kind
    defaults: Mapping[str, Manifest]
    """What the API server fills in, by where in a rule; the rule itself is "". A default that is
    missing here would be taken for somebody's addition, and overwritten without end."""

    def rendered(self, rule: Manifest, backends: Sequence[Manifest]) -> Manifest:
        """A rule of a user, or {} for all requests, with the server's defaults and these backends;
        without any if the gateway answers itself."""
        whole: Manifest = self._filled(rule, "")
        return whole if redirects(whole) else {**whole, "backendRefs": [*backends]}

    def bare(self, rule: Manifest) -> Manifest:
        """A live rule without its backends, to compare with one of a user."""
        filled: Manifest = self._filled(rule, "")
        return {key: value for key, value in filled.items() if key != "backendRefs"}

    def _filled(self, value: Any, path: str) -> Any:
        if isinstance(value, list):
            return [self._filled(each, path) for each in value]
        if not isinstance(value, dict):
            return value
        given = {key: each for key, each in value.items() if each is not None}
        return {
            key: self._filled(each, f"{path}.{key}".lstrip("."))
            for key, each in {**self.defaults.get(path, {}), **given}.items()
        }


HTTP: Final = Front(
    HTTP_ROUTE,
    {
        "": {"matches": [{}]},
        "matches": {"path": {}},
        "matches.path": {"type": "PathPrefix", "value": "/"},
        "matches.queryParams": {"type": "Exact"},
        "filters.cors": {"maxAge": 5},
        "filters.requestRedirect": {"statusCode": 302},
        **_OF_EVERY_KIND,
    },
)
GRPC: Final = Front(GRPC_ROUTE, {"matches.method": {"type": "Exact"}, **_OF_EVERY_KIND})
FRONTS: Final = {front.kind.name: front for front in (HTTP, GRPC)}


def rules_of(route: Manifest) -> list[Manifest]:
    """The rules of a live route; not even this field is required."""
    return route["spec"].get("rules") or []


def backends_of(rule: Manifest) -> dict[str, int]:
    """Weight by Service."""
    weights: dict[str, int] = {}
    for each in rule.get("backendRefs") or []:
        weights[each["name"]] = weights.get(each["name"], 0) + each.get("weight", 1)
    return weights


def split_of(route: Manifest) -> list[Manifest]:
    """The rule in which the split is read, if there is one: those of a preview come after it."""
    return [each for each in rules_of(route) if each.get("backendRefs")][:1]


def copying(rule: Manifest, copies: Sequence[Manifest]) -> Manifest:
    """With these filters that copy requests to a revision, if the rule leads to the model."""
    if not copies or not rule.get("backendRefs"):
        return rule
    return {**rule, "filters": [*(rule.get("filters") or []), *copies]}


def led(
    rule: Manifest, name: str, backends: Sequence[Manifest], copies: Sequence[Manifest] = ()
) -> Manifest:
    """A live rule of the route of this name with these backends, if it has any, and with no other
    filters than these that copy requests to a revision."""
    if not rule.get("backendRefs"):
        return rule
    filters = [each for each in rule.get("filters") or [] if not _copies_to_revisions(each, name)]
    rest = {key: value for key, value in rule.items() if key != "filters"}
    if filters:
        rest["filters"] = filters
    return copying({**rest, "backendRefs": [*backends]}, copies)


def mirror(backend: Manifest, percent: float) -> Manifest:
    """A filter that copies so many requests: without a percentage all of them, which more
    implementations can."""
    copied: Manifest = {"backendRef": backend}
    if percent < 100:
        copied["percent"] = int(percent)
    return {"type": "RequestMirror", "requestMirror": copied}


def mirrors_of(rules: Iterable[Manifest]) -> Iterator[Manifest]:
    """To whom requests are copied."""
    for rule in rules:
        for each in rule.get("filters") or []:
            if copied := each.get("requestMirror"):
                yield copied


def _copies_to_revisions(each: Manifest, name: str) -> bool:
    copied = (to["backendRef"] for to in mirrors_of([{"filters": [each]}]))
    return any(named_after_revision(to["name"], name) and not to.get("namespace") for to in copied)


def reached(route: Manifest) -> set[str]:
    """Services that get requests or copies of them."""
    answering = (name for rule in rules_of(route) for name in backends_of(rule))
    return {*answering, *(each["backendRef"]["name"] for each in mirrors_of(rules_of(route)))}


def previewed(
    rules: Iterable[Manifest], preview: Sequence[tuple[str, str]], backend: Manifest
) -> list[Manifest]:
    """The rules that lead to the model, for requests that also have these header fields; without
    those that want another value of one. Names and sessions are those of the rules themselves."""
    found = []
    for rule in rules:
        matches = [with_headers(each, preview) for each in rule.get("matches") or [{}]]
        kept = [each for each in matches if each is not None]
        if kept and rule.get("backendRefs"):
            own = {k: v for k, v in rule.items() if k not in ("name", "sessionPersistence")}
            found.append({**own, "matches": kept, "backendRefs": [{**backend, "weight": 1}]})
    return found


def serves_others(route: Manifest) -> bool:
    """Whether rules of a live route, but for those that the gateway answers itself, lead to
    different backends, so that not all lead to the model. One of weight 0 gets nothing."""
    ways = {
        frozenset(_target(each, route) for each in rule.get("backendRefs") or [] if _gets(each))
        for rule in rules_of(route)
        if not redirects(rule)
    }
    return len(ways) > 1


def _gets(backend: Manifest) -> bool:
    return bool(backend.get("weight", 1))


def _target(backend: Manifest, route: Manifest) -> tuple[Any, ...]:
    """With the defaults of what is not said."""
    return (
        backend.get("group", ""),
        backend.get("kind", SERVICE.name),
        backend.get("namespace") or route["metadata"].get("namespace"),
        backend["name"],
        backend.get("port"),
    )


def lost(live: Manifest, wanted: Manifest) -> list[str]:
    """What a live route has and the one that replaces it lacks, but for the backends: the paths of
    its rules and Gateways, and its host names. Nothing of what is no route."""
    front = FRONTS.get(live["kind"])
    if front is None:
        return []
    before, after = live["spec"], wanted["spec"]
    rules = [front.bare(rule) for rule in after["rules"]]
    found = []
    for index, rule in enumerate(rules_of(live)):
        path = f"spec.rules[{index}]"
        if front.bare(rule) not in rules:
            found.append(path)
        if any(each.get("filters") for each in rule.get("backendRefs") or []):
            found.append(f"the filters in {path}.backendRefs")
    hosts = after["hostnames"] or before.get("hostnames") or []
    found += [
        f"the host name {each}" for each in before.get("hostnames") or [] if each not in hosts
    ]
    if hosts and not before.get("hostnames"):
        found.append(f"all host names but {', '.join(hosts)}")
    parents = [_parent(each, live) for each in after["parentRefs"]]
    for index, each in enumerate(before.get("parentRefs") or []):
        if _parent(each, live) not in parents:
            found.append(f"spec.parentRefs[{index}]")
    return found


def _parent(reference: Manifest, route: Manifest) -> Manifest:
    """With the namespace that is meant if none is named."""
    namespace = {"namespace": route["metadata"]["namespace"]}
    return {"group": GATEWAY.group, "kind": GATEWAY.name, **namespace, **reference}
