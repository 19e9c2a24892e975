"""Long sequences of whatever may happen, found and made short by hypothesis.

`python -m tests.campaign.sequences [--count N] [--seed N] [--replay BLOB]` runs sequences in
memory and prints a JSON line. A sequence that fails is made as short as it gets; the line names
its steps, and the command that replays it.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import re
import sys
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.errors import FlakyFailure
from hypothesis.reporting import with_reporter
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from serinus.cluster import ApiError
from tests.campaign.clock import MovedLoop
from tests.campaign.control import Control
from tests.campaign.history import Snapshot
from tests.campaign.invariants import violations
from tests.campaign.memory.world import World
from tests.campaign.real import CLUSTER, RealApi, RealStage
from tests.campaign.stage import (
    Manifest,
    Stage,
    children_refused,
    revision_of,
    spec,
    status_refused,
)

T = TypeVar("T")

STEPS: Final[Sequence[list[Manifest]]] = (
    [{"setWeight": 20}, {"setWeight": 40}, {"pause": {"duration": "2m"}}],
    [{"setWeight": 50}],
    [],
    [{"setWeight": 5}, {"pause": {}}, {"setWeight": 60}],
    [{"pause": {"duration": "1m"}}, {"setWeight": 30}],
    [{"setWeight": 20}, {"setWeight": 100}],
)
VERSIONS: Final = ("v1", "v2", "v3", "v4")
SETTLES_WITHIN: Final = 3600.0
"""Seconds within which everything comes to rest once nothing is wrong any more."""
_WAIT_FOR_A_PERSON: Final = frozenset(
    {
        "PausedBySpec",
        "AwaitingCommand",
        "Inconclusive",
        "CandidateSilent",
        "CandidateMetricsUnusable",
        "ArmsStillDiffer",
        "NoData",
    }
)


class Lifecycle(RuleBasedStateMachine):
    """A ModelDeployment, whoever writes it, and whatever befalls it."""

    ran: ClassVar[int] = 0
    where: ClassVar[str] = "in memory"

    def __init__(self) -> None:
        super().__init__()
        type(self).ran += 1
        self.replicas, self.paused, self.steps = 4, False, 0
        self.gateway, self.version, self.port = True, "v1", 8080
        self.commands = 0
        self.there = False
        self._runner = asyncio.Runner(loop_factory=self.loop)
        self.stage: Stage = self.run(self.open())

    @staticmethod
    def loop() -> asyncio.AbstractEventLoop:
        """In which it happens."""
        return MovedLoop()

    async def open(self) -> Stage:
        """Where it happens."""
        self._world = World()
        return await self._world.__aenter__()

    async def close(self) -> None:
        """End everything."""
        await self._world.__aexit__()

    def run(self, course: Coroutine[Any, Any, T]) -> T:
        """Let it happen."""
        return self._runner.run(course)

    @property
    def now(self) -> Snapshot:
        """How things stand."""
        return self.stage.history.snapshots[-1]

    # what people write

    def wanted(self) -> Manifest:
        """The manifest as the user has it."""
        found = spec(self.version, replicas=self.replicas)
        container = found["template"]["spec"]["containers"][0]
        container["ports"] = [{"containerPort": self.port}]
        found["rollout"] |= {"steps": STEPS[self.steps], "paused": self.paused}
        if not self.gateway:
            found["traffic"] = {}
        return found

    def write(self) -> None:
        """Apply it; a refusal at apply is an answer too."""
        try:
            self.run(self.stage.apply(self.wanted()))
            self.there = True
        except ApiError as error:
            if not error.refused:
                raise

    @initialize(gateway=st.sampled_from([True, True, False]), steps=st.integers(0, len(STEPS) - 1))
    def begin(self, gateway: bool, steps: int) -> None:
        self.gateway, self.steps = gateway, steps
        self.write()
        self.run(self.stage.wait(20.0))

    @rule(version=st.sampled_from(VERSIONS))
    def apply(self, version: str) -> None:
        self.version = version
        self.write()

    @rule(seconds=st.sampled_from([0.05, 1.0, 5.0, 20.0, 45.0, 130.0, 700.0]))
    def wait(self, seconds: float) -> None:
        self.run(self.stage.wait(seconds))

    @rule(replicas=st.sampled_from([4, 0, 1, 2, 7]))
    def scale(self, replicas: int) -> None:
        self.replicas = replicas
        self.write()

    @rule()
    def pause_or_resume(self) -> None:
        self.paused = not self.paused
        self.stage.act("pauses" if self.paused else "resumes")
        self.write()

    @rule(steps=st.integers(0, len(STEPS) - 1))
    def other_steps(self, steps: int) -> None:
        self.steps = steps
        self.write()

    @precondition(lambda self: self.there)
    @rule(
        verb=st.sampled_from(["promote", "advance", "abort", "retry", "undo"]),
        role=st.sampled_from(["candidate", "stable", "rejected", "other"]),
    )
    def command(self, verb: str, role: str) -> None:
        revision = self.now.revision(role) or revision_of(spec("v1"))
        self.commands += 1
        self.run(self.stage.command(f"{verb}/{revision}/{self.commands}"))

    @rule()
    def other_port(self) -> None:
        self.port = 17_089 - self.port
        self.write()

    @precondition(lambda self: self.there)
    @rule()
    def delete(self) -> None:
        self.run(self.stage.delete())
        self.there = False

    # what befalls them

    @rule(seconds=st.sampled_from([0.01, 5.0]))
    def operator_killed(self, seconds: float) -> None:
        self.run(self.stage.kill())
        self.run(self.stage.wait(seconds))
        self.run(self.stage.start())

    @rule(
        role=st.sampled_from(["candidate", "stable"]),
        how=st.sampled_from(["lost", "oom", "unready"]),
    )
    def pods(self, role: str, how: str) -> None:
        if (revision := self.now.revision(role)) is None:
            return
        if how == "lost":
            self.run(self.stage.lose_pods(revision))
        elif how == "oom":
            self.run(self.stage.kill_for_memory(revision))
        else:
            self.run(self.stage.unready(revision, 20.0))

    @rule(
        version=st.sampled_from(VERSIONS[1:]),
        how=st.sampled_from(["errors", "dies", "slow", "good"]),
    )
    def model(self, version: str, how: str) -> None:
        self.stage.act(f"{version} is {how}")
        self.stage.model(
            version,
            errors=0.2 if how == "errors" else 0.0,
            dies_every=40.0 if how == "dies" else None,
            starts_after=30.0 if how == "slow" else 3.0,
        )

    @rule(what=st.sampled_from(["403", "429", "500", "status", "Silent", "Refuses", "Prometheus"]))
    def fault(self, what: str) -> None:
        if what == "status":
            self.stage.fault(status_refused(), "status")
        elif what == "Prometheus":
            self.stage.prometheus_is(down=True)
        elif what.isdigit():
            self.stage.fault(children_refused(int(what)), "children")
        else:
            self.run(self.stage.gateway_is(what))

    @rule()
    def mend(self) -> None:
        self.run(self.stage.mend())

    # what must come of it

    def teardown(self) -> None:
        try:
            self.run(self._settle())
            self.check()
        finally:
            self.run(self.close())
            self._runner.close()

    async def _settle(self) -> None:
        """Nothing is wrong any more, and what can be done without a person is done."""
        await self.stage.mend()
        for version in VERSIONS:
            self.stage.model(version, errors=0.0, dies_every=None, starts_after=3.0)
        await self.stage.until(_settled, SETTLES_WITHIN)
        await self.stage.wait(150.0)

    def check(self) -> None:
        """All invariants."""
        self.stage.history.end = self.stage.now
        found = violations(self.stage.history)
        assert not found, "; ".join(str(each) for each in found)


class RealLifecycle(Lifecycle):
    """The same in a namespace of a real API server."""

    where = "on a real API server"

    @staticmethod
    def loop() -> asyncio.AbstractEventLoop:
        """In which it happens."""
        return asyncio.new_event_loop()

    async def open(self) -> Stage:
        """Where it happens."""
        self._open = contextlib.AsyncExitStack()
        real = await self._open.enter_async_context(RealApi.connected())
        namespace = await self._open.enter_async_context(real.namespace())
        return await self._open.enter_async_context(RealStage(real, namespace))

    async def close(self) -> None:
        """End everything."""
        await self._open.aclose()


def _settled(s: Snapshot) -> bool:
    """Nothing is left, or what is desired serves, is rejected, or waits for a person."""
    if s.live is None:
        return not s.children
    if s.status.get("observedGeneration") != s.live["metadata"]["generation"]:
        return False
    if s.status.get("retiring"):
        return False
    invalid = any(c["reason"] == "InvalidSpec" for c in s.status.get("conditions", ()))
    if candidate := s.role("candidate"):
        # of an invalid spec it stays where nothing else serves
        kept = invalid and (candidate["stage"] == "FirstDeployment" or "aloneSince" in candidate)
        return kept or s.hold in _WAIT_FOR_A_PERSON or s.replicas == 0
    desired = revision_of(s.spec)
    if invalid:
        return True
    return desired in (s.revision("stable"), s.revision("rejected"))


@dataclass(frozen=True, slots=True)
class Result:
    """What came of many sequences."""

    where: str
    count: int
    seed: int
    seconds: float
    wrong: str = ""
    steps: tuple[str, ...] = ()
    replay: str = ""

    def to_json(self) -> Manifest:
        """As the report reads it."""
        return {
            "part": "sequences",
            "where": self.where,
            "count": self.count,
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "ok": not self.wrong,
            "wrong": self.wrong,
            "steps": list(self.steps),
            "replay": self.replay,
        }


def look_for(
    machine: type[Lifecycle],
    count: int,
    seed: int,
    *,
    steps: int = 14,
    replay: str = "",
    shrink: bool = True,
) -> Result:
    """Run so many sequences; the first that fails is made short."""
    policy = settings(
        max_examples=count,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, *([Phase.shrink] if shrink else [])],
    )
    name = f"{machine.__name__}{seed}"
    chosen: Any = type(name, (machine,), {"ran": 0})
    chosen = hypothesis.seed(seed)(chosen)
    if replay:
        failure = hypothesis.reproduce_failure(hypothesis.__version__, replay.encode())
        chosen = failure(chosen)
    said: list[Any] = []
    wrong, blob = "", ""
    started = time.perf_counter()
    try:
        with with_reporter(said.append):
            run_machine(chosen, settings=policy)
    except AssertionError as error:
        wrong = str(error)
        said += getattr(error, "__notes__", ())
    except Exception as error:
        # one that does not fail again is told of by what it failed with
        first = error.exceptions[0] if isinstance(error, FlakyFailure) else error
        wrong = f"{type(first).__name__}: {first}"
        said += getattr(error, "__notes__", ())
    text = "\n".join(map(str, said))
    if found := re.search(r"@reproduce_failure\('[^']*', b'(.*?)'\)", text):
        blob = found[1]
    told = tuple(line for line in text.splitlines() if line.startswith("state."))
    real = " --real" if issubclass(machine, RealLifecycle) else ""
    command = f"python -m tests.campaign.sequences{real} --replay {blob}" if blob else ""
    took = time.perf_counter() - started
    return Result(machine.where, chosen.ran, seed, took, wrong, told, command)


def main(arguments: Sequence[str]) -> int:
    """Run sequences, print what came of them; 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign.sequences", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="sequences")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replay", default="", help="run the one sequence that failed again")
    parser.add_argument("--as-found", action="store_true", help="do not make it shorter")
    parser.add_argument("--real", action="store_true", help="on a real API server, as found")
    options = parser.parse_args(arguments)
    logging.getLogger("serinus").propagate = False
    if options.real:
        os.environ["KUBECONFIG"] = str(Control.up(CLUSTER).kubeconfig)
    result = look_for(
        RealLifecycle if options.real else Lifecycle,
        options.count,
        options.seed,
        replay=options.replay,
        shrink=not (options.as_found or options.real),
    )
    print(json.dumps(result.to_json()), flush=True)
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
