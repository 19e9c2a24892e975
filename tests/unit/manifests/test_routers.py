"""Two ways to split traffic, one interface: what is rendered, and what is read back."""

from copy import deepcopy
from typing import Any

import pytest

from serinus.api.spec import Gateway, Spec
from serinus.api.spec import Traffic as Settings
from serinus.api.steps import Tried
from serinus.manifests.covers import covers
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.routers import ROUTERS
from serinus.manifests.routers.gateway import GatewayRouter
from serinus.manifests.routers.replicas import ReplicaRouter
from serinus.manifests.routers.router import Routed, Router, carriable_weight
from serinus.manifests.traffic import Traffic
from serinus.manifests.workloads.deployment import DeploymentWorkload

FIELD = "spec.traffic.gateway.parentRefs"
OWNER = Owner("shop", "fraud", "4f7c")
GROUP = "gateway.networking.k8s.io"


def revision(version: str, **port: Any) -> Revision:
    ports = [port or {"name": "http", "containerPort": 8080}]
    container = {"name": "model", "image": f"m:{version}", "ports": ports}
    return Revision.of({"template": {"spec": {"containers": [container]}}}, 1)


OLD, NEW = revision("1"), revision("2")
BOTH = {each.hash: each for each in (OLD, NEW)}
GATEWAY = GatewayRouter(
    Gateway.model_validate({"parentRefs": [{"name": "public"}], "hostnames": ["fraud.example.com"]})
)
REPLICAS = ReplicaRouter()


def split(weight: int) -> Traffic:
    return Traffic(OLD.hash, NEW.hash, weight)


# --- a split


def test_a_split_always_has_somebody_to_take_the_traffic() -> None:
    for wrong in ((None, None, 0), (None, "new", 50), ("old", None, 10)):
        with pytest.raises(ValueError, match="nobody"):
            Traffic(*wrong)


@pytest.mark.parametrize("weight", [-1, 101])
def test_a_weight_is_a_percentage(weight: int) -> None:
    with pytest.raises(ValueError, match="percentage"):
        Traffic("old", "new", weight)


def test_the_first_revision_takes_all() -> None:
    assert Traffic(None, "new", 100).weights == {"new": 100}


# --- by gateway


def route_for(given: Traffic) -> Manifest:
    return GATEWAY.manifests(OWNER, given, BOTH)[1]


def backends(route: Manifest) -> dict[str, int]:
    (rule,) = route["spec"]["rules"]
    return {each["name"]: each["weight"] for each in rule["backendRefs"]}


def test_a_route_gives_each_revision_its_weight() -> None:
    route = route_for(split(5))
    assert route["metadata"]["name"] == "fraud"
    assert backends(route) == {f"fraud-{OLD.hash}": 95, f"fraud-{NEW.hash}": 5}
    assert route["spec"]["hostnames"] == ["fraud.example.com"]
    assert route["spec"]["parentRefs"] == [{"group": GROUP, "kind": "Gateway", "name": "public"}]


@pytest.mark.parametrize(("weight", "alone"), [(0, OLD), (100, NEW)])
def test_who_has_no_weight_is_not_in_the_route(weight: int, alone: Revision) -> None:
    assert backends(route_for(split(weight))) == {f"fraud-{alone.hash}": 100}


def test_a_route_for_every_host_names_none_and_covers_no_other() -> None:
    router = GatewayRouter(Gateway.model_validate({"parentRefs": [{"name": "public"}]}))
    route = router.route(OWNER, split(5))
    assert route["spec"]["hostnames"] == []
    narrowed = {**route, "spec": {**route["spec"], "hostnames": ["other.example.com"]}}
    assert covers(route, route)
    assert not covers(narrowed, route)


@pytest.mark.parametrize("weight", [0, 50, 100])
def test_beside_a_gateway_the_service_leads_to_stable_alone(weight: int) -> None:
    service = GATEWAY.manifests(OWNER, split(weight), BOTH)[0]
    assert service["kind"] == "Service"
    assert service["spec"]["selector"] == OWNER.pods(OLD.hash)


def condition(kind: str, status: str, generation: int = 3, **words: str) -> dict[str, Any]:
    told = {"reason": kind, "message": "", **words}
    return {"type": kind, "status": status, "observedGeneration": generation, **told}


ACCEPTED, RESOLVED = condition("Accepted", "True"), condition("ResolvedRefs", "True")


def answered(
    *conditions: dict[str, Any], weight: int = 5, reference: dict[str, str] | None = None
) -> dict[tuple[str, str], Manifest]:
    route = deepcopy(route_for(split(weight)))
    route["metadata"]["generation"] = 3
    parent = {"group": GROUP, "kind": "Gateway", "name": "public", **(reference or {})}
    status = {"parents": [{"parentRef": parent, "conditions": list(conditions)}]}
    return {("HTTPRoute", "fraud"): {**route, "status": status}}


def read(live: dict[tuple[str, str], Manifest], weight: int = 5) -> Routed:
    return GATEWAY.read_back(OWNER, split(weight), BOTH, live, {})


def test_a_route_is_in_effect_once_its_gateway_has_accepted_it() -> None:
    assert read(answered(ACCEPTED, RESOLVED)) == Routed(5.0, True, "")


def test_a_gateway_may_be_named_with_its_namespace() -> None:
    assert read(answered(ACCEPTED, RESOLVED, reference={"namespace": "shop"})).in_effect


