"""One ModelDeployment in the cluster, as those who watch it see it."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from serinus.api.validation import in_full
from tests.stage.api import Api, Manifest
from tests.stage.deadline import until

Status = dict[str, Any]

PATIENCE: Final = 240.0
"""Seconds, by default, for what takes a few: other tests may start their pods at the same time."""
CHILDREN = ("Deployment", "Service", "HTTPRoute", "ControllerRevision")


@dataclass(frozen=True)
class Deployed:
    """A handle; nothing is cached."""

    api: Api
    namespace: str
    name: str

    def live(self) -> Manifest:
        """The object."""
        return self.api.get("ModelDeployment", self.namespace, self.name)

    def status(self) -> Status:
        """Its status in full; empty before the first write."""
        return in_full(self.live().get("status", {}))[0]

    def until(
        self, what: str, condition: Callable[[Status], object], within: float = PATIENCE
    ) -> Status:
        """The first status that has seen the newest spec and meets the condition."""

        def look() -> Status | None:
            live = self.live()
            status, _ = in_full(live.get("status", {}))
            seen = status.get("observedGeneration") == live["metadata"]["generation"]
            return status if seen and condition(status) else None

        return until(f"{self.name}: {what}", look, within, seen=self._told)

    def until_healthy(self, version: str, within: float = PATIENCE) -> Status:
        """Wait until this version is stable and nothing is under way.

        Raises RuntimeError with the reason as soon as it is rejected.
        """

        def healthy(status: Status) -> bool:
            if rejected := status.get("rejected"):
                raise RuntimeError(f"{self.name} was not to be rejected: {rejected['message']}")
            stable = status.get("stable") or {}
            return status["phase"] == "Healthy" and stable.get("version") == version

        return self.until(f"version {version} Healthy", healthy, within)

    def until_rejected(self, within: float = PATIENCE) -> Status:
        """Wait until what the spec asks for is rejected."""
        return self.until("rejected", lambda s: s.get("rejected"), within)

    def until_weight(self, weight: float, within: float = PATIENCE) -> Status:
        """Wait until the candidate takes this percentage in fact."""
        return self.until(
            f"weight {weight:g}% in effect",
            lambda s: (
                s.get("candidate")
                and s["candidate"]["weight"]["actual"] == weight
                and s["candidate"].get("effectiveSince")
            ),
            within,
        )

    def patch(self, **spec: Any) -> None:
        """Change fields of the spec."""
        self.api.merge("ModelDeployment", self.namespace, self.name, {"spec": spec})

    def command(self, command: str) -> None:
        """Give a command by hand, as `kubectl annotate` does."""
        annotations = {"annotations": {"serinus.dev/command": command}}
        self.api.merge("ModelDeployment", self.namespace, self.name, {"metadata": annotations})

    def children(self, *kinds: str) -> Sequence[Manifest]:
        """Its objects of these kinds; of all kinds if none is given."""
        return [
            child
            for kind in kinds or CHILDREN
            for child in self.api.list(kind, self.namespace, {"serinus.dev/name": self.name})
        ]

    def pods(self, revision: str | None = None) -> Sequence[Manifest]:
        """Its pods, of one revision or of all."""
        labels = {"serinus.dev/name": self.name}
        if revision is not None:
            labels["serinus.dev/revision"] = revision
        return self.api.list("Pod", self.namespace, labels)

    def restarts(self, revision: str) -> dict[str, int]:
        """Restarts of containers by the uid of each pod of a revision."""
        return {
            pod["metadata"]["uid"]: sum(
                each["restartCount"] for each in pod["status"].get("containerStatuses", [])
            )
            for pod in self.pods(revision)
        }

    def events(self) -> Counter[str]:
        """How often each reason was announced."""
        found: Counter[str] = Counter()
        for event in self.api.list("Event", self.namespace):
            about = event["involvedObject"]
            if (about["kind"], about["name"]) == ("ModelDeployment", self.name):
                found[event["reason"]] += 1
        return found

    def _told(self) -> str:
        status = self.status()
        shown = {key: status.get(key) for key in ("phase", "message", "rejected", "candidate")}
        return json.dumps(shown)[:1500]
