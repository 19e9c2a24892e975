"""The lifecycle as one table: every state of a rollout, and everything that may happen in it.

Each cell brings a ModelDeployment into a state, lets the event happen, mends what it broke, and
waits for what is expected. Then nothing may be written any more, and once the ModelDeployment is
deleted nothing may be left. All invariants hold meanwhile.

`python -m tests.campaign.table [--followed] [--real] [STATE/EVENT ...]` runs cells, and prints a
JSON line for each.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final

from serinus.api.stages import COMPARED
from serinus.api.status import FollowedVersion
from serinus.cluster import ApiError
from serinus.manifests.following import resolved
from serinus.manifests.revision import approval_digest
from tests.campaign.history import Snapshot
from tests.campaign.invariants import violations
from tests.campaign.memory.jobs import ENDLESS, UNPULLED
from tests.campaign.memory.world import World, run
from tests.campaign.real import RealApi, RealStage, namespaces
from tests.campaign.stage import (
    NOWHERE,
    Manifest,
    Stage,
    children_refused,
    evictions_refused,
    followed_revision_of,
    revision_of,
    spec,
    status_refused,
)
from tests.campaign.wire import Fault
from tests.stage.gateways import NAME, serve
from tests.support.registry import REFERENCE
from tests.support.registry import version as registered

BESIDE: Final = 8
"""Cells that run beside each other on a real API server: most of their time is waiting."""
LONG: Final = 1.5 * 3600.0
"""Seconds within which everything comes to its end."""
MINUTE: Final = 60.0
APPROVER: Final = "admin"
"""Who the campaign is to its real API server."""
V1, V2, V3 = (spec(version) for version in ("v1", "v2", "v3"))
GATED: Final = {
    **V2,
    "rollout": {**V2["rollout"], "steps": [{"setWeight": 20}, {"approval": {}}, {"setWeight": 40}]},
}
_JOB: Final = {
    "spec": {"containers": [{"name": "main", "image": "m:1"}], "nodeSelector": dict(NOWHERE)}
}
TESTED: Final = {
    **V2,
    "rollout": {
        **V2["rollout"],
        "steps": [{"setWeight": 20}, {"job": {"template": _JOB}}, {"setWeight": 40}],
    },
}
MIRRORED: Final = {
    **V2,
    "rollout": {**V2["rollout"], "steps": [{"mirror": {"percent": 20}}, {"setWeight": 40}]},
}
_TRIED: Final = {
    "preview": {"headers": [{"name": "x-try", "value": "yes"}], "hostnames": ["try.example.com"]}
}
PREVIEWED: Final = {
    **V2,
    "traffic": {"gateway": {**V2["traffic"]["gateway"], "hostnames": ["fraud.example.com"]}},
    "rollout": {
        **V2["rollout"],
        "steps": [_TRIED, {"pause": {"duration": "2m"}}, {"setWeight": 40}],
    },
}
GUARDED: Final = {**V2, "rollout": {**V2["rollout"], "guard": {"duration": "20m"}}}
RETRAINED: Final = {
    **V1,
    "monitoring": {
        "interval": "5s",
        "meanTimeBetweenFalseAlarms": "24h",
        "errorRate": {"limit": "5%"},
        "retrain": {
            "alarms": ["errorRate"],
            "after": "1s",
            "job": {"template": _JOB, "timeout": "20m"},
        },
    },
}
STABLE, CANDIDATE = revision_of(V1), revision_of(V2)


# --- the outcomes


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a cell ends."""

    words: str
    holds: Callable[[Snapshot], bool]

    def __or__(self, other: "Outcome") -> "Outcome":
        mine, theirs = self.holds, other.holds
        return Outcome(f"{self.words}, or {other.words}", lambda s: mine(s) or theirs(s))


def serves(version: str) -> Outcome:
    """It is stable, has all traffic and all its pods, and nothing is under way."""

    def holds(s: Snapshot) -> bool:
        revision = s.revision("stable") or ""
        return (
            s.role("stable").get("version") == version
            and s.status.get("phase") == "Healthy"
            and s.status["observedGeneration"] == (s.live or {})["metadata"]["generation"]
            and s.ready.get(revision, 0) == s.replicas
            and s.split == {revision: 100.0}
            and not s.status.get("candidate")
            and not s.status.get("retiring")
        )

    return Outcome(f"{version} serves", holds)


def _either(version: str) -> set[str]:
    """The hashes of a version that the spec names, and of one that is followed."""
    return {revision_of(spec(version)), followed_revision_of(spec(version))}


def took_over(version: str, former: str) -> Outcome:
    """It serves, and what served before it is there to go back to."""
    now, before = serves(version), _either(former)

    def holds(s: Snapshot) -> bool:
        return now.holds(s) and not before.isdisjoint(s.status.get("former", []))

    return Outcome(f"{now.words} after {former}", holds)


def rejected(version: str, reason: str = "", stable: str = "v1") -> Outcome:
    """Stable serves, and another version is refused."""

    def holds(s: Snapshot) -> bool:
        refused = s.role("rejected")
        return (
            refused.get("revision") in _either(version)
            and reason in ("", refused["reason"])
            and s.role("stable").get("version") == stable
            and s.split == {s.revision("stable"): 100.0}
            and not s.status.get("candidate")
            and not s.status.get("retiring")
        )

    why = f" ({reason})" if reason else ""
    return Outcome(f"{stable} serves, {version} is rejected{why}", holds)


