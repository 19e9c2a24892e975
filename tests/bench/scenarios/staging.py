"""A scenario in the operator's world in memory."""

import asyncio
import math
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from serinus.api.quantities import seconds
from serinus.api.reasons import Needs, meaning_of
from serinus.metrics.queries import ArmQuery, CounterQuery, QueryError, QueryResult, Series
from tests.bench.scenarios.exporting import Exports
from tests.bench.scenarios.scenario import (
    BEFORE,
    NEW,
    OLD,
    Edit,
    Ending,
    Incident,
    Outcome,
    Scenario,
)
from tests.campaign.memory import world as worlds
from tests.campaign.memory.pods import Pod
from tests.campaign.memory.world import MemoryPrometheus, World, in_moved_time

LOOK: Final = 5.0
"""Seconds between two looks at how it goes."""
ALARMS: Final = ("Drifted", "PredictionsDrifted", "ErrorsAboveLimit", "FeedbackAboveLimit")
ASLEEP: Final = 1800.0
"""Seconds after which nothing is expected of a rollout that waits for a person: nobody comes."""


class ScenarioPrometheus(MemoryPrometheus):
    """Answers what the pods of a scenario export."""

    exported: Exports

    def _answer(self, asked: ArmQuery, now: float) -> QueryResult:
        if self.down:
            return QueryError("Prometheus refused the connection")
        self.exported.advance(self.everyone, now)
        mine = [
            pod
            for pod in self.everyone
            if (pod.namespace, pod.deployment) == (asked.arm.namespace, asked.arm.workload)
        ]
        if not isinstance(asked.query, CounterQuery):
            psi = [(each, self.exported.gauge(each, now)) for each in mine if each.ready]
            return tuple(Series({"pod": pod.name}, [(now, value)]) for pod, value in psi)
        return tuple(
            series
            for pod in mine
            for series in self.exported.series(pod, asked.query, now, asked.window, asked.every)
        )

    @property
    def everyone(self) -> list[Pod]:
        """All pods that there are or were."""
        return [*self._pods.pods.values(), *self._pods.gone]


