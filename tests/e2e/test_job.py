"""Steps that run a Job against the candidate's pods, before it gets any traffic: one rejects a bad
model, one cannot say, and one compares with stable."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from tests.stage.deployed import Deployed
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import Stage

pytestmark = pytest.mark.live

COMPARES = """\
import json, os, sys, time, urllib.error, urllib.request
from pathlib import Path
from loadgen import inference_request
from loans import read
known = read(Path("/models/applications.csv"))[::20]
def ask(service, application):
    url = f"http://{service}/v2/models/loan/infer"
    request = urllib.request.Request(url, inference_request(application))
    for _ in range(30):
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)["outputs"][1]["data"][0]
        except urllib.error.HTTPError:
            return "failed"
        except OSError:
            time.sleep(1)
    sys.exit(2)
def of(service):
    answers = [ask(service, each) for each in known]
    pairs = zip(answers, known, strict=True)
    right = sum((answer == "approve") == each.approved for answer, each in pairs)
    return {"accuracy": right / len(known), "failed": answers.count("failed")}
result = of(os.environ["CANDIDATE_SERVICE"])
result["stable"] = of(os.environ["STABLE_SERVICE"])
print(os.environ["MODEL_DEPLOYMENT"], os.environ["STEP"], os.environ["WEIGHT"])
Path("/dev/termination-log").write_text(json.dumps(result))
"""
WARMS = """\
import os, socket, sys, time, urllib.request
host, _, port = os.environ["CANDIDATE_PODS"].partition(":")
for _ in range(60):
    try:
        pods = {info[4][0] for info in socket.getaddrinfo(host, port)}
        break
    except OSError:
        time.sleep(1)
else:
    sys.exit(2)
for pod in pods:
    urllib.request.urlopen(f"http://{pod}:{port}/v2/health/ready", timeout=30).read()
if os.environ["MODEL_VERSION"] == "v3":
    print("the registry of answers is down")
    sys.exit(3)
open("/dev/termination-log", "w").write(f"{len(pods)} asked")
"""
LIMITS = ["result.accuracy >= result.stable.accuracy - 0.005", "result.failed == 0"]


def job(image: str, script: str, **settings: Any) -> dict[str, Any]:
    container = {"name": "main", "image": image, "command": ["python", "-c", script]}
    return {"job": {"template": {"spec": {"containers": [container]}}, "timeout": "3m", **settings}}


def test_one_passes_by_its_limits_one_cannot_say_and_one_rejects_before_any_client_asks(
    product: Stage, namespace: str
) -> None:
    image = product.model_image
    steps = [job(image, WARMS, retries=0), job(image, COMPARES, limits=LIMITS)]
    model = Model(
        namespace,
        "loan",
        image,
        gateway=product.gateway,
        steps=[*steps, {"setWeight": 50}, {"pause": {}}],
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    loan.until_healthy("v1")

    product.api.apply(replace(model, version="v2").manifest())
    candidate = loan.until_weight(50)["candidate"]
    assert (candidate["version"], candidate["step"]) == ("v2", 3)
    asked, compared = (each["said"] for each in candidate["results"])
    assert asked == "1 asked"
    found = json.loads(compared)
    assert found["accuracy"] > found["stable"]["accuracy"] > 0.5
    print(f"v2 passed by {compared}")
    raised = next(each for each in loan.status()["decisions"] if each["reason"] == "WeightRaised")
    assert "has succeeded: accuracy 0." in raised["message"]
    jobs = product.api.list("Job", namespace)
    ended = {each["metadata"]["name"] for each in jobs if each["status"].get("succeeded") == 1}
    assert ended == {each["job"] for each in candidate["results"]}, "kept, with their logs"
    loan.command(f"promote/{candidate['revision']}")
    stable = loan.until_healthy("v2")["stable"]["revision"]

    rejects_v4(product, namespace, model, stable)
    cannot_say_of_v3(product, namespace, model)


def rejects_v4(product: Stage, namespace: str, model: Model, stable: str) -> None:
    """No client meets it, though they ask all the while."""
    loan = Deployed(product.api, namespace, "loan")
    target = Target(product.gateway_url, model.host, rate=10)
    with Load(product.api, product.model_image, namespace, target) as load:
        begun = time.monotonic()
        product.api.apply(replace(model, version="v4").manifest())
        status = loan.until_rejected(within=240)
        took = time.monotonic() - begun
        clients = load.stop()
    met = clients.requests("v4")
    print(f"v4 is rejected after {took:.0f} s and {met} requests of clients")
    assert status["rejected"]["reason"] == "JobFailed"
    assert f"{LIMITS[0]} is not met: result.accuracy is 0." in status["rejected"]["message"]
    assert (status["phase"], status["stable"]["revision"]) == ("RolledBack", stable)
    assert met == 0


def cannot_say_of_v3(product: Stage, namespace: str, model: Model) -> None:
    """A person is asked; the Job is kept, and may run again."""
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(replace(model, version="v3").manifest())

    def unfinished(status: dict[str, Any]) -> bool:
        hold = (status.get("candidate") or {}).get("hold") or {}
        return bool(hold.get("reason") == "ValidationUnfinished")

    status = loan.until("no Job could say", unfinished, 120)
    assert "exit code 3: the registry of answers is down" in status["message"]
    assert status["phase"] == "Degraded"
    first = status["candidate"]["task"]["name"]
    assert first in {each["metadata"]["name"] for each in product.api.list("Job", namespace)}
    loan.command(f"retry/{status['candidate']['revision']}")
    loan.until(
        "another Job could not say",
        lambda s: unfinished(s) and s["candidate"]["task"]["name"] != first,
        120,
    )
