"""Objects that follow an alias in a registry: the operator as a process, a real API server, and a
registry that has bad days."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from serinus.cluster import Cluster
from tests.integration.process import OperatorProcess, PaperPrometheus, real_traffic
from tests.integration.proxy import Proxy, Request
from tests.support.inprocess import Manifest, Operator
from tests.support.registries import FakeMLflow
from tests.support.registry import CHAMPION
from tests.support.rights import promised
from tests.support.rollouts import healthy, rolls_out, spec

ROLLOUT: dict[str, Any] = {
    "steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 50}],
    "analysis": {"interval": "1s", "checks": [{"name": "errors", "errorRate": {}}]},
    "scaleDownDelay": "1s",
}
FOLLOWED = {**spec("v1", rollout=ROLLOUT), "model": CHAMPION}
_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


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
    people: Operator, kubeconfig: Path, mlflow: FakeMLflow, namespaces: str = "*", **more: Any
) -> AsyncIterator[Running]:
    people.traffic = real_traffic()
    registry = {
        "name": "company",
        "kind": "MLflow",
        "url": mlflow.url,
        "namespaces": [namespaces],
        "interval": "1s",
        "allowHttp": True,
        **more,
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
            "fraud", unresolved("has changed under the same name"), within=60
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


def asked(request: Request) -> tuple[str, str]:
    """Resource and verb of a request, as an audit log has them; other paths as they are."""
    parts = urlsplit(request.path)
    found = re.fullmatch(
        "/(?:api|apis/[^/]+)/[^/]+(?:/namespaces/[^/]+)?/([^/]+)(?:/([^/]+)(?:/([^/]+))?)?",
        parts.path,
    )
    if found is None:
        return parts.path, request.method
    resource, name, below = found.groups()
    if request.method in _VERBS:
        verb = _VERBS[request.method]
    elif parse_qs(parts.query).get("watch", ["false"])[0] in ("true", "1"):
        verb = "watch"
    else:
        verb = "get" if name else "list"
    return f"{resource}/{below}" if below else resource, verb


def test_the_promises_have_neither_secrets_nor_writes_of_a_spec() -> None:
    objects = {verb for resource, verb in promised() if resource == "modeldeployments"}
    assert objects == {"get", "list", "watch"}
    secret = Request("GET", "/api/v1/namespaces/shop/secrets/mlflow?watch=false", b"")
    assert asked(secret) == ("secrets", "get")
    assert asked(secret) not in promised()


async def test_all_that_is_asked_while_it_follows_retrains_and_tells_back_is_what_is_promised(
    people: Operator, kubeconfig: Path, mlflow: FakeMLflow
) -> None:
    """By all requests of the operator, which has no other way to the API server."""
    model = {"registry": {**CHAMPION["registry"], "tellBack": {}}}
    container = {"name": "train", "image": "train:1"}
    job = {"template": {"spec": {"containers": [container]}}}
    monitoring = {
        "interval": "1s",
        "meanTimeBetweenFalseAlarms": "24h",
        "errorRate": {"limit": "5%"},
        "retrain": {"alarms": ["errorRate"], "after": "1s", "job": job},
    }
    async with operating(people, kubeconfig, mlflow, writeBack=True) as operator:
        await people.apply("fraud", **{**FOLLOWED, "model": model, "monitoring": monitoring})
        await people.until("fraud", healthy("4"), within=60)
        people.traffic.errors = {"fraud": 1.0}
        status = await people.until("fraud", lambda s: bool(s["retraining"]["history"]), within=90)
        await people.until_there("Job", status["retraining"]["history"][0]["job"])
        people.traffic.errors = {}
        mlflow.point("fraud", "champion", "5")
        status = await people.until("fraud", rolls_out("5"), within=60)
        await people.command("fraud", f"abort/{status['candidate']['revision']}")
        await people.until("fraud", lambda s: s["rejected"] and not s.get("notices"), within=60)
        assert mlflow.tags["fraud", "5"]["serinus.outcome"] == "rolledBack"
        found = {asked(each) for each in operator.proxy.requests}
    assert {("modeldeployments/status", "update"), ("jobs", "create")} <= found
    discovery = {(path, verb) for path, verb in found if path.startswith("/")}
    assert {verb for _, verb in discovery} == {"GET"}
    assert found - discovery <= promised()


async def test_a_candidate_that_nobody_can_judge_gets_no_traffic_until_somebody_can(
    people: Operator, kubeconfig: Path, mlflow: FakeMLflow
) -> None:
    """Another alias is not known, and the history is lost that has what runs."""
    async with operating(people, kubeconfig, mlflow) as operator:
        status = await in_mid_canary(people, mlflow)
        stable, candidate = (status[role]["revision"] for role in ("stable", "candidate"))
        operator.kill()
        await operator.died()
        for each in await people.cluster.list("ControllerRevision", people.namespace):
            await people.cluster.delete(each)
        unknown = {"registry": {**CHAMPION["registry"], "alias": "challenger"}}
        await people.apply("fraud", **{**FOLLOWED, "model": unknown})
        await operator.start()
        await people.until_split("fraud", {f"fraud-{stable}": 100}, within=60)
        said = (
            f"Revision {candidate} is not judged meanwhile, so it receives no requests of clients"
        )
        await people.until("fraud", lambda s: said in s["message"], within=30)
        await people.apply("fraud", **FOLLOWED)
        shares = {f"fraud-{stable}": 80, f"fraud-{candidate}": 20}
        await people.until_split("fraud", shares, within=60)
