"""What is measured: at rest, with a new revision for all at once, and after an upgrade."""

import asyncio
import os
import statistics
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from serinus.manifests.kinds import CHILDREN, WATCHED
from tests.bench.scale import machine
from tests.bench.scale.control import Control, Manifest, Requests
from tests.bench.scale.fleet import (
    REPLICAS,
    Fleet,
    Holds,
    is_given_bad,
    is_over,
    is_promoted,
    is_seen,
    is_settled,
    is_watched,
)
from tests.bench.scale.operator import Operator, Sample
from tests.bench.scale.pods import BAD, FEATURE, Pods

Figures = dict[str, Any]

_CALM_SECONDS: Final = 10.0
_IDLE_SECONDS: Final = 5.0
_SETTLED_SECONDS: Final = 20.0
"""After a start, before anything is measured: everything is listed, and each object has a pass."""
_CHANGED_MEANWHILE: Final = 10
_IDLE_AT_LEAST: Final = 0.8
"""Share of the machine that is to be idle before a run: else it measures what runs beside it."""
_OVER_WITHIN: Final = 900.0
_TIDY_WITHIN: Final = 180.0
_SEEN_WITHIN: Final = 120.0
_WATCHED_WITHIN: Final = 600.0
_BUCKETS: Final = [{"upTo": bound, "share": f"{percent}%"} for bound, percent in FEATURE.items()]
_MONITORING: Final = {
    "interval": "1m",
    "featureDrift": {"reference": {"given": [{"feature": "income", "buckets": _BUCKETS}]}},
}
_WRITES: Final = ("create", "update", "apply", "delete")


