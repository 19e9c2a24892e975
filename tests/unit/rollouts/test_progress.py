"""Deadlines and pauses of a rollout."""

from typing import Any

from tests.stage.gateways import ACCEPTED, public, serve
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import ERRORS, healthy, spec

STEPS = [{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}]


def _soon(version: str, **rollout: Any) -> dict[str, Any]:
    """A spec with the usual progress deadline of 10 minutes."""
    return spec(version, rollout={"steps": STEPS, "analysis": ERRORS, **rollout})


def _has_pods(count: int) -> Any:
    def holds(status: Manifest) -> bool:
        return bool(status["candidate"]["readyReplicas"] == count)

    return holds


async def _rolling(operator: Operator) -> str:
    """A candidate that has been at 20% for an hour."""
    await operator.apply("fraud", **_soon("v1"))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **_soon("v2"))
    status = await operator.until("fraud", lambda s: s["candidate"]["effectiveSince"])
    operator.move(3600)
    revision: str = status["candidate"]["revision"]
    return revision


async def test_who_scales_up_or_to_zero_and_back_late_in_a_step_loses_no_candidate(
    operator: Operator,
) -> None:
    candidate = await _rolling(operator)
    for replicas, ready in ((20, 4), (0, 0), (8, 2)):
        await operator.patch("ModelDeployment", "fraud", {"spec": {"replicas": replicas}})
        status = await operator.until("fraud", _has_pods(ready), moving=1)
        assert "rejected" not in status
        if ready:
            # pods that are ready come behind their Service in a time that is not moved
            await operator.until("fraud", lambda s: s["candidate"]["effectiveSince"])
        operator.move(3600)
    status = await operator.until("fraud", lambda s: s["candidate"]["effectiveSince"], moving=1)
    assert (status["candidate"]["revision"], "rejected" in status) == (candidate, False)


async def test_a_revision_that_is_retried_waits_for_stables_history_as_at_first(
    operator: Operator,
) -> None:
    candidate = await _rolling(operator)
    await operator.command("fraud", f"abort/{candidate}")
    status = await operator.until("fraud", lambda s: s["rejected"])
    operator.traffic.down = True
    await operator.command("fraud", f"retry/{candidate}")
    status = await operator.until(
        "fraud", lambda s: s["candidate"]["hold"]["reason"] == "MetricsUnavailable", moving=1
    )
    stable = status["stable"]["revision"]
    assert await operator.split("fraud") == {f"fraud-{stable}": 100}
    assert "effectiveSince" not in status["candidate"]
    operator.traffic.down = False
    await operator.until_split("fraud", {f"fraud-{stable}": 80, f"fraud-{candidate}": 20}, 30)


async def test_a_paused_rollout_without_steps_is_promoted_by_nobody_but_a_command(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **_soon("v1"))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **_soon("v2", steps=[], paused=True))
    status = await operator.until("fraud", lambda s: s["phase"] == "Paused", moving=5)
    assert status["candidate"]["hold"]["reason"] == "PausedBySpec"
    operator.move(3600)
    await operator.command("fraud", f"promote/{status['candidate']['revision']}")
    await operator.until("fraud", healthy("v2"), moving=5)


async def test_a_gateway_that_is_lost_in_mid_step_holds_the_rollout_until_it_is_back(
    operator: Operator,
) -> None:
    candidate = await _rolling(operator)
    operator.gateway_answers = False
    await serve(operator.cluster, operator.namespace, "elsewhere")
    elsewhere = {"gateway": {"parentRefs": [{"name": "elsewhere"}]}}
    await operator.edit("fraud", lambda live: live["spec"].update(traffic=elsewhere))
    status = await operator.until(
        "fraud", lambda s: s["candidate"]["hold"]["reason"] == "RouteRefused", moving=1
    )
    assert "Gateway" in status["message"]
    assert "effectiveSince" not in status["candidate"]
    assert status["candidate"]["weight"]["wanted"] == 20
    operator.gateway_answers = True
    status = await operator.until("fraud", lambda s: s["candidate"]["effectiveSince"])
    assert status["candidate"]["revision"] == candidate


async def test_a_gateway_that_is_deleted_holds_the_rollout_whatever_the_route_says(
    operator: Operator,
) -> None:
    """Envoy Gateway leaves what it said of a route as it was."""
    candidate = await _rolling(operator)
    gateway = await operator.cluster.get("Gateway", operator.namespace, "public")
    await operator.cluster.delete(gateway)
    status = await operator.until(
        "fraud", lambda s: s["candidate"]["hold"]["reason"] == "RouteRefused", moving=1
    )
    told = f"parentRefs: Gateway {operator.namespace}/public does not exist"
    assert told in status["message"]
    operator.move(3600)
    status = await operator.until("fraud", lambda s: "effectiveSince" not in s["candidate"])
    assert status["candidate"]["weight"]["wanted"] == 20
    await serve(operator.cluster, operator.namespace)
    status = await operator.until("fraud", lambda s: s["candidate"].get("effectiveSince"))
    assert status["candidate"]["revision"] == candidate


async def test_a_gateway_that_is_deleted_at_rest_is_told(operator: Operator) -> None:
    await operator.apply("fraud", **_soon("v1"))
    await operator.until("fraud", healthy("v1"))
    gateway = await operator.cluster.get("Gateway", operator.namespace, "public")
    await operator.cluster.delete(gateway)
    status = await operator.until("fraud", lambda s: s["phase"] == "Unavailable", moving=1)
    assert "public does not exist" in status["message"]
    await serve(operator.cluster, operator.namespace)
    await operator.until("fraud", healthy("v1"), moving=1)


async def test_a_gateway_that_is_made_anew_is_waited_for_until_a_controller_accepts_it(
    operator: Operator,
) -> None:
    """The route keeps what was said of it while there was another Gateway of that name."""
    await _rolling(operator)
    await operator.cluster.delete(
        await operator.cluster.get("Gateway", operator.namespace, "public")
    )
    refused = await operator.until(
        "fraud", lambda s: s["candidate"]["hold"]["reason"] == "RouteRefused", moving=1
    )
    anew = await operator.cluster.create(public(operator.namespace))
    told = f"no controller has accepted Gateway {operator.namespace}/public"
    await operator.until("fraud", lambda s: told in s["message"], moving=1)
    operator.move(3600)
    await operator.cluster.update_status(anew, ACCEPTED)
    status = await operator.until("fraud", lambda s: s["candidate"].get("effectiveSince"))
    assert status["candidate"]["revision"] == refused["candidate"]["revision"]