def held(version: str, reason: str, weight: float | None = None, stable: str = "v1") -> Outcome:
    """The candidate waits for somebody."""

    def holds(s: Snapshot) -> bool:
        candidate = s.role("candidate")
        return (
            candidate.get("version") == version
            and s.hold == reason
            and s.role("stable").get("version") == stable
            and (weight is None or s.split.get(candidate["revision"], 0.0) == weight)
        )

    at = f" at {weight:g}%" if weight is not None else ""
    return Outcome(f"{version} is held{at} ({reason})", holds)


def retrained(outcome: str) -> Outcome:
    """v1 serves, and so ended the one Job that an alarm has started."""

    def holds(s: Snapshot) -> bool:
        found = (s.status.get("retraining") or {}).get("history") or []
        return serves("v1").holds(s) and [each["outcome"] for each in found] == [outcome]

    return Outcome(f"v1 serves, and a retraining has {outcome.lower()}", holds)


GONE: Final = Outcome("nothing is left", lambda s: s.live is None and not s.children)


# --- the states


@dataclass(frozen=True, slots=True)
class State:
    """Where a rollout stands."""

    name: str
    sentence: str
    reach: Callable[[Stage], Awaitable[object]]
    base: Outcome
    """What comes of it where nothing happens."""
    current: Manifest
    """The spec that is applied."""
    target: str
    """The revision that an event befalls."""
    follows: bool = False
    """Whether the spec follows an alias that names the version, instead of naming it itself."""

    @property
    def title(self) -> str:
        """Its name, which tells it from the one in which the spec names the version."""
        return f"{self.name}, followed" if self.follows else self.name


async def _first(stage: Stage) -> None:
    stage.model("v1", starts_after=10.0)
    first = stage.revision_of(V1)
    await stage.apply(V1)
    await stage.until(lambda s: s.revision("candidate") == first and first in s.pods)


async def _serving(stage: Stage) -> None:
    await stage.apply(V1)
    await stage.until(serves("v1").holds)


async def _awaited(stage: Stage) -> None:
    await _serving(stage)
    stage.model("v2", starts_after=10.0)
    await stage.apply(V2)
    await stage.until(lambda s: s.hold == "AwaitingPods" and stage.revision_of(V2) in s.pods)


async def _history(stage: Stage) -> None:
    await _serving(stage)
    stage.prometheus_is(takes=20.0)
    await stage.apply(V2)
    candidate = stage.revision_of(V2)
    await stage.until(lambda s: s.hold == "NoData" and s.ready.get(candidate, 0) > 0)
    stage.prometheus_is()


async def _measured(stage: Stage) -> None:
    await _serving(stage)
    await stage.apply(V2)
    await stage.until(lambda s: bool(s.role("candidate").get("counted")))


async def _pausing(stage: Stage) -> None:
    await _measured(stage)
    await stage.until(lambda s: s.hold == "AwaitingPause", LONG)


async def _promoting(stage: Stage) -> None:
    await _pausing(stage)
    stage.model("v2", starts_after=60.0)
    await stage.until(lambda s: s.role("candidate").get("stage") == "Promoting", LONG)


async def _retiring(stage: Stage) -> None:
    await _measured(stage)
    await stage.until(lambda s: bool(s.status.get("retiring")) and not s.role("candidate"), LONG)


async def _degraded(stage: Stage) -> None:
    await _serving(stage)
    stage.model("v2", errors=0.2)
    await stage.apply(V2)
    await stage.until(rejected("v2", "CheckFailed").holds, LONG)


async def _paused(stage: Stage) -> None:
    await _measured(stage)
    await _set_paused(stage, True)
    await stage.until(lambda s: s.hold == "PausedBySpec")


async def _gated(stage: Stage) -> None:
    await _serving(stage)
    await stage.apply(GATED)
    await stage.until(
        lambda s: s.hold == "AwaitingApproval" and bool(s.role("candidate")["counted"])
    )


async def _tested(stage: Stage) -> None:
    await _serving(stage)
    await stage.apply(TESTED)
    await stage.until(
        lambda s: s.hold == "AwaitingJob" and bool(s.role("candidate").get("counted"))
    )


async def _retrained(stage: Stage) -> None:
    await stage.apply(RETRAINED)
    await stage.until(serves("v1").holds)
    stage.model("v1", errors=0.2)

    def runs(s: Snapshot) -> bool:
        found = (s.status.get("retraining") or {}).get("history")
        return bool(found) and any(kind == "Job" for kind, _ in s.children)

    await stage.until(runs)


async def _mirrored(stage: Stage) -> None:
    await _serving(stage)
    await stage.apply(MIRRORED)
    await stage.until(lambda s: bool(s.role("candidate").get("counted")))


async def _previewed(stage: Stage) -> None:
    await _serving(stage)
    await stage.apply(PREVIEWED)
    await stage.until(lambda s: s.hold == "AwaitingPause")


async def _unfinished(stage: Stage) -> None:
    stage.jobs_are("cannot say")
    await _tested(stage)
    await stage.until(held("v2", "ValidationUnfinished", 20.0).holds, LONG)


async def _guarded(stage: Stage) -> None:
    await _serving(stage)
    await stage.apply(GUARDED)

    def measured(s: Snapshot) -> bool:
        candidate = s.role("candidate")
        return bool(candidate.get("guarding") and candidate.get("checks"))

    await stage.until(measured, LONG)


