"""A route that is handed over loses nothing that its user wrote."""

from copy import deepcopy
from typing import Any

import pytest

from serinus.api.spec import Gateway
from serinus.manifests.adoption import would_lose
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.routers.gateway import GatewayRouter
from serinus.manifests.traffic import Traffic

OWNER = Owner("shop", "fraud", "4f7c")
PUBLIC = {"name": "public"}
THEIRS = [{"name": "theirs", "port": 8080}]
V1: Manifest = {"matches": [{"path": {"type": "PathPrefix", "value": "/v1"}}]}
EVERYTHING: Manifest = {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}
REDIRECT: Manifest = {
    **EVERYTHING,
    "filters": [
        {"type": "RequestRedirect", "requestRedirect": {"scheme": "https", "statusCode": 302}}
    ],
}


def theirs(*rules: Manifest, **spec: Any) -> Manifest:
    """As the API server shows it."""
    parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway", **PUBLIC}
    led = [each if each is REDIRECT else {"backendRefs": THEIRS, **each} for each in rules]
    return {
        "kind": "HTTPRoute",
        "metadata": {"namespace": "shop", "name": "fraud"},
        "spec": {"parentRefs": [parent], "rules": led, **spec},
    }


def why(live: Manifest, **gateway: Any) -> str | None:
    router = GatewayRouter(Gateway.model_validate({"parentRefs": [PUBLIC], **gateway}))
    before = deepcopy(live)
    found = would_lose(live, router.route(OWNER, Traffic("a", None, 0)))
    assert live == before
    return found


@pytest.mark.parametrize(
    ("live", "gateway"),
    [
        (theirs(EVERYTHING), {}),
        (theirs(EVERYTHING, V1), {"rules": [{"matches": [{"path": {"value": "/v1"}}]}, {}]}),
        (theirs(V1), {"rules": [V1, {"matches": [{"method": "GET"}]}]}),
        (theirs(V1, REDIRECT), {"rules": [V1, REDIRECT]}),
        (theirs(EVERYTHING, hostnames=["a.example.com"]), {"hostnames": ["a.example.com", "b.c"]}),
        (theirs(EVERYTHING, hostnames=["a.example.com"]), {}),
        (theirs(EVERYTHING), {"parentRefs": [{**PUBLIC, "namespace": "shop"}]}),
        (
            theirs({**V1, "timeouts": {"request": "9s"}}),
            {"rules": [{**V1, "timeouts": {"request": "9s"}}]},
        ),
    ],
)
def test_a_route_of_which_the_spec_says_the_same_is_taken(
    live: Manifest, gateway: dict[str, Any]
) -> None:
    assert why(live, **gateway) is None


@pytest.mark.parametrize(
    ("live", "gateway", "lost"),
    [
        (theirs(EVERYTHING, V1), {}, "spec.rules[1]"),
        (theirs(V1), {}, "spec.rules[0]"),
        (theirs(EVERYTHING, REDIRECT), {}, "spec.rules[1]"),
        (theirs({**EVERYTHING, "name": "all"}), {}, "spec.rules[0]"),
        (theirs({**EVERYTHING, "timeouts": {"request": "9s"}}), {}, "spec.rules[0]"),
        (
            theirs(EVERYTHING, hostnames=["a.example.com", "b.example.com"]),
            {"hostnames": ["a.example.com"]},
            "the host name b.example.com",
        ),
        (
            theirs(EVERYTHING),
            {"hostnames": ["a.example.com", "b.example.com"]},
            "all host names but a.example.com, b.example.com",
        ),
        (theirs(EVERYTHING), {"parentRefs": [{"name": "other"}]}, "spec.parentRefs[0]"),
        (theirs(EVERYTHING), {"parentRefs": [{**PUBLIC, "port": 80}]}, "spec.parentRefs[0]"),
        (
            theirs({**EVERYTHING, "backendRefs": [{**THEIRS[0], "filters": [{"type": "CORS"}]}]}),
            {},
            "the filters in spec.rules[0].backendRefs",
        ),
    ],
)
def test_a_route_that_would_lose_something_is_not_taken_and_says_what(
    live: Manifest, gateway: dict[str, Any], lost: str
) -> None:
    told = why(live, **gateway)
    assert told is not None
    assert f"would lose {lost}: write the same into spec.traffic.gateway" in told


NONE_OF_THEIRS = {**THEIRS[0], "weight": 0}


@pytest.mark.parametrize(
    "other",
    [
        [],
        [{"name": "docs", "port": 80}],
        [{**THEIRS[0], "port": 9090}],
        [{**THEIRS[0], "namespace": "other"}],
        [{**THEIRS[0], "group": "inference.networking.k8s.io", "kind": "InferencePool"}],
        [NONE_OF_THEIRS, {"name": "docs", "port": 80}],
        [NONE_OF_THEIRS],
    ],
)
def test_a_route_of_which_a_rule_leads_elsewhere_is_not_taken(other: list[Manifest]) -> None:
    told = why(theirs(EVERYTHING, {**V1, "backendRefs": other}), rules=[EVERYTHING, V1])
    assert told is not None
    assert "its rules lead to different backends" in told


@pytest.mark.parametrize(
    "same",
    [
        [{**THEIRS[0], "group": "", "kind": "Service", "namespace": "shop", "weight": 3}],
        [*THEIRS, {"name": "canary", "port": 80, "weight": 0}],
    ],
)
def test_a_backend_that_is_written_in_another_way_or_gets_nothing_is_no_other(
    same: list[Manifest],
) -> None:
    live = theirs(EVERYTHING, {**V1, "backendRefs": same})
    assert why(live, rules=[EVERYTHING, V1]) is None


def test_a_service_has_nothing_to_lose() -> None:
    live = {"kind": "Service", "metadata": {"namespace": "shop", "name": "fraud"}, "spec": {}}
    assert would_lose(live, live) is None
