"""A scenario with a seed, and what it came to."""

import time
import traceback
from dataclasses import asdict, dataclass
from typing import Any, Final

from serinus.api.quantities import spoken
from tests.bench.scenarios import steps
from tests.bench.scenarios.nights import SCENARIOS
from tests.bench.scenarios.scenario import Grade, Outcome
from tests.bench.scenarios.staging import play

NIGHTS: Final = {scenario.name: scenario for scenario in SCENARIOS}
NAMED: Final = NIGHTS | {scenario.name: scenario for scenario in steps.SCENARIOS}


@dataclass(frozen=True)
class Run:
    """A scenario with one seed."""

    name: str
    seed: int
    grade: Grade
    took: float
    """Seconds."""
    outcome: Outcome | None = None
    crash: str = ""
    """Why there is no outcome, which counts as forbidden."""

    def __str__(self) -> str:
        if self.outcome is None:
            return f"{self.grade:10} {self.name} ({self.seed}): {self.crash.splitlines()[-1]}"
        found = self.outcome
        told = f"{found.ending} after {spoken(found.after)}"
        cost = f"{found.failed} of {found.requests} failed"
        said = found.said.splitlines()[0][:200] if found.said else ""
        return f"{self.grade:10} {self.name} ({self.seed}): {told}, {cost}. {found.reason} {said}"

    @property
    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return {**asdict(self), "kind": NAMED[self.name].kind, "night": NAMED[self.name].night}


def run(job: tuple[str, int]) -> Run:
    """A scenario by its name, with a seed."""
    name, seed = job
    began, scenario = time.process_time(), NAMED[name]
    try:
        outcome = play(scenario, seed)
    except Exception:
        took = time.process_time() - began
        return Run(name, seed, Grade.FORBIDDEN, took, crash=traceback.format_exc())
    return Run(name, seed, scenario.graded(outcome), time.process_time() - began, outcome)
