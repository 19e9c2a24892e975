"""What runs in a bare cluster's box: each component's command line."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.configuration import AUDIT_POLICY, CONFIG, KUBECONFIG, PKI
from tests.cluster.description import AUDIT_LOG, Profile
from tests.cluster.node import SERVICE_CIDR
from tests.cluster.nodes import FIRST, Node
from tests.cluster.pki import FRONT_PROXY

_CLIENT = (f"--kubeconfig={KUBECONFIG}", "--kube-api-qps=500", "--kube-api-burst=1000")
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


def plan(
    profile: Profile, parts: dict[str, Path], address: str, nodes: Sequence[Node]
) -> dict[str, Any]:
    """What node.py is told: where the parts lie, the box's address, what to start in order."""
    control_plane = [_etcd(), _apiserver(), _controller_manager(), _scheduler()]
    full = profile == "full"
    node = [*map(_kubelet, nodes), _kube_proxy()] if full else [_kwok()]
    first = [_containerd(each) for each in nodes] if full else []
    return {
        "parts": {name: str(path) for name, path in parts.items()},
        "address": address,
        "nodes": [node.address for node in nodes],
        "components": [asdict(component) for component in (*first, *control_plane, *node)],
    }


def _etcd() -> Component:
    # The state need not survive the machine: without fsync its disk sets no pace.
    argv = ["/run/parts/etcd/bin/etcd", "--data-dir=/var/lib/etcd", "--unsafe-no-fsync"]
    return Component("etcd", [*argv, "--log-level=warn"], port=2379)


def _apiserver() -> Component:
    argv = [
        "/run/parts/kubernetes/bin/kube-apiserver",
        f"--advertise-address={FIRST.address}",
        "--allow-privileged=true",
        "--audit-log-maxsize=1024",  # in MB; more is not in one file
        f"--audit-log-path=/var/{AUDIT_LOG}",
        f"--audit-policy-file={AUDIT_POLICY}",
        "--authorization-mode=Node,RBAC",
        f"--client-ca-file={PKI}/ca.crt",
        "--etcd-servers=http://127.0.0.1:2379",
        f"--kubelet-client-certificate={PKI}/admin.crt",
        f"--kubelet-client-key={PKI}/admin.key",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-key-file={PKI}/service-accounts.pub",
        f"--service-account-signing-key-file={PKI}/service-accounts.key",
        f"--proxy-client-cert-file={PKI}/front-proxy.crt",  # by which it speaks for those
        f"--proxy-client-key-file={PKI}/front-proxy.key",  # who ask for an aggregated API
        f"--requestheader-client-ca-file={PKI}/ca.crt",
        f"--requestheader-allowed-names={FRONT_PROXY}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-cluster-ip-range={SERVICE_CIDR}",
        f"--tls-cert-file={PKI}/apiserver.crt",
        f"--tls-private-key-file={PKI}/apiserver.key",
    ]
    environment = {"GOGC": "400"}  # else it collects garbage for a fifth of its time
    return Component("kube-apiserver", argv, port=6443, environment=environment)


def _controller_manager() -> Component:
    argv = [
        "/run/parts/kubernetes/bin/kube-controller-manager",
        *_CLIENT,
        "--leader-elect=false",
        f"--root-ca-file={PKI}/ca.crt",
        f"--service-account-private-key-file={PKI}/service-accounts.key",
        "--use-service-account-credentials=true",
    ]
    return Component("kube-controller-manager", argv)


def _scheduler() -> Component:
    argv = ["/run/parts/kubernetes/bin/kube-scheduler", *_CLIENT, "--leader-elect=false"]
    return Component("kube-scheduler", argv)


def _containerd(node: Node) -> Component:
    config = f"--config={CONFIG}/containerd{node.mark}.toml"
    argv = ["/run/parts/containerd/bin/containerd", config]
    path = "/run/parts/containerd/bin:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
    return Component(f"containerd{node.mark}", argv, environment={"PATH": path})


def _kubelet(node: Node) -> Component:
    argv = [
        "/run/parts/kubernetes/bin/kubelet",
        f"--kubeconfig={KUBECONFIG}",
        f"--config={CONFIG}/kubelet{node.mark}.json",
        f"--root-dir=/var/lib/kubelet{node.mark}",
        f"--cert-dir=/var/lib/kubelet{node.mark}/pki",
        f"--hostname-override={node.name}",
        f"--node-ip={node.address}",
    ]
    return Component(f"kubelet{node.mark}", argv)


def _kube_proxy() -> Component:
    argv = ["/run/parts/kubernetes/bin/kube-proxy", f"--config={CONFIG}/kube-proxy.json"]
    return Component("kube-proxy", argv)


def _kwok() -> Component:
    argv = [
        "/run/parts/kwok/bin/kwok",
        f"--kubeconfig={KUBECONFIG}",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        "--node-lease-duration-seconds=40",  # else nodes are taken for dead after 40 s
        *(f"--config=/run/parts/kwok/kustomize/stage/{stage}.yaml" for stage in _STAGES),
    ]
    return Component("kwok", argv)
