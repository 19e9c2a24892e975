"""A rollout without steps of its own: the weights are chosen before the first traffic."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.campaign.memory import world as worlds
from tests.campaign.memory.world import World, run
from tests.campaign.stage import spec
from tests.support.exhaustive import short


def stepless(version: str, **rollout: Any) -> dict[str, Any]:
    checks = {"checks": [{"name": "errors", "errorRate": {}}]}
    return {**spec(version), "replicas": 2, "rollout": {"analysis": checks, **rollout}}


def without_a_gateway(version: str, replicas: int) -> dict[str, Any]:
    return {**stepless(version), "replicas": replicas, "traffic": {}}


def rolled_out(monkeypatch: pytest.MonkeyPatch, per_second: float, **rollout: Any) -> list[Any]:
    """The weights that the candidate got, and the forecast."""
    return followed(monkeypatch, per_second, partial(stepless, **rollout))[:2]


def followed(
    monkeypatch: pytest.MonkeyPatch, per_second: float, wanted: Callable[[str], dict[str, Any]]
) -> list[Any]:
    """The weights that the candidate got, the forecast, and the seconds until it serves."""
    monkeypatch.setattr(worlds, "RATE", per_second)
    told: list[Any] = []

    async def course(world: World) -> list[float]:
        await world.apply(wanted("v1"))
        await world.until(lambda s: s.status.get("phase") == "Healthy")
        await world.wait(3600.0)
        began = world.now
        await world.apply(wanted("v2"))
        await world.until(lambda s: "baseline" in s.status.get("candidate", {}))
        told.append(world.history.snapshots[-1].status["candidate"]["baseline"]["message"])
        await world.until(_serves_v2, within=7200.0)
        had = [
            (s.at, s.status["candidate"]["weight"]["wanted"])
            for s in world.history.snapshots
            if s.at >= began and s.status.get("candidate", {}).get("effectiveSince")
        ]
        told.append(world.now - had[0][0])
        return sorted({weight for _, weight in had})

    return [run(course), *told]


def _serves_v2(s: Any) -> bool:
    return bool((s.status.get("stable") or {}).get("version") == "v2")


FITTING = [(200.0, [5, 25, 50]), (10.0, [25, 50]), (4.0, [50])]


@pytest.mark.parametrize(("per_second", "weights"), short(FITTING, [FITTING[0], FITTING[-1]]))
def test_weights_follow_the_traffic(
    per_second: float, weights: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    had, told = rolled_out(monkeypatch, per_second)
    assert had == weights
    assert "The spec has no steps: " in told
    assert "within the target of 30m" in told


def test_a_longer_target_allows_a_smaller_first_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    had, _ = rolled_out(monkeypatch, 10.0, target="2h")
    assert had == [5, 25, 50]


def test_where_nobody_knows_what_a_bad_candidate_costs_the_smallest_weight_is_taken_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    had, told = rolled_out(monkeypatch, 10.0, atMost={"failedRequests": 1000})
    assert had == [5, 25, 50]
    assert "The cost of a bad candidate is unknown" in told


def test_a_step_may_last_three_times_as_long_as_is_expected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    had, told = rolled_out(monkeypatch, 1.0)
    assert had == [50]
    assert "longer than the target of 30m" in told
    assert "cannot pass" not in told, "the step lasts longer than the usual 30m"


def test_steps_of_the_spec_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    had, told = rolled_out(monkeypatch, 10.0, steps=[{"setWeight": 20}])
    assert had == [20]
    assert "The spec has no steps" not in told


@pytest.mark.parametrize(
    ("replicas", "per_second", "weights"),
    [(1, 200.0, [50]), (2, 200.0, [25, 50]), (10, 20.0, [5, 25, 50])],
)
def test_without_a_gateway_the_forecast_has_what_whole_pods_give(
    replicas: int, per_second: float, weights: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of two pods beside two gets a third, whether the weight is 5 or 25, and one beside ten a
    share of 9%."""
    wanted = partial(without_a_gateway, replicas=replicas)
    had, told, took = followed(monkeypatch, per_second, wanted)
    assert had == weights
    [(minutes, seconds)] = re.findall(r"to take about (?:(\d+)m)?(?:(\d+)s)?,", told)
    forecast = 60 * int(minutes or 0) + int(seconds or 0)
    assert took == pytest.approx(forecast, rel=0.4, abs=30.0)
