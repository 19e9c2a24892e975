"""A tag that is moved to another image while pods of it run."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.stage.deployed import Deployed, Status
from tests.stage.images import MODEL, ROOT, variant
from tests.stage.load import Load, Target
from tests.stage.manifests import Model
from tests.stage.stage import CLUSTER, Stage

pytestmark = pytest.mark.live

TAG = "localhost/serinus-model-server:moved"


def put(archive: Path) -> None:
    """Let the tag name the image in this archive, as a push and a pull on the node do."""
    load = [sys.executable, "-m", "tests.cluster", "load-image", str(archive)]
    subprocess.run([*load, f"--name={CLUSTER}"], cwd=ROOT, check=True)


def differ(status: Status) -> str:
    found: list[dict[str, Any]] = status["conditions"]
    return next((str(each["message"]) for each in found if each["type"] == "ImagesDiffer"), "")


def is_held(status: Status) -> bool:
    hold = (status.get("candidate") or {}).get("hold") or {}
    return hold.get("reason") == "ImagesDiffer"


def test_it_is_said_and_nothing_is_concluded_until_all_pods_are_alike(
    product: Stage, namespace: str, tmp_path: Path
) -> None:
    put(variant(MODEL.build(), TAG, "first", tmp_path))
    model = Model(
        namespace,
        "loan",
        TAG,
        replicas=2,
        gateway=product.gateway,
        steps=[{"setWeight": 50}],
        analysis={"interval": "2s", "checks": [{"name": "errors", "errorRate": {}}]},
    )
    loan = Deployed(product.api, namespace, "loan")
    product.api.apply(model.manifest())
    stable = loan.until_healthy("v1")["stable"]["revision"]
    assert not differ(loan.status())

    put(variant(MODEL.build(), TAG, "second", tmp_path))
    kept, lost = (pod["metadata"]["name"] for pod in loan.pods(stable))
    product.api.delete("Pod", namespace, lost)
    message = differ(loan.until("images differ", differ, 90))
    assert f"Pods of revision {stable} run different images of container model" in message
    assert kept in message

    target = Target(product.gateway_url, model.host, rate=30)
    with Load(product.api, product.model_image, namespace, target) as load:
        product.api.apply(replace(model, version="v2").manifest())
        loan.until("held", is_held)
        product.api.delete("Pod", namespace, kept)
        loan.until("they are alike", lambda s: not differ(s), 90)
        loan.until_healthy("v2", within=300)
        assert not load.stop().unexplained, load.unexplained_at
    reasons = [each["reason"] for each in loan.status()["decisions"]]
    assert "ImagesAlike" in reasons
