"""Simulates a rollout from start to end, with the operator's decisions."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from random import Random
from typing import Final, Literal

from serinus.api.analysis import Analysis
from serinus.api.quantities import fraction, seconds
from serinus.api.scenario import JobEnds, Scenario
from serinus.api.spec import Spec
from serinus.api.status import Status
from serinus.judge import overall, queries_of
from serinus.manifests.owner import Owner
from serinus.manifests.task import TaskEnd
from serinus.metrics.queries import Arm, ArmQuery, ExpressionQuery, QueryResult, Series
from serinus.metrics.requests import HISTORY, HistoryRequest, Results
from serinus.plan.analysis import analysis_of
from serinus.plan.chosen_steps import step_may_last, steps_of
from serinus.plan.situation import Desired
from serinus.plan.stepping import current_step
from serinus.plan.steps.kind import StepKind
from serinus.simulation.cluster import SimulatedCluster
from serinus.simulation.exports import Behaviour, Exports, behaviour
from serinus.simulation.hour_before import HourBefore, run_before
from serinus.simulation.rollout import SimulatedDeployment
from serinus.simulation.rollout_log import PROMOTED, LogEntry, RolloutLog, hold_of, verdicts
from serinus.simulation.scrapes import Scrapes
from serinus.simulation.traffic import Failing, arrivals

RunOutcome = Literal["Promoted", "RolledBack", "Held"]
STOPPED_AFTER: Final = 7 * 86400.0
"""Seconds after which a rollout that has not ended is stopped; a guard comes in addition."""
STABLE: Final = "stable"
"""Name of the revision that exists before."""
_EPOCH = 1_000_000.0
_BEFORE = 2 * HISTORY
"""Seconds before the rollout at which stable exists."""


@dataclass(frozen=True, slots=True)
class Run:
    """The result of a rollout."""

    reason: str
    """Reason of the decision or hold that ended it."""
    outcome: RunOutcome
    after: float
    """Seconds."""
    requests: int
    """Scraped requests to the candidate."""
    moments: tuple[LogEntry, ...]
    audits: Mapping[str, float]
    """By check in audit mode, seconds until it failed first; infinity: it has not."""


@dataclass
class Simulation:
    """A policy in a scenario.

    Raises ValueError, with a message that names the field, if the scenario lacks something.
    """

    owner: Owner
    spec: Spec
    revision: str
    """Hash of the candidate."""
    scenario: Scenario
    stable: Behaviour = field(init=False)
    candidate: Behaviour = field(init=False)
    exports: Mapping[str, Exports] = field(init=False)
    """By revision."""
    _values: dict[ExpressionQuery, float] = field(init=False)

    def __post_init__(self) -> None:
        self.stable = behaviour(self.scenario.stable)
        self.candidate = behaviour(self.scenario.candidates_model())
        classes = sorted({*self.stable.classes, *self.candidate.classes})
        analysis = self.spec.rollout.analysis
        self.exports = {
            revision: Exports.of(analysis, classes, sorted(self.stable.groups), sorted(of.routes))
            for revision, of in ((STABLE, self.stable), (self.revision, self.candidate))
        }
        self._values = dict(_values(analysis, self.scenario))

    def past(self, rng: Random) -> HourBefore:
        """An hour of stable before a rollout."""
        analysis = self.spec.rollout.analysis
        end = _EPOCH + rng.uniform(0, seconds(analysis.interval))
        phase = rng.random()
        stable = self._scrapes(STABLE, end, phase, rng)
        stable.scale([end - _BEFORE] * self.spec.replicas)
        failing = self.failing(Status())
        return run_before(stable, self.stable, end, phase, self.spec, failing)

    def run(self, rng: Random, past: HourBefore, *, explained: bool = True) -> Run:
        """One rollout; the same random numbers and the same past give the same result.

        `explained`: with a log that can be shown; else its messages may be of earlier looks.
        """
        candidate = self._scrapes(self.revision, past.end, past.phase, rng)
        stable = past.stable.copy(rng)
        return _Simulated(self, past, candidate, stable, explained=explained).run()

    def _scrapes(self, revision: str, start: float, phase: float, rng: Random) -> Scrapes:
        scenario, expected = self.scenario, arrivals(self.scenario, phase)
        return Scrapes(
            arm=Arm(self.owner.namespace, self.owner.child(revision)),
            exports=self.exports[revision],
            arrivals=lambda at: expected(at - start),
            interval=seconds(scenario.scrape_interval),
            pods_differ=fraction(scenario.pods_differ),
            rng=rng,
        )

    def value(self, query: ExpressionQuery, at: float) -> QueryResult:
        """The result of a query."""
        return (Series({}, ((at, self._values[query]),)),)

    def failing(self, status: Status) -> Failing | None:
        """The outages of this scenario; None: none until now."""
        outages = self.scenario.outages
        if outages is None:
            return None
        since = _EPOCH - _BEFORE
        if outages.after_promotion is not None:
            guarding = status.candidate and status.candidate.guarding
            since = guarding.since + seconds(outages.after_promotion) if guarding else inf
        every, lasting = seconds(outages.every), seconds(outages.lasting)
        return Failing(since, every, lasting, fraction(outages.errors)) if since < inf else None

    def changes_after(self, status: Status) -> float:
        """Time from which the candidate differs, Unix seconds."""
        candidate, later = status.candidate, self.scenario.candidate.after_promotion
        if later is not None:
            guarding = candidate.guarding if candidate else None
            return guarding.since + seconds(later) if guarding else inf
        if candidate is None or candidate.analysis_since is None:
            return -inf
        return candidate.analysis_since + seconds(self.scenario.candidate.after)


def asked_for(analysis: Analysis) -> dict[str, list[ExpressionQuery]]:
    """The queries whose results only a scenario can give, by the name of their check."""
    found = {
        check.name: [
            query
            for query in queries_of(analysis.replace(checks=[check]))
            if isinstance(query, ExpressionQuery)
        ]
        for check in analysis.checks
    }
    return {name: queries for name, queries in found.items() if queries}


def _values(analysis: Analysis, scenario: Scenario) -> Iterator[tuple[ExpressionQuery, float]]:
    for name, queries in asked_for(analysis).items():
        if name not in scenario.values:
            raise ValueError(
                f"values.{name}: is required, since a simulation cannot run the query of check "
                f"{name}: say what it would read"
            )
        for query in queries:
            yield query, scenario.values[name]


def _task_end(job: JobEnds) -> TaskEnd:
    if code := job.exit_code:
        return TaskEnd(succeeded=False, message=f"Error with exit code {code}", code=code)
    return TaskEnd(succeeded=True, said=json.dumps(job.result) if job.result else None)


class _Simulated:
    """One running rollout."""

    def __init__(
        self,
        simulation: Simulation,
        past: HourBefore,
        candidate: Scrapes,
        stable: Scrapes,
        *,
        explained: bool,
    ) -> None:
        self._simulation, self._past = simulation, past
        self._candidate, self._stable = candidate, stable
        world = SimulatedCluster()
        desired = Desired(simulation.spec, 1, STABLE, name=simulation.owner.name)
        self._rollout = SimulatedDeployment(desired, world, past.end - _BEFORE)
        self._rollout.settle()
        self._account = RolloutLog(simulation.owner, self._rollout, past.end, explained)
        guard = simulation.spec.rollout.guard
        self._stops_at = past.end + STOPPED_AFTER + (guard.seconds if guard else 0.0)
        world.pods_ready_after = seconds(simulation.scenario.pods_ready_after)
        world.route_after = seconds(simulation.scenario.route_after)
        world.task_end = _task_end(simulation.scenario.job)

    def run(self) -> Run:
        """From the new manifest to the decision that ends it."""
        rollout, log = self._rollout, self._account
        rollout.now, rollout.desired = (
            log.start,
            replace(rollout.desired, revision=self._revision),
        )
        self._settle()
        while (outcome := self._outcome()) is None:
            now = min(rollout.wakes_at(), log.look, self._stops_at)
            self._serve(now)
            rollout.now = now
            request = log.request if now == log.look else None
            if isinstance(request, HistoryRequest):
                log.learn(self._past.found)
            elif request:
                log.judge(request.read(self, now))
            self._settle()
        return Run(
            reason=outcome[0],
            outcome=outcome[1],
            after=rollout.now - log.start,
            requests=self._candidate.served,
            moments=tuple(log.moments),
            audits=log.audits,
        )

    @property
    def _revision(self) -> str:
        return self._simulation.revision

    def _serve(self, to: float) -> None:
        """Generate the requests until then, split according to the world."""
        misrouted = fraction(self._simulation.scenario.misrouted)
        world = self._rollout.world.at(self._rollout.now)
        share = world.weight / 100 * (1 - misrouted)
        copied = world.mirrored / 100 * (1 - share) * (1 - misrouted)
        simulation, status = self._simulation, self._rollout.status
        changed, failing = simulation.changes_after(status) <= to, simulation.failing(status)
        own = simulation.candidate if changed else simulation.stable
        self._stable.serve(to, 1 - share, simulation.stable, failing)
        self._candidate.serve(to, share + copied, own, failing)

    def _settle(self) -> None:
        self._account.settle()
        if self._awaits_a_person() and self._every_check_passed():
            self._advance()
            return
        world = self._rollout.world
        self._stable.scale(world.pods(STABLE))
        self._candidate.scale(world.pods(self._revision))

    def _awaits_a_person(self) -> bool:
        return self._person_awaited() is not None

    def _person_awaited(self) -> StepKind | None:
        """The step that a person ends; None: there is none, or something else is awaited."""
        hold, candidate = hold_of(self._rollout.status), self._rollout.status.candidate
        if hold is None or candidate is None:
            return None
        step = current_step(steps_of(self._simulation.spec.rollout, candidate), candidate)
        return step if step and step.person == hold.reason else None

    def _every_check_passed(self) -> bool:
        status, spec = self._rollout.status, self._simulation.spec
        if status.candidate and not status.candidate.weight.percent:
            return True  # nothing is judged before the first copy or weight
        judged, wanted = verdicts(status), analysis_of(spec, status.candidate).checks
        return len(judged) == len(wanted) and overall(judged.values()) == "Pass"

    def _advance(self) -> None:
        """A pause without a duration is advanced, and a step approved, once every check has
        passed."""
        rollout, step = self._rollout, self._person_awaited()
        if step is None:
            raise LookupError("no candidate waits for a person")
        command = step.ended_by(rollout.situation(), len(rollout.new_decisions))
        rollout.desired = replace(rollout.desired, command=command)
        self._settle()

    def read(self, queries: Iterable[ArmQuery], now: float) -> Results:
        """The samples scraped by now."""
        return {one: self._result(one, now) for one in queries}

    def _result(self, asked: ArmQuery, now: float) -> QueryResult:
        if isinstance(asked.query, ExpressionQuery):
            return self._simulation.value(asked.query, now)
        scrapes = self._stable if asked.arm == self._stable.arm else self._candidate
        return scrapes.result(asked, now)

    def _waits_until(self) -> float:
        """Time at which a person gives up waiting for a verdict, after the maximum duration of a
        step."""
        candidate = self._rollout.status.candidate
        longest = step_may_last(self._simulation.spec.rollout.analysis, candidate)
        return longest + ((candidate and candidate.effective_since) or self._rollout.now)

    def _outcome(self) -> tuple[str, RunOutcome] | None:
        """Reason and phase, once it has ended or waits for a person."""
        status = self._rollout.status
        if status.candidate is None:
            last = self._rollout.new_decisions[-1].reason
            return last, "Promoted" if last in PROMOTED else "RolledBack"
        waits = self._awaits_a_person() and self._rollout.now < self._waits_until()
        if status.phase not in ("Healthy", "Progressing") and status.candidate.hold and not waits:
            return status.candidate.hold.reason, "Held"
        if self._rollout.now >= self._stops_at:
            return "Undecided", "Held"
        return None
