"""A model that becomes slow after its promotion: it loses its readiness under load, with that its
traffic, is ready again, and so on."""

import re
import time
from dataclasses import replace
from typing import Final

import pytest

from tests.stage.broken_servers import overloaded
from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage

pytestmark = pytest.mark.live

PATIENCE: Final = 10.0
"""Seconds that a client waits for its answer."""
GUARD: Final = 1200.0
WITHIN: Final = 300.0
"""Seconds in which each pod loses its readiness four times."""


def test_a_promoted_revision_that_loses_its_readiness_again_and_again_loses_its_traffic(
    product: Stage, namespace: str
) -> None:
    model = Model(
        namespace,
        "loan",
        product.model_image,
        replicas=2,
        gateway=product.gateway,
        analysis={"interval": "2s", "checks": [{"name": "errors", "errorRate": {}}]},
        rollout={"guard": {"duration": f"{GUARD:g}s", "holdback": "10%"}},
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    loan.until_healthy("v1")
    target = Target(product.gateway_url, model.host, rate=10)
    with Load(product.api, product.model_image, namespace, target) as load:
        slows = replace(model, version="v2", container=overloaded(PATIENCE + 2))
        product.api.apply(slows.manifest())
        status = loan.until("v2 is promoted and guarded", _is_guarded)
        promoted = status["candidate"]["revision"]
        loan.until_weight(90)
        assert not load.unexplained_at, "nobody has suffered so far"
        began = time.monotonic()
        for pod in loan.pods(promoted):
            where = (pod["metadata"]["name"], f"--namespace={namespace}")
            product.api.run("exec", *where, "--", "sh", "-c", "kill -USR1 1")
        rejected = loan.until_rejected(within=WITHIN)["rejected"]
        assert time.monotonic() - began < WITHIN < GUARD
        assert (rejected["revision"], rejected["reason"]) == (promoted, "GuardFailed")
        often = re.match(r"Pods lost their readiness (\d+) times in ", rejected["message"])
        assert often and int(often[1]) >= 8, rejected["message"]
        # those who wait for it still fail, and nobody after them
        load.until_quiet(PATIENCE, within=4 * PATIENCE)
        assert load.unexplained_at, "clients suffered meanwhile"
        assert set(load.latest.versions) == {"v1"}
        suffered = load.stop().unexplained.total()
    # before its traffic was taken away it had it for a few seconds each time
    assert suffered <= 4 * 10 * PATIENCE * 2, suffered
    status = loan.until("v1 alone is left", lambda s: not s.get("retiring"))
    assert status["stable"]["version"] == "v1"


def _is_guarded(status: Status) -> bool:
    candidate = status.get("candidate") or {}
    return bool(candidate.get("guarding") and candidate.get("effectiveSince"))
