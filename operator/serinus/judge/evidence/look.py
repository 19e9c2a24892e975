"""One look: what was counted since the last one, and what a check makes of it."""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, Literal, Protocol, runtime_checkable

from serinus.api.baseline import MOST_STRATA, NO_HISTORY, CheckBaseline
from serinus.api.status import CheckState
from serinus.judge.evidence.dispersion import Counts
from serinus.judge.evidence.kernel import Alternative
from serinus.judge.evidence.matchers import names_nothing
from serinus.judge.evidence.pods import scraped
from serinus.judge.findings.finding import Figures, Finding
from serinus.judge.findings.matchers import MatcherNamesNothing
from serinus.judge.findings.readings import (
    NoSamples,
    NotYetScraped,
    StaleSamples,
    Unreadable,
)
from serinus.judge.findings.strata import LabelMissing, TooManyStrata
from serinus.metrics.counters import Growth, Reading
from serinus.metrics.queries import CounterQuery, ExpressionQuery, Query, QueryError, QueryResult
from serinus.metrics.strata import BothArms, Stratum, divided, strata_of

Served = Mapping[CounterQuery, Growth]
"""What each counter of an arm adds in a block."""
ArmName = Literal["candidate", "stable"]

STALE_AFTER = 300.0
"""Seconds after which Prometheus itself takes a series for gone."""

SCRAPED_WITHIN: Final = 120.0
"""Seconds after the first traffic within which every pod is scraped: an interval of a minute, which
is Prometheus' default, and what a scrape may be late. Only what was scraped since then is read."""

RATE_KNOWN_AFTER = 60.0
"""Seconds after which a rate of requests is worth an estimate."""

ENOUGH_EXPECTED: Final = 20.0
"""Requests that must be expected of an arm, by its share of the traffic, before a count of none
means something. Of 20 expected requests that are routed independently, none arrives with a
probability of 2e-9."""

_DIGESTS_KEPT: Final = 4096
"""Of budgets, so that they are not made anew at each look."""
AT_THE_PROMOTION: Final = 0.5
"""In a guard: of all weight, for a fault that is there from the start, since the load changes."""
AFTER_ITS_END: Final = 0.1
"""In a guard: of what is reserved, for faults that begin after its end, while it cannot end."""
SHORTEST_GUARD: Final = 60.0
"""Seconds over which weight is laid out at least, also if the end of a guard is moved to before."""
FIRST_ENTRY: Final = 0.99
"""Part of the false-pass budget of a step for the first time that its weight takes effect."""


@dataclass(frozen=True, slots=True)
class EffectiveWeight:
    """The traffic that is in effect, as it is counted."""

    share: float
    """Of all requests that both arms count, the candidate's, 0 to 1."""
    since: float
    """Unix seconds."""
    copied: bool = False
    """Whether the candidate's requests are copies of stable's, so that both may fail together."""

    def of(self, arm: ArmName) -> float:
        """The part of all requests that an arm counts, 0 to 1."""
        return self.share if arm == "candidate" else 1 - self.share

    def expected(self, arm: ArmName, others: float) -> float:
        """Requests of an arm, if the other one has counted so many. The other one gets some."""
        part = self.of(arm)
        return others * part / (1 - part)


@dataclass(frozen=True, slots=True)
class GuardWindow:
    """A guard after promotion: how weight is laid out for faults that begin in it. Its end may be
    moved at any time: what is reserved then is laid out over what is left."""

    since: float
    """From when on, Unix seconds: since the promotion, or since its end was moved."""
    duration: float
    """Seconds from then to its end."""
    of: float = 1 - AT_THE_PROMOTION
    """Of all weight, what was reserved then."""

    def reserved(self, at: float) -> float:
        """Of all weight, what is reserved for faults that begin later than at a time (Unix
        seconds): equal parts for equal times, and a rest for a guard that goes on after its end,
        of which some is left however long that takes."""
        passed = (at - self.since) / max(self.duration, SHORTEST_GUARD)
        before_its_end = 1 - min(max(passed, 0.0), 1.0)
        after_its_end = AFTER_ITS_END / max(passed, 1.0)
        return self.of * ((1 - AFTER_ITS_END) * before_its_end + after_its_end)