class ScenarioWorld(World):
    """Its pods have nodes and zones, and export what the scenario says."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        super().__init__(seed)
        self.exported = Exports(scenario, seed)
        self.counting = ScenarioPrometheus(self.pods, lambda: self.now)
        self.counting.exported, self.counting.settle = self.exported, self._settle
        self.prometheus = self.counting
        self.pods.tell_of = self._tell_of

    def _tell_of(self, pod: Pod) -> None:
        """As a kubelet, with the node and the label that admission sets on pods."""
        self.pods._write(pod)
        live = self.api.find("Pod", pod.namespace, pod.name)
        if live is not None:
            node, zone = self.exported.placed(pod)
            labels = {**live["metadata"]["labels"], "topology.kubernetes.io/zone": zone}
            metadata = {**live["metadata"], "labels": labels}
            self.api.put({**live, "metadata": metadata, "spec": {**live["spec"], "nodeName": node}})

    def _load(self, pod: Pod, rate: float) -> None:
        """Parts of the traffic, which the scenario has by the second."""
        super()._load(pod, rate / worlds.RATE)

    def forget(self) -> None:
        """Keep how things stand alone: hours have thousands of moments."""
        for each in (self.history.snapshots, self.history.statuses, self.history.writes):
            del each[:-1]

    def settled(self) -> tuple[int, int]:
        """Requests of the candidate until now, and how many failed."""
        self._settle()
        self.exported.advance(self.counting.everyone, self.now)
        return self.exported.of_the_new()


def play(scenario: Scenario, seed: int) -> Outcome:
    """How it goes with this seed."""

    async def within() -> Outcome:
        async with ScenarioWorld(scenario, seed) as world:
            return await _course(world, scenario)

    return in_moved_time(within())


async def _course(world: ScenarioWorld, scenario: Scenario) -> Outcome:
    began = world.now
    await world.apply(scenario.spec(OLD))
    while world.now < began + BEFORE - 1200:
        await _wait(world, scenario)
    if scenario.replaced:
        world.pods.lose(next(iter(world.pods.pods.values())))
    rollout = world.exported.clocks.rollout
    while world.now < rollout:
        await _wait(world, scenario)
    spec = scenario.spec(OLD if scenario.monitoring is not None else NEW)
    await world.apply(spec)
    morning = rollout + seconds(scenario.lasts)
    moved = world.now
    weights: list[float] = []
    to_come: list[Edit | Incident] = [*scenario.edits, *scenario.incidents]
    back = math.inf
    while True:
        await _wait(world, scenario)
        for each in [each for each in to_come if _begun(world, each)]:
            to_come.remove(each)
            if isinstance(each, Edit):
                spec = _edited(spec, each)
                await world.apply(spec)
            else:
                back = min(back, await _befall(world, each))
        if world.now >= back:
            back = math.inf
            world.launch()
        status = _status(world)
        weight = _weight(status)
        if weight and weight not in weights[-1:]:
            weights.append(weight)
            world.exported.weights.append((world.now, weight))
        ending = _ending(status, scenario)
        if ending in ("Guarded", "Promoted", "GuardEnded"):
            clocks = world.exported.clocks
            clocks.promotion = min(clocks.promotion, world.now)
        moved = moved if _waits_for_a_person(status) else world.now
        over = world.now >= morning or world.now > moved + ASLEEP
        if ending not in ("Guarded", "Held", "Withdrawn", "Quiet") or over:
            return replace(_outcome(world, scenario, status, ending), weights=tuple(weights))


def _begun(world: ScenarioWorld, each: Edit | Incident) -> bool:
    return world.now >= world.exported.clocks.begun(each.clock) + each.after


def _edited(spec: Mapping[str, Any], edit: Edit) -> dict[str, Any]:
    replicas = {} if edit.replicas is None else {"replicas": edit.replicas}
    return {**spec, **replicas, "rollout": {**spec.get("rollout", {}), **edit.rollout}}


async def _befall(world: ScenarioWorld, incident: Incident) -> float:
    """When the operator is started again; infinity: it was not ended."""
    if incident.what == "operator down":
        await world.kill()
        return world.now + incident.lasts
    mine = [pod for pod in world.pods.pods.values() if pod.version == incident.of and pod.ready]
    for pod in mine[-incident.pods :]:
        if incident.what == "evicted":
            world.pods.lose(pod)
        else:
            world.pods.unready(pod, incident.lasts)
    return math.inf


async def _wait(world: ScenarioWorld, scenario: Scenario) -> None:
    await asyncio.sleep(LOOK)
    since = world.exported.clocks.traffic + scenario.dies_after if scenario.dies_after else 0.0
    for pod in list(world.pods.pods.values()):
        dies = scenario.both_die or pod.version == NEW
        lives = (scenario.dies_every or math.inf) * _endurance(pod)
        if dies and pod.ready and world.now - max(pod.turned, since) > lives:
            world.pods.kill_for_memory(pod)
    world._check_the_operator()
    world.forget()


def _waits_for_a_person(status: Mapping[str, Any]) -> bool:
    candidate = status.get("candidate") or {}
    needs = meaning_of((candidate.get("hold") or {}).get("reason", "")).needs
    return needs is Needs.PERSON or candidate.get("stage") == "Withdrawn"


def _weight(status: Mapping[str, Any]) -> float:
    candidate = status.get("candidate") or {}
    return float((candidate.get("weight") or {}).get("actual", 0.0))


def _endurance(pod: Pod) -> float:
    """0.7 to 1.3: pods that start together do not end together."""
    return 0.7 + 0.6 * (zlib.crc32(f"{pod.name} {pod.restarts}".encode()) % 100) / 100


def _status(world: ScenarioWorld) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (world.history.snapshots[-1].live or {}).get("status") or {}
    return found


def _ending(status: Mapping[str, Any], scenario: Scenario) -> Ending:
    if scenario.monitoring is not None:
        raised = (each for each in status.get("conditions", []) if each["type"] in ALARMS)
        return "Alarmed" if any(each["status"] == "True" for each in raised) else "Quiet"
    candidate = status.get("candidate")
    if status.get("rejected"):
        reason = status["rejected"]["reason"]
        return "TakenBack" if reason == "GuardFailed" else "RolledBack"
    if (status.get("stable") or {}).get("version") == NEW and not candidate:
        return "GuardEnded" if scenario.guard else "Promoted"
    if candidate and candidate.get("guarding"):
        return "Guarded"
    return "Withdrawn" if candidate and candidate["stage"] == "Withdrawn" else "Held"


def _outcome(
    world: ScenarioWorld, scenario: Scenario, status: Mapping[str, Any], ending: Ending
) -> Outcome:
    clocks = world.exported.clocks
    guarded = scenario.guard and clocks.promotion < float("inf")
    candidate = status.get("candidate") or {}
    hold = candidate.get("hold") or {}
    rejected = status.get("rejected") or {}
    requests, failed = world.settled()
    said = [status.get("message", ""), hold.get("message", ""), rejected.get("message", "")]
    said += [each["message"] for each in status.get("conditions", [])]
    said += [each["message"] for each in status.get("decisions", [])[:1]]  # the newest
    return Outcome(
        ending=ending,
        after=world.now - (clocks.promotion if guarded else clocks.rollout),
        said="\n".join(dict.fromkeys(filter(None, said))),
        weight=_weight(status),
        requests=requests,
        failed=failed,
        reason=hold.get("reason") or rejected.get("reason") or "",
        decisions=tuple(
            f"{each['at'][11:19]} {each['reason']}" for each in status.get("decisions", [])
        ),
    )
