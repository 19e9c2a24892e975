"""Others act between two passes, or while a write is under way."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from serinus.cluster import Cluster, connect
from serinus.controller import informer
from tests.integration.conftest import kubectl
from tests.integration.proxy import Proxy, Request, forever, refused
from tests.integration.test_informer import in_stream
from tests.support.inprocess import Manifest, Operator, edit
from tests.support.rollouts import healthy, in_mid_rollout, only, rolls_out, spec


@pytest.fixture(autouse=True)
def _no_list_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a watch tells of is seen to at once."""
    monkeypatch.setattr(informer, "RESYNC", 3600.0)


@pytest.fixture
def lists_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """And watches may tell of nothing."""
    monkeypatch.setattr(informer, "RESYNC", 0.5)
    monkeypatch.setattr(informer, "RETRY", 0.5)


@pytest.fixture
async def behind(
    kubeconfig: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Operator, Proxy]]:
    """An operator that writes and watches through a proxy."""
    async with Proxy(kubeconfig) as proxy:
        with monkeypatch.context() as patch:
            patch.setenv("KUBECONFIG", str(proxy.kubeconfig))
            async with connect() as through, Operator(through, namespace) as operator:
                yield operator, proxy


async def until(holds: Callable[[], bool], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it does not come about"
        await asyncio.sleep(0.03)


async def test_a_change_that_a_list_shows_first_is_seen_to_although_another_list_fails(
    lists_often: None, behind: tuple[Operator, Proxy]
) -> None:
    operator, proxy = behind
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    await operator.rest()
    failed = 0

    async def fail(request: Request) -> web.Response | None:
        nonlocal failed
        if request.watches:
            await forever()
        if request.method == "GET" and request.path.partition("?")[0].endswith("/gateways"):
            failed += 1
            return refused(500)
        return None

    proxy.before = fail
    proxy.cut()
    await until(lambda: failed > 1)
    await operator.apply("fraud", **spec("v2"))
    await operator.until("fraud", rolls_out("v2"))


async def test_a_route_that_somebody_changes_while_our_write_and_the_watches_hang_is_put_right(
    behind: tuple[Operator, Proxy], cluster: Cluster
) -> None:
    operator, proxy = behind
    status = await in_mid_rollout(operator)
    stable, candidate = status["stable"]["revision"], status["candidate"]["revision"]
    writes, expired, go_on = 0, 0, asyncio.Event()

    async def hang(request: Request) -> web.Response | None:
        nonlocal writes, expired
        if request.watches and not go_on.is_set():
            expired += 1
            return in_stream(410, "Expired")
        if request.method == "PATCH" and "/httproutes/" in request.path:
            writes += 1
            await go_on.wait()
        return None

    def all_to_the_candidate(live: Manifest) -> None:
        [rule] = live["spec"]["rules"]
        theirs = [ref for ref in rule["backendRefs"] if ref["name"] == f"fraud-{candidate}"]
        rule["backendRefs"] = theirs

    proxy.before = hang
    await operator.command("fraud", f"abort/{candidate}")
    await until(lambda: writes > 0)
    proxy.cut()
    await edit(cluster, "HTTPRoute", operator.namespace, "fraud", all_to_the_candidate)
    before = expired
    await until(lambda: expired > before)
    go_on.set()
    await operator.until_split("fraud", {f"fraud-{stable}": 100})


async def test_one_that_is_deleted_and_made_again_in_mid_rollout_starts_anew(
    operator: Operator,
) -> None:
    await in_mid_rollout(operator)
    before = await operator.get("fraud")
    await operator.cluster.delete(before)
    await operator.apply("fraud", **spec("v2"))
    status = await operator.until("fraud", healthy("v2"), within=60, moving=1)
    after = await operator.get("fraud")
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    revision = status["stable"]["revision"]
    for kind in ("Deployment", "ControllerRevision"):
        await only(operator, kind, {f"fraud-{revision}"})
        [live] = await operator.cluster.list(kind, operator.namespace)
        [owner] = live["metadata"]["ownerReferences"]
        assert owner["uid"] == after["metadata"]["uid"]
    await operator.until_split("fraud", {f"fraud-{revision}": 100})


async def test_weights_that_another_manager_takes_over_are_taken_back(operator: Operator) -> None:
    status = await in_mid_rollout(operator)
    wanted = await operator.split("fraud")
    candidate = f"fraud-{status['candidate']['revision']}"
    applied_by_another(operator, await route(operator), all_to=candidate)
    await operator.until_split("fraud", wanted)


async def test_hosts_that_somebody_adds_to_a_route_for_all_are_taken_from_it(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    there = ("httproute", "fraud", f"--namespace={operator.namespace}")
    patch = {"spec": {"hostnames": ["elsewhere.example.com"]}}
    kubectl("patch", *there, "--type=merge", f"--patch={json.dumps(patch)}")
    deadline = time.monotonic() + 10
    while (await route(operator))["spec"].get("hostnames"):
        assert time.monotonic() < deadline, "the route serves one host, and the spec says all"
        await asyncio.sleep(0.1)


async def route(operator: Operator) -> Manifest:
    return await operator.cluster.get("HTTPRoute", operator.namespace, "fraud")


def applied_by_another(operator: Operator, route: Manifest, all_to: str) -> None:
    [rule] = route["spec"]["rules"]
    backends = [{**each, "weight": int(each["name"] == all_to)} for each in rule["backendRefs"]]
    applied = {
        "apiVersion": route["apiVersion"],
        "kind": route["kind"],
        "metadata": {"name": "fraud", "namespace": operator.namespace},
        "spec": {**route["spec"], "rules": [{**rule, "backendRefs": backends}]},
    }
    words = ("apply", "--server-side", "--force-conflicts", "--field-manager=other", "-f", "-")
    kubectl(*words, stdin=json.dumps(applied))
