"""Rollouts behind a route with rules of users, and one whose kind is changed meanwhile."""

from typing import Any

import pytest

from serinus.manifests.owner import Manifest
from tests.campaign.history import Snapshot
from tests.campaign.invariants import violations
from tests.campaign.memory.world import World, run
from tests.campaign.stage import spec

HOUR = 3600.0
HEADER = {"name": "x-tenant", "value": "a"}
RULES: list[Manifest] = [
    {"matches": [{"path": {"value": "/v1"}, "headers": [HEADER]}], "timeouts": {"request": "9s"}},
    {
        "name": "old-path",
        "matches": [{"path": {"type": "Exact", "value": "/"}}],
        "filters": [{"type": "RequestRedirect", "requestRedirect": {"hostname": "b.example.com"}}],
    },
    {
        "matches": [{"method": "POST"}, {"queryParams": [{"name": "q", "value": "1"}]}],
        "retry": {"attempts": 2},
    },
]


def with_gateway(version: str, **gateway: Any) -> Manifest:
    wanted = spec(version)
    wanted["traffic"] = {"gateway": {**wanted["traffic"]["gateway"], **gateway}}
    return wanted


def live(world: World, kind: str = "HTTPRoute") -> Manifest | None:
    return world.api.find(kind, world.namespace, "fraud")


def healthy(s: Snapshot) -> bool:
    return s.status.get("phase") == "Healthy"


def rolled_back(s: Snapshot) -> bool:
    return s.status.get("phase") == "RolledBack"


def at_a_weight(s: Snapshot) -> bool:
    return "effectiveSince" in s.role("candidate")


async def in_mid_rollout(world: World, **gateway: Any) -> Snapshot:
    await world.apply(with_gateway("v1", **gateway))
    await world.until(healthy)
    await world.wait(90.0)
    await world.apply(with_gateway("v2", **gateway))
    return await world.until(at_a_weight)


def split_of(route: Manifest | None) -> list[dict[str, int]]:
    assert route is not None
    return [
        {each["name"]: each["weight"] for each in rule["backendRefs"]}
        for rule in route["spec"]["rules"]
        if "backendRefs" in rule
    ]


def test_each_rule_of_a_user_splits_alike_and_is_written_once_a_step() -> None:
    async def course(world: World) -> None:
        found = await in_mid_rollout(world, rules=RULES)
        route = live(world)
        assert route is not None
        first, second = split_of(route)
        assert first == second
        assert set(first) == {f"fraud-{found.revision(role)}" for role in ("stable", "candidate")}
        redirect = route["spec"]["rules"][1]
        assert "backendRefs" not in redirect
        assert redirect["name"] == "old-path"
        await world.until(lambda s: healthy(s) and s.role("stable")["version"] == "v2", HOUR)
        written = [w for w in world.history.writes if w.kind == "HTTPRoute"]
        weights = [each for each in spec("v2")["rollout"]["steps"] if "setWeight" in each]
        assert len(written) == len(weights) + 2, "all to v1, each weight, all to v2"

    run(course)


@pytest.mark.parametrize(
    ("before", "after"), [("HTTPRoute", "GRPCRoute"), ("GRPCRoute", "HTTPRoute")]
)
def test_a_route_of_another_kind_replaces_the_one_that_serves_without_an_outage(
    before: str, after: str
) -> None:
    async def course(world: World) -> None:
        found = await in_mid_rollout(world, kind=before)
        began, split = world.now, found.split
        assert 0 < split[found.revision("candidate") or ""] < 100
        world.gateway.lag = 5.0
        await world.apply(with_gateway("v2", kind=after))
        await world.wait(1.0)
        assert live(world, before), "the other one is not served yet"
        assert split_of(live(world, before)) == split_of(live(world, after))
        await world.wait(20.0)
        assert not live(world, before)
        during = [s.split for s in world.history.snapshots if s.at >= began]
        assert all(sum(each.values()) == pytest.approx(100) for each in during)
        await world.until(lambda s: healthy(s) and s.role("stable")["version"] == "v2", HOUR)
        assert split_of(live(world, after)) == [{f"fraud-{found.revision('candidate')}": 100}]

    run(course)


def test_a_weight_counts_only_once_the_route_that_is_replaced_is_gone() -> None:
    async def course(world: World) -> None:
        preview = {"preview": {"headers": [{"name": "x-try", "value": "yes"}]}}
        first, second = with_gateway("v1"), with_gateway("v2")
        for wanted in (first, second):
            wanted["rollout"]["steps"].insert(0, preview)
        await world.apply(first)
        await world.until(healthy)
        await world.wait(90.0)
        world.gateway.lag = 3.0
        await world.apply(second)
        await world.wait(1.0)
        second["traffic"]["gateway"]["kind"] = "GRPCRoute"
        await world.apply(second)
        await world.until(lambda s: at_a_weight(s) and s.role("candidate")["weight"]["wanted"])
        await world.wait(60.0)
        assert [str(each) for each in violations(world.history)] == []

    run(course)


def test_a_route_that_is_not_replaced_yet_takes_the_traffic_from_a_bad_candidate() -> None:
    async def course(world: World) -> None:
        found = await in_mid_rollout(world)
        take = world.gateway._take
        only = lambda kind, name: take(kind, name) if kind == "HTTPRoute" else None  # noqa: E731
        world.gateway._take = only  # type: ignore[method-assign]
        await world.apply(with_gateway("v2", kind="GRPCRoute"))
        await world.wait(30.0)
        world.model("v2", errors=0.5)
        last = await world.until(rolled_back, HOUR)
        last = await world.until(lambda s: s.split == {found.revision("stable"): 100.0})
        for kind in ("HTTPRoute", "GRPCRoute"):
            assert split_of(live(world, kind)) == [{f"fraud-{last.revision('stable')}": 100}]
        await world.wait(HOUR)
        assert live(world), "it serves"
        assert "has not reported on the route" in world.history.snapshots[-1].status["message"]

    run(course)


def test_rules_that_are_refused_do_not_keep_a_bad_candidates_traffic() -> None:
    async def course(world: World) -> None:
        await in_mid_rollout(world, rules=RULES[:1])
        bad = [{"matches": [{"path": {"value": "v1"}}]}]
        world.api.refuse.append(
            lambda new, _: (
                "spec.rules[0].matches[0].path: value must start with '/'"
                if new["kind"] == "HTTPRoute"
                and new["spec"]["rules"][0]["matches"][0]["path"]["value"] == "v1"
                else None
            )
        )
        await world.apply(with_gateway("v2", rules=bad))
        said = await world.until(lambda s: "cannot be written" in s.status.get("message", ""))
        assert "spec.rules[0].matches[0].path: value must start" in said.status["message"]
        world.model("v2", errors=0.5)
        last = await world.until(rolled_back, HOUR)
        stable = last.revision("stable")
        await world.until(lambda s: s.split == {stable: 100.0}, 10.0)
        route = live(world)
        assert split_of(route) == [{f"fraud-{stable}": 100}]
        assert route is not None
        assert route["spec"]["rules"][0]["matches"][0]["path"]["value"] == "/v1"

    run(course)