_V2: Final = serves("v2")
STATES: Final = (
    State("first deployment", "v1 is applied, its pods start", _first, serves("v1"), V1, STABLE),
    State("pods awaited", "v2 is applied, its pods start", _awaited, _V2, V2, CANDIDATE),
    State("history read", "v1's last hour is being read", _history, _V2, V2, CANDIDATE),
    State("measured in a step", "v2 has 20% and was measured", _measured, _V2, V2, CANDIDATE),
    State("in a pause", "v2 has 40% for two minutes", _pausing, _V2, V2, CANDIDATE),
    State("promoting", "all steps have passed, pods start", _promoting, _V2, V2, CANDIDATE),
    State("retiring", "v2 serves, v1's pods are about to go", _retiring, _V2, V2, CANDIDATE),
    State(
        "Degraded",
        "v2 failed a check and was rolled back",
        _degraded,
        rejected("v2", "CheckFailed"),
        V2,
        STABLE,
    ),
    State(
        "paused",
        "v2 has 20%, spec.rollout.paused is true",
        _paused,
        held("v2", "PausedBySpec"),
        V2,
        CANDIDATE,
    ),
    State(
        "awaiting an approval",
        "v2 has 20%, and the next step must be approved",
        _gated,
        held("v2", "AwaitingApproval", 20.0),
        GATED,
        CANDIDATE,
    ),
    State("running a Job", "v2 has 20%, and its Job runs", _tested, _V2, TESTED, CANDIDATE),
    State(
        "no Job could say",
        "v2 has 20%, and three Jobs could not say whether it is good",
        _unfinished,
        held("v2", "ValidationUnfinished", 20.0),
        TESTED,
        CANDIDATE,
    ),
    State("mirrored", "v2 gets copies of 20%", _mirrored, _V2, MIRRORED, CANDIDATE),
    State(
        "previewed", "people reach v2 by a header or a host", _previewed, _V2, PREVIEWED, CANDIDATE
    ),
    State("guarded", "v2 is promoted, and v1 holds 5%", _guarded, _V2, GUARDED, CANDIDATE),
    State(
        "retraining",
        "v1 serves, its errors are above their limit, and a Job trains",
        _retrained,
        serves("v1"),
        RETRAINED,
        STABLE,
    ),
)

FOLLOWED: Final = tuple(
    replace(
        state,
        follows=True,
        target=followed_revision_of(V1 if state.target == STABLE else V2),
    )
    for state in STATES
)
"""The same states, in which the model is followed: what happens ends as if the spec named it."""


# --- the events


@dataclass(frozen=True, slots=True)
class Event:
    """What happens."""

    name: str
    happen: Callable[[Stage, State], Awaitable[object]]
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    """By state; `*` stands for all others. What is not here: as if nothing had happened."""

    def expected(self, state: State) -> Outcome:
        """How the cell ends."""
        return self.outcomes.get(state.name) or self.outcomes.get("*") or state.base


async def _set_paused(stage: Stage, paused: bool) -> None:
    words = "pauses" if paused else "resumes"
    await stage.edit(words, lambda live: live["spec"]["rollout"].update(paused=paused))


async def _set_replicas(stage: Stage, replicas: int) -> None:
    words = f"scales to {replicas}"
    await stage.edit(words, lambda live: live["spec"].update(replicas=replicas))


def _with_rollout(stage: Stage, wanted: Manifest) -> Manifest:
    """A paused ModelDeployment stays so, as a user's manifest says it."""
    paused = bool(stage.history.snapshots[-1].spec["rollout"].get("paused"))
    return {**wanted, "rollout": {**wanted["rollout"], "paused": paused}}


async def _other(stage: Stage, _: State) -> None:
    await stage.apply(_with_rollout(stage, V3))


async def _other_without_steps(stage: Stage, _: State) -> None:
    await stage.apply({**V3, "rollout": {**V3["rollout"], "steps": [], "paused": True}})


async def _other_while_refused(stage: Stage, _: State) -> None:
    await stage.gateway_is("Refuses")
    await stage.wait(20)
    await stage.apply(_with_rollout(stage, V3))
    await stage.wait(MINUTE)
    await stage.mend()


async def _former(stage: Stage, state: State) -> None:
    if state.name == "first deployment":
        await stage.apply(spec("v0"))
        await stage.wait(1)
    await stage.apply(_with_rollout(stage, V1))


async def _there_and_back(stage: Stage, state: State) -> None:
    await stage.apply(_with_rollout(stage, V1))
    await stage.wait(2)
    await stage.apply(_with_rollout(stage, state.current))


def _rolled_out(version: str) -> Callable[[Snapshot], bool]:
    return lambda s: s.role("candidate").get("version") == version


async def _many_rejected(stage: Stage, _: State) -> None:
    for number in range(10, 22):
        await stage.apply(_with_rollout(stage, spec(f"v{number}")))
        started = await stage.until(_rolled_out(f"v{number}"))
        await stage.command(f"abort/{started.revision('candidate')}")
        await stage.until(lambda s: not s.role("candidate"))
    await stage.wait(MINUTE)
    await stage.command(f"undo/{stage.revision_of(V1)}")


async def _same(stage: Stage, state: State) -> None:
    await stage.apply_as("flux", _with_rollout(stage, state.current))


async def _scaled(stage: Stage, _: State) -> None:
    await _set_replicas(stage, 6)


