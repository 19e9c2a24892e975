"""A candidate of which nothing is counted while stable answers."""

from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import ERRORS, GATEWAY, healthy, spec

STEPS = {"steps": [{"setWeight": 20}], "analysis": ERRORS, "progressDeadline": "2h"}


def withdrawn(status: Manifest) -> bool:
    return bool(status["candidate"]["hold"]["reason"] == "CandidateSilent")


async def hanging(operator: Operator, **traffic: object) -> Manifest:
    """The status once the traffic of a candidate that hangs is withdrawn."""
    more = {"traffic": traffic, "rollout": STEPS}
    await operator.apply("fraud", **spec("v1", **more))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", **more))
    status = await operator.until("fraud", lambda s: s["candidate"])
    operator.traffic.hanging = f"fraud-{status['candidate']['revision']}"
    return await operator.until("fraud", withdrawn, moving=5)


async def test_its_traffic_is_withdrawn_and_the_step_is_resumed_on_advance(
    operator: Operator,
) -> None:
    status = await hanging(operator, **GATEWAY)
    candidate, stable = status["candidate"]["revision"], status["stable"]["revision"]
    assert (status["candidate"]["weight"]["wanted"], status["phase"]) == (0, "Degraded")
    assert "rejected" not in status
    assert "answered 0 of about" in status["message"]
    await operator.until_split("fraud", {f"fraud-{stable}": 100})
    told = await operator.until_announced("CandidateSilent")
    assert told["type"] == "Warning"
    operator.traffic.hanging = None
    operator.move(600)
    await operator.command("fraud", f"advance/{candidate}")
    await operator.until("fraud", healthy("v2"), moving=5)


async def test_another_replica_of_the_operator_leaves_it_withdrawn(operator: Operator) -> None:
    before = await hanging(operator, **GATEWAY)
    await operator.stop()
    async with operator:
        operator.move(3600)
        status = await operator.until("fraud", lambda s: s["stable"]["readyReplicas"] == 4)
        assert withdrawn(status)
        assert status["candidate"]["withdrawn"] == before["candidate"]["withdrawn"]


async def test_where_neither_arm_is_measured_nobody_is_silent(operator: Operator) -> None:
    more = {"rollout": STEPS}
    await operator.apply("fraud", **spec("v1", **more))
    await operator.until("fraud", healthy("v1"))
    operator.traffic.silent = True
    await operator.apply("fraud", **spec("v2", **more))

    def long_without_data(status: Manifest) -> bool:
        return bool(status["phase"] == "Paused")

    status = await operator.until("fraud", long_without_data, moving=60)
    assert status["candidate"]["weight"]["actual"] == 20
    assert status["candidate"]["hold"]["reason"] == "NoData"
