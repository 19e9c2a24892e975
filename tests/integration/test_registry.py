"""Objects that follow an alias in a registry: the operator as a process, a real API server, and a
registry that has bad days."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from serinus.cluster import Cluster
from tests.integration.process import OperatorProcess, PaperPrometheus, real_traffic
from tests.integration.proxy import Proxy
from tests.support.inprocess import Manifest, Operator
from tests.support.registries import FakeMLflow
from tests.support.registry import CHAMPION
from tests.support.rollouts import healthy, rolls_out, spec

ROLLOUT: dict[str, Any] = {
    "steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}],
    "analysis": {"interval": "1s", "checks": [{"name": "errors", "errorRate": {}}]},
    "scaleDownDelay": "1s",
}
FOLLOWED = {**spec("v1", rollout=ROLLOUT), "model": CHAMPION}


@pytest.fixture
async def people(cluster: Cluster, namespace: str) -> AsyncIterator[Operator]:
    """A gateway that takes up routes; the operator itself runs elsewhere."""
    bystander = Operator(cluster, namespace)
    gateway = asyncio.create_task(bystander.accept_routes())
    yield bystander
    gateway.cancel()


@pytest.fixture
async def mlflow() -> AsyncIterator[FakeMLflow]:
    """With versions 4 to 8 of the model fraud."""
    async with FakeMLflow() as registry:
        for number in range(4, 9):
            registry.put("fraud", str(number))
        registry.point("fraud", "champion", "4")
        yield registry


class Running(OperatorProcess):
    """The operator, and what it asked of the API server."""

    proxy: Proxy


@asynccontextmanager
async def operating(
    people: Operator, kubeconfig: Path, mlflow: FakeMLflow, namespaces: str = "*"
) -> AsyncIterator[Running]:
    people.traffic = real_traffic()
    registry = {
        "name": "company",
        "kind": "MLflow",
        "url": mlflow.url,
        "namespaces": [namespaces],
        "interval": "1s",
        "allowHttp": True,
    }
    async with PaperPrometheus(people.traffic) as prometheus, Proxy(kubeconfig) as proxy:
        arguments = (proxy.kubeconfig, prometheus.url, people.namespace)
        async with Running(*arguments, "--registry", json.dumps(registry)) as operator:
            operator.proxy = proxy
            yield operator


def unresolved(says: str) -> Callable[[Manifest], bool]:
    def holds(status: Manifest) -> bool:
        found = {each["type"]: each for each in status["conditions"]}["ModelResolved"]
        return found["status"] == "False" and says in found["message"]

    return holds


async def in_mid_canary(people: Operator, mlflow: FakeMLflow) -> Manifest:
    """Version 5 has 20%, and a pause holds it there."""
    await people.apply("fraud", **FOLLOWED)
    await people.until("fraud", healthy("4"), within=60)
    mlflow.point("fraud", "champion", "5")
    await people.until("fraud", rolls_out("5"), within=30)
    return await people.until(
        "fraud", lambda s: s["candidate"]["hold"]["reason"] == "AwaitingCommand", within=60
    )


async def test_neither_a_registry_that_is_down_nor_a_kill_meanwhile_changes_a_rollout(
    people: Operator, kubeconfig: Path, mlflow: FakeMLflow
) -> None:
    async with operating(people, kubeconfig, mlflow) as operator:
        before = await in_mid_canary(people, mlflow)
        await mlflow.down()
        await people.until("fraud", unresolved("Version 5 of model fraud stays"), within=30)
        operator.kill()
        await operator.died()
        await operator.start()
        await people.until("fraud", unresolved("Since 2"), within=60)
        candidate = (await people.get("fraud"))["status"]["candidate"]
        assert candidate["revision"] == before["candidate"]["revision"]
        await people.command("fraud", f"advance/{candidate['revision']}")
        await people.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 50, within=60)
        await mlflow.up()
        status = await people.until("fraud", healthy("5"), within=90)
        reasons = [each["reason"] for each in reversed(status["decisions"])]
        assert reasons[:3] == ["FirstDeployment", "Promoted", "RolloutStarted"]
        assert reasons.count("RolloutStarted") == 1
        _nothing_but_children_and_status_was_written(operator.proxy)
    assert {each.partition(" ")[0] for each in mlflow.asked} == {"GET"}, "nothing is written back"


def _nothing_but_children_and_status_was_written(proxy: Proxy) -> None:
    """By all requests that the API server got from the operator."""
    assert not [each for each in proxy.requests if "/secrets" in each.path]
    written = [each for each in proxy.requests if each.method not in ("GET", "HEAD")]
    objects = [each.path for each in written if "/modeldeployments/" in each.path]
    assert objects
    assert all(path.partition("?")[0].endswith("/status") for path in objects)


async def test_an_alias_that_moves_three_times_ends_where_it_was_left(
    people: Operator, kubeconfig: Path, mlflow: FakeMLflow
) -> None:
    async with operating(people, kubeconfig, mlflow):
        await in_mid_canary(people, mlflow)
        for version in ("6", "7", "8"):
            mlflow.point("fraud", "champion", version)
            await asyncio.sleep(3)
        status = await people.until("fraud", rolls_out("8"), within=60)
        assert status["stable"]["version"] == "4"
        mlflow.point("fraud", "champion", "4")
        status = await people.until("fraud", healthy("4"), within=60)
        assert "candidate" not in status
        assert status["decisions"][0]["reason"] == "Reverted"


async def test_a_version_that_is_deleted_while_it_serves_stays_and_is_told(
    people: Operator, kubeconfig: Path, mlflow: FakeMLflow
) -> None:
    async with operating(people, kubeconfig, mlflow):
        await people.apply("fraud", **FOLLOWED)
        before = await people.until("fraud", healthy("4"), within=60)
        del mlflow.versions["fraud", "4"]
        await people.until("fraud", unresolved("Version 4 of model fraud stays"), within=30)
        mlflow.put("fraud", "4", creation_timestamp=1795599999000)
        status = await people.until(
            "fraud", unresolved("is not the one that was read before"), within=60
        )
        assert status["stable"]["revision"] == before["stable"]["revision"]
        assert "candidate" not in status


async def test_two_objects_that_follow_one_alias_both_roll_out_and_cost_the_requests_of_one(
    people: Operator, kubeconfig: Path, mlflow: FakeMLflow
) -> None:
    other = {**FOLLOWED, "traffic": {}}
    async with operating(people, kubeconfig, mlflow):
        await people.apply("fraud", **FOLLOWED)
        await people.apply("shadow", **other)
        for name in ("fraud", "shadow"):
            await people.until(name, healthy("4"), within=60)
        asked = len(mlflow.asked)
        await asyncio.sleep(5)
        assert 2 <= len(mlflow.asked) - asked <= 8, "one a second, not two"
        mlflow.point("fraud", "champion", "5")
        for name in ("fraud", "shadow"):
            await people.until(name, rolls_out("5"), within=60)


async def test_a_namespace_that_may_not_use_a_registry_makes_the_operator_ask_nothing(
    people: Operator, kubeconfig: Path, mlflow: FakeMLflow
) -> None:
    async with operating(people, kubeconfig, mlflow, namespaces="elsewhere"):
        await people.apply("fraud", **FOLLOWED)
        status = await people.until("fraud", lambda s: s["phase"] == "Degraded", within=60)
        assert f"Namespace {people.namespace} may use no registry company" in status["message"]
        assert "stable" not in status and "candidate" not in status
    assert not mlflow.asked