@pytest.mark.parametrize(
    "conditions",
    [
        (),
        (ACCEPTED,),
        (RESOLVED,),
        (condition("Accepted", "True", generation=2), RESOLVED),
        (ACCEPTED, condition("ResolvedRefs", "True", generation=2)),
    ],
)
def test_an_answer_to_an_older_generation_is_no_answer(
    conditions: tuple[dict[str, Any], ...],
) -> None:
    routed = read(answered(*conditions))
    assert not routed.in_effect
    assert not routed.refused
    assert "has not yet accepted the current generation of the route" in routed.message


@pytest.mark.parametrize("reason", ["NotAllowedByListeners", "NoMatchingParent"])
def test_a_route_that_a_gateway_refuses_says_why(reason: str) -> None:
    refusal = condition("Accepted", "False", reason=reason, message="no listener takes it")
    routed = read(answered(refusal, RESOLVED))
    assert routed == Routed(
        5.0,
        False,
        f"{FIELD}: Gateway shop/public refuses the route: {reason}: no listener takes it",
        refused=True,
    )


def test_a_backend_that_a_gateway_does_not_find_is_told() -> None:
    lost = condition("ResolvedRefs", "False", reason="BackendNotFound")
    routed = read(answered(ACCEPTED, lost))
    assert not routed.in_effect
    assert routed.message == f"{FIELD}: Gateway shop/public refuses the route: BackendNotFound"


def test_a_route_of_which_a_gateway_takes_a_part_is_refused() -> None:
    why, what = "UnsupportedValue", "Dropped Rule 0"
    dropped = condition("PartiallyInvalid", "True", reason=why, message=what)
    routed = read(answered(ACCEPTED, RESOLVED, dropped))
    told = f"{FIELD}: Gateway shop/public refuses the route: UnsupportedValue: Dropped Rule 0"
    assert routed == Routed(5.0, False, told, refused=True)
    assert read(answered(ACCEPTED, RESOLVED, {**dropped, "observedGeneration": 2})).in_effect
    assert read(answered(ACCEPTED, RESOLVED, {**dropped, "status": "False"})).in_effect


def test_a_route_that_overlaps_with_another_is_in_effect_and_said_to_be_contested() -> None:
    words = "Overlapping match conditions with route(s): HTTPRoute shop/loan"
    overlap = condition("RouteRulesOverlap", "True", message=words)
    routed = read(answered(ACCEPTED, RESOLVED, overlap))
    assert (routed.in_effect, routed.refused, routed.message) == (True, False, "")
    assert routed.contested == (
        "Gateway shop/public serves the oldest of several routes that match the same requests: "
        f"{words}. Give each its own hostnames (spec.traffic.gateway.hostnames)."
    )
    assert not read(answered(ACCEPTED, RESOLVED, {**overlap, "observedGeneration": 2})).contested
    assert not read(answered(ACCEPTED, RESOLVED, {**overlap, "status": "False"})).contested


OVERLAP = condition("RouteRulesOverlap", "True", message="HTTPRoute shop/loan")


def other(created: int, *hosts: str, name: str = "loan", gateway: str = "public") -> Manifest:
    """Another ModelDeployment's route."""
    wanted = {"parentRefs": [{"name": gateway}], "hostnames": list(hosts)}
    router = GatewayRouter(Gateway.model_validate(wanted))
    route = router.route(Owner("shop", name, "1"), Traffic("a", None, 0))
    route["metadata"]["creationTimestamp"] = f"2026-01-0{created}T00:00:00Z"
    return route


@pytest.mark.parametrize(
    ("others", "by"),
    [
        ([other(1, "fraud.example.com")], "HTTPRoute shop/loan"),
        ([other(1, "x.example.com", "fraud.example.com")], "HTTPRoute shop/loan"),
        ([other(2, "fraud.example.com", name="a")], "HTTPRoute shop/a"),
        ([other(2, "fraud.example.com", name="z")], ""),
        ([other(3, "fraud.example.com")], ""),
        ([other(1, "x.example.com")], ""),
        ([other(1, "*.example.com")], ""),
        ([other(1)], ""),
        ([other(1, "fraud.example.com", gateway="private")], ""),
        ([other(3, "fraud.example.com", name="b"), other(1, "fraud.example.com")], "shop/loan"),
        ([], ""),
    ],
)
def test_an_older_route_with_the_same_host_names_gets_all_requests(
    others: list[Manifest], by: str
) -> None:
    live = answered(ACCEPTED, RESOLVED, OVERLAP)
    live["HTTPRoute", "fraud"]["metadata"]["creationTimestamp"] = "2026-01-02T00:00:00Z"
    found = GATEWAY.outranked(OWNER, live, others)
    assert (by in found) if by else (found == "")
    assert not GATEWAY.outranked(OWNER, answered(ACCEPTED, RESOLVED), others), "no overlap"
    assert REPLICAS.outranked(OWNER, live, others) == ""


@pytest.mark.parametrize("reference", [{"name": "other"}, {"sectionName": "https"}])
def test_the_answer_of_another_gateway_does_not_count(reference: dict[str, str]) -> None:
    routed = read(answered(ACCEPTED, RESOLVED, reference=reference))
    assert not routed.in_effect
    assert f"{FIELD}: Gateway shop/public has not reported on the route" in routed.message


