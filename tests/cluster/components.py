"""What runs in a bare cluster's box: each component's command line and configuration."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster import cgroups, system
from tests.cluster.description import Profile
from tests.cluster.node import NODE_ADDRESS, SERVICE_CIDR



POD_CIDR = "10.244.0.0/16"
CONFIG = "/var/lib/kubernetes"  # as the box sees it
NODE = "node"
_PKI = f"{CONFIG}/pki"
_KUBECONFIG = f"{CONFIG}/kubeconfig"
_CLIENT = (f"--kubeconfig={_KUBECONFIG}", "--kube-api-qps=500", "--kube-api-burst=1000")
_STAGES = (  # what fake nodes and pods go through
    "node/fast/node-initialize",
    "node/heartbeat-with-lease/node-heartbeat-with-lease",
    "pod/fast/pod-ready",
    "pod/fast/pod-complete",
    "pod/fast/pod-delete",
)


@dataclass(frozen=True)
class Component:
    """A process of the box; those after it start once its port, where it has one, is open."""

    name: str
    argv: Sequence[str]
    port: int | None = None
    environment: dict[str, str] = field(default_factory=dict)


def plan(profile: Profile, parts: dict[str, Path], address: str) -> dict[str, Any]:
    """What node.py is told: where the parts lie, the box's address, what to start in order."""
    control_plane = [_etcd(), _apiserver(), _controller_manager(), _scheduler()]
    node = [_kubelet(), _kube_proxy()] if profile == "full" else [_kwok()]
    first = [_containerd()] if profile == "full" else []
    return {
        "parts": {name: str(path) for name, path in parts.items()},
        "address": address,
        "components": [asdict(component) for component in (*first, *control_plane, *node)],
    }


def configure(folder: Path, cgroup: str, snapshotter: str) -> None:
    """Write the configuration files that the components are started with into the folder."""
    _write(folder / "kubelet.json", _kubelet_configuration(cgroup))
    _write(folder / "kube-proxy.json", _kube_proxy_configuration())
    _write(folder / "cni" / "10-pods.conflist", _pod_network())
    (folder / "containerd.toml").write_text(_containerd_configuration(snapshotter), "utf-8")


def _etcd() -> Component:
    # The state need not survive the machine: without fsync its disk sets no pace.
    argv = ["/run/parts/etcd/bin/etcd", "--data-dir=/var/lib/etcd", "--unsafe-no-fsync"]
    return Component("etcd", [*argv, "--log-level=warn"], port=2379)


def _apiserver() -> Component:
    argv = [
        "/run/parts/kubernetes/bin/kube-apiserver",
        f"--advertise-address={NODE_ADDRESS}",
        "--allow-privileged=true",
        "--authorization-mode=Node,RBAC",
        f"--client-ca-file={_PKI}/ca.crt",
        "--etcd-servers=http://127.0.0.1:2379",
        f"--kubelet-client-certificate={_PKI}/admin.crt",
        f"--kubelet-client-key={_PKI}/admin.key",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-key-file={_PKI}/service-accounts.pub",
        f"--service-account-signing-key-file={_PKI}/service-accounts.key",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        f"--tls-cert-file={_PKI}/apiserver.crt",
        f"--tls-private-key-file={_PKI}/apiserver.key",
    ]
    return Component("kube-apiserver", argv, port=6443)


def _controller_manager() -> Component:
    argv = [
        "/run/parts/kubernetes/bin/kube-controller-manager",
        *_CLIENT,
        "--leader-elect=false",
        f"--root-ca-file={_PKI}/ca.crt",
        f"--service-account-private-key-file={_PKI}/service-accounts.key",
        "--use-service-account-credentials=true",
    ]
    return Component("kube-controller-manager", argv)


def _scheduler() -> Component:
    argv = ["/run/parts/kubernetes/bin/kube-scheduler", *_CLIENT, "--leader-elect=false"]
    return Component("kube-scheduler", argv)


def _containerd() -> Component:
    argv = ["/run/parts/containerd/bin/containerd", f"--config={CONFIG}/containerd.toml"]
    path = "/run/parts/containerd/bin:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
    return Component("containerd", argv, environment={"PATH": path})


def _kubelet() -> Component:
    argv = [
        "/run/parts/kubernetes/bin/kubelet",
        f"--kubeconfig={_KUBECONFIG}",
        f"--config={CONFIG}/kubelet.json",
        f"--hostname-override={NODE}",
        f"--node-ip={NODE_ADDRESS}",
    ]
    return Component("kubelet", argv)


def _kube_proxy() -> Component:
    argv = ["/run/parts/kubernetes/bin/kube-proxy", f"--config={CONFIG}/kube-proxy.json"]
    return Component("kube-proxy", argv)


def _kwok() -> Component:
    argv = [
        "/run/parts/kwok/bin/kwok",
        f"--kubeconfig={_KUBECONFIG}",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        *(f"--config=/run/parts/kwok/kustomize/stage/{stage}.yaml" for stage in _STAGES),
    ]
    return Component("kwok", argv)


def _kubelet_configuration(cgroup: str) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{_PKI}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "clusterDNS": ["10.96.0.10"],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        # The machine's disk is not the cluster's to guard.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "0%"},
        "failCgroupV1": not cgroups.is_version_1(),
        "failSwapOn": False,
        "imageGCHighThresholdPercent": 100,
        "maxPods": 250,
        "registryPullQPS": 0,
        "resolvConf": "/run/resolv.conf",
        "serializeImagePulls": False,
    }


def _kube_proxy_configuration() -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": _KUBECONFIG},
        "clusterCIDR": POD_CIDR,
        # The machine's connection table keeps its size.
        "conntrack": {"maxPerCore": 0, "min": 0},
        "hostnameOverride": NODE,
        "mode": "nftables",
        "nodePortAddresses": ["169.254.77.0/24", f"{NODE_ADDRESS}/32"],
    }


def _pod_network() -> dict[str, Any]:
    """A routed link a pod: bridged pods need br_netfilter to reach a Service of a neighbour."""
    ranges = [[{"subnet": POD_CIDR}]]
    ipam = {"type": "host-local", "dataDir": "/run/cni", "ranges": ranges}
    ipam["routes"] = [{"dst": "0.0.0.0/0"}]
    plugins = [{"type": "ptp", "ipam": ipam}]
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": plugins}


def _containerd_configuration(snapshotter: str) -> str:
    runtime = 'plugins."io.containerd.cri.v1.runtime"'
    images = 'plugins."io.containerd.cri.v1.images"'
    return f"""\
version = 3

[{images}]
snapshotter = "{snapshotter}"

[{images}.pinned_images]
sandbox = "{system.PAUSE}"

[{runtime}]
restrict_oom_score_adj = true

[{runtime}.cni]
bin_dirs = ["/usr/lib/cni"]
conf_dir = "{CONFIG}/cni"

[{runtime}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[{runtime}.containerd.runtimes.runc.options]
BinaryName = "/usr/sbin/runc"
SystemdCgroup = false
"""


def _write(file: Path, content: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
