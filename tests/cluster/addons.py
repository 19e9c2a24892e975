"""What a bare cluster runs as pods: DNS, the gateway and Prometheus."""

import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.cluster import cache, parts
from tests.cluster.kubectl import Kubectl, NotReady

_MANIFESTS = Path(__file__).with_name("manifests")
_GATEWAY_SYSTEM = "envoy-gateway-system"
PROMETHEUS_PORT = 30090  # on the node, see manifests/prometheus.yaml


def gateway_api() -> str:
    """The Gateway API's CRDs, standard channel."""
    return _concatenated(parts.go_part("gateway-api") / "config/crd/standard", "gateway*.yaml")


def envoy_gateway() -> str:
    """Envoy Gateway's CRDs and its controller, from the chart that its module carries."""
    chart = parts.go_part("envoy-gateway") / "charts/gateway-helm"
    values = _MANIFESTS / "envoy-gateway-values.yaml"
    helm = parts.clients() / "helm/helm"

    def build(folder: Path) -> None:
        ours = folder / "gateway-helm"
        shutil.copytree(chart, ours)
        shutil.copyfile(ours / "values.tmpl.yaml", ours / "values.yaml")
        place = [f"--namespace={_GATEWAY_SYSTEM}", "--no-hooks", f"--values={values}"]
        command = [str(helm), "template", "eg", str(ours), *place]
        rendered = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        crds = _concatenated(ours / "charts/crds/crds/generated", "*.yaml")
        (folder / "all.yaml").write_text(f"{crds}---\n{rendered}", encoding="utf-8")
        shutil.rmtree(ours)

    made_from = [str(chart), values.read_text(encoding="utf-8")]
    return (cache.part("gateway", made_from, build) / "all.yaml").read_text(encoding="utf-8")


def apply(kubectl: Kubectl, scrape_interval: str) -> None:
    """Apply everything that the full profile runs, and return at once."""
    kubectl.apply((_MANIFESTS / "dns.yaml").read_text(encoding="utf-8"))
    prometheus = (_MANIFESTS / "prometheus.yaml").read_text(encoding="utf-8")
    kubectl.apply(prometheus.replace("SCRAPE_INTERVAL", scrape_interval))
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n"
    kubectl.apply(namespace % _GATEWAY_SYSTEM)
    _make_gateway_certificates(kubectl.kubeconfig)
    kubectl.apply(f"{gateway_api()}---\n{envoy_gateway()}")
    kubectl.apply((_MANIFESTS / "gateway.yaml").read_text(encoding="utf-8"))


def wait(kubectl: Kubectl, prometheus_url: str) -> None:
    """Wait until pods have names, routes and someone who measures them."""
    kubectl.wait("deployment/coredns", "condition=Available", namespace="kube-system")
    kubectl.wait("gateway/public", "condition=Programmed", namespace="gateways")
    kubectl.wait("deployment/public", "condition=Available", namespace="gateways")
    kubectl.wait("deployment/prometheus", "condition=Available", namespace="monitoring")
    _wait_for_prometheus(prometheus_url)


def _make_gateway_certificates(kubeconfig: Path) -> None:
    """What the chart's hook does with a pod, done from here: it saves that pod's start."""
    program = parts.go_part("envoy-gateway") / "bin/envoy-gateway"
    environment = os.environ | {
        "KUBECONFIG": str(kubeconfig),
        "ENVOY_GATEWAY_NAMESPACE": _GATEWAY_SYSTEM,
    }
    subprocess.run(
        [str(program), "certgen", "--disable-topology-injector"],
        env=environment,
        check=True,
        capture_output=True,
    )


def _wait_for_prometheus(url: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            urllib.request.urlopen(f"{url}/-/ready", timeout=2).close()
            return
        except (urllib.error.URLError, TimeoutError) as error:
            if time.monotonic() > deadline:
                raise NotReady(f"Prometheus does not answer at {url}: {error}") from error
            time.sleep(0.2)


def _concatenated(folder: Path, pattern: str) -> str:
    files = sorted(folder.glob(pattern))
    return "---\n".join(file.read_text(encoding="utf-8") for file in files)
