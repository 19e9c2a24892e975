"""What raises at some passes only, or beside the judging of the candidate."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import Any, Final
from unittest.mock import patch

import pytest

from serinus.controller import reconcile
from serinus.judge.checks.latency import LatencyCheck
from tests.campaign.memory.world import World, run
from tests.campaign.raising import EXPORTS, PlantedError
from tests.campaign.stage import Manifest, revision_of, spec
from tests.campaign.table import MINUTE

OFTEN: Final = 0.3
"""Share of passes that fail."""


@contextmanager
def now_and_then(name: str, often: float = OFTEN) -> Iterator[None]:
    """Within it, some of the passes fail at this function."""
    chance, whole = random.Random(1), getattr(reconcile, name)

    def raising(*arguments: Any, **named: Any) -> Any:
        if chance.random() < often:
            raise PlantedError(name)
        return whole(*arguments, **named)

    with patch.object(reconcile, name, raising):
        yield


def in_a_step(
    course: Callable[[World, str], Any], change: Callable[[Manifest], None] = lambda _: None
) -> Any:
    """The result of a course that begins once a good candidate has had traffic for a while."""

    async def begun(world: World) -> Any:
        world.prometheus.exports = EXPORTS
        first, second = spec("v1"), spec("v2")
        change(first)
        change(second)
        await world.apply(first)
        await world.until(lambda s: s.status.get("phase") == "Healthy" and bool(s.split))
        await world.wait(10 * MINUTE)
        await world.apply(second)
        await world.until(lambda s: len(s.split) == 2)
        await world.wait(MINUTE / 2)
        return await course(world, revision_of(second))

    return run(begun)


def begun_with_traffic(world: World, revision: str) -> int:
    """How often a revision went from no traffic to some."""
    given = [bool(each.split.get(revision)) for each in world.history.snapshots]
    return sum(now and not before for before, now in pairwise(given))


async def _some_passes_fail(world: World, revision: str) -> None:
    with now_and_then("children"):
        await world.wait(12 * MINUTE)
    status = world.history.snapshots[-1].status
    assert begun_with_traffic(world, revision) == 1
    assert "The candidate cannot be judged. The whole pass: An internal error" in status["message"]
    lowered = [each for each in world.history.told if each.reason == "WeightLowered"]
    assert len(lowered) <= 1


def test_traffic_that_was_withdrawn_because_passes_fail_stays_withdrawn_if_some_do_not() -> None:
    in_a_step(_some_passes_fail)


def _without_checks(manifest: Manifest) -> None:
    del manifest["rollout"]["analysis"]
    manifest["rollout"]["steps"] = [{"setWeight": 20}, {"pause": {}}]


async def _unchecked(world: World, revision: str) -> None:
    with now_and_then("children"):
        await world.wait(8 * MINUTE)
        before = begun_with_traffic(world, revision)
        await world.wait(8 * MINUTE)
    assert before <= 2
    assert begun_with_traffic(world, revision) == before
    assert not world.history.snapshots[-1].split.get(revision)


def test_where_nothing_is_checked_traffic_does_not_come_and_go_either() -> None:
    in_a_step(_unchecked, _without_checks)


async def _resumed(world: World, revision: str) -> None:
    with now_and_then("decide"):
        await world.wait(5 * MINUTE)
        assert world.history.snapshots[-1].status["phase"] == "Degraded"
        await world.command(f"advance/{revision}")
        resumed = await world.until(lambda s: bool(s.split.get(revision)))
        lost = await world.until(lambda s: not s.split.get(revision))
    assert lost.at - resumed.at >= 1.9 * MINUTE


def test_a_step_that_is_resumed_while_passes_fail_gets_its_time_again() -> None:
    in_a_step(_resumed)


async def _all_fail(world: World, revision: str, *, replaced: bool) -> None:
    with now_and_then("decide", often=1.0):
        await world.wait(8 * MINUTE)
        assert not world.history.snapshots[-1].split.get(revision)
        if replaced:
            await world.kill()
    if replaced:
        await world.start()
    await world.until(lambda s: s.revision("stable") == revision, within=20 * MINUTE)
    told = {each.reason for each in world.history.told}
    assert "CandidateSilent" not in told
    assert "Repaired" not in told, "what it has withdrawn itself, nobody has changed"


@pytest.mark.parametrize("replaced", [True, False])
def test_what_was_withdrawn_while_all_passes_failed_is_resumed_and_not_called_silent(
    replaced: bool,
) -> None:
    """By another operator, or once they no longer fail."""
    in_a_step(partial(_all_fail, replaced=replaced))


def _with_an_audit(manifest: Manifest) -> None:
    audit = {"name": "slow", "latency": {}, "mode": "Audit"}
    manifest["rollout"]["analysis"]["checks"].append(audit)


async def _an_audit_raises(world: World, revision: str) -> None:
    def raising(*_: Any) -> None:
        raise PlantedError("slow")

    with patch.object(LatencyCheck, "judge", raising):
        last = await world.until(lambda s: s.revision("stable") == revision)
    [told] = [c for c in last.status["conditions"] if c["type"] == "InternalError"]
    assert told["message"].startswith("In audit mode, check slow: An internal error")


def test_an_audit_that_raises_withdraws_no_traffic() -> None:
    in_a_step(_an_audit_raises, _with_an_audit)
