"""The properties of a kind of check, so that no other code depends on the kind."""

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Self

from serinus.api.base import Duration, Type
from serinus.api.capabilities import Capability
from serinus.api.checks.exported import Exported
from serinus.api.checks.expressions import only_value
from serinus.api.checks.metrics import Backend, Counter
from serinus.api.checks.server import ServerMetrics
from serinus.api.problem import Problem
from serinus.api.quantities import seconds


class Settings(Type):
    """Settings of one kind of check, and the properties of that kind."""

    has_guarantee: ClassVar[bool] = True
    """Its verdicts are wrong with a known probability, set by the error budgets of the analysis."""
    tests_routing: ClassVar[bool] = False
    """A Fail is a fault of the routing: it holds the rollout and does not roll back."""
    counts_requests: ClassVar[bool] = False
    """Every ready pod that serves requests increases a counter that it reads."""
    finds_bad_events: ClassVar[bool] = False
    """Its evidence is an excess of bad events."""
    counts_failures: ClassVar[bool] = False
    """Its bad events are failed requests."""
    follows_inputs: ClassVar[bool] = False
    """What it judges depends on what the model is asked, as predictions do."""
    follows_load: ClassVar[bool] = False
    """What it judges depends on how many requests each pod serves."""
    shortest_guard: ClassVar[float] = 0.0
    """Seconds that a guard must last for this kind to judge in it."""
    compares_strata: ClassVar[bool] = False
    """Its evidence can be weighed separately for each value of a label."""

    @classmethod
    def serves_a_guard(cls, lasting: float) -> bool:
        """Whether it can judge a promoted revision, which has most of the traffic, in a guard of so
        many seconds."""
        return not cls.tests_routing and lasting >= cls.shortest_guard

    @property
    def shares_budget(self) -> bool:
        """Whether it can cause a false rollback, with a share of falseRollbackBudget as the
        probability. Its counts may vary more than chance explains; stable's history shows how
        much."""
        return self.has_guarantee and not self.tests_routing

    @property
    def compares_with_stable(self) -> bool:
        """Whether stable's counts are part of its evidence."""
        return True

    @property
    def backend(self) -> Backend | None:
        """How the series that it reads name a revision, if a gateway counts for it; None: its pods
        do."""
        return None

    @property
    def needs(self) -> frozenset[Capability]:
        """Of the router: without a Service of each revision no series names it."""
        return frozenset() if self.backend is None else frozenset({Capability.BY_SERVICE})

    @property
    def serves_a_mirror(self) -> bool:
        """Whether it can judge answers that nobody gets. A gateway may count copies elsewhere, or
        not at all."""
        return self.backend is None

    @property
    def told_later(self) -> frozenset[str]:
        """The metrics that may count long after the request, as those of feedback do."""
        return frozenset()

    @property
    def counts_successes(self) -> frozenset[str]:
        """The metrics that count successes alone, beside one that counts all requests."""
        return frozenset()

    @property
    def slowdown(self) -> float | None:
        """How many times as long as with stable requests may take, if that is its tolerance."""
        return None

    @property
    def stability_index(self) -> float | None:
        """The population stability index that is tolerated, if that is its tolerance."""
        return None

    @property
    def warm_up_seconds(self) -> float:
        """Seconds after a pod's first request in which it is not counted."""
        return 0.0

    @property
    def waits_for_starts(self) -> bool:
        """Whether a pod that is bad after its start is not blamed before it could level off."""
        return False

    @property
    def counts_after_seconds(self) -> float:
        """Seconds after each change of the weight in which nothing is counted."""
        return 0.0

    @property
    def finds_when_to_count(self) -> bool:
        """Whether it first finds out for how long after a change of the weight nothing counts."""
        return False

    @property
    def decides_after_seconds(self) -> float:
        """Seconds after a change of the weight in which it can show nothing, at the least."""
        return self.counts_after_seconds

    def problems(self, longest_step: Duration, server: ServerMetrics | None) -> Iterator[Problem]:
        """Problems that neither the schema nor CEL can express, by the field of these settings.

        `longest_step` is the maximum duration of a step; `server` is that of the preset.
        """
        yield from ()

    def problems_with_strata(self, labels: Sequence[str]) -> Iterator[Problem]:
        """Problems of comparing within the values of these labels, by the field of these
        settings."""
        yield from ()

    def completed(self, server: ServerMetrics) -> Self:
        """These settings, with omitted ones taken from the server where it has them."""
        return self

    @classmethod
    def proposed(cls, exported: Exported) -> Self | None:
        """Settings that read what a server exports; None: it exports nothing that fits."""
        return None


def counted_by(field: str, counted: Iterable[str], labels: Sequence[str]) -> Iterator[Problem]:
    """A problem for each label by which the check counts: within one of its values, all requests
    are the same."""
    for label in sorted(set(counted).intersection(labels)):
        message = f"the check counts by the label {label}, so there is nothing to compare within"
        yield Problem(field, f"{message} one of its values: remove it from analysis.stratify")


def counts_too_late(field: str, wait: Duration, longest_step: Duration) -> Iterator[Problem]:
    """A problem if nothing is counted for the maximum duration of a step."""
    if seconds(wait) >= seconds(longest_step):
        message = f"{wait} is not shorter than the maximum duration of a step, {longest_step}"
        yield Problem(field, f"{message} (maxStepDuration): the first step could never pass")


def sorted_by(field: str, counter: Counter, label: str) -> Iterator[Problem]:
    """A problem if a matcher leaves but one value of the label by which a counter is sorted: that
    always has a share of 100%."""
    for matcher in counter.matchers:
        if matcher.label == label and only_value(matcher) is not None:
            message = f"{matcher} leaves one {label}, which always has a share of 100%"
            yield Problem(f"{field}.matchers", f"{message}: leave the matcher out")
