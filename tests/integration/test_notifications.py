"""Endpoints are told of every rollout by the real operator, whatever they and it go through."""

import asyncio
import base64
import hmac
import json
import re
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from serinus.api.notifications import Endpoint
from serinus.cluster import Cluster
from serinus.notifications.credentials import keys, url
from tests.integration.conftest import ROOT, kubectl
from tests.integration.process import OperatorProcess, PaperPrometheus, real_traffic
from tests.integration.test_approvals import editor, policy_of, until_in_force
from tests.integration.test_crashes import QUICK
from tests.integration.test_leadership import NOWHERE, leads
from tests.integration.test_restart import counted
from tests.support.inprocess import Operator
from tests.support.receiver import KEY, SECRET, Attempt, Receiver, accept, hang
from tests.support.rollouts import spec

__all__ = ["editor"]  # a fixture
FIRST = [("fraud", "Started"), ("fraud", "Promoted")]
"""What is told of a first deployment."""


@pytest.fixture
async def user(cluster: Cluster, namespace: str) -> AsyncIterator[Operator]:
    """A user, and a gateway that takes up routes; the operator itself runs elsewhere."""
    bystander = Operator(cluster, namespace)
    gateway = asyncio.create_task(bystander.accept_routes())
    yield bystander
    gateway.cancel()


async def deploy(user: Operator, version: str = "v1", name: str = "fraud") -> None:
    """A first deployment, until it has ended."""
    await user.apply(name, **spec(version, rollout=QUICK))
    await user.until(name, lambda s: s["phase"] == "Healthy", within=120)


async def outcomes(operator: OperatorProcess, endpoint: str = "ops") -> dict[str, float]:
    """How many notifications came to which end, those that never happened left out."""
    name = "serinus_notifications_total"
    found = {
        outcome: await counted(operator, name, endpoint=endpoint, outcome=outcome)
        for outcome in ("delivered", "refused", "expired", "dropped")
    }
    return {outcome: count for outcome, count in found.items() if count}


async def notices(user: Operator, name: str = "fraud") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await user.get(name))["status"].get("notices", [])
    return found


async def until_settled(user: Operator, name: str = "fraud") -> None:
    """Until the status says that every endpoint has been told."""
    await user.until(name, lambda s: not s.get("notices"), within=30)


