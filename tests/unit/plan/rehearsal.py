"""A rollout on paper: the rules against a world that does what they want, unless told otherwise."""

from dataclasses import dataclass, field, replace
from typing import Any, Self

from serinus.api.spec import Spec
from serinus.api.status import CheckStatus, Status, Verdict
from serinus.plan.decide import Plan, decide
from serinus.plan.situation import Known, Wish, Workload, World

TEMPLATE: dict[str, Any] = {
    "spec": {"containers": [{"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}]}
}
GATEWAY = {"gateway": {"parentRefs": [{"name": "public"}]}}
A, B, C = "aaaaaaaa", "abbbbbbb", "accccccc"


@dataclass
class Rehearsal:
    """Holds wish, status and world between passes."""

    spec: dict[str, Any] = field(default_factory=dict)
    revision: str = A
    now: float = 1000.0
    status: Status = field(default_factory=Status)
    world: World = field(default_factory=World)
    command: str | None = None
    problems: tuple[str, ...] = ()
    broken: set[str] = field(default_factory=set)
    """Revisions whose pods never become ready."""
    routed: bool = True
    """Whether the gateway takes up what is written."""
    told: list[str] = field(default_factory=list)
    """Reasons of all decisions so far."""
    plan: Plan | None = None

    def given(self, **rollout: Any) -> Self:
        """Change spec.rollout."""
        self.spec = {**self.spec, "rollout": {**self.spec.get("rollout", {}), **rollout}}
        return self

    def pass_once(self) -> Self:
        """One decide, after which the world does what it wants."""
        raw = {"template": TEMPLATE, "traffic": GATEWAY, "replicas": 4, **self.spec}
        wish = Wish(Spec.model_validate(raw), 1, self.revision, self.command, self.problems)
        self.plan = decide(wish, self.status, self.world, self.now)
        self.status = self.plan.status
        self.told += [decision.reason for decision in self.plan.news]
        self._obey(self.plan)
        return self

    def settle(self) -> Self:
        """Passes until nothing changes."""
        for _ in range(30):
            before = (self.status, self.world)
            self.pass_once()
            if (self.status, self.world) == before:
                return self
        raise AssertionError("it does not come to rest")

    def after(self, seconds: float) -> Self:
        """Let time go by, then settle."""
        self.now += seconds
        return self.settle()

    def apply(self, revision: str) -> Self:
        """The user applies another revision."""
        self.revision = revision
        return self.settle()

    def order(self, command: str) -> Self:
        """The user annotates a command."""
        self.command = command
        return self.settle()

    def judged(self, verdict: Verdict, message: str = "evidence") -> Self:
        """The judge comes to a verdict about each check."""
        assert self.status.candidate, "nobody to judge"
        analysis = Spec.model_validate({"template": TEMPLATE, **self.spec}).rollout.analysis
        checks = [
            CheckStatus(name=check.name, kind=check.kind, verdict=verdict, message=message)
            for check in analysis.checks
        ]
        candidate = self.status.candidate.model_copy(update={"checks": checks})
        self.status = self.status.model_copy(update={"candidate": candidate})
        return self.settle()

    @property
    def weight(self) -> int:
        """The weight written to the route."""
        assert self.plan and self.plan.wanted
        return self.plan.wanted.split.weight

    @property
    def reason(self) -> str:
        """The reason of condition Ready."""
        return next(each.reason for each in self.status.conditions if each.type == "Ready")

    def _obey(self, plan: Plan) -> None:
        if plan.wanted is None:
            return
        workloads = {
            name: Workload(count, 0 if name in self.broken else count)
            for name, count in plan.wanted.replicas.items()
        }
        history = dict(self.world.history)
        for role in (plan.status.stable, plan.status.candidate):
            if role:
                history[role.revision] = Known(role.number, role.version)
        split = plan.wanted.split
        first = plan.status.stable is None
        wanted = plan.status.candidate.weight.wanted if plan.status.candidate else 0
        reached = first or split.weight == wanted
        self.world = replace(
            self.world,
            workloads=workloads,
            history=history,
            weight=(0.0 if first else float(split.weight)) if self.routed else self.world.weight,
            split_in_effect=self.routed and reached,
        )


def serving(revision: str = A, **spec: Any) -> Rehearsal:
    """A rehearsal in which a first revision is stable."""
    return Rehearsal(spec=spec, revision=revision).settle()
