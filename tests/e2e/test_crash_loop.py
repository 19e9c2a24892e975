"""A model that the kernel kills for memory under traffic, again and again, and that always comes
back."""

import re
import time
from dataclasses import replace
from typing import Final

import pytest

from tests.stage.broken_servers import leaking
from tests.stage.deployed import Deployed
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage

pytestmark = pytest.mark.live

WITHIN: Final = 120.0
"""Seconds from its weight to its rollback. Each of its two pods has to die twice, and be ready in
between; the kubelet puts off only a container's second restart."""


def test_a_model_that_is_killed_for_memory_is_rolled_back_with_that_reason(
    product: Stage, namespace: str
) -> None:
    model = Model(
        namespace,
        "loan",
        product.model_image,
        replicas=2,
        gateway=product.gateway,
        steps=[{"setWeight": 90}, {"pause": {}}],
        analysis={"interval": "2s"},
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    stable = loan.until_healthy("v1")["stable"]["revision"]
    before = loan.restarts(stable)
    target = Target(product.gateway_url, model.host, rate=10)
    with Load(product.api, product.model_image, namespace, target) as load:
        leaks = replace(model, version="v2", container=leaking("256Mi", mebibytes=8))
        product.api.apply(leaks.manifest())
        bad = loan.until_weight(90)["candidate"]["revision"]
        began = time.monotonic()
        status = loan.until_rejected(within=WITHIN)
        took = time.monotonic() - began
        assert status["rejected"]["reason"] == "TooManyRestarts", status["rejected"]
        message = status["rejected"]["message"]
        words = f"OOMKilled at its limit of 256Mi: container model of pod loan-{bad}-"
        assert message.startswith(words), message
        # both pods may die in one interval
        assert re.search(r"[45] restarts in ", message), message
        assert took <= WITHIN
        # clients that its deaths cost an answer were few, and after it there are none
        rolled_back = load.until_quiet(10, within=40)
        load.stop()
    assert not [each for each in load.unexplained_at if each[0] > rolled_back]
    assert loan.restarts(stable) == before
    loan.until("only stable's pods are left", lambda s: not s.get("retiring"))
