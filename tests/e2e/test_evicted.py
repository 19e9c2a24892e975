"""A model that fills its disk: the kubelet evicts it, and its process exits with 0."""

from dataclasses import replace
from typing import Any, Final

import pytest

from tests.stage.deployed import Deployed
from tests.stage.manifests import IDLE, Model
from tests.stage.stage import Stage

pytestmark = pytest.mark.live

_FILLS: Final[dict[str, Any]] = {
    "command": [
        "sh",
        "-c",
        "trap 'exit 0' TERM; sleep 5; head -c 30000000 /dev/zero > /tmp/full; "
        "while true; do sleep 0.2; done",
    ],
    "securityContext": {"allowPrivilegeEscalation": False},  # it writes to its own file system
    "resources": {
        "requests": {"cpu": "1m", "memory": "8Mi"},
        "limits": {"ephemeral-storage": "5Mi"},
    },
}


def test_a_model_that_is_evicted_for_its_disk_is_rolled_back_with_that_reason(
    product: Stage, namespace: str
) -> None:
    model = Model(
        namespace,
        "loan",
        product.model_image,
        container=IDLE,
        steps=[{"setWeight": 50}, {"pause": {}}],
        rollout={"maxRestarts": 0},
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    loan.until_healthy("v1")
    product.api.apply(replace(model, version="v2", container=_FILLS).manifest())
    status = loan.until_rejected(within=180.0)
    assert status["rejected"]["reason"] == "TooManyRestarts", status["rejected"]
    message = status["rejected"]["message"]
    # the kubelet drops its own words if the process has exited with 0 before it reports
    told = ("Evicted: Pod ephemeral local storage usage exceeds", "Evicted by the kubelet, though ")
    assert message.startswith(told), message
    assert "ephemeral" in message and "1 eviction" in message, message
