"""How often a rollout's status is written, by an operator among all that it meets in memory."""

from tests.campaign.memory.world import World, run
from tests.campaign.stage import spec


def test_the_first_weight_and_the_gateways_answer_are_told_by_one_status() -> None:
    async def course(world: World) -> list[bool]:
        await world.apply(spec("v1"))
        await world.until(lambda now: now.status.get("phase") == "Healthy")
        await world.wait(60)
        before = len(world.history.statuses)
        await world.apply(spec("v2"))
        await world.wait(10)
        written = [status.get("candidate") for _, status in world.history.statuses[before:]]
        return ["effectiveSince" in candidate for candidate in written if candidate]

    assert run(course) == [False, True], "that it begins, and that its first weight is in effect"
