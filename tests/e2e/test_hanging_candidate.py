"""A model that is ready and answers nobody: its traffic is withdrawn, and nothing is decided."""

import re
import time
from dataclasses import replace
from typing import Final

import pytest

from tests.stage.broken_servers import hanging
from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.recordings import keep
from tests.stage.stage import Stage

pytestmark = pytest.mark.live

AFTER: Final = 40.0
"""Seconds of silence after which traffic is withdrawn; pods are scraped every 2 s here, and may
be so half as late."""
PATIENCE: Final = 10.0
"""Seconds that a client waits for its answer."""


def _withdrawn(status: Status) -> bool:
    hold = (status.get("candidate") or {}).get("hold") or {}
    return hold.get("reason") == "CandidateSilent"


def test_a_candidate_that_hangs_loses_its_traffic_and_resumes_once_it_answers(
    product: Stage, namespace: str
) -> None:
    model = Model(
        namespace,
        "loan",
        product.model_image,
        gateway=product.gateway,
        steps=[{"setWeight": 20}],
        analysis={
            "interval": "2s",
            "onSilence": {"after": f"{AFTER:g}s"},
            "checks": [{"name": "errors", "errorRate": {"absoluteMargin": "10%"}}],
        },
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    loan.until_healthy("v1")
    target = Target(product.gateway_url, model.host, rate=15)
    with Load(product.api, product.model_image, namespace, target) as load:
        product.api.apply(replace(model, version="v2", container=hanging()).manifest())
        loan.until_weight(20)
        began = time.monotonic()
        status = loan.until("its traffic is withdrawn", _withdrawn, within=AFTER + 200)
        assert time.monotonic() - began >= AFTER
        candidate = status["candidate"]
        assert candidate["weight"]["wanted"] == 0
        assert status.get("rejected") is None
        assert status["phase"] == "Degraded"
        counts = (
            r"answered 0 of about (\d+) requests expected at 20% of the traffic, and stable (\d+)"
        )
        found = re.search(counts, status["message"])
        assert found, status["message"]
        assert int(found[1]) >= 20 and int(found[2]) >= 4 * int(found[1]) - 5
        # those who wait for it still fail, and nobody after them
        over = load.until_quiet(PATIENCE, within=3 * PATIENCE + 10)
        assert load.unexplained_at
        [pod] = loan.pods(candidate["revision"])
        name = pod["metadata"]["name"]
        answer = ("exec", name, f"--namespace={namespace}", "--", "sh", "-c", "kill -USR1 1")
        product.api.run(*answer)
        assert _withdrawn(loan.status()), "a person says that it may go on"
        loan.command(f"advance/{candidate['revision']}")
        loan.until_healthy("v2")
        load.stop()
    assert not [each for each in load.unexplained_at if each[0] > over]
    reasons = [each["reason"] for each in loan.status()["decisions"]]
    assert reasons.count("CandidateSilent") == 1
    keep(product, loan, "hanging-candidate")
