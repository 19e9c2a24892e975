"""Many ModelDeployments, alike."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from serinus.cluster import ApiError
from serinus.manifests.kinds import KINDS
from tests.bench.scale import gateway
from tests.bench.scale.control import Control, Manifest, Seen

NAMESPACE: Final = "default"
REPLICAS: Final = 2
STEPS: Final = [
    {"setWeight": 20},
    {"pause": {"duration": "10s"}},
    {"setWeight": 50},
    {"pause": {"duration": "10s"}},
]
STEPS_SECONDS: Final = 20
ANALYSIS: Final = {
    "interval": "10s",
    "checks": [{"name": "errors", "errorRate": {"absoluteMargin": "1%"}}],
    "onWrongSplit": "Ignore",  # as the peers, which do not test the split
}

Holds = Callable[[Manifest], bool]


class Fleet:
    """ModelDeployments as last seen, by name."""

    def __init__(self, control: Control, rollout: Manifest) -> None:
        self._control = control
        self._rollout = rollout
        self.live: dict[str, Manifest] = {}
        self._changed = asyncio.Event()

    def take(self, seen: Seen) -> None:
        """An event about one of them."""
        self._put(seen.object)

    def _put(self, live: Manifest) -> None:
        known = self.live.get(live["metadata"]["name"], live)
        self.live[live["metadata"]["name"]] = max(known, live, key=_version)
        self._changed.set()

    async def grow(self, size: int, version: str) -> None:
        """Create as many as are missing; returns once all serve."""
        names = [_name(number) for number in range(len(self.live), size)]
        await _all(self._control.client.create(self._manifest(name, version)) for name in names)
        await self.until("serving", is_settled, size, within=60 + size)

    async def change(self, names: Iterable[str], **parts: Manifest) -> None:
        """Change parts of the spec (model, rollout, monitoring) of these, field by field."""
        await _all(self._change(name, parts) for name in names)

    async def ask_for(self, versions: Mapping[str, str]) -> None:
        """Change the version of the model of these, by name."""
        await _all(
            self._change(name, {"model": {"version": version}})
            for name, version in versions.items()
        )

    async def touch(self, count: int) -> dict[str, int]:
        """Change what starts no rollout in so many; by name, their generation then."""
        names = sorted(self.live)[-count:]
        for name in names:
            deadline = self.live[name]["spec"]["rollout"].get("progressDeadline")
            other = "11m" if deadline == "10m" else "10m"
            await self.change([name], rollout={"progressDeadline": other})
        return {name: self.live[name]["metadata"]["generation"] for name in names}

    async def until_seen(self, generations: Mapping[str, int], *, within: float) -> list[float]:
        """When a pass was made over each of these specs, in order, Unix seconds."""

        def seen(live: Manifest) -> bool:
            wanted = generations.get(live["metadata"]["name"])
            observed = (live.get("status") or {}).get("observedGeneration", 0)
            return wanted is not None and observed >= wanted

        return sorted((await self.until("seen", seen, len(generations), within=within)).values())

    async def _change(self, name: str, parts: dict[str, Manifest]) -> None:
        while True:
            live = self.live[name]
            spec = dict(live["spec"])
            spec |= {part: {**spec.get(part, {}), **fields} for part, fields in parts.items()}
            seen = {k: v for k, v in live["metadata"].items() if k != "managedFields"}
            try:
                changed = {**live, "metadata": seen, "spec": spec}
                self._put(await self._control.client.update(changed))
            except ApiError as error:
                if not error.conflict:
                    raise
                await asyncio.sleep(0.1)
            else:
                return

    def _manifest(self, name: str, version: str) -> Manifest:
        container = {
            "name": "model",
            "image": "registry.example.com/fraud:1",
            "ports": [{"name": "http", "containerPort": 8080}],
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
        }
        return {
            "apiVersion": KINDS["ModelDeployment"].api_version,
            "kind": "ModelDeployment",
            "metadata": {"name": name, "namespace": NAMESPACE},
            "spec": {
                "model": {"version": version},
                "replicas": REPLICAS,
                "template": {"spec": {"containers": [container]}},
                "traffic": {"gateway": {"parentRefs": [{"name": gateway.NAME}]}},
                "rollout": self._rollout,
            },
        }

    async def until(self, what: str, holds: Holds, size: int, *, within: float) -> dict[str, float]:
        """Wait until it holds of so many; by name, when it was first seen to, Unix seconds.

        Raises TimeoutError that tells how many are missing.
        """
        found: dict[str, float] = {}
        deadline = time.monotonic() + within
        while True:
            self._changed.clear()
            found |= {
                name: time.time()
                for name, live in self.live.items()
                if name not in found and holds(live)
            }
            if len(found) >= size:
                return found
            left = deadline - time.monotonic()
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                missing = sorted(set(self.live) - set(found))
                first = self.live[missing[0]].get("status") if missing else None
                raise TimeoutError(
                    f"{what}: {len(found)} of {size} within {within:g} s; {missing[:1]}: {first}"
                ) from None
            await asyncio.sleep(0.05)


@asynccontextmanager
async def new_fleet(control: Control, scale_down_delay: float | None) -> AsyncIterator[Fleet]:
    """An empty fleet that follows what becomes of it; the delay is in seconds, None: the default
    of a ModelDeployment."""
    delay = {} if scale_down_delay is None else {"scaleDownDelay": f"{scale_down_delay:g}s"}
    found = Fleet(control, {"steps": STEPS, "analysis": ANALYSIS, **delay})
    async with control.following(KINDS["ModelDeployment"].path(), found.take):
        yield found


def is_settled(live: Manifest) -> bool:
    """It serves, and nothing of an earlier rollout is left to remove."""
    status = live.get("status") or {}
    serves = status.get("phase") == "Healthy" or "rejected" in status
    return serves and not status.get("retiring")


def is_watched(live: Manifest) -> bool:
    """Its feature was compared with the reference."""
    conditions = (live.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Drifted" and each["status"] == "False" for each in conditions)


def is_promoted(live: Manifest) -> bool:
    """The version that its spec names serves."""
    stable = (live.get("status") or {}).get("stable") or {}
    return bool(stable.get("version") == live["spec"]["model"]["version"])


def is_rolled_back(live: Manifest) -> bool:
    """The version that its spec names is rejected."""
    status = live.get("status") or {}
    return "rejected" in status and is_seen(live)


def is_over(versions: Mapping[str, str]) -> Holds:
    """Whether a rollout to these versions, by name, has ended: the one way or the other."""

    def holds(live: Manifest) -> bool:
        asked = live["spec"]["model"]["version"] == versions[live["metadata"]["name"]]
        return asked and is_seen(live) and (is_promoted(live) or is_rolled_back(live))

    return holds


def is_seen(live: Manifest) -> bool:
    """The status is about the spec as it is."""
    generation = (live.get("status") or {}).get("observedGeneration")
    return bool(generation == live["metadata"]["generation"])


def is_given_bad(name: str) -> bool:
    """Whether its new versions are bad: a tenth's are."""
    return int(name.rpartition("-")[2]) % 10 == 5


async def _all(writes: Iterable[Any]) -> None:
    await asyncio.gather(*writes)


def _version(live: Manifest) -> int:
    return int(live["metadata"]["resourceVersion"])


def _name(number: int) -> str:
    return f"fraud-{number:03}"
