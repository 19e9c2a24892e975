"""What a course of events needs of the cluster in which it happens, in memory or real."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

from serinus.api.status import FollowedVersion
from serinus.cluster import Cluster
from serinus.manifests.following import resolved
from serinus.manifests.revision import revision_hash
from tests.campaign.history import History, Snapshot
from tests.campaign.wire import Fault, Request, refusal
from tests.support.registry import CHAMPION, REFERENCE, PaperRegistry, version

Manifest = dict[str, Any]


class Stage(Protocol):
    """One ModelDeployment, the operator, and all that may befall them."""

    history: History
    registry: PaperRegistry
    follows: bool
    """Whether each spec that is applied follows an alias in the registry, which is moved to the
    version that the spec would name."""

    @property
    def now(self) -> float:
        """Unix seconds."""

    @property
    def user(self) -> Cluster:
        """Somebody else's access to the API server."""

    @property
    def namespace(self) -> str:
        """Where it all happens."""

    def revision_of(self, wanted: Manifest) -> str:
        """The hash that a spec's model and template get here."""

    async def apply(self, spec: Manifest, annotations: Mapping[str, str] | None = None) -> Manifest:
        """Apply a manifest."""

    async def apply_as(self, manager: str, spec: Manifest) -> Manifest:
        """Apply a manifest by another field manager."""

    async def edit(self, words: str, change: Callable[[Manifest], None]) -> Manifest:
        """Change the ModelDeployment as it is."""

    async def command(self, command: str) -> None:
        """Annotate a command."""

    async def delete(self) -> None:
        """Delete the ModelDeployment."""

    def act(self, words: str) -> None:
        """Note what somebody does."""

    async def start(self) -> None:
        """Start the operator."""

    async def kill(self) -> None:
        """End it without a last word."""

    def model(self, version: str, **behaviour: Any) -> object:
        """From now on the pods of a version behave so."""

    def jobs_are(self, how: str) -> None:
        """How Jobs end, or do not begin, from now on: see tests/campaign/memory/jobs.py."""

    async def lose_nodes_of_jobs(self) -> None:
        """The pods of Jobs are gone with their nodes."""

    async def lose_pods(self, revision: str) -> None:
        """All pods of a revision are gone with their nodes."""

    async def kill_for_memory(self, revision: str) -> None:
        """A container of a revision is killed for its memory."""

    async def spoil_a_pod(self, revision: str) -> None:
        """A ready pod of a revision fails its clients from now on."""

    async def unready(self, revision: str, seconds: float) -> None:
        """A pod of a revision is not ready for a while."""

    def fault(self, fault: Fault, hinders: str) -> None:
        """Requests of the operator are answered so from now on."""

    def webhook(self, admit: Callable[[Manifest], None]) -> None:
        """Everything that is written is changed so from now on."""

    async def gateway_is(self, mode: str) -> None:
        """Accepts, Refuses or Silent."""

    def prometheus_is(self, *, down: bool = False, takes: float = 0.0) -> None:
        """How Prometheus answers from now on."""

    async def mend(self) -> None:
        """Every fault ends."""

    async def wait(self, seconds: float) -> None:
        """Let time go by."""

    async def until(self, holds: Callable[[Snapshot], bool], within: float = 600.0) -> Snapshot:
        """How things stand once the condition holds."""


NOWHERE: Final = {"campaign.serinus.dev/node": "none"}
"""A node that no cluster has: nobody but the stage says how a pod is."""

Timeline = Callable[[Stage], Awaitable[None]]


def spec(version: str, **more: Any) -> Manifest:
    """A ModelDeployment with steps of 20 and 40%, a pause, and a check of errors."""
    container = {"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}
    return {
        "model": {"version": version},
        "replicas": 4,
        "template": {"spec": {"containers": [container], "nodeSelector": dict(NOWHERE)}},
        "traffic": {"gateway": {"parentRefs": [{"name": "public"}]}},
        "rollout": {
            "steps": [{"setWeight": 20}, {"setWeight": 40}, {"pause": {"duration": "2m"}}],
            "analysis": {
                "minRequests": 1000,
                "checks": [{"name": "errors", "errorRate": {}}],
            },
        },
        **more,
    }


def revision_of(wanted: Manifest) -> str:
    """The hash that a spec's model and template get."""
    return revision_hash("fraud", wanted)


def followed_revision_of(wanted: Manifest) -> str:
    """The hash that they get if the version is that of the alias that is followed."""
    found = version(wanted["model"]["version"])
    known = FollowedVersion(
        registry=REFERENCE.registry,
        model=REFERENCE.model,
        alias=REFERENCE.alias,
        version=found.version,
        storage_uri=found.uri,
        digest=found.digest,
        since=0.0,
    )
    return revision_of(resolved({**wanted, "model": CHAMPION}, known))


def status_refused() -> Fault:
    """No status can be written."""
    return Fault(
        "status writes are refused",
        lambda r: r.writes and r.place[0] == "ModelDeployment" and r.place[3] == "status",
        lambda _: refusal(422, "Invalid", "status.x: Invalid value: a policy does not like it"),
    )


def evictions_refused(status: int, reason: str, message: str, retry_after: str = "10") -> Fault:
    """No pod can be evicted."""
    return Fault(
        f"evictions are answered with {status}",
        lambda r: r.place[3] == "eviction",
        lambda _: refusal(status, reason, message, Retry_After=retry_after),
    )


def children_refused(status: int, *kinds: str) -> Fault:
    """Nothing can be written to children of these kinds, of all if none is named."""
    words = {403: "Forbidden", 429: "TooManyRequests"}.get(status, "InternalError")
    named = kinds or ("Deployment", "Service", "HTTPRoute", "ControllerRevision")
    headers = {"Retry_After": "2"} if status == 429 else {}

    def matches(request: Request) -> bool:
        return request.writes and request.place[0] in named

    return Fault(
        f"writes of {' and '.join(kinds) or 'children'} are answered with {status}",
        matches,
        lambda _: refusal(status, words, f"{words} by the campaign", **headers),
    )
