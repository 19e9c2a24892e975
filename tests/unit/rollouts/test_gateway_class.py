"""Whether a Gateway can mirror is said by its class: a rollout that needs it is refused before a
request is copied, and one that copies already goes on."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.campaign.memory.cluster import MemoryCluster
from tests.campaign.wire import Reply, Request, refusal
from tests.stage.gateways import MIRROR, WITHOUT_MIRROR, gateway_class
from tests.support import inprocess
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import ERRORS, PATIENT, healthy, spec
from tests.support.routes import copies, previewed, weights

MIRRORED: list[dict[str, Any]] = [{"mirror": {"percent": 20}}, {"setWeight": 50}, {"pause": {}}]
TRIED: list[dict[str, Any]] = [
    {"preview": {"headers": [{"name": "x-try", "value": "yes"}]}},
    {"pause": {}},
]
UNLISTED = (
    "spec.rollout.steps[{}].mirror: needs a router that can copy a percentage of the requests, and "
    "GatewayClass nobodys of Gateway shop/public does not list HTTPRouteRequestPercentageMirror in "
    "status.supportedFeatures: use a Gateway whose class does, or remove the step."
)
A_WHILE = 300.0
"""Seconds in which a rollout that starts would have copied requests."""


def wanted(version: str, steps: list[dict[str, Any]]) -> dict[str, Any]:
    return spec(version, rollout={"steps": steps, "analysis": ERRORS, **PATIENT})


async def serving(operator: Operator, steps: list[dict[str, Any]]) -> str:
    """v1 serves, and v2 is in the spec; the revision v1."""
    await operator.apply("fraud", **wanted("v1", steps))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **wanted("v2", steps))
    return str((await operator.get("fraud"))["status"]["stable"]["revision"])


async def route(operator: Operator) -> Manifest:
    return await operator.cluster.get("HTTPRoute", operator.namespace, "fraud")


async def copied(operator: Operator) -> Manifest:
    return await operator.until("fraud", mirrored, moving=5, within=60)


def mirrored(status: Manifest) -> bool:
    return bool(status["candidate"]["weight"].get("mirrored") and status["candidate"]["counted"])


def refused(status: Manifest) -> bool:
    return bool(status["message"].count("needs a router that can"))


def held(reason: str) -> Any:
    return lambda status: status["candidate"]["hold"]["reason"] == reason


async def test_a_class_without_the_feature_is_refused_and_stable_serves_on(
    operator: Operator, memory: MemoryCluster
) -> None:
    memory.api.put(gateway_class(*WITHOUT_MIRROR))
    stable = await serving(operator, MIRRORED)
    status = await operator.until("fraud", refused)
    assert UNLISTED.format(0) in status["message"]
    assert (status["phase"], status.get("candidate")) == ("Degraded", None)
    ready = {each["type"]: each for each in status["conditions"]}
    assert (ready["Stalled"]["status"], ready["Stalled"]["reason"]) == ("True", "InvalidSpec")
    assert ready["Available"]["status"] == "True"
    live = await route(operator)
    assert (weights(live), copies(live)) == ({f"fraud-{stable}": 100}, {})
    await operator.edit("fraud", lambda live: live["spec"].update(replicas=6))
    deadline = operator.now + A_WHILE
    while operator.now < deadline:
        operator.move(20)
        await asyncio.sleep(0.1)
        status = (await operator.get("fraud"))["status"]
        assert status.get("candidate") is None
        assert status["conditions"] and refused(status)
    found = await operator.cluster.get("Deployment", operator.namespace, f"fraud-{stable}")
    assert found["spec"]["replicas"] == 6, "it is scaled meanwhile"


async def test_it_starts_within_a_minute_once_the_class_lists_it(
    operator: Operator, memory: MemoryCluster
) -> None:
    memory.api.put(gateway_class(*WITHOUT_MIRROR))
    await serving(operator, MIRRORED)
    await operator.until("fraud", refused)
    memory.api.put(gateway_class(*WITHOUT_MIRROR, MIRROR))
    changed = operator.now
    await operator.until("fraud", lambda s: bool(s.get("candidate")), moving=5)
    assert operator.now - changed < 75
    await copied(operator)


async def test_other_steps_need_nothing_of_the_class(
    operator: Operator, memory: MemoryCluster
) -> None:
    memory.api.put(gateway_class(*WITHOUT_MIRROR))
    await serving(operator, [*TRIED, {"setWeight": 50}, {"pause": {}}])
    status = await operator.until("fraud", held("AwaitingCommand"))
    await operator.command("fraud", f"advance/{status['candidate']['revision']}")
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 50, moving=5)
    assert operator.cluster.requests["get", "GatewayClass"] == 0, "nobody asks"


@pytest.mark.parametrize("said", [[], ["HTTPRoute", MIRROR], None, 403], ids=str)
async def test_what_is_unknown_or_said_by_names_alone_is_tried(
    operator: Operator, memory: MemoryCluster, monkeypatch: pytest.MonkeyPatch, said: Any
) -> None:
    live = memory.api.find("GatewayClass", "", "nobodys")
    assert live is not None
    if said is None:
        memory.api.drop(live)
    elif said == 403:
        monkeypatch.setattr(memory.api, "answer", refusing_to_tell(memory, 403, "Forbidden"))
    else:  # names, as in the experimental channel before 1.2
        memory.api.put({**live, "status": {"supportedFeatures": said}})
    await serving(operator, MIRRORED)
    await copied(operator)


async def test_what_cannot_be_read_for_the_moment_is_waited_for(
    operator: Operator, memory: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory.api, "answer", refusing_to_tell(memory, 500, "InternalError"))
    await serving(operator, MIRRORED)
    status = await operator.until("fraud", refused)
    assert (
        "GatewayClass nobodys of Gateway shop/public, which says whether it can, cannot be read: "
        "500 InternalError: etcdserver: request timed out."
    ) in status["message"]
    assert status.get("candidate") is None
    monkeypatch.undo()
    await operator.until("fraud", lambda s: bool(s.get("candidate")), moving=5)


def refusing_to_tell(memory: MemoryCluster, code: int, reason: str) -> Callable[[Request], Reply]:
    """As the API server answers, but it tells nothing of classes."""
    answer = memory.api.answer

    def refuse(request: Request) -> Reply:
        if request.place[0] == "GatewayClass":
            return refusal(code, reason, "etcdserver: request timed out")
        return answer(request)

    return refuse


async def test_a_rollout_that_copies_goes_on_whatever_the_class_says_then(
    operator: Operator, memory: MemoryCluster
) -> None:
    steps = [{"mirror": {"percent": 20}}, {"mirror": {"percent": 60}}, *MIRRORED[1:]]
    await serving(operator, steps)
    candidate = (await copied(operator))["candidate"]["revision"]
    asked = operator.cluster.requests["get", "GatewayClass"]
    memory.api.put(gateway_class(*WITHOUT_MIRROR))
    await operator.until(
        "fraud", lambda s: s["candidate"]["weight"].get("mirrored") == 60, moving=5, within=60
    )
    status = await operator.until(
        "fraud", lambda s: s["candidate"]["weight"]["actual"] == 50, moving=5, within=60
    )
    assert {each["reason"] for each in status["decisions"]} <= {
        *("FirstDeployment", "Promoted", "RolloutStarted", "WeightRaised")
    }
    await operator.command("fraud", f"advance/{candidate}")
    await operator.until("fraud", healthy("v2"), moving=5, within=60)
    await operator.until("fraud", lambda s: not s.get("candidate"), moving=60)
    assert operator.cluster.requests["get", "GatewayClass"] == asked, "it is not asked again"


async def test_withdrawn_copies_are_not_resumed_once_the_class_lists_the_feature_no_more(
    operator: Operator, memory: MemoryCluster
) -> None:
    await serving(operator, MIRRORED)
    candidate = (await copied(operator))["candidate"]["revision"]
    operator.traffic.hanging = f"fraud-{candidate}"
    await operator.until("fraud", held("CandidateSilent"), moving=5, within=60)
    operator.traffic.hanging = None
    memory.api.put(gateway_class("Gateway", "HTTPRoute"))
    await operator.command("fraud", f"advance/{candidate}")
    status = await operator.until("fraud", lambda s: bool(s["command"]["outcome"]), moving=60)
    assert status["command"]["outcome"] == f"advance/{candidate}: {UNLISTED.format(0)}".rstrip(".")
    slower = {**ERRORS, "interval": "20s"}
    await operator.edit("fraud", lambda live: live["spec"]["rollout"].update(analysis=slower))
    status = await operator.until("fraud", lambda s: s["observedGeneration"] > 1)
    assert (status["candidate"]["stage"], copies(await route(operator))) == ("Withdrawn", {})
    memory.api.put(gateway_class(*WITHOUT_MIRROR, MIRROR))
    await operator.until("fraud", lambda s: s["candidate"]["stage"] == "Stepping", moving=5)
    await copied(operator)


async def test_all_requests_are_copied_where_a_percentage_cannot_be(
    operator: Operator, memory: MemoryCluster
) -> None:
    memory.api.put(gateway_class(*WITHOUT_MIRROR))
    await serving(operator, [{"mirror": {"percent": 100}}, *MIRRORED[1:]])
    candidate = (await copied(operator))["candidate"]["revision"]
    [rule] = (await route(operator))["spec"]["rules"]
    [filtered] = rule["filters"]
    assert filtered["requestMirror"]["backendRef"]["name"] == f"fraud-{candidate}"
    assert "percent" not in filtered["requestMirror"]


@pytest.mark.parametrize("changes", ["the class", "the steps"])
async def test_a_preview_waits_before_the_step_that_became_impossible(
    operator: Operator, memory: MemoryCluster, changes: str
) -> None:
    if changes == "the steps":
        memory.api.put(gateway_class(*WITHOUT_MIRROR))
    await serving(operator, [*TRIED, *(MIRRORED if changes == "the class" else MIRRORED[1:])])
    status = await operator.until("fraud", held("AwaitingCommand"))
    candidate = status["candidate"]["revision"]
    if changes == "the class":
        memory.api.put(gateway_class(*WITHOUT_MIRROR))
    else:
        steps = [*TRIED, *MIRRORED]
        await operator.edit("fraud", lambda live: live["spec"]["rollout"].update(steps=steps))
    await operator.until("fraud", lambda s: s["observedGeneration"] > 1)
    await operator.command("fraud", f"advance/{candidate}")
    status = await operator.until("fraud", lambda s: bool(s["command"]["outcome"]))
    assert status["command"]["outcome"] == f"advance/{candidate}: {UNLISTED.format(2)}".rstrip(".")
    await operator.edit("fraud", _with_a_pause_that_ends)
    status = await operator.until("fraud", held("InvalidSpec"), moving=5)
    assert status["candidate"]["hold"]["message"] == UNLISTED.format(2)
    assert status["phase"] == "Degraded"
    live = await route(operator)
    assert ([backends for _, backends in previewed(live)], copies(live)) == (
        [[f"fraud-{candidate}"]],
        {},
    )
    memory.api.put(gateway_class(*WITHOUT_MIRROR, MIRROR))
    await copied(operator)


def _with_a_pause_that_ends(live: Manifest) -> None:
    live["spec"]["rollout"]["steps"][1] = {"pause": {"duration": "1m"}}


@pytest.mark.parametrize(
    ("does", "reason", "says"),
    [
        (lambda route: dict.fromkeys(copies(route), 100), "TrafficSplitWrong", "all requests"),
        (lambda route: {}, "CandidateSilent", "sends none"),
    ],
    ids=["all are copied", "none is copied"],
)
async def test_a_gateway_that_says_nothing_and_cannot_is_found_out(
    operator: Operator,
    memory: MemoryCluster,
    monkeypatch: pytest.MonkeyPatch,
    does: Callable[[Manifest], dict[str, int]],
    reason: str,
    says: str,
) -> None:
    monkeypatch.setattr(inprocess, "copies", does)
    memory.api.put(gateway_class())
    await serving(operator, MIRRORED)
    await operator.until("fraud", lambda s: bool(s["candidate"]["weight"].get("mirrored")))
    status = await operator.until("fraud", held(reason), moving=5, within=60)
    assert says in status["message"]
    assert "see status.supportedFeatures of its GatewayClass" in status["message"]
    assert status["candidate"]["weight"]["wanted"] == 0, "no client has met it"
