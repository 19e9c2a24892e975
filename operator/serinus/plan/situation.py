"""The input of the rules, and how a rule passes its result to the next."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, Final

from serinus.api.capabilities import Capability
from serinus.api.isolation import Part
from serinus.api.quantities import spoken
from serinus.api.reasons import About, Reason
from serinus.api.spec import Spec
from serinus.api.stages import PROMOTED, Stage
from serinus.api.status import (
    Candidate,
    Decision,
    Hold,
    Rejected,
    Retiring,
    Stable,
    Status,
    Timeline,
    Weight,
)
from serinus.api.steps import Given, Step
from serinus.api.task_kinds import TaskKind
from serinus.manifests.task import TaskEnd
from serinus.manifests.workloads import Workload
from serinus.plan.audit import with_audit
from serinus.plan.chosen_steps import steps_of
from serinus.plan.following import Following
from serinus.plan.history import former
from serinus.plan.problems import Problem, Severity, gravest_first
from serinus.plan.timeline import ended
from serinus.plan.traffic import NOTHING, preview_of

DECISIONS_KEPT = 10
COUNTED: Final = frozenset({Reason.WEIGHT_LOWERED})
"""Decisions that may come again and again, as with each scale-up, and would push others out."""
RETIRING_KEPT = 16


@dataclass(frozen=True, slots=True)
class Desired:
    """The desired state."""

    spec: Spec
    generation: int
    revision: str
    """Hash of the spec's model and template."""
    command: str | None = None
    """The annotation serinus.dev/command."""
    problems: tuple[str, ...] = ()
    """Problems of the spec beyond its schema, each a message that names the field."""
    incompatibility: str | None = None
    """Why the revision cannot share traffic with stable, as its steps require; None: it can."""
    selector: str = ""
    """Selector of the pods of all revisions."""
    ignored: tuple[str, ...] = ()
    """Unknown fields of the spec, each in a message."""
    name: str = ""
    """Name of the ModelDeployment, for messages."""
    digest: str = ""
    """Of model, template and rollout, as an approval names it."""
    content: str = ""
    """Of model and template; empty: nothing of it is to be remembered."""
    following: Following | None = None
    """What the spec follows in a registry; None: nothing."""

    @property
    def version(self) -> str | None:
        """model.version, if given."""
        return self.spec.model.version if self.spec.model else None


@dataclass(frozen=True, slots=True)
class PodEnd:
    """The last termination of a container."""

    at: float
    """Unix seconds."""
    message: str
    """Message of the pod."""


@dataclass(frozen=True, slots=True)
class SeenPod:
    """A listed pod."""

    name: str
    revision: str
    created: float
    """Unix seconds."""
    restarts: int
    """Restarts of its serving containers since it was created."""
    last_end: PodEnd | None = None
    leaving: bool = False
    """It is being deleted or has ended, and serves no more."""
    evicted: bool = False
    """The kubelet ended it because of what it or its node used; counted in `restarts`."""
    node: str = ""
    """Name of its node; empty: it has none yet."""
    zone: str = ""
    """That of its node; empty: it is not known."""
    ready: bool = True
    cut_off: bool = False
    """It is not ready because its node does not report."""
    turned: float | None = None
    """When it became ready or unready, Unix seconds; None: unknown."""
    lost_readiness: bool = False
    """Whether it became unready since the list before, without a restart."""
    down_since: float | None = None
    """Since when it has been unready after it was ready, Unix seconds; None: it is ready, starts or
    leaves."""
    images: Mapping[str, str] = field(default_factory=dict)
    """By serving container whose image is named by a tag, the digest of what it runs."""


@dataclass(frozen=True, slots=True)
class RefusedEviction:
    """Why a pod could not be evicted."""

    message: str
    forbidden: bool
    """The operator has no right to."""
    since: float = -inf
    """When it was refused first, without a break since, Unix seconds."""
    until: float = inf
    """When it was refused last, Unix seconds."""


@dataclass(frozen=True, slots=True)
class KnownRevision:
    """A revision of the history."""

    number: int
    version: str | None = None


@dataclass(frozen=True, slots=True)
class InternalError:
    """A part of this operator that raises exceptions."""

    part: Part
    message: str
    since: float
    """Unix seconds."""
    times: int
    """How often it has raised since then."""
    until: float
    """Unix seconds of the last time."""
    ran_well: bool = False
    """Whether it has since run without an exception."""
    again: bool = False
    """Whether it raised again after it had run well."""


