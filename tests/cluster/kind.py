"""The kind backend: a cluster in a container, where Docker or Podman answers.

Its parts are the ordinary images and charts of their projects, at the versions pinned here.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.cluster import addons, cache, description, machine
from tests.cluster.description import Cluster, Wanted
from tests.cluster.kubectl import Kubectl
from tests.cluster.progress import run, step
from tests.cluster.versions import VERSIONS
from tests.support.ports import free_port

_PROGRAMS = ("kind", "kubectl", "helm")


def can_run() -> bool:
    """Whether kind and what it needs are on this machine."""
    return shutil.which("kind") is not None and machine.engine() is not None


def check() -> None:
    """Raise UnfitError where this machine cannot carry such a cluster."""
    _engine()
    for program in _PROGRAMS:
        machine.require_program(program)


def up(folder: Path, wanted: Wanted) -> Cluster:
    """Make the cluster where it is not there yet, and wait until it is usable."""
    tools = {name: machine.require_program(name) for name in _PROGRAMS}
    kubectl = Kubectl(Path(tools["kubectl"]), folder / "kubeconfig")
    if not is_running(folder):
        _create(folder)
    with step("starting the gateway and Prometheus"):
        if wanted.profile == "full":
            _fill(folder, kubectl, Path(tools["helm"]), wanted)
        else:
            _add_kwok(kubectl, wanted.fake_nodes)
    port = json.loads((folder / "ports.json").read_text(encoding="utf-8"))["prometheus"]
    del tools["kind"]
    url = f"http://127.0.0.1:{port}"
    return description.cluster("kind", wanted.profile, folder, tools, url)


def down(folder: Path) -> None:
    """Delete the cluster and the folder."""
    delete = [machine.require_program("kind"), "delete", "cluster", f"--name={_name(folder)}"]
    delete.append(f"--kubeconfig={folder / 'kubeconfig'}")
    subprocess.run(delete, env=_environment(), check=True, capture_output=True)
    shutil.rmtree(folder)


def is_running(folder: Path) -> bool:
    """Whether kind knows the cluster."""
    if not can_run():
        return False
    listed = subprocess.run(
        [machine.require_program("kind"), "get", "clusters"],
        env=_environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    return _name(folder) in listed.stdout.split()


def load(folder: Path, archive: Path) -> None:
    """Put the images of an archive on the node, under the names they have in it."""
    engine = machine.engine()
    if engine is None:
        raise machine.UnfitError(
            "Docker or Podman, which the kind cluster runs in, does not answer"
        )
    command = [machine.require_program("kind"), "load", "image-archive", str(archive)]
    command.append(f"--name={_name(folder)}")
    run(f"loading {archive.name}", command, cache.logs() / "kind.log", env=_environment())


def _create(folder: Path) -> None:
    port = free_port()
    (folder / "ports.json").write_text(json.dumps({"prometheus": port}), encoding="utf-8")
    mapping = {"containerPort": addons.PROMETHEUS_PORT, "hostPort": port}
    node = {
        "role": "control-plane",
        "extraPortMappings": [mapping | {"listenAddress": "127.0.0.1"}],
    }
    config = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [node]}
    (folder / "kind.json").write_text(json.dumps(config), encoding="utf-8")
    name, kubeconfig = _name(folder), folder / "kubeconfig"
    options = [f"--name={name}", f"--config={folder}/kind.json", f"--kubeconfig={kubeconfig}"]
    command = [machine.require_program("kind"), "create", "cluster", "--wait=120s", *options]
    log = cache.logs() / "kind.log"
    run("creating the kind cluster", command, log, env=_environment())
    # Prometheus keeps its data on the node and runs as nobody.
    own = ["install", "-d", "-o", "65534", "-g", "65534", "/var/lib/prometheus"]
    run("preparing its node", [_engine(), "exec", f"{name}-control-plane", *own], log)


def _fill(folder: Path, kubectl: Kubectl, helm: Path, wanted: Wanted) -> None:
    settings, images = VERSIONS["kind"], VERSIONS["kind"]["images"]
    values = addons.manifest("envoy-gateway-values.yaml", images)
    (folder / "values.yaml").write_text(values, encoding="utf-8")
    install = [
        "upgrade",
        "--install",
        "eg",
        settings["chart"],
        f"--kubeconfig={kubectl.kubeconfig}",
    ]
    options = [f"--version={settings['chart-version']}", f"--namespace={addons.GATEWAY_SYSTEM}"]
    options += ["--create-namespace", "--set=crds.enabled=true", f"--values={folder}/values.yaml"]
    run("installing Envoy Gateway", [str(helm), *install, *options], cache.logs() / "kind.log")
    interval = {"SCRAPE_INTERVAL": wanted.scrape_interval}
    kubectl.apply(addons.manifest("prometheus.yaml", images | interval))
    kubectl.apply(addons.manifest("gateway.yaml", images))
    port = json.loads((folder / "ports.json").read_text(encoding="utf-8"))["prometheus"]
    addons.wait(kubectl, f"http://127.0.0.1:{port}")


def _add_kwok(kubectl: Kubectl, fake_nodes: int) -> None:
    for url in VERSIONS["kind"]["control"]:
        kubectl.call("apply", "--server-side", f"--filename={url}")
    kubectl.wait("deployment/kwok-controller", "condition=Available", namespace="kube-system")
    addons.add_fake_nodes(kubectl, fake_nodes)


def _environment() -> Mapping[str, str]:
    return os.environ | {"KIND_EXPERIMENTAL_PROVIDER": _engine()}


def _engine() -> str:
    engine = machine.engine()
    if engine is None:
        raise machine.UnfitError(
            "the kind backend needs Docker or Podman to answer: start one, or use --backend bare "
            "as root"
        )
    return engine


def _name(folder: Path) -> str:
    """kind's clusters are the machine's, not the checkout's: the name tells checkouts apart."""
    return f"{folder.name}-{cache.digest(str(folder))}"
