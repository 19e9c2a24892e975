"""What the API server refuses only when a child is written: told to the user, harming nobody."""

import asyncio
import json
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.integration.conftest import kubectl
from tests.integration.proxy import Request, refused
from tests.integration.test_leadership import breakable
from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import children, healthy, only, spec


def _template(**container: Any) -> dict[str, Any]:
    model = {"name": "model", "image": "m:2", "ports": [{"containerPort": 8080}], **container}
    return {"spec": {"containers": [model]}}


UNMOUNTABLE = _template(volumeMounts=[{"name": "data", "mountPath": "/data"}])
MISSPELT = _template(livenesProbe={"httpGet": {"path": "/healthz", "port": 8080}})


def _held_by(words: str) -> Any:
    def holds(status: Manifest) -> bool:
        return words in status["candidate"]["hold"]["message"]

    return holds


async def test_pods_that_cannot_be_made_are_rolled_back_with_the_api_servers_words(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **spec("v1"))
    stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    await operator.apply("fraud", **spec("v2", template=UNMOUNTABLE))
    await operator.until("fraud", _held_by('volumeMounts[0].name: Not found: "data"'), moving=5)
    status = await operator.until("fraud", lambda s: s["rejected"], moving=60)
    assert status["rejected"]["reason"] == "ProgressDeadlineExceeded"
    assert 'volumeMounts[0].name: Not found: "data"' in status["message"]
    await operator.until_split("fraud", {f"fraud-{stable}": 100})
    await operator.apply("fraud", **spec("v3"))
    await operator.until("fraud", healthy("v3"), moving=5)


async def test_a_field_that_pods_do_not_have_is_named(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1", template=MISSPELT))
    status = await operator.until("fraud", _held_by("livenesProbe"), moving=5)
    assert status["phase"] in ("Progressing", "Degraded")


async def test_a_route_that_is_refused_is_told_and_tried_again(operator: Operator) -> None:
    quota = ("quota", "no-routes", f"--namespace={operator.namespace}")
    kubectl("create", *quota, "--hard=count/httproutes.gateway.networking.k8s.io=0")
    await operator.apply("fraud", **spec("v1"))
    status = await operator.until("fraud", lambda s: s["phase"] == "Degraded", moving=1)
    assert "HTTPRoute fraud cannot be written: 403 Forbidden" in status["message"]
    assert "quota" in status["message"]
    kubectl("delete", *quota)
    await operator.until("fraud", healthy("v1"), moving=5)


async def test_pods_stay_as_long_as_a_refused_route_sends_them_traffic(
    kubeconfig: Path, namespace: str
) -> None:
    refusing = asyncio.Event()
    told = 0

    async def refuse(request: Request) -> web.Response | None:
        """The route of a promotion: all traffic to one revision."""
        nonlocal told
        if request.method != "PATCH" or "/httproutes/fraud?" not in request.path:
            return None
        backends = json.loads(request.body)["spec"]["rules"][0]["backendRefs"]
        if not refusing.is_set() or len(backends) > 1:
            return None
        told += 1
        return refused(422, "Invalid")

    async with (
        breakable(kubeconfig, before=refuse) as (_, through),
        Operator(through, namespace) as operator,
    ):
        await operator.apply("fraud", **spec("v1"))
        stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
        refusing.set()
        await operator.apply("fraud", **spec("v2"))
        promoted = await operator.until("fraud", lambda s: s["stable"]["number"] == 2, moving=5)
        status = await operator.until("fraud", lambda s: "may still get" in s["message"], moving=20)
        assert "HTTPRoute fraud cannot be written" in status["message"]
        await operator.until("fraud", lambda _: told > 3, moving=20)
        assert f"fraud-{stable}" in await children(operator.cluster, namespace, "Deployment")
        refusing.clear()
        await operator.until("fraud", healthy("v2"), moving=5)
        await operator.until("fraud", lambda s: not s.get("retiring"), moving=20)
        await only(operator, "Deployment", {f"fraud-{promoted['stable']['revision']}"})
