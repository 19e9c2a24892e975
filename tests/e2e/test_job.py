"""A step that runs a Job against the candidate's pods, before it gets any traffic."""

from dataclasses import replace
from typing import Any

from tests.stage.deployed import Deployed
from tests.stage.manifests import Model
from tests.stage.stage import Stage

ASKS = """\
import os, sys, time, urllib.request
url = f"http://{os.environ['CANDIDATE_SERVICE']}/v2/health/ready"
for tries_left in reversed(range(30)):
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            print(f"{os.environ['MODEL_VERSION']} answered {answer.status}")
        break
    except OSError:
        if not tries_left:
            raise
        time.sleep(1)
if os.environ["MODEL_VERSION"] == "v3":
    print("accuracy 0.91 on the golden set, at least 0.97 is required")
    sys.exit(3)
"""


def test_one_that_succeeds_gives_the_candidate_traffic_and_one_that_fails_none(
    product: Stage, namespace: str
) -> None:
    container = {
        "name": "main",
        "image": product.model_image,
        "command": ["python", "-c", ASKS],
    }
    job: dict[str, Any] = {"template": {"spec": {"containers": [container]}}, "timeout": "2m"}
    model = Model(
        namespace,
        "loan",
        product.model_image,
        gateway=product.gateway,
        steps=[{"job": job}, {"setWeight": 50}, {"pause": {}}],
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    loan.until_healthy("v1")

    product.api.apply(replace(model, version="v2").manifest())
    candidate = loan.until_weight(50)["candidate"]
    assert (candidate["version"], candidate["step"]) == ("v2", 2)
    loan.until("its Job is deleted", lambda _: not product.api.list("Job", namespace))
    loan.command(f"promote/{candidate['revision']}")
    stable = loan.until_healthy("v2")["stable"]["revision"]

    product.api.apply(replace(model, version="v3").manifest())
    status = loan.until_rejected(within=120)
    assert status["rejected"]["reason"] == "JobFailed"
    message = status["rejected"]["message"]
    assert "accuracy 0.91 on the golden set, at least 0.97 is required" in message, message
    assert "v3 answered 200" in message, message
    assert (status["phase"], status["stable"]["revision"]) == ("RolledBack", stable)
    reasons = [each["reason"] for each in status["decisions"]]
    assert reasons.index("JobFailed") < reasons.index("Promoted"), "no traffic since v2"
    assert "WeightRaised" not in reasons[: reasons.index("Promoted")]
    loan.until("its Job is deleted", lambda _: not product.api.list("Job", namespace))
