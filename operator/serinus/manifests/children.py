"""All that a ModelDeployment needs in the cluster at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass

from serinus.api.spec import Spec
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.routers.face import Router, Split
from serinus.manifests.routers.gateway import GatewayRouter
from serinus.manifests.routers.replicas import ReplicaRouter
from serinus.manifests.workload import deployment, service


@dataclass(frozen=True)
class Wanted:
    """Which revisions run, with how many pods, and who takes the traffic."""

    replicas: Mapping[str, int]
    """Pods by hash of each live revision."""
    split: Split


def router_for(spec: Spec) -> Router:
    """The router that a spec asks for."""
    gateway = spec.traffic.gateway
    return ReplicaRouter() if gateway is None else GatewayRouter(gateway)


def children(
    owner: Owner, spec: Spec, revisions: Mapping[str, Revision], wanted: Wanted
) -> list[Manifest]:
    """Every object wanted, in the order to apply them; what is not here is to be deleted.

    `revisions` are those to keep in the history, by hash, the live ones among them. A live one
    that is not among them is lost: nobody knows what its pods would run.
    """
    replicas = wanted.replicas
    live = [(revisions[name], count) for name, count in replicas.items() if name in revisions]
    return [
        *(each.manifest(owner) for each in revisions.values() if not each.recovered),
        *(service(owner, owner.child(r.hash), r.hash, r) for r, _ in live),
        *(deployment(owner, r, count) for r, count in live),
        *router_for(spec).manifests(owner, wanted.split, revisions),
    ]