@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """Whether the API server lets nobody but approvers write an approval, in their own name."""

    problem: str = ""
    """Why it does not, or why that is unknown; empty: it does."""
    older: bool = False
    """Whether the command may have been written before it did."""


@dataclass(frozen=True, slots=True)
class TaskPolicy:
    """Whether the API server lets nobody write a task of this kind who may not run it."""

    problem: str = ""
    """Why it does not, or why that is unknown; empty: it does."""
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """The observed state."""

    history: Mapping[str, KnownRevision] = field(default_factory=dict)
    contents: Mapping[str, str] | None = None
    """Digests of those in the history that the status names and has none of; None: not read."""
    workloads: Mapping[str, Workload] = field(default_factory=dict)
    endpoints: int | None = None
    """Ready addresses of the candidate's Service; None: not read."""
    pods_seen: tuple[SeenPod, ...] | None = None
    """Pods of stable and candidate; None: not listed in this pass."""
    nodes: Mapping[str, str] = field(default_factory=dict)
    """Node of each pod of stable and candidate, as last listed."""
    listed: Mapping[str, SeenPod] = field(default_factory=dict)
    """The same pods by name, as last listed."""
    evicted: frozenset[str] = frozenset()
    """Of the pods that are to be replaced, those that are gone or leave."""
    refused_eviction: RefusedEviction | None = None
    """Of a pod that is to be replaced; None: none is, or nothing is known against it."""
    mixed: Mapping[str, str] | None = None
    """By revision whose pods run different images, which ones, as a message; None: not known, until
    pods are listed."""
    weight: float = 0.0
    """The candidate's percentage of the traffic."""
    mirrored: float = 0.0
    """Percentage of the requests that are copied to the candidate."""
    split_in_effect: bool = False
    """Whether the actual split is the one in the status."""
    route_awaited_since: float | None = None
    """Time since which the split is not in effect, Unix seconds; None: it is."""
    leads_to: frozenset[str] | None = None
    """Revisions that may get traffic; None: unknown, for example while a route is not in effect."""
    unable: Mapping[Capability, str] = field(default_factory=dict)
    """What the router is known not to do, of what a rollout is about to need, each with the reason
    and the remedy."""
    less_scraped: str = ""
    """By what Prometheus may find stable's pods, and not the candidate's; otherwise empty."""
    marked: bool = False
    """Whether the candidate's traffic was withdrawn from the objects that split it, of which the
    status knows nothing: it may still say that the weight is in effect."""
    problems: tuple[Problem, ...] = ()
    """What is not as desired, gravest first."""
    ended_tasks: Mapping[str, TaskEnd] = field(default_factory=dict)
    """How Jobs have ended, by name, of those that have."""
    tasks: frozenset[str] = frozenset()
    """Names of the Jobs that are there."""
    idle_tasks: Mapping[str, str] = field(default_factory=dict)
    """Of a Job that is awaited and of which no container runs or has run, why that is so; empty: it
    is not there."""
    absent_tasks: frozenset[str] = frozenset()
    """Names of what was started instead of Jobs, and is known not to be there."""
    task_kinds: tuple[TaskKind, ...] | None = None
    """What may be started instead of Jobs; None: not known, as in a simulation, and nothing is."""
    task_policy: TaskPolicy | None = None
    """None: not asked, since the kind of the task is not among these."""
    approval_policy: ApprovalPolicy | None = None
    """None: unknown, and no approval counts."""
    serving: str | None = None
    """The revision that the Service selects, regardless of the status."""
    unread: tuple[str, ...] = ()
    """Unreadable parts of the status, each as a message."""
    internal_errors: tuple[InternalError, ...] = ()

    @property
    def percent(self) -> float:
        """Of the requests that the candidate serves, of clients or copies."""
        return self.weight or self.mirrored

    def ready(self, revision: str) -> int:
        """Ready pods of a revision; 0 if it has no workload."""
        workload = self.workloads.get(revision)
        return workload.ready if workload else 0

    def with_problems(self, *found: Problem, **facts: Any) -> "World":
        """A copy with problems, before others that are as grave, and with facts changed."""
        return replace(self, problems=gravest_first((*found, *self.problems)), **facts)

    def first(self, *about: About) -> Problem | None:
        """The gravest problem about one of these for which something waits; None: there is none."""
        found = (each for each in self.problems if each.about in about)
        return next((each for each in found if each.severity is not Severity.NOTE), None)

    def why(self, *about: About) -> str:
        """Its text; otherwise empty."""
        problem = self.first(*about)
        return problem.text if problem else ""

    @property
    def withdrawn(self) -> str:
        """Why the candidate's traffic is withdrawn; otherwise empty."""
        return self.why(About.WITHDRAWAL)

    @property
    def route_problem(self) -> Problem | None:
        """Why the split is not in effect, as far as it is known."""
        return self.first(*Reason.AWAITING_ROUTE.meaning.about)

    @property
    def why_no_route(self) -> str:
        """The same in words; empty: it is not known."""
        return self.why(*Reason.AWAITING_ROUTE.meaning.about)

    @property
    def why_no_pods(self) -> str:
        """Why the candidate's pods are not ready; empty: it is not known."""
        return self.why(*Reason.AWAITING_PODS.meaning.about)


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that a rule may read."""

    desired: Desired
    status: Status
    world: World
    now: float
    new_decisions: tuple[Decision, ...] = ()
    """Decisions of this pass, oldest first; each becomes an Event."""
    awaited: set[float] = field(default_factory=set, compare=False)
    """Moments that have not come, Unix seconds; all copies share it."""

    def reached(self, moment: float) -> bool:
        """Whether it is this time or later, Unix seconds. If it is not, a pass is due then, because
        whoever asks will decide or say something else."""
        if self.now < moment:
            self.awaited.add(moment)
        return self.now >= moment

    @property
    def steps(self) -> list[Step]:
        """The steps of the rollout."""
        return steps_of(self.desired.spec.rollout, self.status.candidate)

    @property
    def candidate(self) -> Candidate:
        """The candidate; only for rules that run if there is one."""
        if self.status.candidate is None:
            raise LookupError("there is no candidate")
        return self.status.candidate

    @property
    def promoted(self) -> str | None:
        """The revision that is promoted and still guarded."""
        candidate = self.status.candidate
        return candidate.revision if candidate and candidate.stage in PROMOTED else None

    @property
    def stable_is_down(self) -> bool:
        """Whether stable should have pods, and none is ready."""
        stable = self.status.stable
        ready = stable is not None and self.world.ready(stable.revision)
        return stable is not None and not ready and self.desired.spec.replicas > 0

    @property
    def serves_alone(self) -> bool:
        """Whether the candidate is the only revision that serves: it has traffic and ready pods,
        and stable had none and does not serve steadily again, because pods in a crash loop serve
        nothing."""
        candidate = self.status.candidate
        if candidate is None or candidate.alone_since is None or not self.world.weight:
            return False
        return self.world.ready(candidate.revision) > 0

    def to(self, **changes: Any) -> "Situation":
        """A copy with fields of the status changed."""
        return replace(self, status=self.status.replace(**changes))

    def to_candidate(self, **changes: Any) -> "Situation":
        """A copy with fields of the candidate changed."""
        return self.to(candidate=self.candidate.replace(**changes))

    def because(self, reason: Reason, revision: str, message: str) -> "Situation":
        """A copy with a decision added to the status and to the new decisions."""
        decision = Decision(at=self.now, reason=reason, revision=revision, message=message[:1024])
        before = self.status.decisions
        last = before[0] if before else None
        if last and reason in COUNTED and (last.reason, last.revision) == (reason, revision):
            decision, before = _again(decision, last), before[1:]
        decided = self.to(decisions=[decision, *before][:DECISIONS_KEPT])
        return replace(decided, new_decisions=(*self.new_decisions, decision))

    def hold(self, reason: Reason, message: str) -> "Situation":
        """The candidate waits; `since` stays while the reason does."""
        before = self.candidate.hold
        since = before.since if before and before.reason == reason else self.now
        return self.to_candidate(hold=Hold(reason=reason, message=message[:1024], since=since))

    def retire(self, *revisions: str) -> "Situation":
        """These revisions lose their traffic now, and their pods once they are idle."""
        kept = [old for old in self.status.retiring if old.revision not in revisions]
        kept += [Retiring(revision=revision, since=self.now) for revision in revisions]
        while len(kept) > RETIRING_KEPT:
            # a gateway that accepts no route still uses the last split that it accepted, which has
            # the oldest, and not those that came and went since
            idle = next((old for old in kept if old.idle_since is not None), kept[1])
            kept.remove(idle)
        return self.to(retiring=kept)

    def drop(self) -> "Situation":
        """Remove the candidate."""
        dropped = self._with_nothing_read_of_the_split().retire(self.candidate.revision)
        return dropped.to(
            candidate=None, timeline=ended(self.status.timeline, self.candidate, self.now)
        )

    def reject(self, reason: Reason, message: str) -> "Situation":
        """Roll the candidate back, and do not retry its revision automatically. If the candidate
        was an undo, the revision in the spec stays rejected."""
        candidate, message = self.candidate, with_audit(message, self.candidate)
        if candidate.stage is Stage.RETURNING:
            return self.drop().because(reason, candidate.revision, message)
        refused = Rejected(
            revision=candidate.revision, reason=reason, message=message[:1024], at=self.now
        )
        return self.drop().to(rejected=refused).because(reason, candidate.revision, message)

    def start(
        self, revision: str, message: str, *, direct: bool = False, given: Given = NOTHING
    ) -> "Situation":
        """Start the rollout of a revision with what its first step gives it, or directly without
        steps, as one beside which nothing serves."""
        known = self.world.history.get(revision)
        highest = max((each.number for each in self.world.history.values()), default=0)
        desired = revision == self.desired.revision
        stable = self.status.stable
        stage = Stage.FIRST if stable is None else Stage.RETURNING if direct else Stage.STEPPING
        given = given if stage is Stage.STEPPING else NOTHING
        wanted = 100 if stage is Stage.FIRST else given.weight
        candidate = Candidate(
            revision=revision,
            number=known.number if known else highest + 1,
            version=self.desired.version if desired else known.version if known else None,
            stage=stage,
            weight=Weight(wanted=wanted, mirrored=given.mirrored or None, actual=0),
            **preview_of(given),
            since=self.now,
            progress_since=self.now,
        )
        kept = [old for old in self.status.retiring if old.revision != revision]
        reason = Reason.FIRST_DEPLOYMENT if stage is Stage.FIRST else Reason.ROLLOUT_STARTED
        started = self._with_nothing_read_of_the_split().to(candidate=candidate, retiring=kept)
        if stable is not None and stage is Stage.STEPPING:
            timeline = Timeline(revision=revision, stable=stable.revision, since=self.now)
            started = started.to(timeline=timeline)
        return started.because(reason, revision, message)

    def promote(self, message: str, reason: Reason = Reason.PROMOTED) -> "Situation":
        """The candidate becomes stable. Roles change, pods do not."""
        candidate, old = self.candidate, self.status.stable
        stable = Stable(
            revision=candidate.revision,
            number=candidate.number,
            version=candidate.version,
            ready_replicas=self.world.ready(candidate.revision),
            since=self.now,
        )
        timeline = ended(self.status.timeline, self.candidate, self.now)
        promoted = self._with_nothing_read_of_the_split()
        promoted = promoted.to(stable=stable, candidate=None, timeline=timeline)
        if old is not None:
            past = former(self.status.former, old.revision, candidate.revision)
            promoted = promoted.retire(old.revision).to(former=past)
        said = with_audit(message, candidate)
        return promoted.because(reason, candidate.revision, said)

    def _with_nothing_read_of_the_split(self) -> "Situation":
        """Roles change: observations of the split and of the candidate's pods are outdated."""
        unread = World()
        lasting = (Severity.INTERVENTION, Severity.OUTAGE)
        outdated = (About.ROUTE, About.CANDIDATE)
        world = replace(
            self.world,
            endpoints=unread.endpoints,
            weight=unread.weight,
            mirrored=unread.mirrored,
            split_in_effect=unread.split_in_effect,
            problems=tuple(
                each
                for each in self.world.problems
                if each.severity in lasting or each.about not in outdated
            ),
        )
        return replace(self, world=world)


def _again(decision: Decision, before: Decision) -> Decision:
    """The same decision once more, which stands for both."""
    first, times = before.first or before.at, before.times + 1
    said = decision.message[:980].rstrip(" .")
    message = f"{said}. {times} times in {spoken(decision.at - first)}."
    return decision.replace(message=message, times=times, first=first)