async def _to_zero_and_back(stage: Stage, _: State) -> None:
    await _set_replicas(stage, 0)
    await stage.wait(2 * MINUTE)
    await _set_replicas(stage, 4)


async def _pause(stage: Stage, _: State) -> None:
    await _set_paused(stage, True)
    await stage.wait(10 * MINUTE)


async def _resume(stage: Stage, state: State) -> None:
    if state.name != "paused":
        await _set_paused(stage, True)
        await stage.wait(MINUTE)
    await _set_paused(stage, False)


def _command(verb: str) -> Callable[[Stage, State], Awaitable[None]]:
    async def happen(stage: Stage, state: State) -> None:
        if verb == "retry":
            stage.model("v2", errors=0.0)
        revision = stage.revision_of(V1) if verb == "undo" else state.target
        if state.name == "Degraded" and verb != "undo":
            revision = stage.revision_of(V2)
        await stage.command(f"{verb}/{revision}")
        await stage.until(lambda s: bool(s.status.get("command")))

    return happen


async def _approved(stage: Stage, state: State) -> None:
    found = stage.history.snapshots[-1].status.get("model")
    live = await stage.user.get("ModelDeployment", stage.namespace, "fraud")
    known = FollowedVersion.model_validate(found) if found else None
    digest = approval_digest(resolved(live["spec"], known))
    await stage.command(f"approve/{state.target}/2/{digest}/now/{APPROVER}")
    await stage.until(lambda s: bool(s.status.get("command")))


async def _deleted(stage: Stage, _: State) -> None:
    await stage.delete()


async def _killed(stage: Stage, _: State) -> None:
    await stage.kill()
    await stage.wait(5)
    await stage.start()


async def _spoil_a_pod(stage: Stage, state: State) -> None:
    await stage.until(lambda s: s.ready.get(state.target, 0) > 0)
    await stage.spoil_a_pod(state.target)


async def _one_pod_fails(stage: Stage, state: State) -> None:
    await _spoil_a_pod(stage, state)
    await stage.wait(10 * MINUTE)


async def _whichever_pod_fails(stage: Stage, state: State) -> None:
    stage.act("one pod of the candidate fails its clients, and after it the next")
    stage.model(state.current["model"]["version"], errors_of_a_tenant=0.5)
    await stage.wait(10 * MINUTE)


def _one_pod_fails_and(fault: Fault) -> Callable[[Stage, State], Awaitable[None]]:
    async def happen(stage: Stage, state: State) -> None:
        stage.fault(fault, "evictions")
        await _one_pod_fails(stage, state)
        await stage.mend()

    return happen


async def _one_pod_fails_and_it_is_killed(stage: Stage, state: State) -> None:
    """Between the write of the status and the eviction."""
    stage.fault(_FORBIDDEN, "evictions")
    await _spoil_a_pod(stage, state)
    with contextlib.suppress(AssertionError):
        await stage.until(lambda s: bool(s.role("candidate").get("replaced")), 2 * MINUTE)
    await stage.kill()
    await stage.mend()
    await stage.wait(10 * MINUTE)


def _jobs(how: str) -> Callable[[Stage, State], Awaitable[None]]:
    async def happen(stage: Stage, _: State) -> None:
        stage.jobs_are(how)
        await stage.wait(10 * MINUTE)

    return happen


async def _jobs_never_end(stage: Stage, _: State) -> None:
    stage.jobs_are(ENDLESS)
    await stage.wait(25 * MINUTE)
    stage.jobs_are("succeeds")


async def _drift_is_over(stage: Stage, _: State) -> None:
    stage.model("v1", errors=0.0)
    await stage.wait(5 * MINUTE)


async def _jobs_begin_late(stage: Stage, _: State) -> None:
    stage.jobs_are(UNPULLED)
    await stage.lose_nodes_of_jobs()
    await stage.wait(15 * MINUTE)
    stage.jobs_are("succeeds")


async def _nodes_of_jobs_lost(stage: Stage, _: State) -> None:
    await stage.lose_nodes_of_jobs()


async def _killed_before_its_job(stage: Stage, _: State) -> None:
    """Between the write of the status and that of the Job: another one is started."""
    stage.jobs_are("succeeds")
    stage.fault(children_refused(500, "Job"), "children")
    live = await stage.user.get("ModelDeployment", stage.namespace, "fraud")
    candidate = (live.get("status") or {}).get("candidate") or {}
    if (candidate.get("hold") or {}).get("reason") == "ValidationUnfinished":
        await stage.command(f"retry/{candidate['revision']}")
        await stage.wait(5)
    await stage.kill()
    await stage.mend()


async def _lost(stage: Stage, state: State) -> None:
    await stage.lose_pods(state.target)


async def _oom(stage: Stage, state: State) -> None:
    await stage.kill_for_memory(state.target)


def _during(
    begin: Callable[[Stage], Awaitable[object] | None], seconds: float = 3 * MINUTE
) -> Callable[[Stage, State], Awaitable[None]]:
    async def happen(stage: Stage, _: State) -> None:
        begun = begin(stage)
        if begun is not None:
            await begun
        await stage.wait(seconds)
        await stage.mend()

    return happen


async def _prometheus_down(stage: Stage, _: State) -> None:
    stage.prometheus_is(down=True)
    await stage.wait(5 * MINUTE)
    stage.prometheus_is()


