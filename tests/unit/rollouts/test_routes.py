"""A rollout whose spec names no labels: evidence is weighed within the routes that differ."""

from collections.abc import Mapping
from typing import Any

import pytest

from serinus.metrics.queries import ArmQuery, CounterQuery, QueryResult, Series
from tests.campaign.memory.pods import SCRAPED_EVERY
from tests.campaign.memory.world import MemoryPrometheus, World, run
from tests.campaign.stage import spec

Routes = Mapping[str, tuple[float, float]]
"""By route, its share of the requests, and the share of these that fail."""

STABLE: Routes = {"/fast": (0.8, 0.005), "/slow": (0.2, 0.08)}
MORE_OF_THE_BAD_ROUTE: Routes = {"/fast": (0.6, 0.005), "/slow": (0.4, 0.08)}
TWICE_AS_BAD_WITH_LESS_OF_IT: Routes = {"/fast": (0.9, 0.01), "/slow": (0.1, 0.16)}
RENAMED: Routes = {"/v2/fast": (0.8, 0.005), "/v2/slow": (0.2, 0.08)}
RENAMED_AND_BAD: Routes = {"/v2/fast": (0.8, 0.02), "/v2/slow": (0.2, 0.3)}


def rollout_of(version: str, **analysis: Any) -> dict[str, Any]:
    wanted = spec(version)
    more = {"minRequests": 50, "checks": [{"name": "errors", "errorRate": {}}], **analysis}
    steps = [{"setWeight": 20}, {"setWeight": 40}]
    return {**wanted, "rollout": {**wanted["rollout"], "steps": steps, "analysis": more}}


class Rollout:
    """How one ended, and what was said before it and at its last look."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, candidate: Routes, **analysis: Any) -> None:
        self._routes: Mapping[str, Routes] = {"v1": STABLE, "v2": candidate}
        monkeypatch.setattr(MemoryPrometheus, "_answer", self._answer)
        self.before, self.last, self.serves = run(lambda world: self._course(world, analysis))

    @property
    def promoted(self) -> bool:
        return bool(self.serves == "v2")

    def _answer(self, asked: ArmQuery, now: float) -> QueryResult:
        query, world = asked.query, self._world
        if not isinstance(query, CounterQuery) or query.metric != "model_requests_total":
            return ()
        found = []
        for pod in [*world.pods.pods.values(), *world.pods.gone]:
            samples = pod.samples(now - asked.window, now, asked.every or SCRAPED_EVERY)
            if pod.deployment != asked.arm.workload or not samples:
                continue
            for route, (share, errors) in self._routes[pod.version].items():
                for code, part in (("200", 1 - errors), ("500", errors)):
                    if all(each.matches({"code": code}) for each in query.matchers):
                        labels = {"pod": pod.name, "instance": pod.address, "code": code}
                        counts = [(t, n * share * part) for t, n, _ in samples]
                        found.append(Series({**labels, "route": route}, counts))
        return tuple(found)

    async def _course(self, world: World, analysis: Any) -> tuple[str, str, str]:
        self._world = world
        await world.apply(rollout_of("v1", **analysis))
        await world.until(lambda s: s.status.get("phase") == "Healthy")
        await world.wait(3600.0)
        await world.apply(rollout_of("v2", **analysis))
        await world.until(lambda s: "baseline" in s.status.get("candidate", {}))
        before = world.history.snapshots[-1].status["candidate"]["baseline"]["message"]
        await world.until(
            lambda s: (
                s.status.get("phase") in ("Healthy", "RolledBack") and "candidate" not in s.status
            ),
            within=7200.0,
        )
        looks = [
            check["message"]
            for s in world.history.snapshots
            for check in s.status.get("candidate", {}).get("checks", [])
            if check["name"] == "errors"
        ]
        return before, looks[-1], world.history.snapshots[-1].status["stable"]["version"]


def test_more_of_a_bad_route_is_no_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Rollout(monkeypatch, MORE_OF_THE_BAD_ROUTE)
    assert (
        "Counts differ by route, so these checks compare within each: errors (from 0.50% in /fast "
        "to 8.0% in /slow)." in found.before
    )
    assert found.promoted
    assert "compared within each route" in found.last
    assert found.last.endswith(
        "The candidate serves a different mix of requests: 40% are of /slow, and 20% of stable's; "
        "that is not evidence."
    )


def test_less_of_a_bad_route_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not Rollout(monkeypatch, TWICE_AS_BAD_WITH_LESS_OF_IT).promoted


def test_an_empty_list_compares_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Rollout(monkeypatch, MORE_OF_THE_BAD_ROUTE, stratify=[])
    assert "Counts differ" not in found.before
    assert not found.promoted
    assert "within each" not in found.last


def test_a_candidate_that_renames_its_routes_is_compared_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = Rollout(monkeypatch, RENAMED)
    assert found.promoted
    assert found.last.endswith(
        "All requests are compared together, since 100% of the candidate's requests are of a route "
        "that stable does not serve, such as /v2/fast."
    )


def test_a_candidate_that_renames_its_routes_hides_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not Rollout(monkeypatch, RENAMED_AND_BAD).promoted