@dataclass(frozen=True, slots=True)
class Look:
    """What one measurement adds to what is known."""

    at: float
    """Unix seconds."""
    candidate: Mapping[CounterQuery, Reading]
    stable: Mapping[CounterQuery, Reading]
    values: Mapping[ExpressionQuery, QueryResult]
    since: float = 0.0
    """When the candidate first took traffic, Unix seconds."""
    baseline: CheckBaseline = NO_HISTORY
    """What the check learned from stable's history."""
    weight: EffectiveWeight | None = None
    """None: what the step asks for is not in effect."""
    apart: float = 0.0
    """Seconds after the look before up to which none was missed."""
    counted: Mapping[str, float] = field(default_factory=dict)
    """By target, Unix seconds of the last sample counted before; a target without one is new."""
    starting: bool = False
    """Whether pods of the candidate are in their start, while nothing counts towards Pass."""
    stratify: tuple[str, ...] = ()
    """Labels; evidence is weighed separately for each combination of their values."""
    chosen: bool = False
    """Whether nobody has named these labels: then nobody has said either that stable's pods get
    other mixes, and they are compared with each other as ever."""

    @property
    def at_this_weight(self) -> "Look | None":
        """The look with what began while the weight was in effect, which is the look itself if that
        is everything; None: nothing did, or pods are in their start. Pods are scraped at any time,
        so the first block of each was partly served at the previous weight."""
        return self.begun_since(self.weight.since) if self.weight and not self.starting else None

    def begun_since(self, moment: float) -> "Look":
        """The look without what was counted in blocks that began before a moment (Unix seconds),
        which is the look itself if there are none."""
        candidate, stable = (_begun_since(moment, arm) for arm in (self.candidate, self.stable))
        if (candidate, stable) == (self.candidate, self.stable):
            return self
        return replace(self, candidate=candidate, stable=stable)

    def answers(self, query: Query) -> bool:
        """Whether the query was made at all."""
        return query in self.values or query in self.candidate

    def growth(self, counters: CounterQuery) -> tuple[Growth, Growth]:
        """Of candidate and stable; nothing where it could not be read."""
        return _growth(self.candidate.get(counters)), _growth(self.stable.get(counters))

    def strata(self, *counters: BothArms) -> list[tuple[BothArms, ...]]:
        """The counters' increase, stratum by stratum: blocks that are weighed one after the other.

        Evidence stays an e-process: given the blocks before, each is one of independent requests.
        A block in which one arm alone has served adds nothing to a comparison of the arms.
        """
        return list(divided(self.stratify, counters).values())

    @property
    def share(self) -> float | None:
        """The candidate's of the traffic; None: not known."""
        return self.weight.share if self.weight else None

    @property
    def copied(self) -> bool:
        """Whether the candidate's requests are copies of stable's, as far as is known."""
        return self.weight is not None and self.weight.copied

    def per_second(self, requests: float) -> float | None:
        """The rate of so many requests since the weight took effect; None: that is not known, or
        was a moment ago."""
        if self.weight is None or self.at - self.weight.since < RATE_KNOWN_AFTER:
            return None
        return requests / (self.at - self.weight.since)

    def pods(self, counters: CounterQuery) -> tuple[int, int]:
        """How many of candidate and stable served since the last look."""
        candidate, stable = self.growth(counters)
        return candidate.pods, stable.pods

    def pods_there(self, counters: CounterQuery) -> tuple[int, int]:
        """How many of candidate and stable are scraped. If looks are more frequent than scrapes,
        only some of them served since the last one."""
        candidate, stable = self.growth(counters)
        return len(scraped(candidate)), len(scraped(stable))

    def unreadable(
        self, queries: Sequence[CounterQuery], arms: Sequence[str] = ("candidate", "stable")
    ) -> Figures | None:
        """Why some answer could not be read, or not be divided into parts or strata. `arms`: those
        whose events are compared."""
        for counters in queries:
            for arm in (self.candidate, self.stable):
                if isinstance(reading := arm.get(counters), QueryError):
                    return Unreadable(reading.message)
        if wrong := self._undivided(queries, arms):
            return wrong
        return self.indivisible(queries) if self.stratify else None

    def _undivided(
        self, queries: Sequence[CounterQuery], arms: Sequence[str]
    ) -> MatcherNamesNothing | None:
        """Of a part, the matcher that could select nothing, or everything. Stable's is told
        first: where only the candidate's labels are other ones, these are what has changed; but a
        few requests may all have had an odd end, such as the code 0 of a client that gave up."""
        for part in (each for each in queries if each.part):
            whole = next(each for each in queries if not each.part and part.part_of(each))
            of_candidate, of_stable = zip(self.growth(whole), self.growth(part), strict=True)
            for arm, read in (("stable", of_stable), ("candidate", of_candidate)):
                wrong = names_nothing(part, whole, arm, *read) if arm in arms else None
                if wrong and read[0].so_far >= ENOUGH_EXPECTED:
                    return wrong
        return None

    def indivisible(self, queries: Iterable[CounterQuery]) -> LabelMissing | TooManyStrata | None:
        """Why requests cannot be divided by the labels. Decided by all series, which stay once they
        are exported, and not by those that have grown: no block is left out because of what it
        counted."""
        seen = set[Stratum]()
        for counters in queries:
            for arm, growth in zip(("candidate", "stable"), self.growth(counters), strict=True):
                found = strata_of(self.stratify, growth)
                for index, label in enumerate(self.stratify):
                    if not all(stratum[index] for stratum in found):
                        return LabelMissing(" or ".join(counters.metrics), arm, label)
                seen |= found
        if len(seen) > MOST_STRATA:
            return TooManyStrata(self.stratify, len(seen), MOST_STRATA)
        return None

    def missing(
        self, counters: CounterQuery, arms: tuple[str, ...] = ("candidate", "stable")
    ) -> NoSamples | NotYetScraped | StaleSamples | None:
        """Which of the arms has no fresh sample of a counter."""
        metric = " or ".join(counters.metrics)
        newest = {
            arm: growth.newest
            for arm, growth in zip(("candidate", "stable"), self.growth(counters), strict=True)
        }
        for arm in arms:
            at = newest[arm]
            if at is None:
                age, alone = self.at - self.since, arm == "candidate" and bool(newest["stable"])
                label = counters.backend.label if counters.backend else ""
                if 0 <= age < SCRAPED_WITHIN and not alone:
                    return NotYetScraped(metric, arm, age, SCRAPED_WITHIN, label)
                return NoSamples(metric, arm, alone, label)
            if self.at - at > STALE_AFTER:
                return StaleSamples(metric, arm, self.at - at)
        return None


