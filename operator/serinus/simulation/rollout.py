"""One simulated ModelDeployment: desired state, status and world between passes."""

from dataclasses import dataclass, field

from serinus.api.status import Decision, Status
from serinus.plan.decide import Plan, decide
from serinus.plan.situation import Desired, Situation
from serinus.simulation.cluster import SimulatedCluster

_MOST_PASSES = 30


@dataclass
class SimulatedDeployment:
    """The state and steps of the operator, without the operator."""

    desired: Desired
    world: SimulatedCluster
    now: float
    """Unix seconds."""
    status: Status = field(default_factory=Status)
    new_decisions: list[Decision] = field(default_factory=list)
    """All decisions so far, oldest first."""
    plan: Plan | None = None

    def pass_once(self) -> None:
        """One decide, after which the world starts the changes."""
        self.plan = decide(self.desired, self.status, self.world.at(self.now), self.now)
        self.status = self.plan.status
        self.new_decisions += self.plan.new_decisions
        self.world.obey(self.desired, self.plan, self.now)

    def situation(self) -> Situation:
        """What a pass would decide on now."""
        return Situation(self.desired, self.status, self.world.at(self.now), self.now)

    def settle(self) -> None:
        """Passes until nothing more is decided or started at this time, as in the operator."""
        for _ in range(_MOST_PASSES):
            found = self.world.at(self.now)
            self.pass_once()
            if self.plan and not self.plan.new_decisions and self.world.at(self.now) == found:
                return
        raise RuntimeError("it does not come to rest")

    def wakes_at(self) -> float:
        """Time of the next pass without an event, Unix seconds; infinity: never."""
        wake = self.plan.wake_in if self.plan else None
        due = float("inf") if wake is None else self.now + wake
        return min(due, self.world.changes_after(self.now))
