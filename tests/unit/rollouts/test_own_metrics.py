"""A candidate whose metrics cannot be judged while stable's can."""

from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import ERRORS, GATEWAY, healthy, spec

MORE = {
    "traffic": GATEWAY,
    "rollout": {"steps": [{"setWeight": 20}], "analysis": ERRORS, "progressDeadline": "2h"},
}


def held_by(reason: str, status: Manifest) -> bool:
    return bool(status["candidate"]["hold"]["reason"] == reason)


async def test_its_traffic_is_withdrawn_after_a_while_and_the_step_is_resumed_on_advance(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **spec("v1", **MORE))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", **MORE))
    status = await operator.until("fraud", lambda s: s["candidate"])
    candidate, stable = status["candidate"]["revision"], status["stable"]["revision"]
    operator.traffic.uncountable = f"fraud-{candidate}"
    held = await operator.until("fraud", lambda s: held_by("MetricsUnavailable", s), moving=5)
    assert held["candidate"]["weight"]["wanted"] == 20
    status = await operator.until(
        "fraud", lambda s: held_by("CandidateMetricsUnusable", s), moving=5
    )
    assert (status["candidate"]["weight"]["wanted"], status["phase"]) == (0, "Degraded")
    assert "rejected" not in status
    assert "1e+300, which no counter of requests reaches" in status["message"]
    await operator.until_split("fraud", {f"fraud-{stable}": 100})
    told = await operator.until_announced("CandidateMetricsUnusable")
    assert told["type"] == "Warning"
    operator.traffic.uncountable = None
    operator.move(600)
    await operator.command("fraud", f"advance/{candidate}")
    await operator.until("fraud", healthy("v2"), moving=5)


async def test_where_prometheus_does_not_answer_it_keeps_its_weight(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1", **MORE))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", **MORE))
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20, moving=1)
    operator.traffic.down = True

    def long_unread(status: Manifest) -> bool:
        return bool(status["phase"] == "Paused")

    status = await operator.until("fraud", long_unread, moving=60)
    assert held_by("MetricsUnavailable", status)
    assert status["candidate"]["weight"]["wanted"] == 20
