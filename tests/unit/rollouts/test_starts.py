"""Pods that fail some of their first requests, and level off or do not."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.campaign.history import Snapshot
from tests.campaign.memory import world as worlds
from tests.campaign.memory.world import World, run
from tests.campaign.stage import spec

Then = Callable[[World], Awaitable[None]]
COLD = {"cold_for": 60.0, "cold_errors": 0.12}


def rolled_out(
    model: dict[str, Any],
    then: Then | None = None,
    *,
    pauses: bool = False,
    analysis: dict[str, Any] | None = None,
    guard: str | None = None,
    **errors: Any,
) -> tuple[World, Snapshot, float]:
    """How a rollout of v2 ends whose pods behave so, and after how many seconds of traffic. `then`:
    what happens while it has traffic; `pauses`: until a person ends it."""
    checks = {"checks": [{"name": "errors", "errorRate": errors}], **(analysis or {})}
    steps: list[Any] = [{"setWeight": 10}, {"setWeight": 50}]
    steps += [{"pause": {}}] if pauses else []
    rollout = {"analysis": checks, "steps": steps}
    if guard:
        rollout["guard"] = {"duration": guard}

    async def course(world: World) -> tuple[World, Snapshot, float]:
        await world.apply({**spec("v1"), "replicas": 4, "rollout": rollout})
        await world.until(lambda s: s.status.get("phase") == "Healthy")
        await world.wait(600.0)
        world.model("v2", **model)
        await world.apply({**spec("v2"), "replicas": 4, "rollout": rollout})
        began = await world.until(lambda s: bool(_candidate(s).get("effectiveSince")))
        if then is not None:
            await then(world)
        ended = await world.until(lambda s: not _candidate(s), within=3600.0)
        return world, ended, ended.at - began.at

    return run(course)


def _candidate(s: Snapshot) -> dict[str, Any]:
    return s.status.get("candidate") or {}


def serves(s: Snapshot) -> str:
    return str(s.status["stable"]["version"])


def told(world: World) -> list[str]:
    """The messages of the check, each once."""
    checks = [c for s in world.history.snapshots for c in _candidate(s).get("checks", ())]
    return list(dict.fromkeys(each["message"] for each in checks))


@pytest.fixture(autouse=True)
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worlds, "RATE", 100.0)


def test_a_candidate_whose_pods_fail_while_they_start_is_promoted_and_is_told_so() -> None:
    world, ended, _ = rolled_out(COLD)
    assert serves(ended) == "v2"
    waits = "They may still be warming up: the check waits until 5m after their first request"
    assert any(waits in each for each in told(world))
    raised = next(d for d in ended.status["decisions"] if d["reason"] == "WeightRaised")
    assert "The first 1m" in raised["message"]
    assert "of the candidate's pods do not count." in raised["message"]


def test_one_that_never_levels_off_has_failed_twenty_seconds_of_its_requests_at_most() -> None:
    _, ended, after = rolled_out({"errors": 0.2})
    assert serves(ended) == "v1"
    assert ended.status["rejected"]["reason"] == "CheckFailed"
    assert 90 < after < 130, "20% of 10 requests a second are 200 after 100 s"


@pytest.mark.parametrize("ends", ["Promote", "Pause"])
def test_a_step_whose_time_is_over_meanwhile_does_not_end_before_the_start(ends: str) -> None:
    limits = {"maxStepDuration": "1m", "onInconclusive": ends}
    _, ended, after = rolled_out({"errors": 0.2}, analysis=limits)
    assert serves(ended) == "v1"
    assert ended.status["rejected"]["reason"] == "CheckFailed"
    assert after < 180


def test_a_guard_whose_time_is_over_meanwhile_does_not_end_before_the_start() -> None:
    """Its new pods fail, and those of the steps do not."""

    async def turns_bad(world: World) -> None:
        revision = (await world.until(_paused)).status["candidate"]["revision"]
        await world.wait(600.0)
        world.model("v2", cold_for=500.0, cold_errors=0.2)
        await world.command(f"promote/{revision}")

    _, ended, _ = rolled_out({}, turns_bad, pauses=True, guard="2m")
    assert serves(ended) == "v1"
    assert ended.status["rejected"]["reason"] == "GuardFailed"


def test_a_total_failure_is_found_as_soon_as_without_a_start() -> None:
    _, with_starts, after = rolled_out({"errors": 1.0})
    _, without, before = rolled_out({"errors": 1.0}, warmUp="0s")
    assert serves(with_starts) == serves(without) == "v1"
    assert after == pytest.approx(before, abs=1.0)
    assert after < 60


def test_pods_that_were_well_at_once_and_turn_bad_are_not_waited_for() -> None:
    async def turns_bad(world: World) -> None:
        await world.wait(60.0)
        world.model("v2", errors=0.2)

    _, ended, after = rolled_out({}, turns_bad)
    assert serves(ended) == "v1"
    assert after < 60 + 60


def test_who_knows_that_there_is_no_start_says_so() -> None:
    _, ended, after = rolled_out(COLD, warmUp="0s")
    assert serves(ended) == "v1"
    assert after < 60


def test_what_is_known_to_be_a_start_counts_nothing() -> None:
    world, ended, _ = rolled_out(COLD, warmUp="2m")
    assert serves(ended) == "v2"
    assert not any("may still be warming up" in each for each in told(world))


def test_an_operator_that_ends_meanwhile_still_waits() -> None:
    async def ends(world: World) -> None:
        await world.wait(50.0)
        await world.kill()
        await world.wait(10.0)
        world.launch()

    _, ended, _ = rolled_out(COLD, ends)
    assert serves(ended) == "v2"


def test_a_container_that_restarts_starts_again() -> None:
    async def restarts(world: World) -> None:
        revision = (await world.until(_paused)).status["candidate"]["revision"]
        await world.wait(120.0)
        world.model("v2", cold_for=60.0, cold_errors=0.15)
        await world.kill_for_memory(revision)
        await world.wait(300.0)
        await world.command(f"promote/{revision}")

    world, ended, _ = rolled_out({}, restarts, pauses=True)
    assert serves(ended) == "v2"
    assert any("may still be warming up" in each for each in told(world))


def _paused(s: Snapshot) -> bool:
    return "Waiting for serinus.dev/command" in s.status["message"]