def test_every_gateway_must_have_accepted() -> None:
    two = Gateway.model_validate({"parentRefs": [{"name": "public"}, {"name": "inner"}]})
    router = GatewayRouter(two)
    live = answered(ACCEPTED, RESOLVED)
    live[("HTTPRoute", "fraud")]["spec"] = router.route(OWNER, split(5))["spec"]
    routed = router.read_back(OWNER, split(5), BOTH, live, {})
    assert not routed.in_effect
    assert f"{FIELD}: Gateway shop/inner has not reported on the route" in routed.message


def test_the_weight_told_is_that_of_the_route_not_that_wanted() -> None:
    routed = read(answered(ACCEPTED, RESOLVED, weight=5), weight=25)
    assert (routed.actual_weight, routed.in_effect) == (5.0, False)


@pytest.mark.parametrize(("weight", "share"), [(0, 0.0), (100, 100.0)])
def test_a_candidate_out_of_the_route_has_nothing_and_alone_all(weight: int, share: float) -> None:
    assert read(answered(ACCEPTED, RESOLVED, weight=weight), weight).actual_weight == share


def test_without_a_route_nothing_is_in_effect() -> None:
    assert read({}) == Routed(0.0, False, "HTTPRoute fraud does not exist yet")


def test_a_route_that_someone_else_has_changed_is_not_in_effect() -> None:
    live = answered(ACCEPTED, RESOLVED)
    rule = live[("HTTPRoute", "fraud")]["spec"]["rules"][0]
    rule["filters"] = [{"type": "RequestMirror"}]
    told = (
        "HTTPRoute fraud differs from the desired state: spec.rules[0].filters should not be there."
    )
    assert read(live) == Routed(5.0, False, told)


def test_a_route_with_timeouts_of_someone_else_is_in_effect() -> None:
    live = answered(ACCEPTED, RESOLVED)
    live[("HTTPRoute", "fraud")]["spec"]["rules"][0]["timeouts"] = {"request": "30s"}
    assert read(live) == Routed(5.0, True, "")


def test_a_service_with_a_second_port_of_someone_else_is_in_effect() -> None:
    manifest = REPLICAS.manifests(OWNER, split(25), BOTH)[0]
    manifest["spec"]["ports"].append({"name": "metrics", "port": 9090, "protocol": "TCP"})
    live = {("Service", "fraud"): manifest}
    ready = {OLD.hash: 3, NEW.hash: 1}
    assert REPLICAS.read_back(OWNER, split(25), BOTH, live, ready) == Routed(25.0, True, "")


@pytest.mark.parametrize(
    ("replicas", "weight", "pods"),
    [(10, 0, 1), (10, 5, 1), (10, 25, 3), (3, 50, 2), (3, 100, 3), (1, 5, 1), (0, 50, 0)],
)
def test_at_a_gateway_a_candidate_has_its_share_of_pods(
    replicas: int, weight: int, pods: int
) -> None:
    assert GATEWAY.candidate_replicas(replicas, weight) == pods


# --- rules of users

HEADERS = [{"name": "x-tenant", "value": "a"}]
EVERYTHING = {"path": {"type": "PathPrefix", "value": "/"}}
MIRROR = {"backendRef": {"name": "shadow", "port": 80}, "fraction": {"numerator": 1}}
REDIRECT = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}


def with_rules(*rules: Manifest, **settings: Any) -> GatewayRouter:
    wanted = {"parentRefs": [{"name": "public"}], "rules": rules, **settings}
    return GatewayRouter(Gateway.model_validate(wanted))


@pytest.mark.parametrize(
    ("rule", "rendered"),
    [
        ({}, {"matches": [EVERYTHING]}),
        ({"matches": None}, {"matches": [EVERYTHING]}),
        ({"matches": [{"path": {"value": "/v1"}}]}, {"matches": [{"path": {"value": "/v1"}}]}),
        ({"matches": [{"headers": HEADERS}]}, {"matches": [{"headers": HEADERS, **EVERYTHING}]}),
        (
            {"filters": [{"type": "RequestMirror", "requestMirror": MIRROR}]},
            {"filters": [{"type": "RequestMirror", "requestMirror": MIRROR}]},
        ),
        ({"name": "a", "timeouts": {"request": "9s"}}, {"timeouts": {"request": "9s"}}),
        ({"retry": {"codes": [503], "attempts": 2}}, {"retry": {"codes": [503], "attempts": 2}}),
        ({"new": {"in": ["a", "later", "version"]}}, {"new": {"in": ["a", "later", "version"]}}),
    ],
)
def test_a_rule_of_a_user_stays_as_it_is_but_for_the_servers_defaults(
    rule: Manifest, rendered: Manifest
) -> None:
    router = with_rules(rule)
    route = router.route(OWNER, split(5))
    (found,) = route["spec"]["rules"]
    weights = {each["name"]: each["weight"] for each in found["backendRefs"]}
    assert weights == {f"fraud-{OLD.hash}": 95, f"fraud-{NEW.hash}": 5}
    assert contains(found, rendered)