def assert_signed(attempt: Attempt) -> None:
    headers = {name.lower(): value for name, value in attempt.headers.items()}
    identifier, moment = headers["webhook-id"], headers["webhook-timestamp"]
    signed = f"{identifier}.{moment}.".encode() + attempt.body
    secret = base64.b64decode(KEY.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.digest(secret, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{signature}"
    assert abs(time.time() - int(moment)) < 120, "the time of the attempt, not of the event"
    assert identifier == attempt.event["id"]
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"


OUTAGE = 8.0
"""Seconds: some attempts are made, and the next one is not far."""


async def test_what_happens_while_an_endpoint_is_down_is_told_in_order_once_it_is_up(
    user: Operator, kubeconfig: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    receiver = Receiver(tmp_path / "ops")
    traffic = user.traffic = real_traffic()
    async with PaperPrometheus(traffic) as prometheus:
        arguments = (kubeconfig, prometheus.url, user.namespace, receiver.option())
        async with OperatorProcess(*arguments) as operator:
            await deploy(user)
            down = time.monotonic()
            await user.apply("fraud", **spec("v2", rollout=QUICK))
            status = await user.until("fraud", lambda s: "candidate" in s, within=120)
            traffic.errors = {f"fraud-{status['candidate']['revision']}": 0.6}
            status = await user.until("fraud", lambda s: s["rejected"], within=120)
            assert not receiver.attempts and await outcomes(operator) == {}

            # the rollout was not delayed; the outage goes on
            await asyncio.sleep(max(down + OUTAGE - time.monotonic(), 0))
            assert len(await notices(user)) == 4
            async with receiver:
                await receiver.until(lambda r: ("fraud", "RolledBack") in r.told)
                assert receiver.told == [*FIRST, ("fraud", "Started"), ("fraud", "RolledBack")]
                await until_settled(user)
            assert await outcomes(operator) == {"delivered": 4}
    for attempt in receiver.taken:
        assert_signed(attempt)
    assert len({each.event["id"] for each in receiver.taken}) == 4
    event = receiver.taken[-1].event
    assert event["subject"] == f"{user.namespace}/fraud"
    assert event["data"]["message"] == status["rejected"]["message"]
    assert event["data"]["weight"] == 20
    assert_nothing_secret_in(capfd)


async def test_a_killed_operator_loses_nothing_and_the_next_one_tells_it_with_the_same_id(
    user: Operator, kubeconfig: Path, tmp_path: Path
) -> None:
    receiver = Receiver(tmp_path / "ops")
    arguments = (kubeconfig, NOWHERE, user.namespace, receiver.option())
    async with OperatorProcess(*arguments) as operator:
        await deploy(user)
        operator.kill()
        await operator.died()
        waiting = await notices(user)
        assert [each["kind"] for each in waiting] == ["Started", "Promoted"]
        await operator.start()
        async with receiver:
            await receiver.until(lambda r: len(r.taken) == 2)
            assert receiver.told == FIRST
            assert [each.event["id"] for each in receiver.taken] == [e["id"] for e in waiting]
            await until_settled(user)
            operator.kill()
            await operator.died()
            await operator.start()
            await deploy(user, name="loan")
            await receiver.until(lambda r: ("loan", "Promoted") in r.told)
    assert receiver.told == [*FIRST, ("loan", "Started"), ("loan", "Promoted")], "nothing twice"


@pytest.mark.exhaustive
async def test_another_leader_tells_what_the_last_one_could_not(
    user: Operator, kubeconfig: Path, tmp_path: Path
) -> None:
    receiver = Receiver(tmp_path / "ops")
    election = ("--lease-namespace", user.namespace)
    arguments = (kubeconfig, NOWHERE, user.namespace, receiver.option(), *election)
    async with OperatorProcess(*arguments) as first, OperatorProcess(*arguments) as second:
        await deploy(user)
        leader, standby = (first, second) if await leads(first) else (second, first)
        leader.kill()
        async with receiver:
            await receiver.until(lambda r: len(r.taken) == 2)
            await until_settled(user)
            assert receiver.told == FIRST
            assert await outcomes(standby) == {"delivered": 2}


async def test_what_was_being_told_when_the_operator_died_is_told_again_with_the_same_id(
    user: Operator, kubeconfig: Path, tmp_path: Path
) -> None:
    async def kill(_: Attempt) -> web.Response:
        receiver.behave = accept
        operator.kill()
        await operator.died()
        await operator.start()
        return web.Response(status=204)

    receiver = Receiver(tmp_path / "ops", behave=kill)
    operator = OperatorProcess(kubeconfig, NOWHERE, user.namespace, receiver.option())
    async with receiver, operator:
        await deploy(user)
        await receiver.until(lambda r: ("fraud", "Promoted") in r.told)
    ids = [each.event["id"] for each in receiver.attempts]
    assert len(ids) == 3 and ids[0] == ids[1] != ids[2]


async def test_a_rollout_and_another_endpoint_go_on_while_one_hangs(
    user: Operator, kubeconfig: Path, tmp_path: Path
) -> None:
    traffic = user.traffic = real_traffic()
    hanging = Receiver(tmp_path / "slow", "slow", hang)
    async with PaperPrometheus(traffic) as prometheus, hanging, Receiver(tmp_path / "ops") as ops:
        more = {"events": ["Started", "StepPassed", "Promoted"]}
        options = (hanging.option(**more), ops.option(**more))
        arguments = (kubeconfig, prometheus.url, user.namespace, *options)
        async with OperatorProcess(*arguments) as operator:
            await deploy(user)
            await user.apply("fraud", **spec("v2", rollout=QUICK))
            await ops.until(lambda r: len(r.taken) == 6, within=120)
            kinds = [kind for _, kind in ops.told]
            assert kinds == [
                *("Started", "Promoted"),
                *("Started", "StepPassed", "StepPassed", "Promoted"),
            ]
            assert not hanging.taken
            assert len({each.event["id"] for each in hanging.attempts}) == 1, "it is at the first"
            await user.until("fraud", lambda s: {*_to(s)} == {"slow"})
            assert await operator.terminate() == 0, "it ends though an answer is awaited"


def _to(status: Any) -> list[str]:
    return [name for each in status["notices"] for name in each["to"]]


async def test_an_endpoint_that_fails_or_asks_to_wait_is_tried_again(
    user: Operator, kubeconfig: Path, tmp_path: Path
) -> None:
    answers = [
        web.Response(status=500),
        web.Response(status=429, headers={"Retry-After": "3"}),
        web.Response(status=204),
    ]
    times = []

    async def behave(_: Attempt) -> web.Response:
        times.append(time.monotonic())
        return answers.pop(0) if answers else web.Response(status=204)

    async with Receiver(tmp_path / "ops", behave=behave) as receiver:
        arguments = (kubeconfig, NOWHERE, user.namespace, receiver.option())
        async with OperatorProcess(*arguments) as operator:
            await deploy(user)
            await receiver.until(lambda r: len(r.taken) == 2)
            assert receiver.told == FIRST
            assert await outcomes(operator) == {"delivered": 2}
            retried = await counted(operator, "serinus_notifications_total", outcome="retried")
            assert retried == 2
    assert times[2] - times[1] >= 3, "as the endpoint asked"
    assert len({each.event["id"] for each in receiver.attempts[:3]}) == 1
    assert {each.headers["webhook-id"] for each in receiver.attempts[:3]} == {
        receiver.attempts[0].event["id"]
    }


async def test_what_an_endpoint_refuses_is_given_up_and_a_redirect_is_not_followed(
    user: Operator, kubeconfig: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    answers = [
        web.Response(status=403, text=SECRET),
        web.Response(status=307, headers={"Location": "/elsewhere"}),
    ]

    async def behave(_: Attempt) -> web.Response:
        return answers.pop(0)

    async with Receiver(tmp_path / "ops", behave=behave) as receiver:
        arguments = (kubeconfig, NOWHERE, user.namespace, receiver.option())
        async with OperatorProcess(*arguments) as operator:
            await deploy(user)
            await until_settled(user)
            assert await outcomes(operator) == {"refused": 2}
    assert [each.told for each in receiver.attempts] == FIRST
    assert not [each for each in receiver.attempts if "elsewhere" in each.path]
    assert_nothing_secret_in(capfd)


async def test_an_address_that_is_repaired_is_used_without_a_restart(
    user: Operator, kubeconfig: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with Receiver(tmp_path / "ops") as receiver:
        address = (receiver.folder / "url").read_text()
        (receiver.folder / "url").write_text(f"{address} and more")
        arguments = (kubeconfig, NOWHERE, user.namespace, receiver.option())
        async with OperatorProcess(*arguments):
            await deploy(user)
            assert not receiver.attempts
            (receiver.folder / "url").write_text(address)
            await receiver.until(lambda r: r.told == FIRST)
    logged = assert_nothing_secret_in(capfd)
    assert f"{receiver.folder / 'url'} must have one address" in logged


async def test_an_endpoint_that_is_new_is_told_nothing_old(
    user: Operator, kubeconfig: Path, tmp_path: Path
) -> None:
    async with Receiver(tmp_path / "ops") as receiver:
        async with OperatorProcess(kubeconfig, NOWHERE, user.namespace):
            await deploy(user)
        option = receiver.option(events=["Started", "Promoted", "Stalled"])
        async with OperatorProcess(kubeconfig, NOWHERE, user.namespace, option):
            await deploy(user, name="loan")
            await receiver.until(lambda r: ("loan", "Promoted") in r.told)
    assert receiver.told == [("loan", "Started"), ("loan", "Promoted")]


async def test_an_invalid_spec_is_told_once_and_a_deleted_object_is_still_told(
    user: Operator, kubeconfig: Path, tmp_path: Path
) -> None:
    receiver = Receiver(tmp_path / "ops")
    arguments = (kubeconfig, NOWHERE, user.namespace, receiver.option())
    async with OperatorProcess(*arguments):
        rollout = {
            **QUICK,
            "analysis": {"checks": [{"name": "a", "threshold": {"query": "(", "max": 1}}]},
        }
        await user.apply("fraud", **spec("v1", rollout=rollout))
        await user.until("fraud", lambda s: s["notices"], within=30)
        await user.cluster.delete(await user.get("fraud"))
        async with receiver:
            await receiver.until(lambda r: bool(r.taken))
    assert receiver.told == [("fraud", "Stalled")]
    assert receiver.taken[0].event["data"]["reason"] == "InvalidSpec"


async def test_an_approval_that_nobody_can_give_is_told_and_then_that_it_is_awaited(
    user: Operator, kubeconfig: Path, tmp_path: Path, editor: str
) -> None:
    steps = {**QUICK, "steps": [{"approval": {}}, {"setWeight": 20}]}
    policy = policy_of(user.namespace)
    user.traffic = real_traffic()
    async with PaperPrometheus(user.traffic) as prometheus, Receiver(tmp_path / "ops") as receiver:
        arguments = (kubeconfig, prometheus.url, user.namespace, receiver.option())
        async with OperatorProcess(*arguments):
            await deploy(user)
            await user.apply("fraud", **spec("v2", rollout=steps))
            await receiver.until(lambda r: ("fraud", "Stalled") in r.told)
            kubectl("apply", "-f", "-", stdin=policy)
            try:
                until_in_force(user.namespace, editor)
                await receiver.until(lambda r: ("fraud", "Paused") in r.told)
            finally:
                kubectl("delete", "-f", "-", stdin=policy)
    assert receiver.told[:5] == [*FIRST, *(("fraud", k) for k in ("Started", "Stalled", "Paused"))]
    stalled, paused = (each.event["data"] for each in receiver.taken[3:5])
    assert (stalled["reason"], paused["reason"]) == ("ApprovalsUnguarded", "AwaitingApproval")
    assert "templates/approvals.yaml" in stalled["message"]
    assert "serinus approve fraud" in paused["message"]


async def test_the_secrets_of_the_page_are_what_the_operator_reads(
    namespace: str, environment: dict[str, str], cluster: Cluster, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "notifications.md").read_text()
    [commands] = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    commands = commands.replace("--namespace serinus-system", f"--namespace {namespace}")
    subprocess.run(["bash", "-euc", commands], env=environment, check=True)
    for name, form in (("serinus-chat", "Slack"), ("serinus-audit", "CloudEvents")):
        got = kubectl("get", "secret", name, "--namespace", namespace, "--output=json")
        for key, value in json.loads(got.stdout)["data"].items():
            (tmp_path / key).write_bytes(base64.b64decode(value))
        endpoint = Endpoint.model_validate({"name": "a", "form": form, "folder": str(tmp_path)})
        assert url(endpoint).startswith("https://")
        assert len(keys(endpoint)) == (form == "CloudEvents")


def assert_nothing_secret_in(capfd: pytest.CaptureFixture[str]) -> str:
    """What was logged, which has neither the address nor a key."""
    logged = "".join(capfd.readouterr())
    assert "notification" in logged
    assert SECRET not in logged and KEY not in logged and KEY.removeprefix("whsec_") not in logged
    return logged
