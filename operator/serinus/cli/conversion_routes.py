"""The Gateway, hosts and rules of a ModelDeployment, from a route or from a Canary of Flagger."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from serinus.cli.source_fields import Fields
from serinus.manifests.kinds import GATEWAY
from serinus.manifests.owner import Manifest
from serinus.manifests.routers.rules import FRONTS, rules_of, serves_others

_LEADS_ELSEWHERE: Final = (
    "its rules lead to different backends, and would all lead to the model: leave in it the rules "
    "that lead to the model, and give the others a route of their own"
)
_PATHS: Final = {"prefix": "PathPrefix", "exact": "Exact", "regex": "RegularExpression"}
_VALUES: Final = {"exact": "Exact", "regex": "RegularExpression"}


def gateway_of_a_route(
    written: Manifest, documents: Sequence[Manifest]
) -> tuple[Manifest | None, list[str]]:
    """`spec.traffic.gateway` as the route with the name of this object has it, None if there is no
    such route, and what to say of it."""
    route = next((each for each in documents if _is_of(each, written)), None)
    if route is None:
        return None, []
    front, spec = FRONTS[route["kind"]], route["spec"]
    gateway: Manifest = {} if route["kind"] == next(iter(FRONTS)) else {"kind": route["kind"]}
    gateway["parentRefs"] = [_parent(each) for each in spec.get("parentRefs") or []]
    if hosts := spec.get("hostnames"):
        gateway["hostnames"] = hosts
    rules = [{k: v for k, v in rule.items() if k != "backendRefs"} for rule in rules_of(route)]
    if [front.bare(rule) for rule in rules] != [front.bare({})]:
        gateway["rules"] = rules
    what = f"{route['kind']} {route['metadata']['name']}"
    return gateway, [f"{what}: {_LEADS_ELSEWHERE}"] if serves_others(route) else []


def _is_of(document: Manifest, of: Manifest) -> bool:
    """Whether it is the route that the ModelDeployment would adopt."""
    names, namespaces = (
        [each["metadata"].get(key) for each in (document, of)] for key in ("name", "namespace")
    )
    return document.get("kind") in FRONTS and names[0] == names[1] and _one(namespaces)


def _one(namespaces: Sequence[str | None]) -> bool:
    return len({each for each in namespaces if each}) <= 1


def _parent(reference: Mapping[str, Any]) -> Manifest:
    """Without what every reference to a Gateway has."""
    usual = {"group": GATEWAY.group, "kind": GATEWAY.name}
    return {key: value for key, value in reference.items() if usual.get(key) != value}


def gateway_of_a_canary(fields: Fields) -> Manifest | None:
    """`spec.traffic.gateway` as the service of a Canary has it; None if it names no Gateway. What a
    rule cannot have stays in the fields, and is lost."""
    gateways = fields.take("spec.service.gatewayRefs")
    if not gateways:
        return None
    gateway: Manifest = {"parentRefs": [_parent(each) for each in gateways]}
    if hosts := [host for host in fields.take("spec.service.hosts") or [] if host != "*"]:
        gateway["hostnames"] = hosts
    rule: Manifest = {}
    matches = [_match(each) for each in fields.look("spec.service.match") or []]
    if matches and all(each is not None for each in matches):
        fields.take("spec.service.match")
        rule["matches"] = matches
    if filters := list(_filters(fields)):
        rule["filters"] = filters
    if timeout := fields.take("spec.service.timeout"):
        rule["timeouts"] = {"request": timeout}
    return {**gateway, "rules": [rule]} if rule else gateway


def _match(match: Mapping[str, Any]) -> Manifest | None:
    """A match, which Flagger writes as Istio does; None if it has what a route does not."""
    if not match.keys() <= {"uri", "method", "headers", "queryParams"}:
        return None
    found: Manifest = {}
    if "uri" in match:
        found["path"] = _value(match["uri"], _PATHS)
    if "method" in match:
        found["method"] = (match["method"] or {}).get("exact")
    for key in ("headers", "queryParams"):
        if key in match:
            values = {name: _value(each, _VALUES) for name, each in match[key].items()}
            found[key] = [{"name": name, **each} for name, each in values.items() if each]
            if not all(values.values()):
                return None
    return found if all(found.values()) else None


def _value(written: Mapping[str, str], types: Mapping[str, str]) -> Manifest | None:
    [(how, value)] = written.items()
    return {"type": types[how], "value": value} if how in types else None


def _filters(fields: Fields) -> Iterator[Manifest]:
    for part in ("request", "response"):
        changes = {
            name: [{"name": key, "value": value} for key, value in each.items()]
            for name in ("set", "add")
            if (each := fields.take(f"spec.service.headers.{part}.{name}"))
        }
        if removed := fields.take(f"spec.service.headers.{part}.remove"):
            changes["remove"] = removed
        if changes:
            name = f"{part}HeaderModifier"
            yield {"type": name[0].upper() + name[1:], name: changes}
    rewrite: Manifest = {}
    if host := fields.take("spec.service.rewrite.authority"):
        rewrite["hostname"] = host
    if uri := fields.take("spec.service.rewrite.uri"):
        how = fields.take("spec.service.rewrite.type") or "ReplaceFullPath"
        rewrite["path"] = {"type": how, how[0].lower() + how[1:]: uri}
    if rewrite:
        yield {"type": "URLRewrite", "urlRewrite": rewrite}
    for mirror in fields.take("spec.service.mirror") or []:
        yield {"type": "RequestMirror", "requestMirror": mirror}
