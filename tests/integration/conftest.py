"""The API servers that the integration tests run on, and a namespace for each test.

All workers share one. Modules that are marked `disturbs_api_server`, since they kill it or change
its definitions, have another, one after another.
"""

import asyncio
import fcntl
import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from serinus.cluster import ApiError, Cluster, connect
from serinus.manifests.kinds import KINDS
from tests.cluster import parts
from tests.cluster.box import Box
from tests.cluster.description import folder_of
from tests.cluster.kubectl import Kubectl
from tests.stage.gateways import serve
from tests.support.inprocess import Operator
from tests.support.order import longest_first

ROOT = Path(__file__).parents[2]
SHARED, DISTURBED = "serinus-control", "serinus-control-disturbed"
LONGEST: Final = (
    "test_page_in_browser",
    "test_notifications",
    "test_adoption",
    "test_registry",
    "test_approvals",
    "test_crashes",
    "test_additions",
    "test_route_rules",
    "test_crd",
    "test_page",
    "test_informer",
    "test_cli",
    "test_metrics_faults",
    "test_liveness",
    "test_leadership",
    "test_memory_conforms",
    "test_refusals",
    "test_allowed_tasks",
    "test_gitops",
    "test_jobs",
    "test_real_prometheus",
    "test_matchers",
    "test_chart",
)
"""The modules that take more than 20 seconds, the longest first; those that disturb the API
server, one after another, are apart."""

_TOGETHER: Final = {"test_page_load": "test_page", "test_page_in_browser": "test_page"}
"""Modules that run one after another: what one lists would be pages of the other's objects."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest modules begin, and before them the group of those that disturb the API server."""
    longest_first(items, LONGEST)
    items.sort(key=lambda item: not _disturbs(item.path))


class Groups(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Modules run beside each other, each on one worker; those that disturb the API server are one
    group, since one of them would only wait for another."""

    def _split_scope(self, nodeid: str) -> str:
        path = ROOT / nodeid.partition("::")[0]
        if not path.is_relative_to(Path(__file__).parent):  # of another layer
            return str(super()._split_scope(nodeid))
        return DISTURBED if _disturbs(path) else _TOGETHER.get(path.stem, path.stem)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Groups:
    """Instead of xdist's own groups, which pytest 9.2 does not know."""
    return Groups(config, log)


@cache
def _disturbs(path: Path) -> bool:
    """Whether a module has the mark: who hands tests out does not import them."""
    return "= pytest.mark.disturbs_api_server" in path.read_text("utf-8")


@pytest.fixture(scope="module")
def kubeconfig(request: pytest.FixtureRequest, run_folder: Path) -> Iterator[Path]:
    """A cluster without kubelets whose API knows ModelDeployments; the first process of a run that
    needs it starts it if it is not up."""
    disturbs = _disturbs(request.path)
    name = DISTURBED if disturbs else SHARED
    path = folder_of(name) / "kubeconfig"
    is_up = run_folder / f"{name}-is-up"
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_up.exists():
            capture = request.config.pluginmanager.getplugin("capturemanager")
            with capture.global_and_fixture_disabled():
                _up(name, path)  # what it says is seen at once, not only after a failure
            is_up.touch()
        if not disturbs:
            fcntl.flock(lock, fcntl.LOCK_UN)
        os.environ["KUBECONFIG"] = str(path)
        yield path


def _up(name: str, path: Path) -> None:
    up = [sys.executable, "-m", "tests.cluster", "up", "--profile", "control", "--name", name]
    subprocess.run(up, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    crds = ("--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    kubectl("apply", *crds, f"--kubeconfig={path}")
    wait_for_crd("modeldeployments.serinus.dev", path)


def kubectl(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run kubectl; fails the test with its message."""
    command = [str(_kubectl()), *arguments]
    done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
    return done


@pytest.fixture
def environment(kubeconfig: Path) -> dict[str, str]:
    """Of a user who has kubectl."""
    programs = f"{parts.clients() / 'kubectl'}:{os.environ['PATH']}"
    return {**os.environ, "KUBECONFIG": str(kubeconfig), "PATH": programs}


async def serinus(environment: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    """Run the command; its exit code, and what it prints to both outputs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "serinus.cli", *arguments),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def helm(*arguments: str) -> str:
    """What helm prints; fails the test with its message."""
    done = subprocess.run([_helm(), *arguments], text=True, capture_output=True, check=False)
    assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def refused(program: str, *arguments: str) -> str:
    """What kubectl or helm says to something that must fail."""
    path = {"kubectl": _kubectl(), "helm": _helm()}[program]
    done = subprocess.run([path, *arguments], text=True, capture_output=True, check=False)
    assert done.returncode != 0, f"{program} {' '.join(arguments)}: {done.stdout}"
    return done.stderr


def wait_for_crd(name: str, kubeconfig: Path) -> None:
    """Wait until the API server serves a kind."""
    Kubectl(_kubectl(), kubeconfig).wait_for_crd(name)


@cache
def _kubectl() -> Path:
    return parts.clients() / "kubectl" / "kubectl"


@cache
def _helm() -> Path:
    return parts.clients() / "helm" / "helm"


def kill_api_server() -> None:
    """SIGKILL to the one that may be disturbed; the cluster starts it again by itself."""
    folder = folder_of(DISTURBED)
    kill = ["pkill", "-KILL", "-x", "kube-apiserver"]
    if json.loads((folder / "cluster.json").read_text())["backend"] == "kind":
        inside = ["docker", "exec", f"{DISTURBED}-control-plane", *kill]
    else:
        inside = Box(folder).enter(kill)
    subprocess.run(inside, check=True)


@pytest.fixture
async def cluster(kubeconfig: Path) -> AsyncIterator[Cluster]:
    """Our own client of that API server."""
    async with connect() as found:
        yield found


@pytest.fixture
async def namespace(kubeconfig: Path) -> AsyncIterator[str]:
    """A namespace of the test's own, with a Gateway. It stays, without a ModelDeployment: to delete
    it, the control plane would list and delete each of forty kinds."""
    name, all_of_them = f"t-{secrets.token_hex(4)}", "/api/v1/namespaces"
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    async with connect() as somebody:
        await somebody._call("create", "Namespace", "POST", all_of_them, made)
        await serve(somebody, name)
        yield name
        rolled_out = KINDS["ModelDeployment"].path(name)
        try:
            await somebody._call("delete", "ModelDeployment", "DELETE", rolled_out)
        except ApiError as error:  # the test took the definition away, or the answer is too deep
            if not (error.absent or error.reason == "NotJson"):
                raise


@pytest.fixture
async def operator(cluster: Cluster, namespace: str) -> AsyncIterator[Operator]:
    """The operator, in this process, with a clock that the test moves."""
    async with Operator(cluster, namespace) as running:
        yield running
