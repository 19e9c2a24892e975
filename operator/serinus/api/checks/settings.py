"""What every kind of check says of itself: whoever asks branches by no kind."""

from collections.abc import Iterator
from typing import ClassVar, Self

from serinus.api.base import Duration, Type
from serinus.api.checks.metrics import MetricName
from serinus.api.checks.server import ServerMetrics
from serinus.api.problem import Problem
from serinus.api.quantities import seconds


class Settings(Type):
    """Of one kind of check, and what that kind does."""

    has_guarantee: ClassVar[bool] = True
    """Its verdicts are wrong with a known chance, for which the analysis's budgets are asked."""
    tests_routing: ClassVar[bool] = False
    """A Fail blames the routing: it holds the rollout, and rolls nobody back."""
    compares_with_stable: ClassVar[bool] = True
    """What stable counts is a part of its evidence."""
    counts_requests: ClassVar[bool] = False
    """Every ready pod that serves counts something of what it reads."""
    finds_bad_events: ClassVar[bool] = False
    """Its evidence are events of which there are too many."""

    @property
    def shares_budget(self) -> bool:
        """It may roll back wrongly, with a share of falseRollbackBudget as the chance; its counts
        may vary more than by chance, and stable's history tells how much."""
        return self.has_guarantee and not self.tests_routing

    @property
    def warm_up_seconds(self) -> float:
        """Seconds in which a pod that has begun to serve is not counted."""
        return 0.0

    @property
    def unfiltered_durations(self) -> MetricName | None:
        """A histogram of durations that no matcher narrows down, so that it may count health probes
        as well."""
        return None

    def problems(self, longest_step: Duration, server: ServerMetrics | None) -> Iterator[Problem]:
        """What neither schema nor CEL can say, by the settings' own fields. `longest_step` is how
        long a step may take; `server` is that of the preset from which they were completed."""
        yield from ()

    def completed(self, server: ServerMetrics) -> Self:
        """With what the user left out as this server has it, so far as it does."""
        return self


def counts_too_late(field: str, wait: Duration, longest_step: Duration) -> Iterator[Problem]:
    """A problem if nothing is counted for as long as a step may take."""
    if seconds(wait) >= seconds(longest_step):
        message = f"{wait} is as long as a step may take, {longest_step}"
        yield Problem(field, f"{message} (maxStepDuration): the first could never pass")
