"""The properties of a kind of check, so that no other code depends on the kind."""

from collections.abc import Iterator
from typing import ClassVar, Self

from serinus.api.base import Duration, Type
from serinus.api.checks.metrics import MetricName
from serinus.api.checks.server import ServerMetrics
from serinus.api.problem import Problem
from serinus.api.quantities import seconds


class Settings(Type):
    """Settings of one kind of check, and the properties of that kind."""

    has_guarantee: ClassVar[bool] = True
    """Its verdicts are wrong with a known probability, set by the error budgets of the analysis."""
    tests_routing: ClassVar[bool] = False
    """A Fail is a fault of the routing: it holds the rollout and does not roll back."""
    compares_with_stable: ClassVar[bool] = True
    """Stable's counts are part of its evidence."""
    counts_requests: ClassVar[bool] = False
    """Every ready pod that serves requests increases a counter that it reads."""
    finds_bad_events: ClassVar[bool] = False
    """Its evidence is an excess of bad events."""

    @property
    def shares_budget(self) -> bool:
        """Whether it can cause a false rollback, with a share of falseRollbackBudget as the
        probability. Its counts may vary more than chance explains; stable's history shows how
        much."""
        return self.has_guarantee and not self.tests_routing

    @property
    def warm_up_seconds(self) -> float:
        """Seconds after a pod's first request in which it is not counted."""
        return 0.0

    @property
    def counts_after_seconds(self) -> float:
        """Seconds after the candidate's first traffic from which on its counts are evidence."""
        return self.warm_up_seconds

    @property
    def unfiltered_durations(self) -> MetricName | None:
        """A histogram of durations without matchers, which may therefore include health probes."""
        return None

    def problems(self, longest_step: Duration, server: ServerMetrics | None) -> Iterator[Problem]:
        """Problems that neither the schema nor CEL can express, by the field of these settings.

        `longest_step` is the maximum duration of a step; `server` is that of the preset.
        """
        yield from ()

    def completed(self, server: ServerMetrics) -> Self:
        """These settings, with omitted ones taken from the server where it has them."""
        return self


def counts_too_late(field: str, wait: Duration, longest_step: Duration) -> Iterator[Problem]:
    """A problem if nothing is counted for the maximum duration of a step."""
    if seconds(wait) >= seconds(longest_step):
        message = f"{wait} is not shorter than the maximum duration of a step, {longest_step}"
        yield Problem(field, f"{message} (maxStepDuration): the first step could never pass")
