"""The bare backend: a whole cluster in one box, from programs built on this machine."""

import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.cluster import (
    addons,
    cache,
    cgroups,
    components,
    configuration,
    description,
    machine,
    parts,
    pki,
    system,
)
from tests.cluster.box import Box
from tests.cluster.description import Cluster, Profile, Wanted
from tests.cluster.kubectl import Kubectl
from tests.cluster.link import Link
from tests.cluster.nodes import FIRST, SECOND, Node
from tests.cluster.progress import step

_GO_PARTS = {
    "full": ("kubernetes", "etcd", "containerd"),
    "control": ("kubernetes", "etcd", "kwok"),
}
_NOBODY = 65534  # whom Prometheus runs as


def check() -> None:
    """Raise UnfitError where this machine cannot carry such a cluster."""
    machine.require_root()


def build(profile: Profile) -> dict[str, Path]:
    """Fill the cache with all that the profile needs; return the parts the box sees."""
    check()
    machine.require_tools(cache.logs() / "apt.log")
    parts.clients()
    parts.go_part("gateway-api")
    if profile == "full":
        system.system_images()
        addons.envoy_gateway()
    return {name: parts.go_part(name) for name in _GO_PARTS[profile]}


def up(folder: Path, wanted: Wanted) -> Cluster:
    """Start the cluster whose state the folder keeps, or make it; wait until it is usable."""
    built = build(wanted.profile)
    box = Box(folder)
    kubectl = Kubectl(parts.clients() / "kubectl/kubectl", folder / "kubeconfig")
    since = None
    cable = box.link() if box.runs() and kubectl.kubeconfig.exists() else None
    if cable is None:
        box.end()
        since = datetime.now(UTC).replace(microsecond=0)  # as the API tells time
        with step("starting the control plane"):
            cable = box.start(lambda cable: _prepare(box, wanted.profile, built, cable))
            kubectl.wait_for_api()
    else:
        kubectl.wait_for_api()  # who started it may have been killed before it answered
    prometheus = f"http://{cable.box_address}:{addons.PROMETHEUS_PORT}"
    if wanted.profile == "full":
        _fill(box, kubectl, wanted, prometheus, since)
    else:
        with step("adding the Gateway API and fake nodes"):
            kubectl.apply(addons.gateway_api())
            addons.add_fake_nodes(kubectl, wanted.fake_nodes)
    tools = {name: str(parts.clients() / name / name) for name in ("kubectl", "helm")}
    return description.cluster("bare", wanted.profile, folder, tools, prometheus)


def down(folder: Path) -> None:
    """End the cluster and remove every trace of it, its state included."""
    Box(folder).end()
    shutil.rmtree(folder)


def is_running(folder: Path) -> bool:
    """Whether the cluster's box is there."""
    return Box(folder).runs()


def load(folder: Path, archive: Path) -> None:
    """Put the images of an oci-archive on the nodes, under the names they have in it."""
    _import(Box(folder), archive)


def _prepare(box: Box, profile: Profile, built: dict[str, Path], cable: Link) -> dict[str, object]:
    """Write certificates and configuration for the box at the end of that cable."""
    state = box.folder / "var"
    for below in ("lib/kubernetes", "lib/prometheus", "log", "tmp"):
        (state / below).mkdir(parents=True, exist_ok=True)
    os.chown(state / "lib/prometheus", _NOBODY, _NOBODY)
    config = state / "lib/kubernetes"
    pki.make(config / "pki")
    addresses = ("127.0.0.1", FIRST.address, "10.96.0.1", cable.box_address)
    names = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
    alternatives = [f"IP:{address}" for address in addresses] + [f"DNS:{name}" for name in names]
    extension = f"subjectAltName={','.join(alternatives)}"
    pki.issue(config / "pki", "apiserver", "/CN=kube-apiserver", extension)
    for file, address in ((config, "127.0.0.1"), (box.folder, cable.box_address)):
        kubeconfig = file / "kubeconfig"
        kubeconfig.touch(mode=0o600)
        kubeconfig.write_text(pki.kubeconfig(config / "pki", f"https://{address}:6443"), "utf-8")
    snapshotter = "overlayfs" if machine.can_overlay(state) else "native"
    nodes = _nodes(box)
    for node in nodes:
        cgroups.make(node.cgroup(box.name))
    configuration.write(config, nodes, box.name, snapshotter)
    return components.plan(profile, built, cable.box_address, nodes)


def _fill(
    box: Box, kubectl: Kubectl, wanted: Wanted, prometheus: str, since: datetime | None
) -> None:
    """Bring images and add-ons into a box, started at `since` if by us, until they work."""
    images = system.system_images()
    with step("putting the system images on the node"):
        _once(box.folder / "images", str(images), lambda: _import(box, images))
    with step("starting DNS, the gateway and Prometheus"):
        addons.apply_dns_and_prometheus(kubectl, wanted.scrape_interval)
        gateway = cache.digest([addons.gateway_api(), addons.envoy_gateway()])
        _once(box.folder / "gateway", gateway, lambda: addons.apply_envoy_gateway(kubectl))
        kubectl.apply(addons.manifest("gateway.yaml"))
        for node in _nodes(box):
            kubectl.wait(f"node/{node.name}", "condition=Ready")
        if since is not None:
            addons.wait_for_restart(kubectl, since)
        addons.wait(kubectl, prometheus)


def _once(note: Path, version: str, act: Callable[[], None]) -> None:
    """Do what the note does not say was done, then note it."""
    if not note.exists() or note.read_text(encoding="utf-8") != version:
        act()
        note.write_text(version, encoding="utf-8")


def _nodes(box: Box) -> tuple[Node, ...]:
    return (FIRST, SECOND) if description.has_second_node(box.folder) else (FIRST,)


def _import(box: Box, archive: Path) -> None:
    for node in _nodes(box):
        ctr = ["/run/parts/containerd/bin/ctr", f"--address={node.containerd}"]
        with archive.open("rb") as content:
            load = box.enter([*ctr, "--namespace=k8s.io", "images", "import", "-"])
            subprocess.run(load, stdin=content, check=True, capture_output=True)
