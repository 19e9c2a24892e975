"""Where a cluster is and what it offers: the folder that `up` leaves for everyone else."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from tests.cluster import cache

Backend = Literal["existing", "kind", "bare"]
Profile = Literal["full", "control"]

DEFAULT_NAMES: dict[Profile, str] = {"full": "serinus", "control": "serinus-control"}
_CHECKOUT = Path(__file__).parents[2]
GATEWAY_ADDRESS = "public.gateways.svc.cluster.local"
AUDIT_LOG = "log/audit.log"
"""Below the /var of the bare backend's box: what ServiceAccounts have asked of the API server."""
PROMETHEUS_ADDRESS = "http://prometheus.monitoring.svc.cluster.local:9090"


@dataclass(frozen=True)
class Wanted:
    """What `up` is asked for. Fake nodes are the control profile's, a second node the bare
    backend's."""

    profile: Profile
    scrape_interval: str
    fake_nodes: int
    second_node: bool


@dataclass(frozen=True)
class Gateway:
    """A Gateway that takes routes from every namespace; `address` is a host inside the cluster."""

    name: str
    namespace: str
    address: str


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus by its URL inside the cluster, and by the one the machine reaches it by."""

    url: str
    hostUrl: str  # noqa: N815 (the file's spelling)


@dataclass(frozen=True)
class Cluster:
    """A running cluster. The control profile has neither gateway nor Prometheus."""

    backend: Backend
    profile: Profile
    kubeconfig: str
    gateway: Gateway | None
    prometheus: Prometheus | None
    tools: dict[str, str]
    cache: str


def folder_of(name: str) -> Path:
    """The folder of the cluster of that name in this checkout."""
    return _CHECKOUT / "build" / "cluster" / name


def names() -> list[str]:
    """The names of the clusters that this checkout has a folder for."""
    return sorted(claim.parent.name for claim in folder_of("").glob("*/claim.json"))


def claim(folder: Path, backend: str, wanted: Wanted) -> None:
    """Note what the folder is for before anything is made; raise FileExistsError if for another."""
    ours = {"backend": backend, "profile": wanted.profile}
    if wanted.second_node:
        ours["nodes"] = "2"
    file = folder / "claim.json"
    if file.exists() and json.loads(file.read_text(encoding="utf-8")) != ours:
        raise FileExistsError(
            f"{folder.name} is a cluster of another backend, profile or size: choose another "
            f"--name, or end it with `python -m tests.cluster down --name {folder.name}`"
        )
    file.write_text(json.dumps(ours), encoding="utf-8")


def audit_log(folder: Path) -> Path:
    """The audit log of the API server of the folder's cluster, which only the bare backend has."""
    return folder / "var" / AUDIT_LOG


def backend_of(folder: Path) -> str:
    """The backend that the folder's cluster was asked of."""
    return _claimed(folder)["backend"]


def has_second_node(folder: Path) -> bool:
    """Whether the folder's cluster was asked for with two nodes."""
    return "nodes" in _claimed(folder)


def _claimed(folder: Path) -> dict[str, str]:
    claimed: dict[str, str] = json.loads((folder / "claim.json").read_text(encoding="utf-8"))
    return claimed


def write(folder: Path, cluster: Cluster) -> None:
    """Leave cluster.json in the folder."""
    text = json.dumps(asdict(cluster), indent=2) + "\n"
    (folder / "cluster.json").write_text(text, encoding="utf-8")


def read(folder: Path) -> dict[str, Any] | None:
    """What cluster.json says, or None where `up` has not ended there."""
    file = folder / "cluster.json"
    if not file.exists():
        return None
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def cluster(
    backend: Backend, profile: Profile, folder: Path, tools: dict[str, str], prometheus: str
) -> Cluster:
    """Describe a cluster that this tool made, with the gateway and Prometheus it puts there."""
    full = profile == "full"
    return Cluster(
        backend=backend,
        profile=profile,
        kubeconfig=str(folder / "kubeconfig"),
        gateway=Gateway("public", "gateways", GATEWAY_ADDRESS) if full else None,
        prometheus=Prometheus(PROMETHEUS_ADDRESS, prometheus) if full else None,
        tools=tools,
        cache=str(cache.root()),
    )
