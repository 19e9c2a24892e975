"""The existing backend: a cluster that someone else runs, named by $KUBECONFIG."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.cluster import addons, description, machine
from tests.cluster.description import Cluster, Wanted
from tests.cluster.kubectl import Kubectl, NotReadyError

_REQUIRED = (  # the first of every cluster, the others of full ones
    ("crd/httproutes.gateway.networking.k8s.io", "the Gateway API's CRDs, standard channel"),
    ("gatewayclass/envoy", "a GatewayClass named envoy"),
    (
        "gateway/public --namespace=gateways",
        "a Gateway named public in the namespace gateways, open to routes from all namespaces",
    ),
    (
        "service/public --namespace=gateways",
        "a Service named public in the namespace gateways, which leads to that Gateway",
    ),
    (
        "service/prometheus --namespace=monitoring",
        "Prometheus as the Service prometheus:9090 in the namespace monitoring",
    ),
)


def check() -> None:
    """Raise UnfitError where the environment names no cluster."""
    if not Path(os.environ.get("KUBECONFIG", "")).is_file():
        raise machine.UnfitError(
            "the existing backend needs KUBECONFIG to name one file: export it, or choose another "
            "backend with --backend"
        )


def up(folder: Path, wanted: Wanted) -> Cluster:
    """Check that the cluster has what the profile promises, and describe it."""
    kubeconfig, prometheus = os.environ["KUBECONFIG"], os.environ.get("PROMETHEUS_URL", "")
    tools = {name: machine.require_program(name) for name in ("kubectl", "helm")}
    theirs = Kubectl(Path(tools["kubectl"]), Path(kubeconfig))
    _require(theirs, _REQUIRED if wanted.profile == "full" else _REQUIRED[:1])
    if wanted.profile == "full":
        _require_prometheus(prometheus)
    flat = theirs.call("config", "view", "--raw", "--flatten", "--minify")
    (folder / "kubeconfig").touch(mode=0o600)
    (folder / "kubeconfig").write_text(flat, encoding="utf-8")
    return description.cluster("existing", wanted.profile, folder, tools, prometheus)


def down(folder: Path) -> None:
    """Forget the cluster; it is not ours to end."""
    shutil.rmtree(folder)


def is_running(folder: Path) -> bool:
    """Whether its API server answers."""
    kubectl = Kubectl(Path(machine.require_program("kubectl")), folder / "kubeconfig")
    try:
        kubectl.call("get", "--raw=/readyz")
    except NotReadyError:
        return False
    return True


def load(folder: Path, archive: Path) -> None:
    """Refuse: how an image gets to its nodes is its owner's choice."""
    raise machine.UnfitError(
        f"an existing cluster pulls its images from a registry: push {archive} to one it reads"
    )


def _require(kubectl: Kubectl, objects: Sequence[tuple[str, str]]) -> None:
    for what, sentence in objects:
        try:
            kubectl.call("get", *what.split())
        except NotReadyError as error:
            raise machine.UnfitError(f"the existing cluster lacks {sentence} ({error})") from error


def _require_prometheus(url: str) -> None:
    if not url:
        raise machine.UnfitError(
            "the existing backend needs PROMETHEUS_URL, the address at which this machine reaches "
            "the cluster's Prometheus: export it (kubectl port-forward makes one)"
        )
    addons.wait_for_prometheus(url)
