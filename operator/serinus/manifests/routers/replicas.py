"""Weights by the number of pods: during a canary the Service selects both revisions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from serinus.api.capabilities import Capability
from serinus.api.spec import Spec
from serinus.manifests.covers import unlike
from serinus.manifests.kinds import SERVICE, Kind
from serinus.manifests.owner import REVISION_LABEL, Manifest, Objects, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.routers.router import Need, Routed, Unserved
from serinus.manifests.service import selected_revision, service, target_port
from serinus.manifests.traffic import Traffic
from serinus.manifests.workloads import running


@dataclass(frozen=True)
class ReplicaRouter:
    """Splits by the ratio of ready pods, as close to the weight as their number allows.

    Stable keeps its full size, so the candidate gets at most half of the traffic before it gets
    all. At weight 0 and 100 the Service selects one revision, whatever pods still run.
    """

    kinds: ClassVar[tuple[Kind, ...]] = (SERVICE,)
    needed_kinds: ClassVar[Mapping[Kind, Unserved]] = {}
    shares_one_service: ClassVar = True

    @classmethod
    def of(cls, spec: Spec) -> Self:
        """It has no settings."""
        return cls()

    def manifests(
        self, owner: Owner, traffic: Traffic, revisions: Mapping[str, Revision]
    ) -> list[Manifest]:
        """The Service of the ModelDeployment."""
        weights = traffic.weights
        selected = next(iter(weights)) if len(weights) == 1 else None
        # revisions that share a Service have a common port, so any of them will do
        known = [*revisions.values()][-1:]
        main = revisions.get(selected or traffic.main) or next(iter(known), None)
        return [service(owner, owner.name, selected, main)] if main else []

    def replaced(self, owner: Owner, traffic: Traffic, live: Objects) -> list[Manifest]:
        """Nothing."""
        return []

    def split_alone(self, owner: Owner, traffic: Traffic, live: Objects) -> list[Manifest]:
        """Nothing: a Service has nothing of users."""
        return []

    def left_over(self, owner: Owner, traffic: Traffic, live: Objects) -> list[Manifest]:
        """Nothing."""
        return []

    def read_back(
        self,
        owner: Owner,
        traffic: Traffic,
        revisions: Mapping[str, Revision],
        live: Objects,
        ready: Mapping[str, int],
    ) -> Routed:
        """In effect once the Service has the selector; the weight is the ratio of ready pods."""
        found = live.get(("Service", owner.name))
        if found is None:
            return Routed(0.0, False, f"Service {owner.name} does not exist yet")
        actual = _candidate_share(traffic, found, ready)
        wanted = self.manifests(owner, traffic, revisions)
        if not wanted:
            return Routed(
                actual, False, f"no known revision defines the port of Service {owner.name}"
            )
        if message := unlike(found, wanted[0]):
            return Routed(actual, False, message)
        if abs(actual - traffic.weight) < 0.5:
            return Routed(actual, True, "")
        pods = (ready.get(traffic.stable or "", 0), ready.get(traffic.candidate or "", 0))
        nearest = f"{pods[0]} stable and {pods[1]} candidate pods give {actual:.0f}%"
        return Routed(actual, True, f"{nearest} instead of {traffic.weight:g}%")

    def leads_to(self, owner: Owner, live: Objects) -> frozenset[str] | None:
        """The revision that the Service selects, or all that run."""
        found = live.get(("Service", owner.name))
        if found is None:
            return None
        selected = selected_revision(found)
        return frozenset(running(live) if selected is None else {selected})

    @classmethod
    def only(cls, live: Manifest, stable: str) -> Manifest | None:
        """The Service selects stable."""
        selector = live["spec"].get("selector") or {}
        if live["kind"] != SERVICE.name or selector.get(REVISION_LABEL) == stable:
            return None
        return {"spec": {"selector": {**selector, REVISION_LABEL: stable}}}

    def needs(self, owner: Owner) -> list[Need]:
        """Nothing."""
        return []

    def unserved(self, found: Mapping[Need, Manifest | None]) -> str:
        """Never."""
        return ""

    def told_by(
        self, found: Mapping[Need, Manifest], capabilities: frozenset[Capability]
    ) -> list[Need]:
        """Nothing."""
        return []

    def unable(
        self, found: Mapping[Need, Manifest], told: Mapping[Need, Manifest | str]
    ) -> dict[Capability, str]:
        """Nothing beyond what its settings say."""
        return {}

    def outranked(self, owner: Owner, live: Objects, others: Iterable[Manifest]) -> str:
        """Never: a Service has its own address."""
        return ""

    def candidate_replicas(self, replicas: int, weight: int) -> int:
        """The number, from 1 to `replicas`, whose share next to a full stable is closest to the
        weight."""
        share = weight / 100
        candidates = range(min(1, replicas), replicas + 1)
        if share >= 0.5:
            return replicas
        return min(candidates, key=lambda n: abs(n / (replicas + n) - share) if n else 0.0)

    def held_back_replicas(self, replicas: int, percent: int) -> int:
        """As many as come closest to its share, at least one: more pods would get more traffic."""
        return min(replicas, max(1, round(replicas * percent / (100 - percent))))

    def incompatibility(self, stable: Revision, candidate: Revision) -> str | None:
        """One Service cannot target two ports, unless they have the same name."""
        ports = [target_port(revision.template) for revision in (stable, candidate)]
        targets = {port.get("name") or port["containerPort"] for port in ports}
        if len(targets) == 1:
            return None
        named = [port.get("name") or port["containerPort"] for port in ports]
        return (
            f"stable listens on port {named[0]} and the candidate on {named[1]}: without a gateway "
            "one Service selects both, and it has one target port. Name both ports http, or set "
            "spec.rollout.steps to [], so that they never share traffic"
        )


def _candidate_share(traffic: Traffic, live: Manifest, ready: Mapping[str, int]) -> float:
    selected = selected_revision(live)
    if traffic.candidate is None or selected not in (None, traffic.candidate):
        return 0.0
    if selected == traffic.candidate:
        return 100.0
    pods = {name: ready.get(name, 0) for name in (traffic.stable, traffic.candidate) if name}
    total = sum(pods.values())
    return 100 * pods[traffic.candidate] / total if total else 0.0