@dataclass
class Bench:
    """All that takes part."""

    control: Control
    fleet: Fleet
    pods: Pods
    operator: Operator
    version: int = 1
    """Of the model that all serve."""

    async def grow(self, size: int) -> None:
        """More ModelDeployments, until there are so many and all is calm."""
        await self.fleet.grow(size, str(self.version))
        await asyncio.sleep(_CALM_SECONDS)

    async def at_rest(self, size: int, seconds: float) -> Figures:
        """What is used a minute while nothing changes."""
        self.operator.forget_peak()
        before = await self.operator.sample()
        await asyncio.sleep(seconds)
        after = await self.operator.sample()
        minutes = (after.at - before.at) / 60
        return {
            "objects": size,
            "seconds": round(after.at - before.at, 1),
            "requests_a_minute": _each(after.requests - before.requests, minutes),
            "queries_a_minute": round((after.queries - before.queries) / minutes, 2),
            "cpu_percent": round((after.cpu - before.cpu) / minutes / 60 * 100, 2),
            **_memory(after),
            "load": os.getloadavg()[0],
        }

    async def watched(self, size: int, seconds: float) -> Figures:
        """The same, while a feature of each is watched; it remains so."""
        self.pods.tell_feature = True
        await self.fleet.change(self.fleet.live, monitoring=_MONITORING)
        await self.fleet.until("watched", is_watched, size, within=_WATCHED_WITHIN)
        await asyncio.sleep(_CALM_SECONDS)
        return {**await self.at_rest(size, seconds), "watched": True}

    async def all_at_once(self, size: int) -> Figures:
        """A new revision for everyone, a tenth of them bad: until the last is promoted or rolled
        back, and until all is tidy."""
        idle = await machine.idle_share(_IDLE_SECONDS)
        self.version += 1
        asked = {name: self._version_for(name) for name in self.fleet.live}
        bad = {name for name in asked if is_given_bad(name)}
        self.operator.forget_peak()
        before, served = await self.operator.sample(), await self.control.served()
        cpu = self._cpu_seconds()
        started = time.time()
        over_of, until = is_over(asked), self.fleet.until
        _, seen, over = await asyncio.gather(
            self.fleet.ask_for(asked),
            until("seen", _has(asked, is_seen), size, within=_OVER_WITHIN),
            until("promoted or rolled back", over_of, size, within=_OVER_WITHIN),
        )
        done, load = await self.operator.sample(), os.getloadavg()[0]
        cpu_done = self._cpu_seconds()
        live = self.fleet.live
        promoted = {name: over[name] for name in over if is_promoted(live[name])}
        gone = await self.pods.until(size * REPLICAS, within=_TIDY_WITHIN)
        await self.fleet.until("tidy", is_settled, size, within=_TIDY_WITHIN)
        await asyncio.sleep(_CALM_SECONDS)
        after, served_after = await self.operator.sample(), await self.control.served()
        seconds = sorted(moment - started for moment in promoted.values())
        sent = after.requests - before.requests
        of_rollouts = Counter({w: sent[w] for w in sent if w[1] != "Lease"})
        return {
            "objects": size,
            "idle_before": round(idle, 3),
            "busy": idle < _IDLE_AT_LEAST,
            "seconds_until_all_promoted": round(seconds[-1], 1),
            "seconds_of_the_median": round(statistics.median(seconds), 1),
            "seconds_until_all_seen": round(max(seen.values()) - started, 1),
            "seconds_until_old_pods_are_gone": round(gone - max(promoted.values()), 1),
            "bad_candidates": len(bad),
            "bad_rolled_back": len(bad - promoted.keys()),
            "good_rolled_back": len(asked.keys() - bad - promoted.keys()),
            "requests_a_rollout": round(of_rollouts.total() / size, 2),
            "requests_a_rollout_by_verb": _by_verb(of_rollouts, size),
            "requests_a_rollout_by_verb_and_kind": _each(of_rollouts, size),
            "served_a_rollout_by_verb_and_kind": _each(
                _alike(served_after - served, of_rollouts), size
            ),
            "passes_a_rollout": _of_passes(after.passes - before.passes, size),
            "lease_requests": sent.total() - of_rollouts.total(),
            "queries_a_minute": round(
                (done.queries - before.queries) / (done.at - before.at) * 60, 2
            ),
            "cpu_seconds": round(done.cpu - before.cpu, 2),
            "cpu_seconds_until_tidy": round(after.cpu - before.cpu, 2),
            "cpu_seconds_a_rollout_by_component": {
                name: round((cpu_done[name] - cpu[name]) / size, 4)
                for name in machine.COMPONENTS
                if name in cpu_done
            },
            **_memory(after),
            "load": load,
        }

    def _version_for(self, name: str) -> str:
        return f"{self.version}{BAD if is_given_bad(name) else ''}"

    def _cpu_seconds(self) -> Mapping[str, float]:
        return machine.cpu_seconds(self.control.process, self.operator.process)

    async def upgraded(self, size: int, seconds: float) -> Figures:
        """Another process takes over a fleet at rest, of which one changed meanwhile."""
        before = await self._children()
        stable = self._stable()
        await self.operator.stop()
        changed = await self.fleet.touch(1)
        await self.operator.start()
        moments = await self.fleet.until_seen(changed, within=_SEEN_WITHIN)
        await asyncio.sleep(seconds)
        requests = (await self.operator.sample()).requests
        writes = Counter({w: requests[w] for w in requests if w[0] in _WRITES and w[1] != "Lease"})
        after = await self._children()
        return {
            "objects": size,
            "seconds_until_a_change_was_seen": round(moments[0] - self.operator.started, 2),
            "children_written": len(before.items() ^ after.items()),
            "rollouts": len(stable.items() ^ self._stable().items()),
            "writes": _each(writes, 1),
            "seconds_watched": seconds,
            "load": os.getloadavg()[0],
        }

    async def killed(self, size: int) -> Figures:
        """A process without leader election is killed, and another started, while some of a fleet
        at rest change."""
        await self.operator.stop()
        await self.operator.start(elected=False)
        await asyncio.sleep(_SETTLED_SECONDS)
        await self.operator.kill()
        changed = await self.fleet.touch(_CHANGED_MEANWHILE)
        await self.operator.start(elected=False)
        moments = await self.fleet.until_seen(changed, within=_SEEN_WITHIN)
        load = os.getloadavg()[0]
        await asyncio.sleep(_SETTLED_SECONDS)
        await self.operator.stop()
        started = self.operator.started
        await self.operator.start()
        await asyncio.sleep(_SETTLED_SECONDS)
        return {
            "objects": size,
            "changed": len(changed),
            "seconds_until_the_first_was_seen": round(moments[0] - started, 2),
            "seconds_until_the_last_was_seen": round(moments[-1] - started, 2),
            "load": load,
        }

    async def _children(self) -> dict[tuple[str, str], str]:
        """Version of each child, by kind and name."""
        return {
            (kind, live["metadata"]["name"]): live["metadata"]["resourceVersion"]
            for kind in CHILDREN
            for live in await self.control.client.list(kind, selector=WATCHED[kind])
        }

    def _stable(self) -> dict[str, tuple[str, bool]]:
        """What each serves, and whether it is rolling something out."""
        return {
            name: (live["status"]["stable"]["revision"], "candidate" in live["status"])
            for name, live in self.fleet.live.items()
        }


def _has(versions: Mapping[str, str], holds: Holds) -> Holds:
    """Whether it holds of an object whose spec has its version."""

    def both(live: Manifest) -> bool:
        asked = live["spec"]["model"]["version"] == versions[live["metadata"]["name"]]
        return asked and holds(live)

    return both


def _of_passes(passes: Counter[tuple[str, str]], size: int) -> dict[str, float]:
    return {
        f"{cause}: {wrote}": round(count / size, 2)
        for (cause, wrote), count in sorted(passes.items())
    }


def _each(requests: Requests, divisor: float) -> dict[str, float]:
    return {
        f"{verb} {kind}": round(count / divisor, 2)
        for (verb, kind), count in sorted(requests.items())
    }


def _by_verb(requests: Requests, divisor: float) -> dict[str, float]:
    verbs = Counter[str]()
    for (verb, _), count in requests.items():
        verbs[verb] += count
    return {verb: round(count / divisor, 2) for verb, count in sorted(verbs.items())}


def _alike(served: Requests, sent: Requests) -> Requests:
    return Counter({which: served[which] for which in sent})


def _memory(sample: Sample) -> dict[str, float]:
    return {"rss_mib": round(sample.rss_mib, 1), "peak_rss_mib": round(sample.peak_rss_mib, 1)}
