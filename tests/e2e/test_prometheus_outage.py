"""Prometheus stops in the middle of a step: nothing is decided on what nobody can see."""

import os
import time
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage

OUTAGE_SECONDS: Final = float(os.environ.get("SERINUS_OUTAGE_SECONDS", "40"))
"""How long Prometheus is down; set to 180 for the long form of the same test."""
NOTICED_WITHIN: Final = 15.0


def test_an_outage_holds_the_rollout_says_since_when_and_why_and_then_it_goes_on(
    product: Stage, namespace: str
) -> None:
    model = Model(
        namespace,
        "loan",
        product.model_image,
        gateway=product.gateway,
        steps=[{"setWeight": 50}],
        analysis={"interval": "2s", "minRequests": 200},
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    loan.until_healthy("v1")
    target = Target(product.gateway_url, model.host, rate=60, longest=OUTAGE_SECONDS + 240)
    with Load(product.api, product.model_image, namespace, target) as load:
        product.api.apply(replace(model, version="v2").manifest())
        loan.until("measured in mid-step", lambda s: _metrics(s).get("status") == "True")
        stopped = time.time()
        _prometheus(product, replicas=0)
        try:
            status = loan.until("held", lambda s: _metrics(s).get("status") == "False", 30)
            told = _metrics(status)
            assert told["reason"] == "MetricsUnavailable"
            assert told["message"]
            since = datetime.fromisoformat(told["lastTransitionTime"]).timestamp()
            assert stopped - 1 <= since <= stopped + NOTICED_WITHIN
            before = loan.status()
            assert before["candidate"]["weight"]["actual"] == 50
            while time.time() < stopped + OUTAGE_SECONDS:
                now = loan.status()
                assert now["decisions"] == before["decisions"]
                assert now["candidate"]["weight"] == before["candidate"]["weight"]
                time.sleep(1)
            assert _metrics(loan.status())["lastTransitionTime"] == told["lastTransitionTime"]
        finally:
            _prometheus(product, replicas=1)
        loan.until("metrics are read again", lambda s: _metrics(s).get("status") != "False")
        loan.until_healthy("v2", within=120)
        assert not load.stop().unexplained, load.unexplained_at


def _metrics(status: Status) -> dict[str, Any]:
    conditions: list[dict[str, Any]] = status.get("conditions", [])
    return next((each for each in conditions if each["type"] == "MetricsAvailable"), {})


def _prometheus(product: Stage, replicas: int) -> None:
    scale = {"spec": {"replicas": replicas}}
    product.api.merge("Deployment", "monitoring", "prometheus", scale, sub="/scale")