async def _fails(stage: Stage, state: State) -> None:
    stage.act("the candidate begins to fail")
    stage.model(state.current["model"]["version"], errors=0.2)
    await stage.wait(10 * MINUTE)


async def _hangs(stage: Stage, state: State) -> None:
    stage.act("the candidate begins to hang")
    stage.model(state.current["model"]["version"], hangs=True)
    await stage.wait(20 * MINUTE)


async def _dies(stage: Stage, state: State) -> None:
    version = state.current["model"]["version"]
    stage.act("the candidate's containers die again and again")
    stage.model(version, dies_every=40.0)
    await stage.wait(45 * MINUTE)
    stage.model(version, dies_every=None)
    stage.act("its containers live again")


async def _flaps(stage: Stage, state: State) -> None:
    version = state.current["model"]["version"]
    stage.act("the candidate's pods lose their readiness again and again")
    stage.model(version, flaps_every=40.0)
    await stage.wait(20 * MINUTE)
    stage.model(version, flaps_every=None)
    stage.act("its pods stay ready")


async def _history_lost(stage: Stage, state: State) -> None:
    stage.act("stable's ControllerRevision is deleted, and the candidate fails")
    revision = stage.history.snapshots[-1].revision("stable") or stage.revision_of(V1)
    found = await stage.user.find("ControllerRevision", stage.namespace, f"fraud-{revision}")
    if found is not None:
        await stage.user.delete(found)
    if stage.history.snapshots[-1].role("candidate").get("stage") in COMPARED:
        stage.model("v2", errors=0.2)
    await stage.wait(10 * MINUTE)


async def _name_taken(stage: Stage, _: State) -> None:
    stage.act("the HTTPRoute's name is somebody else's")
    theirs = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "fraud", "namespace": stage.namespace},
        "spec": {"parentRefs": [{"name": "theirs"}]},
    }
    made = None
    while made is None:
        if (found := await stage.user.find("HTTPRoute", stage.namespace, "fraud")) is not None:
            await stage.user.delete(found)
        # the operator may be quicker
        with contextlib.suppress(ApiError):
            made = await stage.user.create(theirs)
    await stage.wait(3 * MINUTE)
    stage.act("the name is free")
    await stage.user.delete(made)


async def _gateway_deleted(stage: Stage, _: State) -> None:
    stage.act("the Gateway is deleted, and the route keeps what was said of it")
    found = await stage.user.get("Gateway", stage.namespace, NAME)
    await stage.user.delete(found)
    await stage.wait(5 * MINUTE)
    stage.act("there is a Gateway again")
    await serve(stage.user, stage.namespace)


async def _twenty(stage: Stage, _: State) -> None:
    for number in range(10, 30):
        await stage.apply(_with_rollout(stage, spec(f"v{number}")))
        await stage.wait(1)


async def _children_fail_and_it_fails(stage: Stage, state: State) -> None:
    stage.fault(children_refused(500, "Deployment"), "Deployments")
    await _set_replicas(stage, 5)
    stage.model(state.current["model"]["version"], errors=0.2)
    await stage.wait(10 * MINUTE)
    # its weight need not be in effect before the fault ends
    await stage.mend()


async def _status_refused_and_it_fails(stage: Stage, state: State) -> None:
    stage.fault(status_refused(), "status")
    stage.model(state.current["model"]["version"], errors=0.2)
    await stage.wait(10 * MINUTE)
    await _killed(stage, state)
    await stage.wait(10 * MINUTE)
    await stage.mend()


async def _unready_late(stage: Stage, state: State) -> None:
    await stage.wait(11 * MINUTE)
    await stage.unready(state.target, 20.0)
    await stage.wait(2 * MINUTE)


async def _foreign(stage: Stage, _: State) -> None:
    stage.webhook(_timeouts)
    stage.act("somebody adds a port to the Service")
    live = await stage.user.find("Service", stage.namespace, "fraud")
    if live is not None:
        extra = {"name": "metrics", "port": 9090, "protocol": "TCP", "targetPort": 9090}
        live["spec"]["ports"].append(extra)
        await stage.user.update(live)


def _timeouts(manifest: Manifest) -> None:
    if manifest["kind"] == "HTTPRoute":
        manifest["spec"]["rules"][0]["timeouts"] = {"request": "30s"}


async def _restless(stage: Stage, _: State) -> None:
    seen: list[int] = []

    def admit(manifest: Manifest) -> None:
        if manifest["kind"] == "HTTPRoute":
            seen.append(0)
            header = {"set": [{"name": "x-seen", "value": str(len(seen))}]}
            filters = [{"type": "RequestHeaderModifier", "requestHeaderModifier": header}]
            manifest["spec"]["rules"][0]["filters"] = filters

    stage.webhook(admit)
    await stage.wait(10 * MINUTE)
    await stage.mend()


def _refuse_route(stage: Stage) -> Awaitable[object]:
    return stage.gateway_is("Refuses")


def _silence_gateway(stage: Stage) -> Awaitable[object]:
    return stage.gateway_is("Silent")