def contains(found: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return all(key in found and contains(found[key], part[key]) for key in part)
    if isinstance(part, list):
        return len(found) == len(part) and all(map(contains, found, part))
    return bool(found == part)


def test_every_rule_splits_alike_and_one_that_the_gateway_answers_has_no_backends() -> None:
    router = with_rules({"matches": [{"method": "GET"}]}, {"filters": [REDIRECT]}, {})
    first, redirect, last = router.route(OWNER, split(5))["spec"]["rules"]
    assert first["backendRefs"] == last["backendRefs"]
    assert "backendRefs" not in redirect
    assert redirect["filters"][0]["requestRedirect"]["statusCode"] == 302


@pytest.mark.parametrize(
    "change",
    [
        {"matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}, {"method": "GET"}]},
        {"matches": [{"path": {"type": "PathPrefix", "value": "/v1"}, "headers": HEADERS}]},
        {"filters": [{"type": "RequestMirror"}]},
        {"sessionPersistence": {"type": "Cookie"}},
    ],
)
def test_what_somebody_adds_to_a_users_rule_does_not_stay(change: Manifest) -> None:
    route = with_rules({"matches": [{"path": {"value": "/v1"}}]}).route(OWNER, split(5))
    live = deepcopy(route)
    assert covers(live, route)
    live["spec"]["rules"][0].update(change)
    assert not covers(live, route)


def test_the_weight_of_many_rules_is_that_of_each_and_the_greatest_of_an_edited_one() -> None:
    router = with_rules({"matches": [{"method": "GET"}]}, {"filters": [REDIRECT]}, {})
    live = {("HTTPRoute", "fraud"): router.route(OWNER, split(5))}
    assert router.read_back(OWNER, split(5), BOTH, live, {}).actual_weight == 5
    edited = deepcopy(live)
    edited["HTTPRoute", "fraud"]["spec"]["rules"][2]["backendRefs"].reverse()
    edited["HTTPRoute", "fraud"]["spec"]["rules"][0]["backendRefs"][1]["weight"] = 95
    assert router.read_back(OWNER, split(5), BOTH, edited, {}).actual_weight == 50


def test_stable_alone_is_behind_every_rule_in_an_emergency_and_nothing_else_changes() -> None:
    mirror = {"type": "RequestMirror", "requestMirror": MIRROR}
    router = with_rules({"filters": [mirror]}, {"filters": [REDIRECT]}, {"name": "last"})
    live = router.route(OWNER, split(5))
    changed = router.only(live, OLD.hash)
    alone = [{**live["spec"]["rules"][0]["backendRefs"][0], "weight": 100}]
    first, redirect, last = live["spec"]["rules"]
    assert changed == {
        "spec": {
            "rules": [
                {**first, "backendRefs": alone},
                redirect,
                {**last, "backendRefs": alone},
            ]
        }
    }
    assert router.only({**live, **(changed or {})}, OLD.hash) is None
    assert router.only(router.route(OWNER, split(100)), OLD.hash) == changed, "it had nothing"


def test_the_answer_for_another_port_does_not_count() -> None:
    parent: Manifest = {"name": "public", "port": 8080}
    router = GatewayRouter(Gateway.model_validate({"parentRefs": [parent]}))
    route = accepted(router.route(OWNER, split(5)))
    assert route["spec"]["parentRefs"][0]["port"] == 8080
    live = {("HTTPRoute", "fraud"): route}
    assert router.read_back(OWNER, split(5), BOTH, live, {}).in_effect
    del route["status"]["parents"][0]["parentRef"]["port"]
    assert not router.read_back(OWNER, split(5), BOTH, live, {}).in_effect


def accepted(route: Manifest) -> Manifest:
    (parent,) = deepcopy(route["spec"]["parentRefs"])
    told = {"parentRef": parent, "conditions": [ACCEPTED, RESOLVED]}
    metadata = {**route["metadata"], "generation": 3}
    return {**route, "metadata": metadata, "status": {"parents": [told]}}


def test_a_grpc_route_has_no_match_for_all_calls_and_defaults_of_its_own() -> None:
    method = {"matches": [{"method": {"service": "inference.GRPCInferenceService"}}]}
    router = with_rules(method, {}, kind="GRPCRoute")
    route = router.route(OWNER, split(5))
    assert route["kind"] == "GRPCRoute"
    first, everything = route["spec"]["rules"]
    assert first["matches"][0]["method"]["type"] == "Exact"
    assert set(everything) == {"backendRefs"}
    live = {("GRPCRoute", "fraud"): accepted(route)}
    assert router.read_back(OWNER, split(5), BOTH, live, {}) == Routed(5.0, True, "")


def test_a_route_of_another_kind_serves_with_the_same_split_until_the_new_one_is_accepted() -> None:
    before = accepted(with_rules({"name": "theirs"}).route(OWNER, split(5)))
    router = with_rules(kind="GRPCRoute")
    live = {("HTTPRoute", "fraud"): before}
    (kept,) = router.replaced(OWNER, split(25), live)
    assert kept["spec"]["rules"][0]["name"] == "theirs"
    assert backends(kept) == {f"fraud-{OLD.hash}": 75, f"fraud-{NEW.hash}": 25}
    routed = router.read_back(OWNER, split(25), BOTH, live, {})
    assert routed == Routed(5.0, False, "GRPCRoute fraud does not exist yet")
    route = router.route(OWNER, split(25))
    route["metadata"]["generation"] = 3
    live["GRPCRoute", "fraud"] = route
    assert router.replaced(OWNER, split(25), live) == [kept]
    assert router.leads_to(OWNER, live) is None
    live["GRPCRoute", "fraud"] = accepted(route)
    assert router.replaced(OWNER, split(50), live), "the new one does not split like this yet"
    assert router.replaced(OWNER, split(25), live) == []


def test_pods_stay_while_a_route_that_is_replaced_leads_to_them() -> None:
    router = with_rules(kind="GRPCRoute")
    live = {
        ("Service", "fraud"): router.manifests(OWNER, split(0), BOTH)[0],
        ("GRPCRoute", "fraud"): accepted(router.route(OWNER, split(0))),
    }
    assert router.leads_to(OWNER, live) == frozenset({OLD.hash})
    live["HTTPRoute", "fraud"] = with_rules().route(OWNER, split(5))
    assert router.leads_to(OWNER, live) == frozenset({OLD.hash, NEW.hash})


def test_of_a_live_route_the_split_alone_can_be_written() -> None:
    live = with_rules({"name": "theirs"}, {"filters": [REDIRECT]}).route(OWNER, split(25))
    router = with_rules({"matches": [{"path": {"value": "refused"}}]})
    (written,) = router.split_alone(OWNER, split(0), {("HTTPRoute", "fraud"): live})
    theirs, redirect = written["spec"]["rules"]
    assert theirs["name"] == "theirs"
    assert [each["name"] for each in theirs["backendRefs"]] == [f"fraud-{OLD.hash}"]
    assert redirect == live["spec"]["rules"][1]
    assert router.split_alone(OWNER, split(0), {}) == []
    assert REPLICAS.split_alone(OWNER, split(0), {("HTTPRoute", "fraud"): live}) == []
    assert REPLICAS.replaced(OWNER, split(0), {("HTTPRoute", "fraud"): live}) == []


MIRRORED = Traffic(OLD.hash, NEW.hash, 0, mirrored=20.0)
PREVIEWED = Traffic(OLD.hash, NEW.hash, 0, preview=Tried(headers=(("x-try", "yes"),)))
OWN = {"type": "RequestMirror", "requestMirror": MIRROR}


def test_each_rule_that_leads_to_the_model_copies_beside_the_mirrors_of_its_user() -> None:
    near = {**OWN, "requestMirror": {"backendRef": {"name": "fraud-shadow", "port": 80}}}
    router = with_rules({"filters": [OWN, near]}, {"filters": [REDIRECT]}, {})
    route = router.route(OWNER, MIRRORED)
    first, redirect, last = route["spec"]["rules"]
    names = [each["requestMirror"]["backendRef"]["name"] for each in first["filters"]]
    assert names == ["shadow", "fraud-shadow", f"fraud-{NEW.hash}"]
    assert len(redirect["filters"]) == len(last["filters"]) == 1
    live = {("HTTPRoute", "fraud"): route}
    routed = router.read_back(OWNER, MIRRORED, BOTH, live, {})
    assert (routed.actual_weight, routed.mirrored) == (0.0, 20.0)
    emergency = str(router.only(route, OLD.hash))
    assert f"fraud-{NEW.hash}" not in emergency
    assert "'shadow'" in emergency
    (ended,) = router.split_alone(OWNER, split(0), live)
    assert [
        each["requestMirror"]["backendRef"]["name"] for each in ended["spec"]["rules"][0]["filters"]
    ] == ["shadow", "fraud-shadow"]
    assert "'fraud-shadow'" in emergency


def test_a_preview_adds_a_rule_for_each_that_leads_to_the_model_and_moves_none() -> None:
    tenant = {"matches": [{"path": {"value": "/a"}, "headers": HEADERS}], "name": "tenant"}
    router = with_rules(tenant, {"filters": [REDIRECT]}, {})
    route = router.route(OWNER, PREVIEWED)
    *rest, first, second = route["spec"]["rules"]
    assert rest == router.route(OWNER, split(0))["spec"]["rules"]
    for rule in (first, second):
        assert [each["name"] for each in rule["backendRefs"]] == [f"fraud-{NEW.hash}"]
    tried = {"name": "x-try", "type": "Exact", "value": "yes"}
    assert first["matches"][0]["headers"][1:] == second["matches"][0]["headers"] == [tried]
    assert first["matches"][0]["path"]["value"] == "/a"
    assert "name" not in first
    live = {("HTTPRoute", "fraud"): route}
    assert router.read_back(OWNER, PREVIEWED, BOTH, live, {}).actual_weight == 0
    (ended,) = router.split_alone(OWNER, split(0), live)
    led = {each["name"] for r in ended["spec"]["rules"] for each in r.get("backendRefs", ())}
    assert led == {f"fraud-{OLD.hash}"}


@pytest.mark.parametrize("name", ["x-try", "X-Try"])
@pytest.mark.parametrize(("value", "rules"), [("yes", 1), ("no", 0)])
def test_a_rule_that_wants_another_value_of_the_header_has_no_preview(
    name: str, value: str, rules: int
) -> None:
    router = with_rules({"matches": [{"headers": [{"name": name, "value": value}]}]})
    route = router.route(OWNER, PREVIEWED)
    assert len(route["spec"]["rules"]) == 1 + rules
    assert all(len(each["matches"][0]["headers"]) == 1 for each in route["spec"]["rules"])


def test_a_preview_of_calls_is_by_their_metadata() -> None:
    _, last = with_rules(kind="GRPCRoute").route(OWNER, PREVIEWED)["spec"]["rules"]
    tried = {"name": "x-try", "type": "Exact", "value": "yes"}
    assert last["matches"] == [{"headers": [tried]}]


HOSTED = Traffic(OLD.hash, NEW.hash, 0, preview=Tried(hostnames=("try.example.com",)))
CANDIDATE = f"fraud-{NEW.hash}"


@pytest.mark.parametrize("kind", ["HTTPRoute", "GRPCRoute"])
def test_host_names_of_a_preview_have_a_route_with_the_same_rules_before_the_candidate(
    kind: str,
) -> None:
    public = {"name": "public", "namespace": "infra", "sectionName": "https", "port": 443}
    rules = [{"name": "all"}, *([{"filters": [REDIRECT]}] if kind == "HTTPRoute" else [])]
    gateway = {"kind": kind, "parentRefs": [public], "hostnames": ["fraud.example.com"]}
    router = GatewayRouter(Gateway.model_validate({**gateway, "rules": rules}))
    main, own = router.routes(OWNER, HOSTED)
    assert main == router.route(OWNER, split(0)), "clients notice nothing"
    assert (own["kind"], own["metadata"]["name"]) == (kind, CANDIDATE)
    assert own["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "serinus",
        **OWNER.pods(NEW.hash),
    }
    assert own["metadata"]["ownerReferences"] == [OWNER.reference()]
    assert own["spec"]["hostnames"] == ["try.example.com"]
    assert own["spec"]["parentRefs"] == main["spec"]["parentRefs"]
    first, *others = own["spec"]["rules"]
    assert {each["name"]: each["weight"] for each in first["backendRefs"]} == {CANDIDATE: 1}
    assert others == main["spec"]["rules"][1:], "what the gateway answers itself stays"
    assert {**first, "backendRefs": main["spec"]["rules"][0]["backendRefs"]} == main["spec"][
        "rules"
    ][0]
    assert router.routes(OWNER, PREVIEWED) == [router.route(OWNER, PREVIEWED)]


def test_a_preview_at_a_host_is_in_effect_once_both_routes_are_accepted() -> None:
    main, own = GATEWAY.routes(OWNER, HOSTED)
    live = {("HTTPRoute", "fraud"): accepted(main)}
    routed = GATEWAY.read_back(OWNER, HOSTED, BOTH, live, {})
    assert routed == Routed(0.0, False, f"HTTPRoute {CANDIDATE} does not exist yet")
    live["HTTPRoute", CANDIDATE] = accepted(own)
    routed = GATEWAY.read_back(OWNER, HOSTED, BOTH, live, {})
    assert routed == Routed(0.0, True, "")
    [told] = live["HTTPRoute", CANDIDATE]["status"]["parents"]
    told["conditions"] = [condition("Accepted", "False", reason="NoMatchingListenerHostname")]
    routed = GATEWAY.read_back(OWNER, HOSTED, BOTH, live, {})
    assert routed == Routed(
        0.0,
        False,
        f"HTTPRoute {CANDIDATE}, of the preview: {FIELD}: Gateway shop/public refuses the route: "
        "NoMatchingListenerHostname",
        refused=True,
    )


def test_the_host_name_of_a_preview_that_another_route_has_is_said_to_be_contested() -> None:
    main, own = GATEWAY.routes(OWNER, HOSTED)
    live = {("HTTPRoute", "fraud"): accepted(main), ("HTTPRoute", CANDIDATE): accepted(own)}
    [told] = live["HTTPRoute", CANDIDATE]["status"]["parents"]
    told["conditions"] = [ACCEPTED, RESOLVED, OVERLAP]
    routed = GATEWAY.read_back(OWNER, HOSTED, BOTH, live, {})
    assert "Give each its own hostnames (spec.rollout.steps[].preview.hostnames)" in (
        routed.contested
    )


def test_no_split_is_in_effect_while_the_route_of_a_preview_that_is_over_is_there() -> None:
    _, own = GATEWAY.routes(OWNER, HOSTED)
    found, main = GATEWAY.manifests(OWNER, split(20), BOTH)
    live = {
        ("Service", "fraud"): found,
        ("HTTPRoute", "fraud"): accepted(main),
        ("HTTPRoute", CANDIDATE): accepted(own),
    }
    assert GATEWAY.left_over(OWNER, HOSTED, live) == []
    assert GATEWAY.left_over(OWNER, split(20), live) == [live["HTTPRoute", CANDIDATE]]
    routed = GATEWAY.read_back(OWNER, split(20), BOTH, live, {})
    assert routed.actual_weight == 20, "what it leads to the candidate is no weight"
    assert not routed.in_effect
    assert routed.message == f"HTTPRoute {CANDIDATE}, of a preview that is over, is still there"
    del live["HTTPRoute", CANDIDATE]
    assert GATEWAY.read_back(OWNER, split(20), BOTH, live, {}) == Routed(20.0, True, "")


def test_pods_stay_while_people_are_led_to_them_at_a_host_name() -> None:
    found, main, own = GATEWAY.manifests(OWNER, HOSTED, BOTH)
    live = {("Service", "fraud"): found, ("HTTPRoute", "fraud"): accepted(main)}
    assert GATEWAY.leads_to(OWNER, live) == frozenset({OLD.hash})
    live["HTTPRoute", CANDIDATE] = own
    assert GATEWAY.leads_to(OWNER, live) == frozenset({OLD.hash, NEW.hash})


def path(value: str) -> Manifest:
    return {"matches": [{"path": {"value": value}}]}


@pytest.mark.parametrize(
    ("mine", "theirs", "outranked"),
    [
        ((path("/a"),), (path("/a"), path("/b")), True),
        ((path("/a"), path("/b")), (path("/a"),), False),
        ((path("/a"),), (), False),
        ((), (path("/a"),), False),
        ((path("/a"), {"matches": [{"method": "GET"}]}), (path("/a"),), False),
    ],
)
def test_an_older_route_gets_all_requests_if_it_has_each_match(
    mine: tuple[Manifest, ...], theirs: tuple[Manifest, ...], outranked: bool
) -> None:
    router = with_rules(*mine)
    told = {"parentRef": {"name": "public"}, "conditions": [ACCEPTED, RESOLVED, OVERLAP]}
    route = accepted(router.route(OWNER, split(5)))
    route |= {"status": {"parents": [told]}}
    route["metadata"]["creationTimestamp"] = "2026-01-02T00:00:00Z"
    older = with_rules(*theirs).route(Owner("shop", "loan", "1"), Traffic("a", None, 0))
    older["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    live = {("HTTPRoute", "fraud"): route}
    assert bool(router.outranked(OWNER, live, [older])) == outranked
    assert not router.outranked(OWNER, live, [{**older, "kind": "GRPCRoute"}])


# --- by replicas


def service_for(given: Traffic) -> Manifest:
    (service,) = REPLICAS.manifests(OWNER, given, BOTH)
    return service


def selected(weight: int) -> dict[str, str]:
    selector: dict[str, str] = service_for(split(weight))["spec"]["selector"]
    return selector


def test_while_a_canary_runs_the_service_selects_both_revisions() -> None:
    assert selected(25) == {"serinus.dev/name": "fraud"}


def test_at_weight_0_the_service_selects_stable_alone_whatever_pods_still_run() -> None:
    assert selected(0) == OWNER.pods(OLD.hash)


def test_at_weight_100_the_service_selects_the_candidate_alone() -> None:
    assert selected(100) == OWNER.pods(NEW.hash)


def counted(weight: int, stable: int, candidate: int, wanted: int | None = None) -> Routed:
    live = {("Service", "fraud"): service_for(split(weight))}
    ready = {OLD.hash: stable, NEW.hash: candidate}
    given = split(weight if wanted is None else wanted)
    return REPLICAS.read_back(OWNER, given, BOTH, live, ready)


def test_the_weight_is_the_ratio_of_ready_pods() -> None:
    assert counted(25, stable=3, candidate=1) == Routed(25.0, True, "")


def test_a_weight_that_the_pods_cannot_give_is_told() -> None:
    assert counted(5, stable=3, candidate=1) == Routed(
        25.0, True, "3 stable and 1 candidate pods give 25% instead of 5%"
    )


def test_pods_that_the_service_does_not_select_take_nothing() -> None:
    assert counted(0, stable=3, candidate=3).actual_weight == 0.0


def test_the_only_revision_selected_takes_all_without_any_ready_pod() -> None:
    assert counted(100, stable=3, candidate=0).actual_weight == 100.0


def test_a_service_that_does_not_yet_select_as_wanted_is_not_in_effect() -> None:
    routed = counted(0, stable=3, candidate=1, wanted=25)
    told = "spec.selector.serinus.dev/revision should not be there"
    assert routed == Routed(0.0, False, f"Service fraud differs from the desired state: {told}.")


def test_without_ready_pods_nobody_takes_anything() -> None:
    assert counted(25, stable=0, candidate=0).actual_weight == 0.0


def test_without_a_service_no_ratio_is_in_effect() -> None:
    routed = REPLICAS.read_back(OWNER, split(5), BOTH, {}, {NEW.hash: 1})
    assert routed == Routed(0.0, False, "Service fraud does not exist yet")


@pytest.mark.parametrize(
    ("replicas", "weight", "pods"),
    [
        *((3, 5, 1), (3, 25, 1), (10, 25, 3), (10, 5, 1), (19, 5, 1), (100, 5, 5)),
        *((4, 50, 4), (4, 75, 4), (4, 100, 4), (1, 5, 1), (0, 25, 0), (4, 0, 1)),
    ],
)
def test_a_candidate_has_the_number_of_pods_whose_share_is_nearest(
    replicas: int, weight: int, pods: int
) -> None:
    assert REPLICAS.candidate_replicas(replicas, weight) == pods


def test_two_ports_cannot_share_one_service() -> None:
    told = REPLICAS.incompatibility(
        revision("1", containerPort=8080), revision("2", containerPort=9090)
    )
    assert told is not None
    assert "8080" in told
    assert "9090" in told
    assert "Name both ports http" in told


def test_two_ports_of_one_name_can_share_a_service() -> None:
    ports = [revision(str(n), name="http", containerPort=n) for n in (8080, 9090)]
    assert REPLICAS.incompatibility(*ports) is None


def test_behind_a_gateway_each_revision_may_have_its_own_port() -> None:
    ports = [revision(str(n), containerPort=n) for n in (8080, 9090)]
    assert GATEWAY.incompatibility(*ports) is None


def test_a_gateway_has_to_speak_one_protocol_to_both_revisions() -> None:
    http = revision("1", name="http", containerPort=8080)
    grpc, newer = (revision(name, name=name, containerPort=8081) for name in ("grpc", "grpc-v2"))
    for ports in ((http, grpc), (grpc, http)):
        told = GATEWAY.incompatibility(*ports)
        assert told is not None
        assert "kubernetes.io/h2c" in told
        assert "spec.rollout.steps to []" in told
    assert GATEWAY.incompatibility(grpc, newer) is None


# --- what ready pods can carry


@pytest.mark.parametrize("router", [GATEWAY, REPLICAS])
@pytest.mark.parametrize("replicas", [1, 2, 3, 7, 28, 100])
def test_the_pods_that_a_weight_asks_for_can_carry_it(router: Router, replicas: int) -> None:
    # were it otherwise, a rollout would wait for ever for pods that nobody asks for
    for weight in range(101):
        pods = router.candidate_replicas(replicas, weight)
        assert carriable_weight(router, replicas, replicas, pods) >= weight


@pytest.mark.parametrize("router", [GATEWAY, REPLICAS])
def test_fewer_pods_never_carry_more(router: Router) -> None:
    carried = [carriable_weight(router, 10, 10, ready) for ready in range(11)]
    assert carried == sorted(carried)
    assert (carried[0], carried[-1]) == (0, 100)


def test_a_pod_carries_its_share_of_a_full_set() -> None:
    assert carriable_weight(GATEWAY, 3, ready_stable=3, ready_candidate=1) == 33


def test_only_a_full_set_carries_everything() -> None:
    for router in (GATEWAY, REPLICAS):
        assert carriable_weight(router, 3, ready_stable=3, ready_candidate=2) < 100
        assert carriable_weight(router, 3, ready_stable=3, ready_candidate=3) == 100


def test_a_scale_up_in_mid_canary_throws_no_traffic_back_at_stable() -> None:
    # 3 -> 10 replicas at weight 40, with 3 + 2 pods ready so far
    assert carriable_weight(GATEWAY, 10, ready_stable=3, ready_candidate=2) == 40


def test_nobody_ready_carries_nothing() -> None:
    assert carriable_weight(GATEWAY, 3, ready_stable=0, ready_candidate=0) == 0


def test_no_replicas_wanted_hold_nothing_back() -> None:
    assert carriable_weight(GATEWAY, 0, ready_stable=0, ready_candidate=0) == 100


# --- whom they lead to


def seen_at(generation: int, route: Manifest) -> Manifest:
    conditions = [
        {"type": name, "status": "True", "reason": name, "observedGeneration": generation}
        for name in ("Accepted", "ResolvedRefs")
    ]
    parent = {"parentRef": {"name": "public"}, "conditions": conditions}
    return {
        **route,
        "metadata": {**route["metadata"], "generation": 2},
        "status": {"parents": [parent]},
    }


def test_whom_a_route_leads_to_is_known_once_every_gateway_has_taken_it() -> None:
    found, route = GATEWAY.manifests(OWNER, split(0), BOTH)
    live = {("Service", "fraud"): found, ("HTTPRoute", "fraud"): seen_at(1, route)}
    assert GATEWAY.leads_to(OWNER, live) is None
    live["HTTPRoute", "fraud"] = seen_at(2, route)
    assert GATEWAY.leads_to(OWNER, live) == frozenset({OLD.hash})


def test_a_service_beside_the_route_leads_to_whom_it_selects() -> None:
    [found, _], [_, route] = (GATEWAY.manifests(OWNER, split(w), BOTH) for w in (0, 100))
    live = {("Service", "fraud"): found, ("HTTPRoute", "fraud"): seen_at(2, route)}
    assert GATEWAY.leads_to(OWNER, live) == frozenset(BOTH)


def test_without_a_service_or_a_route_it_is_not_known() -> None:
    found, route = GATEWAY.manifests(OWNER, split(0), BOTH)
    assert GATEWAY.leads_to(OWNER, {("Service", "fraud"): found}) is None
    assert GATEWAY.leads_to(OWNER, {("HTTPRoute", "fraud"): seen_at(2, route)}) is None
    assert REPLICAS.leads_to(OWNER, {}) is None


def test_a_service_of_all_pods_leads_to_every_revision_that_has_some() -> None:
    pods: dict[tuple[str, str], Manifest] = {
        ("Deployment", OWNER.child(each.hash)): DeploymentWorkload().manifest(OWNER, each, 1)
        for each in (OLD, NEW)
    }
    [shared] = REPLICAS.manifests(OWNER, split(50), BOTH)
    assert REPLICAS.leads_to(OWNER, {**pods, ("Service", "fraud"): shared}) == frozenset(BOTH)
    [alone] = REPLICAS.manifests(OWNER, split(0), BOTH)
    assert REPLICAS.leads_to(OWNER, {**pods, ("Service", "fraud"): alone}) == frozenset({OLD.hash})


@pytest.mark.parametrize("router", [REPLICAS, GATEWAY], ids=["replicas", "gateway"])
def test_a_router_writes_and_needs_the_kinds_that_it_says(router: Router) -> None:
    other_kind = GatewayRouter(Gateway(parent_refs=[{"name": "public"}], kind="GRPCRoute"))
    routers = [router, other_kind] if router is GATEWAY else [router]
    written = [each for one in routers for each in one.manifests(OWNER, split(20), BOTH)]
    assert {(each["apiVersion"], each["kind"]) for each in written} == {
        (kind.api_version, kind.name) for kind in router.kinds
    }
    assert {kind for kind, _, _ in router.needs(OWNER)} == {
        kind.name for kind in router.needed_kinds
    }


def test_all_routers_are_tested_here() -> None:
    assert {type(router) for router in (REPLICAS, GATEWAY)} == {*ROUTERS}


@pytest.mark.parametrize("field", Settings.model_fields)
def test_each_setting_of_the_traffic_has_one_router(field: str) -> None:
    settings: Any = {field: object()}
    given = Spec.model_construct(template={}, traffic=Settings.model_construct(**settings))
    *takers, default = (each for each in ROUTERS if each.of(given) is not None)
    assert len(takers) == 1
    assert default is ReplicaRouter


def test_without_settings_the_number_of_pods_splits() -> None:
    given = Spec.model_construct(template={}, traffic=Settings())
    takers = [each for each in ROUTERS if each.of(given) is not None]
    assert takers == [ReplicaRouter]