@dataclass(frozen=True, slots=True)
class ErrorBudget:
    """The error probabilities that a check must keep to, and the least that it must have seen."""

    false_fail: float
    """Probability of a false Fail over the whole rollout: this check's share."""
    false_pass: float
    """Probability of a false Pass in each step."""
    false_rollback: float
    """Probability of a false rollback over the whole rollout, all checks together."""
    min_requests: int
    """Candidate requests in a step before it can pass."""
    entry: int = field(default=1, repr=False)
    """How often the weight of the step took effect. Each time the evidence for the candidate starts
    again."""

    @property
    def to_pass(self) -> float:
        """ln of the evidence that is enough for Pass. The k-th entry of a step has 1 / (k (k - 1))
        of what the first one leaves of the budget, so that all together keep to it."""
        later = self.entry * (self.entry - 1)
        part = (1 - FIRST_ENTRY) / later if later else FIRST_ENTRY
        return -math.log(part * self.false_pass)

    @property
    def digest(self) -> str:
        """12 characters that stand for what the analysis sets, which the entry is not."""
        return _digest(self)


@runtime_checkable
class ComparesStrata(Protocol):
    """A kind of check whose evidence can be weighed within the values of labels."""

    def within(self, look: Look) -> Mapping[Stratum, Mapping[str, Counts]]:
        """What stable counted in each of the look's strata: by comparison, the whole and its
        events. Raises ValueError for what the check cannot sort."""
        ...


@runtime_checkable
class FindsBadEvents(ComparesStrata, Protocol):
    """A kind of check that finds a candidate of which a greater share of the events is bad."""

    def worsened(self, arm: Served, times: float) -> Served:
        """What an arm's counters add in a block, if so many times as many events were bad; at most
        all."""
        ...

    @property
    def counts_late(self) -> bool:
        """Whether what was bad in a look is counted at the next one."""
        ...


@runtime_checkable
class CountsFailures(FindsBadEvents, Protocol):
    """A kind of check whose bad events are failed requests."""

    def counted(self, arm: Served) -> tuple[float, float]:
        """The requests that an arm's counters add in a block, and how many of them failed."""
        ...


class CheckKind(Protocol):
    """A kind of check, with its settings."""

    def queries(self) -> tuple[Query, ...]:
        """What it needs to know; wholes before their parts."""
        ...

    def judge(self, state: CheckState, look: Look, budget: ErrorBudget) -> Finding:
        """What is known, and what a look adds -> the verdict, and what is known then."""
        ...

    def learn(self, history: Sequence[Look]) -> CheckBaseline:
        """What to go by, from what stable counted in each minute before a rollout."""
        ...


@dataclass(frozen=True, slots=True)
class ByPod:
    """What the candidate's pods served in a look, and what of it would be bad for a pod at any
    age."""

    requests: Growth
    counted: Mapping[str, Counts]
    """By target, requests and bad ones."""
    of_stable: float
    """Share of bad requests among stable's."""
    bad: str
    """What was wrong with these, as a predicate."""
    costly: bool
    """Whether a bad one is a request that a client must repeat or lose."""
    alternatives: Sequence[Alternative]
    """By which the check weighs evidence against the candidate."""
    known: bool
    """Whether pods of stable were seen to be bad at their start."""
    missing: Figures | None
    """Which of the arms has no fresh sample."""


@runtime_checkable
class HasStarts(Protocol):
    """A kind of check that may wait for pods to level off."""

    def served_by_pod(self, state: CheckState, look: Look) -> ByPod:
        """What is known, and what a look adds -> what each pod of the candidate served in it."""
        ...


@lru_cache(maxsize=_DIGESTS_KEPT)
def _digest(budget: ErrorBudget) -> str:
    return hashlib.sha256(repr(budget).encode()).hexdigest()[:12]


def _begun_since(
    moment: float, arm: Mapping[CounterQuery, Reading]
) -> Mapping[CounterQuery, Reading]:
    return {
        query: reading.begun_since(moment) if isinstance(reading, Growth) else reading
        for query, reading in arm.items()
    }


def _growth(reading: Reading | None) -> Growth:
    return reading if isinstance(reading, Growth) else Growth()
