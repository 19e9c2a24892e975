"""What a pass writes, and what waits for the next one."""

from collections import Counter
from collections.abc import Iterable

from tests.campaign.history import Snapshot, Write
from tests.campaign.memory.world import World, run
from tests.campaign.stage import spec


def test_a_pass_that_decides_writes_only_the_split_and_pods_follow() -> None:
    async def course(world: World) -> None:
        await world.apply(spec("v1"))
        await world.until(_serves_alone)
        await world.wait(90.0)

        passes, writes = await _within(world, 1.0, world.apply(spec("v2")))
        assert passes["object", "status"] == passes["follow-up", "children"] == 1
        assert writes.index("status") < writes.index("Deployment")

        await world.until(lambda s: s.status["candidate"].get("effectiveSince") is not None)
        world.model("v2", errors=0.5)
        await world.until(lambda s: s.status.get("phase") == "RolledBack")
        await world.wait(1.0)
        last = [w for w in world.history.writes if w.at >= world.now - 5.0]
        kinds = _kinds(last)
        assert kinds[kinds.index("status") + 1] == "HTTPRoute", "the candidate's traffic at once"

    run(course)


def _serves_alone(s: Snapshot) -> bool:
    return s.status.get("phase") == "Healthy"


async def _within(
    world: World, seconds: float, act: object
) -> tuple[Counter[tuple[str, str]], list[str]]:
    """What happens within so many seconds after an act: passes, and kinds of writes in order."""
    assert world.app is not None
    before, began = Counter(world.app._made), len(world.history.writes)
    await act  # type: ignore[misc]
    await world.wait(seconds)
    return Counter(world.app._made) - before, _kinds(world.history.writes[began:])


def _kinds(writes: Iterable[Write]) -> list[str]:
    return ["status" if w.sub == "status" else w.kind for w in writes]
