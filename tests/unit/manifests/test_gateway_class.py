"""What a GatewayClass says of what its controller can do."""

from typing import Any

import pytest

from serinus.api.capabilities import Capability
from serinus.api.spec import Gateway
from serinus.manifests.kinds import HTTP_ROUTE, SERVICE
from serinus.manifests.owner import Manifest
from serinus.manifests.routers.gateway import GatewayRouter
from serinus.manifests.routers.gateway_class import features_of
from serinus.manifests.routers.replicas import ReplicaRouter
from serinus.manifests.routers.router import Need
from tests.stage.gateways import MIRROR, WITHOUT_MIRROR, gateway_class, public

ROUTER = GatewayRouter(
    Gateway.model_validate({"parentRefs": [{"name": "public"}, {"name": "inner"}]})
)
NEEDS: dict[Need, Manifest] = {
    ("Gateway", "shop", "public"): public("shop"),
    ("Gateway", "shop", "inner"): public("shop", "inner", "other"),
}
MIRRORING = frozenset({Capability.MIRROR, Capability.WEIGHTS})
ABLE = gateway_class(*WITHOUT_MIRROR, MIRROR)
UNABLE = gateway_class(*WITHOUT_MIRROR)


def class_named(name: str) -> Need:
    return "GatewayClass", "", name


def says(listed: Any) -> Manifest:
    return {**UNABLE, "status": {"supportedFeatures": listed}}


def unable(*told: Manifest | str | None) -> dict[Capability, str]:
    """What the router cannot do, if these are the classes nobodys and other."""
    named = zip(("nobodys", "other"), told, strict=False)
    return ROUTER.unable(NEEDS, {class_named(name): live for name, live in named if live})


def test_the_class_of_each_gateway_is_asked_once_and_only_if_something_depends_on_it() -> None:
    assert ROUTER.told_by(NEEDS, MIRRORING) == [class_named("nobodys"), class_named("other")]
    assert ROUTER.told_by(NEEDS, MIRRORING - {Capability.MIRROR}) == []
    [one, *_] = NEEDS
    twice = {one: NEEDS[one], ("Gateway", "b", "public"): public("b")}
    assert ROUTER.told_by(twice, MIRRORING) == [class_named("nobodys")]
    assert ReplicaRouter().told_by(NEEDS, MIRRORING) == []
    assert ReplicaRouter().unable(NEEDS, {class_named("nobodys"): UNABLE}) == {}


def test_each_gateway_must_be_able_and_one_that_is_not_is_named() -> None:
    assert unable(ABLE, ABLE) == {}
    assert unable(ABLE, UNABLE) == {
        Capability.MIRROR: "GatewayClass other of Gateway shop/inner does not list "
        "HTTPRouteRequestPercentageMirror in status.supportedFeatures: use a Gateway whose class "
        "does, or remove the step"
    }
    assert "Gateway shop/public " in unable(UNABLE, ABLE)[Capability.MIRROR]


@pytest.mark.parametrize("listed", [None, [], [{"name": MIRROR}], [MIRROR], ["HTTPRoute", MIRROR]])
def test_what_is_listed_or_not_said_is_taken_to_be_possible(listed: Any) -> None:
    assert unable(says(listed)) == {}
    assert unable() == unable({**UNABLE, "status": None}) == {}


@pytest.mark.parametrize(
    ("listed", "lacks"),
    [
        (["HTTPRoute"], {Capability.MIRROR, Capability.MIRROR_ALL}),
        ([{"name": "HTTPRouteRequestMirror"}], {Capability.MIRROR}),
    ],
)
def test_one_that_mirrors_all_requests_or_none_is_not_able(
    listed: Any, lacks: set[Capability]
) -> None:
    assert set(unable(says(listed))) == lacks


def test_a_class_that_cannot_be_read_is_not_taken_to_be_able() -> None:
    why = (
        "GatewayClass nobodys of Gateway shop/public, which says whether it "
        "can, cannot be read: 500 InternalError: no leader"
    )
    assert unable("500 InternalError: no leader") == dict.fromkeys(features_of(HTTP_ROUTE), why)


def test_a_kind_of_route_that_no_feature_names_depends_on_no_class() -> None:
    assert features_of(SERVICE) == {}
    assert set(features_of(HTTP_ROUTE)) == {Capability.MIRROR, Capability.MIRROR_ALL}
