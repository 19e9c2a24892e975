"""Prometheus stops in the middle of a step: nothing is decided on what nobody can see."""

import os
import time
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import pytest

from tests.stage import prometheus
from tests.stage.deadline import until
from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.operator import Operator
from tests.stage.stage import Stage

pytestmark = pytest.mark.live

OUTAGE_SECONDS: Final = float(os.environ.get("SERINUS_OUTAGE_SECONDS", "40"))
"""How long Prometheus is down; set to 180 for the long form of the same test."""
NOTICED_WITHIN: Final = 15.0


def test_an_outage_holds_the_rollout_says_since_when_and_why_and_then_it_goes_on(
    product: Stage, operator: Operator, namespace: str
) -> None:
    prometheus.start(product.api, namespace)
    address = prometheus.address(namespace)
    operator.install(product.operator_image, {"prometheus.url": address})
    model = Model(
        namespace,
        "loan",
        product.model_image,
        gateway=product.gateway,
        steps=[{"setWeight": 50}],
        analysis={"interval": "2s", "minRequests": 200},
        spec={"class": operator.klass},
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    loan.until_healthy("v1")
    target = Target(product.gateway_url, model.host, rate=60)
    with Load(product.api, product.model_image, namespace, target) as load:
        product.api.apply(replace(model, version="v2").manifest())
        loan.until("measured in mid-step", lambda s: _metrics(s).get("status") == "True")
        stopped = time.time()
        prometheus.scale(product.api, namespace, 0)
        try:
            until("it is gone", lambda: not prometheus.pods(product.api, namespace), 60)
            gone = time.time()
            status = loan.until("held", lambda s: _metrics(s).get("status") == "False")
            told = _metrics(status)
            assert told["reason"] == "MetricsUnavailable"
            assert told["message"]
            since = datetime.fromisoformat(told["lastTransitionTime"]).timestamp()
            assert stopped - 1 <= since <= gone + NOTICED_WITHIN
            before = loan.status()
            assert before["candidate"]["weight"]["actual"] == 50
            while time.time() < gone + OUTAGE_SECONDS:
                now = loan.status()
                assert now["decisions"] == before["decisions"]
                assert now["candidate"]["weight"] == before["candidate"]["weight"]
                time.sleep(1)
            assert _metrics(loan.status())["lastTransitionTime"] == told["lastTransitionTime"]
        finally:
            prometheus.scale(product.api, namespace, 1)
        loan.until("metrics are read again", lambda s: _metrics(s).get("status") != "False")
        loan.until_healthy("v2")
        assert not load.stop().unexplained, load.unexplained_at


def _metrics(status: Status) -> dict[str, Any]:
    conditions: list[dict[str, Any]] = status.get("conditions", [])
    return next((each for each in conditions if each["type"] == "MetricsAvailable"), {})
