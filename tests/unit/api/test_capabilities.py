"""A step that needs what its router cannot do is refused, with the remedy."""

from enum import StrEnum
from typing import Any, cast

import pytest

from serinus.api.capabilities import Capability
from serinus.api.spec import ROUTER_SETTINGS, Gateway, Traffic
from serinus.api.steps import KINDS
from serinus.api.steps.step import Kind
from serinus.api.validation import problems

TEMPLATE = {
    "spec": {"containers": [{"name": "m", "image": "m:1", "ports": [{"containerPort": 1}]}]}
}
GATEWAY = {"gateway": {"parentRefs": [{"name": "public"}]}}
STEPS = [{"setWeight": 5}, {"pause": {"duration": "1m"}}, {"setWeight": 50}]


class MadeUp(StrEnum):
    TONE = "tell polite requests from others"


def told(traffic: dict[str, Any]) -> list[str]:
    spec = {"template": TEMPLATE, "traffic": traffic, "rollout": {"steps": STEPS}}
    return [str(each) for each in problems("shop", "fraud", spec)]


@pytest.fixture
def needy(monkeypatch: pytest.MonkeyPatch) -> frozenset[Capability]:
    """A pause that needs what no router can do."""
    needs = frozenset({cast(Capability, MadeUp.TONE)})
    monkeypatch.setitem(cast(dict[str, Any], KINDS), "pause", Kind(lambda _: needs))
    return needs


def test_every_router_can_do_what_the_steps_need() -> None:
    assert told({}) == told(GATEWAY) == []


def test_every_router_has_settings() -> None:
    assert set(ROUTER_SETTINGS) == set(Traffic.model_fields)


@pytest.mark.usefixtures("needy")
@pytest.mark.parametrize(
    ("traffic", "router"), [({}, "the Service alone"), (GATEWAY, "spec.traffic.gateway")]
)
def test_what_no_router_can_do_is_refused(traffic: dict[str, Any], router: str) -> None:
    assert told(traffic) == [
        "spec.rollout.steps[1].pause: needs a router that can tell polite requests from others, "
        f"and {router} cannot: remove it"
    ]


def test_a_router_that_can_is_the_remedy(
    monkeypatch: pytest.MonkeyPatch, needy: frozenset[Capability]
) -> None:
    monkeypatch.setattr(Gateway, "capabilities", Gateway.capabilities | needy)
    assert told(GATEWAY) == []
    assert told({}) == [
        "spec.rollout.steps[1].pause: needs a router that can tell polite requests from others, "
        "and the Service alone cannot: use spec.traffic.gateway, or remove it"
    ]
