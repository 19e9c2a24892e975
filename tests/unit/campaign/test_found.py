"""What the campaign found, each in the shortest course that shows it."""

from tests.campaign.history import Write
from tests.campaign.memory.world import World, run
from tests.campaign.stage import children_refused, spec


async def _refused(world: World) -> list[Write]:
    world.fault(children_refused(403, "Deployment"), "children")
    await world.apply(spec("v1"))
    await world.wait(600.0)
    return [each for each in world.history.writes if each.kind == "Deployment"]


def test_a_deployment_that_is_refused_is_tried_again_every_so_often() -> None:
    assert 10 < len(run(_refused)) < 100
