"""The API server that the integration tests of a process share, and a namespace for each of them.

Tests that run beside each other have one each, since some kill it or take its kinds away.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from serinus.cluster import Cluster, connect
from tests.cluster.box import Box
from tests.cluster.kubectl import Kubectl
from tests.integration.inprocess import Operator
from tests.stage.gateways import serve

ROOT = Path(__file__).parents[2]
WORKER = os.environ.get("PYTEST_XDIST_WORKER")
NAME = f"serinus-control-{WORKER}" if WORKER else "serinus-control"


@pytest.fixture(scope="session")
def kubeconfig(progress_shown: AbstractContextManager[None]) -> Path:
    """A cluster without kubelets whose API knows ModelDeployments; started if it is not up."""
    up = [sys.executable, "-m", "tests.cluster", "up", "--profile", "control", "--name", NAME]
    with progress_shown:
        subprocess.run(up, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    path = ROOT / "build" / "cluster" / NAME / "kubeconfig"
    os.environ["KUBECONFIG"] = str(path)
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    wait_for_crd("modeldeployments.serinus.dev")
    return path


def kubectl(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the kubectl that belongs to the cluster; fails the test with its message."""
    command = [_kubectl_path(), *arguments]
    done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
    return done


def wait_for_crd(name: str) -> None:
    """Wait until the API server serves a kind."""
    kubeconfig = ROOT / "build" / "cluster" / NAME / "kubeconfig"
    Kubectl(Path(_kubectl_path()), kubeconfig).wait_for_crd(name)


def _kubectl_path() -> str:
    facts = json.loads((ROOT / "build" / "cluster" / NAME / "cluster.json").read_text())
    return str(facts["tools"]["kubectl"])


def kill_api_server() -> None:
    """SIGKILL; the cluster starts it again by itself."""
    folder = ROOT / "build" / "cluster" / NAME
    kill = ["pkill", "-KILL", "-x", "kube-apiserver"]
    if json.loads((folder / "cluster.json").read_text())["backend"] == "kind":
        inside = ["docker", "exec", f"{NAME}-control-plane", *kill]
    else:
        inside = Box(folder).enter(kill)
    subprocess.run(inside, check=True)


@pytest.fixture
async def cluster(kubeconfig: Path) -> AsyncIterator[Cluster]:
    """Our own client of that API server."""
    async with connect() as found:
        yield found


@pytest.fixture
async def namespace(cluster: Cluster) -> AsyncIterator[str]:
    """A namespace of the test's own, with a Gateway."""
    name = f"t-{secrets.token_hex(4)}"
    kubectl("create", "namespace", name)
    await serve(cluster, name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
async def operator(cluster: Cluster, namespace: str) -> AsyncIterator[Operator]:
    """The operator, in this process, with a clock that the test moves."""
    async with Operator(cluster, namespace) as running:
        yield running
