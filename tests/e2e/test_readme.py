"""What the README tells to type on one's own cluster, once the images are there and the operator is
installed."""

import re
import shlex
import subprocess
from typing import Final

import pytest

from tests.stage.deployed import Deployed, Status
from tests.stage.images import ROOT
from tests.stage.stage import Stage

PUSHED: Final = "registry.example.com/serinus-model-server:0.1.0"
LONGEST: Final = 900.0
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK: Final = README.partition("## On your own cluster\n")[2].partition("```sh\n")[2]
COMMANDS: Final = re.findall(r"^(?:sed|kubectl) .*$", BLOCK.partition("```")[0], re.MULTILINE)


def test_v2_gets_traffic_and_v3_is_rolled_back(product: Stage, namespace: str) -> None:
    """All of its commands; to be promoted, v2 takes some minutes more."""
    first, load, better, failing = COMMANDS
    loan = Deployed(product.api, namespace, "loan")
    _type(product, namespace, first)
    loan.until_healthy("v1")
    _type(product, namespace, load)
    _type(product, namespace, better)
    loan.until("v2 is measured", _is_measured, LONGEST)
    _type(product, namespace, failing)
    rejected = loan.until_rejected(LONGEST)["rejected"]
    assert rejected["reason"] == "CheckFailed"
    assert "errors" in rejected["message"]


def _is_measured(status: Status) -> bool:
    candidate = status.get("candidate") or {}
    measured = candidate.get("version") == "v2" and candidate.get("measuredAt")
    return bool(measured and candidate["weight"]["actual"] > 0)


@pytest.mark.live
def test_v2_is_promoted_and_v3_is_rolled_back(product: Stage, namespace: str) -> None:
    first, load, better, failing = COMMANDS
    loan = Deployed(product.api, namespace, "loan")
    _type(product, namespace, first)
    loan.until_healthy("v1")
    _type(product, namespace, load)
    _type(product, namespace, better)
    loan.until_healthy("v2", LONGEST)
    _type(product, namespace, failing)
    rejected = loan.until_rejected(LONGEST)["rejected"]
    assert rejected["reason"] == "CheckFailed"
    assert "errors" in rejected["message"]


def _type(product: Stage, namespace: str, command: str) -> None:
    kubectl = shlex.join([str(product.api.kubectl), f"--kubeconfig={product.api.kubeconfig}"])
    program = f'kubectl() {{ {kubectl} -n {namespace} "$@"; }}\n'
    typed = program + command.replace(PUSHED, product.model_image)
    subprocess.run(["bash", "-euo", "pipefail", "-c", typed], cwd=ROOT, check=True)