_FORBIDDEN: Final = evictions_refused(403, "Forbidden", "pods/eviction is forbidden")
_BUDGET: Final = evictions_refused(
    429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget."
)
_HELD: Final = held("v2", "PausedBySpec")
_FIRST: Final = {"first deployment": serves("v1"), "retraining": serves("v1")}
_RETRAINED: Final = {"retraining": retrained("Succeeded")}
_NOT_RETRAINED: Final = {"retraining": retrained("Failed")}
_FAILED: Final = {"guarded": rejected("v2", "GuardFailed")}
_DONE: Final = {"retiring": serves("v2"), "Degraded": rejected("v2", "CheckFailed"), **_FIRST}
"""States in which there is no candidate that steps are for."""
_ALONE: Final = rejected("v2", "CheckFailed")
_DECIDED: Final = {"no Job could say": serves("v2")}
_REPLACED: Final = {
    "*": _ALONE,  # its only pod
    **dict.fromkeys(("in a pause", "previewed", "promoting", "guarded"), serves("v2")),
    **_DONE,
}
"""What comes of one bad pod."""

EVENTS: Final = (
    Event("other spec", _other, {"*": serves("v3"), "paused": held("v3", "PausedBySpec")}),
    Event("former spec", _former, {"*": serves("v1")}),
    Event("same spec by another field manager", _same),
    Event("scale to 6", _scaled),
    Event("scale to 0 and back", _to_zero_and_back),
    Event("pause", _pause, {"*": _HELD, **_DONE, "guarded": serves("v2")}),
    Event("resume", _resume, {"paused": serves("v2")}),
    Event("promote", _command("promote"), {**_DECIDED, "paused": serves("v2")}),
    Event("advance", _command("advance"), _DECIDED),
    Event("approve", _approved, {"awaiting an approval": serves("v2")}),
    Event("abort", _command("abort"), {"*": rejected("v2", "Aborted"), **_DONE}),
    Event("retry", _command("retry"), {"Degraded": serves("v2")}),
    Event(
        "undo",
        _command("undo"),
        dict.fromkeys(("retiring", "guarded"), rejected("v2", "Undone")),
    ),
    Event("delete", _deleted, {"*": GONE}),
    Event("operator killed", _killed),
    Event("pods lost", _lost),
    Event("pod killed for memory", _oom),
    Event("route refused", _during(_refuse_route)),
    Event("status refused", _during(lambda s: s.fault(status_refused(), "status"))),
    Event("child refused, 403", _during(lambda s: s.fault(children_refused(403), "children"))),
    Event("child refused, 500", _during(lambda s: s.fault(children_refused(500), "children"))),
    Event("child refused, 429", _during(lambda s: s.fault(children_refused(429), "children"))),
    Event("Prometheus down", _prometheus_down),
    # what showed itself beside these
    Event(
        "other spec, without steps and paused",
        _other_without_steps,
        {
            "*": held("v3", "PausedBySpec"),
            "first deployment": serves("v3"),
            "retiring": held("v3", "PausedBySpec", stable="v2"),
            "guarded": held("v3", "PausedBySpec", stable="v2"),
        },
    ),
    Event("candidate fails", _fails, {"*": rejected("v2", "CheckFailed"), **_DONE, **_FAILED}),
    Event(
        "candidate hangs",
        _hangs,
        {"*": held("v2", "CandidateSilent", 0.0), **_DONE, **_FAILED},
    ),
    Event(
        "candidate dies of memory",
        _dies,
        {
            "*": rejected("v2", "TooManyRestarts"),
            "promoting": rejected("v2", "TooManyRestarts") | serves("v2"),
            **_DONE,
            **_FAILED,
        },
    ),
    Event(
        "candidate's pods flap",
        _flaps,
        {
            "*": rejected("v2", "ReadinessLost"),
            "promoting": rejected("v2", "ReadinessLost") | serves("v2"),
            **_DONE,
            **_FAILED,
        },
    ),
    Event(
        "stable's history lost, candidate fails",
        _history_lost,
        {"*": rejected("v2", "CheckFailed"), **_DONE, **_FAILED},
    ),
    Event("route's name taken for a while", _name_taken),
    Event(
        "candidate fails, Deployments cannot be written",
        _children_fail_and_it_fails,
        {"*": rejected("v2", "CheckFailed"), **_DONE, **_FAILED},
    ),
    Event(
        "candidate fails, status refused, operator killed",
        _status_refused_and_it_fails,
        {"*": rejected("v2", "CheckFailed"), **_DONE, **_FAILED},
    ),
    Event(
        "twenty specs in twenty seconds",
        _twenty,
        {"*": serves("v29"), "paused": held("v29", "PausedBySpec")},
    ),
    Event(
        "former spec, and back at once",
        _there_and_back,
        {"paused": _HELD, **_DONE},
    ),
    Event(
        "twelve specs are aborted, then undo",
        _many_rejected,
        {
            "*": rejected("v21", "Aborted"),
            "retiring": rejected("v21", "Undone"),
            "guarded": rejected("v21", "Undone"),
            # the first one serves, for there is nothing to go back to
            "first deployment": rejected("v21", "Aborted", stable="v10"),
        },
    ),
    Event("a pod unready late in a step", _unready_late),
    Event(
        "other spec while the route is refused",
        _other_while_refused,
        {
            "*": serves("v3"),
            "paused": held("v3", "PausedBySpec"),
            # its pods are ready, and it is what v3 is judged by
            "first deployment": took_over("v3", "v1"),
        },
    ),
    Event("gateway's controller stopped", _during(_silence_gateway, 5 * MINUTE)),
    Event("Gateway deleted", _gateway_deleted),
    Event("foreign port, and a webhook that adds timeouts", _foreign),
    Event("webhook that is not idempotent", _restless),
    Event("one pod fails", _one_pod_fails, _REPLACED),
    Event(
        "one pod fails, and the next",
        _whichever_pod_fails,
        {"*": _ALONE, **_DONE, **_FAILED},
    ),
    Event("one pod fails, no right to evict", _one_pod_fails_and(_FORBIDDEN), _REPLACED),
    Event(
        "one pod fails, a budget forbids",
        _one_pod_fails_and(_BUDGET),
        {"*": _ALONE, **_DONE, **_FAILED},
    ),
    Event(
        "Jobs reject it",
        _jobs("rejects"),
        {"running a Job": rejected("v2", "JobFailed"), **_NOT_RETRAINED},
    ),
    Event(
        "no Job can say",
        _jobs("cannot say"),
        {"running a Job": held("v2", "ValidationUnfinished", 20.0), **_NOT_RETRAINED},
    ),
    Event("Jobs begin late", _jobs_begin_late, _RETRAINED),
    Event("Jobs never end", _jobs_never_end, _NOT_RETRAINED),
    Event("nodes of Jobs lost", _nodes_of_jobs_lost, _RETRAINED),
    Event(
        "operator killed before it creates a Job",
        _killed_before_its_job,
        {**_DECIDED, **_RETRAINED},
    ),
    Event("what raised an alarm is over", _drift_is_over, _RETRAINED),
    Event(
        "one pod fails, operator killed before the eviction",
        _one_pod_fails_and_it_is_killed,
        _REPLACED,
    ),
)


