"""A simulated rollout: the rules against a world that does what they want, unless set otherwise."""

from dataclasses import dataclass, field, replace
from typing import Any, Self

from serinus.api.baseline import Baseline
from serinus.api.spec import Spec
from serinus.api.status import CheckState, CheckStatus, Status, Verdict
from serinus.judge import CannotFail, learn
from serinus.manifests.revision import approval_digest
from serinus.metrics.queries import History, QueryError
from serinus.plan.analysis import analysis_of, awaits_history, learned
from serinus.plan.decide import Plan, decide
from serinus.plan.situation import Desired
from serinus.simulation.cluster import SimulatedCluster
from serinus.simulation.rollout import SimulatedDeployment

TEMPLATE: dict[str, Any] = {
    "spec": {"containers": [{"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}]}
}
GATEWAY = {"gateway": {"parentRefs": [{"name": "public"}]}}
NO_HISTORY = History(0.0, {})
A_YEAR = 31_536_000.0
A, B, C = "aaaaaaaa", "abbbbbbb", "accccccc"


@dataclass
class SimulatedRollout:
    """Holds what the user asks for, and the rollout between passes."""

    spec: dict[str, Any] = field(default_factory=dict)
    revision: str = A
    command: str | None = None
    problems: tuple[str, ...] = ()
    incompatibility: str | None = None
    world: SimulatedCluster = field(default_factory=SimulatedCluster)
    history: History | QueryError | None = NO_HISTORY
    """What is read of stable's last hour; None: it is not read yet."""

    def __post_init__(self) -> None:
        self.rollout = SimulatedDeployment(self._desired(), self.world, now=1000.0)

    def given(self, **rollout: Any) -> Self:
        """Change spec.rollout."""
        self.spec = {**self.spec, "rollout": {**self.spec.get("rollout", {}), **rollout}}
        return self

    def pass_once(self) -> Self:
        """One decide, after which the world does what it wants."""
        self.rollout.desired = self._desired()
        self.rollout.pass_once()
        return self._fitting()

    def settle(self) -> Self:
        """Passes until nothing changes; stable's history is read as soon as it is asked for."""
        self.rollout.desired = self._desired()
        self.rollout.settle()
        if self.history is not None and awaits_history(self.rollout.desired.spec, self.status):
            self.rollout.status = learned(self.rollout.desired.spec, self.status, self._baseline())
            self.rollout.settle()
        return self._at_rest()

    def after(self, seconds: float) -> Self:
        """Let time go by, then settle."""
        self.rollout.now += seconds
        return self.settle()

    def apply(self, revision: str) -> Self:
        """The user applies another revision."""
        self.revision = revision
        return self.settle()

    def order(self, command: str) -> Self:
        """The user annotates a command, in which DIGEST stands for that of the spec."""
        self.command = command.replace("DIGEST", self._desired().digest)
        return self.settle()

    def judged(
        self,
        verdict: Verdict,
        message: str = "evidence",
        state: CheckState | None = None,
        **others: Verdict,
    ) -> Self:
        """The judge comes to a verdict about each check, and to others about those named."""
        assert self.status.candidate, "nobody to judge"
        analysis = analysis_of(self._desired().spec, self.status.candidate)
        failed = {check.name: check.first_fail for check in self.status.candidate.checks}
        checks = [
            CheckStatus(
                name=check.name,
                kind=check.kind,
                mode=check.mode,
                first_fail=failed.get(check.name),
                verdict=others.get(check.name, verdict),
                message=message,
                state=state or CheckState(),
            )
            for check in analysis.checks
        ]
        candidate = self.status.candidate.replace(checks=checks)
        self.rollout.status = self.status.replace(candidate=candidate)
        return self.settle()

    @property
    def status(self) -> Status:
        """The status as it was decided last."""
        return self.rollout.status

    @property
    def plan(self) -> Plan | None:
        """What the last pass came to."""
        return self.rollout.plan

    @property
    def reasons(self) -> list[str]:
        """Reasons of all decisions so far."""
        return [decision.reason for decision in self.rollout.new_decisions]

    @property
    def weight(self) -> float:
        """The weight written to the route."""
        assert self.plan and self.plan.wanted
        return self.plan.wanted.traffic.weight

    @property
    def reason(self) -> str:
        """The reason of condition Ready."""
        return next(each.reason for each in self.status.conditions if each.type == "Ready")

    def _fitting(self) -> Self:
        """Whatever is decided, the API server takes the status, whose bounds the types have too."""
        Status.model_validate(self.status.to_json())
        return self

    def _at_rest(self) -> Self:
        """Nothing is to be done until the next pass is due, and then something is."""
        desired, now = self.rollout.desired, self.rollout.now
        # pods are listed once, and counted then
        found = replace(self.world.at(now), pods_seen=None)
        plan = decide(desired, self.status, found, now)
        assert self.world.pods_seen or self.plan is None or self.plan.wake_in == plan.wake_in

        def same(at: float) -> bool:
            later = decide(desired, self.status, found, at)
            return replace(later, wake_in=plan.wake_in) == plan

        if plan.wake_in is None:
            assert same(now + A_YEAR), "no pass is due, and something is to be done"
        else:
            assert same(now + plan.wake_in - 0.001), "a pass is due too late"
            assert not same(now + plan.wake_in + 0.001), "a pass is due that does nothing"
        return self._fitting()

    def _baseline(self) -> Baseline | QueryError | CannotFail:
        if isinstance(self.history, History):
            return learn(self.rollout.desired.spec.rollout.analysis, self.history)
        assert self.history is not None
        return self.history

    def _desired(self) -> Desired:
        raw = {"template": TEMPLATE, "traffic": GATEWAY, "replicas": 4, **self.spec}
        spec = Spec.model_validate(raw)
        named = {**raw, "model": {"version": self.revision}}
        return Desired(
            spec,
            1,
            self.revision,
            self.command,
            self.problems,
            self.incompatibility,
            digest=approval_digest(named),
        )


def serving(revision: str = A, **spec: Any) -> SimulatedRollout:
    """A rollout in which a first revision is stable."""
    return SimulatedRollout(spec=spec, revision=revision).settle()
