"""What a cluster is filled with: DNS, the gateway and Prometheus, or fake nodes."""

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from tests.cluster import cache, parts
from tests.cluster.kubectl import Kubectl, NotReadyError

GATEWAY_SYSTEM = "envoy-gateway-system"
PROMETHEUS_PORT = 30090  # on the node, see manifests/prometheus.yaml
_SYSTEM = ("kube-system", GATEWAY_SYSTEM, "gateways", "monitoring")
_MANIFESTS = Path(__file__).with_name("manifests")


def manifest(name: str, replaced: Mapping[str, str] | None = None) -> str:
    """A file of manifests/, with some words in it replaced."""
    text = (_MANIFESTS / name).read_text(encoding="utf-8")
    for word, by in (replaced or {}).items():
        text = text.replace(word, by)
    return text


def gateway_api() -> str:
    """The Gateway API's CRDs, standard channel."""
    return _concatenated(parts.go_part("gateway-api") / "config/crd/standard", "gateway*.yaml")


def envoy_gateway() -> str:
    """Envoy Gateway's CRDs and its controller, from the chart that its module carries."""
    chart = parts.go_part("envoy-gateway") / "charts/gateway-helm"
    helm = parts.clients() / "helm/helm"

    def build(folder: Path) -> None:
        ours = folder / "gateway-helm"
        shutil.copytree(chart, ours)
        shutil.copyfile(ours / "values.tmpl.yaml", ours / "values.yaml")
        values = _MANIFESTS / "envoy-gateway-values.yaml"
        place = [f"--namespace={GATEWAY_SYSTEM}", "--no-hooks", f"--values={values}"]
        command = [str(helm), "template", "eg", str(ours), *place]
        rendered = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        crds = _concatenated(ours / "charts/crds/crds/generated", "*.yaml")
        (folder / "all.yaml").write_text(f"{crds}---\n{rendered}", encoding="utf-8")
        shutil.rmtree(ours)

    made_from = [str(chart), manifest("envoy-gateway-values.yaml")]
    return (cache.part("gateway", made_from, build) / "all.yaml").read_text(encoding="utf-8")


def apply_envoy_gateway(kubectl: Kubectl) -> None:
    """Apply the Gateway API and Envoy Gateway, five megabytes of CRDs among them."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": GATEWAY_SYSTEM}}
    kubectl.apply(json.dumps(namespace))
    _make_gateway_certificates(kubectl.kubeconfig)
    kubectl.apply(f"{gateway_api()}---\n{envoy_gateway()}")
    kubectl.wait_for_crd("envoyproxies.gateway.envoyproxy.io")


def apply_dns_and_prometheus(kubectl: Kubectl, scrape_interval: str) -> None:
    """Apply DNS and Prometheus."""
    kubectl.apply(manifest("dns.yaml"))
    kubectl.apply(manifest("prometheus.yaml", {"SCRAPE_INTERVAL": scrape_interval}))


def wait(kubectl: Kubectl, prometheus_url: str) -> None:
    """Wait until pods have names, routes and someone who measures them."""
    kubectl.wait("deployment/coredns", "condition=Available", namespace="kube-system")
    kubectl.wait("gateway/public", "condition=Programmed", namespace="gateways")
    kubectl.wait("deployment/public", "condition=Available", namespace="gateways")
    kubectl.wait("deployment/prometheus", "condition=Available", namespace="monitoring")
    wait_for_prometheus(prometheus_url)


def wait_for_restart(kubectl: Kubectl, since: datetime, seconds: float = 120.0) -> None:
    """Wait until what the node runs as pods was started after `since`, and is ready.

    Until then the API still tells what was true when an earlier box was killed.
    """
    deadline = time.monotonic() + seconds
    while late := [name for name in _SYSTEM if not _has_restarted(kubectl, name, since)]:
        if time.monotonic() > deadline:
            raise NotReadyError(f"after {seconds:.0f} s no pod is ready in {', '.join(late)}")
        time.sleep(0.5)


def wait_for_prometheus(url: str, seconds: float = 30.0) -> None:
    """Wait until Prometheus says it is ready; raise NotReadyError if it does not."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(f"{url}/-/ready", timeout=2).close()
            return
        except (urllib.error.URLError, TimeoutError) as error:
            if time.monotonic() > deadline:
                raise NotReadyError(f"Prometheus does not answer at {url}: {error}") from error
            time.sleep(0.2)


def add_fake_nodes(kubectl: Kubectl, count: int) -> None:
    """Add nodes fake-0 … that kwok keeps alive, each with room for 250 pods."""
    capacity = {"cpu": "32", "memory": "256Gi", "pods": "250"}
    nodes = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": f"fake-{number}",
                "annotations": {"kwok.x-k8s.io/node": "fake"},
                "labels": {"kubernetes.io/hostname": f"fake-{number}"},
            },
            "status": {"capacity": capacity, "allocatable": capacity},
        }
        for number in range(count)
    ]
    if nodes:
        kubectl.apply("---\n".join(json.dumps(node) + "\n" for node in nodes))
        kubectl.call("wait", "node", "--all", "--for=condition=Ready", "--timeout=180s")


def _has_restarted(kubectl: Kubectl, namespace: str, since: datetime) -> bool:
    """Whether the namespace has pods, all of whose containers are ready and younger."""
    pods = kubectl.get("pods", f"--namespace={namespace}")["items"]
    staying = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    statuses = [pod["status"].get("containerStatuses", []) for pod in staying]
    containers = [container for pod in statuses for container in pod]
    started = [status["state"].get("running", {}).get("startedAt") for status in containers]
    return (
        bool(statuses)
        and all(statuses)
        and all(
            status["ready"] and at is not None and datetime.fromisoformat(at) >= since
            for status, at in zip(containers, started, strict=True)
        )
    )


def _make_gateway_certificates(kubeconfig: Path) -> None:
    """What the chart's hook does with a pod, done from here: it saves that pod's start."""
    program = parts.go_part("envoy-gateway") / "bin/envoy-gateway"
    environment = os.environ | {
        "KUBECONFIG": str(kubeconfig),
        "ENVOY_GATEWAY_NAMESPACE": GATEWAY_SYSTEM,
    }
    subprocess.run(
        [str(program), "certgen", "--disable-topology-injector"],
        env=environment,
        check=True,
        capture_output=True,
    )


def _concatenated(folder: Path, pattern: str) -> str:
    files = sorted(folder.glob(pattern))
    return "---\n".join(file.read_text(encoding="utf-8") for file in files)