async def _alias_moves(stage: Stage, _: State) -> None:
    stage.act("the alias is moved to v3")
    stage.registry.names(registered("v3"))


async def _alias_moves_unheard(stage: Stage, _: State) -> None:
    """While there is no operator."""
    await stage.kill()
    stage.act("the alias is moved to v3")
    stage.registry.names(registered("v3"))
    await stage.wait(MINUTE)
    await stage.start()


async def _alias_moves_unwritten(stage: Stage, _: State) -> None:
    """The operator is killed between the answer and the write of the status; when it is back, the
    registry is down for a while."""
    stage.fault(status_refused(), "status")
    stage.registry.names(registered("v3"))
    await stage.wait(MINUTE)
    await stage.kill()
    stage.registry.forgets()
    await stage.mend()
    await stage.wait(5)
    stage.registry.fails("It refused the connection.")
    await stage.wait(MINUTE)
    stage.registry.names(registered("v3"))


def _registry(*, killed: bool) -> Callable[[Stage, State], Awaitable[None]]:
    async def happen(stage: Stage, _: State) -> None:
        """Nothing is heard of the registry for an hour, by one that never heard of it either."""
        known = stage.registry.answers[REFERENCE].version
        assert known is not None
        stage.act("the registry is down")
        if killed:
            await stage.kill()
            stage.registry.forgets()
            await stage.start()
            await stage.wait(5)
        stage.registry.fails("It refused the connection.")
        await stage.wait(60 * MINUTE)
        stage.act("the registry answers")
        stage.registry.names(known)

    return happen


async def _registered_anew(stage: Stage, state: State) -> None:
    stage.act("the version is deleted and registered again")
    named = state.current["model"]["version"]
    stage.registry.names(registered(named, again="x"))
    await stage.wait(10 * MINUTE)
    stage.registry.names(registered(named))


async def _unusable(stage: Stage, state: State) -> None:
    stage.act("the alias is moved to what no pod can load")
    named = registered(state.current["model"]["version"])
    stage.registry.names(replace(registered("v3"), uri="s3://$(SECRET)"))
    await stage.wait(10 * MINUTE)
    stage.registry.names(named)


async def _unknown_alias(stage: Stage, _: State) -> None:
    def follow(alias: str) -> Callable[[Manifest], None]:
        return lambda live: live["spec"]["model"]["registry"].update(alias=alias)

    await stage.edit("follows an alias that is not known", follow("challenger"))
    await stage.wait(20 * MINUTE)
    await stage.edit("follows the first alias", follow(REFERENCE.alias))


async def _registry_down_and_it_fails(stage: Stage, state: State) -> None:
    stage.act("the registry is down, and knows nothing")
    known = stage.registry.answers[REFERENCE].version
    assert known is not None
    await stage.kill()
    stage.registry.forgets()
    await stage.start()
    stage.registry.fails("It refused the connection.")
    await _fails(stage, state)
    stage.registry.names(known)


_MOVED: Final = {
    "*": serves("v3"),
    "paused": held("v3", "PausedBySpec"),
    "awaiting an approval": held("v3", "AwaitingApproval", 20.0),
    "no Job could say": held("v3", "ValidationUnfinished", 20.0),
}
"""What comes of another version of the alias, by the policy of the spec."""

OF_THE_REGISTRY: Final = (
    Event("alias moves", _alias_moves, _MOVED),
    Event("alias moves while no operator is there", _alias_moves_unheard, _MOVED),
    Event("alias moves, operator killed before its write", _alias_moves_unwritten, _MOVED),
    Event("registry down for an hour", _registry(killed=False)),
    Event("registry down for an hour, operator killed", _registry(killed=True)),
    Event(
        "registry down, candidate fails",
        _registry_down_and_it_fails,
        {"*": rejected("v2", "CheckFailed"), **_DONE, **_FAILED},
    ),
    Event("version registered again", _registered_anew),
    Event("another alias, which is not known", _unknown_alias),
    Event("alias moves to an unusable version", _unusable),
)
"""What happens to the states in which the model is followed, besides."""


