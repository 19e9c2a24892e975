"""The configuration files that a bare cluster's components are started with."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.cluster import cgroups, system
from tests.cluster.nodes import FIRST, POD_CIDR, Node

CONFIG = "/var/lib/kubernetes"  # as the box sees it
PKI = f"{CONFIG}/pki"
KUBECONFIG = f"{CONFIG}/kubeconfig"
AUDIT_POLICY = f"{CONFIG}/audit.json"


def write(folder: Path, nodes: Iterable[Node], box: str, snapshotter: str) -> None:
    """Write the configuration files that the components are started with into the folder. `box`:
    its control group."""
    _write(folder / "kube-proxy.json", _kube_proxy_configuration())
    _write(folder / "audit.json", _audit_policy())
    for node in nodes:
        _write(folder / f"kubelet{node.mark}.json", _kubelet_configuration(node, box))
        _write(folder / f"cni{node.mark}" / "10-pods.conflist", _pod_network(node))
        containerd = _containerd_configuration(node, snapshotter)
        (folder / f"containerd{node.mark}.toml").write_text(containerd, "utf-8")


def _audit_policy() -> dict[str, Any]:
    """What ServiceAccounts ask is in the log, except those of Kubernetes itself."""
    accounts = "system:serviceaccounts"
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "userGroups": [f"{accounts}:kube-system"]},
            {"level": "Metadata", "userGroups": [accounts]},
            {"level": "None"},
        ],
    }


def _kubelet_configuration(node: Node, box: str) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{PKI}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{node.cgroup(box)}",
        "clusterDNS": ["10.96.0.10"],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{node.containerd}",
        # The machine's disk is not the cluster's to guard.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "0%"},
        "failCgroupV1": not cgroups.is_version_1(),
        "failSwapOn": False,
        "healthzPort": node.health_port,
        "imageGCHighThresholdPercent": 100,
        "maxPods": 250,
        "podLogsDir": f"/var/log/pods{node.mark}",
        "port": node.port,
        "registryPullQPS": 0,
        "resolvConf": "/run/resolv.conf",
        "serializeImagePulls": False,
    }


def _kube_proxy_configuration() -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": KUBECONFIG},
        "clusterCIDR": POD_CIDR,
        # The machine's connection table keeps its size.
        "conntrack": {"maxPerCore": 0, "min": 0},
        "hostnameOverride": FIRST.name,
        "mode": "nftables",
        "nodePortAddresses": ["169.254.77.0/24", f"{FIRST.address}/32"],
    }


def _pod_network(node: Node) -> dict[str, Any]:
    """A routed link a pod: bridged pods need br_netfilter to reach a Service of a neighbour."""
    addresses = {
        "type": "host-local",
        "dataDir": f"/run/cni{node.mark}",
        "ranges": [[{"subnet": node.pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    plugins = [{"type": "ptp", "ipam": addresses}]
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": plugins}


def _containerd_configuration(node: Node, snapshotter: str) -> str:
    runtime = 'plugins."io.containerd.cri.v1.runtime"'
    images = 'plugins."io.containerd.cri.v1.images"'
    return f"""\
version = 3
root = "/var/lib/containerd{node.mark}"
state = "/run/containerd{node.mark}"

[grpc]
address = "{node.containerd}"

[plugins."io.containerd.nri.v1.nri"]
disable = true

[{images}]
snapshotter = "{snapshotter}"

[{images}.pinned_images]
sandbox = "{system.PAUSE}"

[{runtime}]
restrict_oom_score_adj = true

[{runtime}.cni]
bin_dirs = ["/usr/lib/cni"]
conf_dir = "{CONFIG}/cni{node.mark}"

[{runtime}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[{runtime}.containerd.runtimes.runc.options]
BinaryName = "/usr/sbin/runc"
SystemdCgroup = false
"""


def _write(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
