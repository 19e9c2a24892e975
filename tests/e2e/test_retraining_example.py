"""The Job of examples/13-retraining.yaml, once the inputs are unlike those of the training data."""

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.stage.deployed import Deployed, Status
from tests.stage.load import Load, Target
from tests.stage.stage import Stage

pytestmark = pytest.mark.live

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "13-retraining.yaml"
IMAGE: Final = "localhost/serinus-model-server:dev"


def example(product: Stage, namespace: str) -> dict[str, Any]:
    """With an alarm that is found in a minute, and need not stay for an hour."""
    text = EXAMPLE.read_text(encoding="utf-8").replace(IMAGE, product.model_image)
    manifest: dict[str, Any] = yaml.safe_load(text)
    manifest["metadata"]["namespace"] = namespace
    monitoring = manifest["spec"]["monitoring"]
    monitoring["interval"] = "5s"
    monitoring["retrain"]["after"] = "10s"
    return manifest


def test_it_is_told_what_has_drifted_and_leaves_the_version_that_it_made(
    product: Stage, namespace: str
) -> None:
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(example(product, namespace))
    loan.until_healthy("v2")

    def ended(status: Status) -> bool:
        found = (status.get("retraining") or {}).get("history") or []
        return bool(found) and found[0]["outcome"] != "Running"

    url = f"http://loan.{namespace}.svc.cluster.local"
    target = Target(url, namespace, rate=20, keep_alive=False, income=0.3)
    with Load(product.api, product.model_image, namespace, target):
        status = loan.until("its Job has ended", ended, within=480.0)
    [run] = status["retraining"]["history"]
    assert (run["outcome"], run["made"]) == ("Succeeded", "v3"), run
    assert [each["quantity"] for each in run["alarms"]] == ["featureDrift"]
    said = product.api.run("logs", f"job/{run['job']}", "-n", namespace)
    assert said.startswith("income "), said
    assert loan.status()["stable"]["version"] == "v2"
