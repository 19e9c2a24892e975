"""What the campaign found, each in the shortest course that shows it."""

from tests.campaign.history import Write
from tests.campaign.memory.world import World, run
from tests.campaign.stage import children_refused, spec, status_refused


async def _refused(world: World) -> list[Write]:
    world.fault(children_refused(403, "Deployment"), "children")
    await world.apply(spec("v1"))
    await world.wait(600.0)
    return [each for each in world.history.writes if each.kind == "Deployment"]


def test_a_deployment_that_is_refused_is_tried_again_every_so_often() -> None:
    assert 10 < len(run(_refused)) < 100


async def _refused_twice(world: World) -> tuple[list[str], list[str]]:
    """Of a ModelDeployment and of a namesake that takes its place while watches tell nothing."""
    world.fault(status_refused(), "status")
    uids = []
    for _ in range(2):
        uids.append((await world.apply(spec("v1")))["metadata"]["uid"])
        await world.wait(300.0)
        world.withheld = True
        await world.delete()
    events = await world.user.list("Event", world.namespace)
    return uids, [e["regarding"]["uid"] for e in events if e["reason"] == "StatusNotWritten"]


def test_what_is_known_of_an_object_does_not_count_for_a_namesake_after_it() -> None:
    uids, told_of = run(_refused_twice)
    assert sorted(told_of) == sorted(uids)
