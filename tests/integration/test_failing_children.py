"""Pods that cannot be listed while a quota forbids some of them: the looks go on.

What else may fail at one child is in tests/unit/rollouts/test_failing_children.py.
"""

from pathlib import Path

from aiohttp import web

from tests.integration.conftest import kubectl
from tests.integration.proxy import Request, refused
from tests.integration.test_leadership import breakable
from tests.support.inprocess import Operator
from tests.support.rollouts import in_mid_rollout


async def test_pods_that_cannot_be_listed_do_not_stop_the_looks(
    kubeconfig: Path, namespace: str
) -> None:
    asked = 0

    async def fail(request: Request) -> web.Response | None:
        nonlocal asked
        if request.watches or "/pods?" not in request.path:
            return None
        asked += 1
        return refused(503)

    async with (
        breakable(kubeconfig) as (proxy, through),
        Operator(through, namespace) as operator,
    ):
        status = await in_mid_rollout(operator)
        stable, bad = status["stable"]["revision"], status["candidate"]["revision"]
        await operator.until("fraud", lambda s: s["candidate"]["analysisSince"])
        proxy.before = fail
        kubectl("create", "quota", "few", "--hard=pods=5", f"--namespace={namespace}")
        await operator.edit("fraud", lambda live: live["spec"].update(replicas=8))
        await operator.until("fraud", lambda _: asked > 0, moving=1)
        operator.traffic.errors = {f"fraud-{bad}": 0.3}
        status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
        assert status["rejected"]["reason"] == "CheckFailed"
        await operator.until_split("fraud", {f"fraud-{stable}": 100})