# --- the cells


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a cell."""

    state: str
    event: str
    expected: str
    seconds: float
    wrong: tuple[str, ...] = ()

    def to_json(self) -> Manifest:
        """As the report reads it."""
        return {
            "part": "table",
            "state": self.state,
            "event": self.event,
            "expected": self.expected,
            "ok": not self.wrong,
            "wrong": list(self.wrong),
            "seconds": round(self.seconds, 2),
        }


async def course(stage: Stage, state: State, event: Event) -> None:
    """A cell from its start to its end. Raises AssertionError where something does not come."""
    stage.follows = state.follows
    await state.reach(stage)
    await event.happen(stage, state)
    expected = event.expected(state)
    await stage.until(expected.holds, LONG)
    if expected is GONE:
        await stage.wait(MINUTE)
        return
    await stage.wait(3 * MINUTE)
    last = stage.history.snapshots[-1]
    assert expected.holds(last), f"it did not stay so: {last.status.get('message')}"
    await stage.delete()
    await stage.until(GONE.holds)
    await stage.wait(MINUTE)


async def _in_memory(world: World, state: State, event: Event) -> tuple[str, ...]:
    wrong = []
    try:
        await course(world, state, event)
    except (AssertionError, ApiError) as error:
        wrong.append(f"expected that {event.expected(state).words}: {error}")
    world.history.end = world.now
    return (*wrong, *(str(each) for each in violations(world.history)))


def cell(state: State, event: Event) -> Result:
    """Run a cell in memory."""
    started = time.perf_counter()
    wrong = run(lambda world: _in_memory(world, state, event))
    took = time.perf_counter() - started
    return Result(state.title, event.name, event.expected(state).words, took, wrong)


def chosen(names: Iterable[str], followed: bool = False) -> list[tuple[State, Event]]:
    """The cells named `state/event`, either of which may be left out; all if none is named."""
    wanted = [name.partition("/")[::2] for name in names] or [("", "")]
    return [
        (state, event)
        for state in (FOLLOWED if followed else STATES)
        for event in ((*EVENTS, *OF_THE_REGISTRY) if followed else EVENTS)
        if any(s in ("", state.name) and e in ("", event.name) for s, e in wanted)
    ]


def _run_named(names: tuple[str, str, bool]) -> Result:
    ((state, event),) = chosen([f"{names[0]}/{names[1]}"], names[2])
    return cell(state, event)


_FIRST_LOOKED_AT: Final = {"measured in a step": 0, "paused": 1, "retiring": 2, "Degraded": 3}
"""States in which most faults show."""


def in_memory(
    names: Iterable[str] = (),
    workers: int = 2,
    left_out: frozenset[str] = frozenset(),
    followed: bool = False,
) -> Iterator[Result]:
    """Run cells in memory, some beside each other; those in which most faults show come first."""
    cells = [(state.name, event.name, followed) for state, event in chosen(names, followed)]
    cells = [cell for cell in cells if "/".join(cell[:2]) not in left_out]
    cells.sort(key=lambda cell: _FIRST_LOOKED_AT.get(cell[0], 9))
    if workers < 2 or len(cells) < 2:
        yield from map(_run_named, cells)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(_run_named, cells, chunksize=4)


async def _on_real(
    cells: Sequence[tuple[State, Event]], workers: int, tell: Callable[[Result], None]
) -> None:
    """Run cells on a real API server, many beside each other."""
    turns = asyncio.Semaphore(workers)

    async def one(real: RealApi, namespace: str, state: State, event: Event) -> None:
        async with turns:
            started = time.perf_counter()
            async with RealStage(real, namespace) as stage:
                wrong = await _in_memory(stage, state, event)
            took = time.perf_counter() - started
            tell(Result(state.title, event.name, event.expected(state).words, took, wrong))

    async with namespaces(len(cells)) as (real, spaces), asyncio.TaskGroup() as group:
        for namespace, (state, event) in zip(spaces, cells, strict=True):
            group.create_task(one(real, namespace, state, event))


def main(arguments: Sequence[str]) -> int:
    """Run cells, print what came of them; 1 if something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.table", description=__doc__)
    parser.add_argument("cells", nargs="*", metavar="STATE/EVENT")
    parser.add_argument("--workers", type=int, default=2, help="cells beside each other")
    parser.add_argument("--real", action="store_true", help="on a real API server")
    parser.add_argument("--followed", action="store_true", help="the model is followed")
    parser.add_argument("--fail-fast", action="store_true", help="end with the first that is wrong")
    parser.add_argument("--except", action="append", dest="left_out", default=[])
    options = parser.parse_args(arguments)
    failed: list[Result] = []

    def tell(result: Result) -> None:
        print(json.dumps(result.to_json()), flush=True)
        if result.wrong:
            failed.append(result)

    left_out = frozenset(options.left_out)
    if options.real:
        beside = options.workers if options.workers > 2 else BESIDE
        cells = chosen(options.cells, options.followed)
        cells = [each for each in cells if f"{each[0].name}/{each[1].name}" not in left_out]
        asyncio.run(_on_real(cells, beside, tell))
        return 1 if failed else 0
    for found in in_memory(options.cells, options.workers, left_out, options.followed):
        tell(found)
        if failed and options.fail_fast:
            break
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
