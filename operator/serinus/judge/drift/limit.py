"""A share of stable's against a fixed limit, look by look: failed requests, negative feedback."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from serinus.api.quantities import fraction, spoken
from serinus.api.status import MonitoredShare, Unknown
from serinus.judge.drift.detector import Bound, Detector
from serinus.judge.drift.rarity import Rarity
from serinus.judge.drift.unknown import not_exported, unreadable
from serinus.judge.evidence.look import STALE_AFTER
from serinus.judge.evidence.matchers import names_nothing
from serinus.judge.findings.rates import EventCount
from serinus.metrics.counters import Growth, Reading, count
from serinus.metrics.events import EventQueries, unsuccessful
from serinus.metrics.queries import CounterQuery, Query, QueryError, QueryResult


@dataclass(frozen=True, slots=True)
class Limited:
    """What is counted, and its limit."""

    events: str
    """At the start of a sentence: `Errors`."""
    limit: str
    """A percentage."""
    counters: EventQueries

    @property
    def queries(self) -> tuple[CounterQuery, ...]:
        """For stable."""
        return self.counters.whole, self.counters.outcome

    def counting(self, at: float) -> "LimitState":
        """The state in which values count from a time on (Unix seconds)."""
        return LimitState(at, at, detector=Detector(at))

    def watch(
        self,
        known: MonitoredShare,
        before: "LimitState",
        answers: Mapping[Query, QueryResult],
        at: float,
        rarity: Rarity,
    ) -> tuple[MonitoredShare, "LimitState"]:
        """The status, the state and the answers at a look -> status and state after it."""
        asked = {query: answers[query] for query in self.queries}
        [readings], counted = count((asked,), before.counted, before.since)
        seen = _seen(self, readings, at)
        if isinstance(seen, Unknown):
            if at - before.read_at < STALE_AFTER and known.unknown is None:
                return known, before  # possibly a short disturbance
            return known.replace(unknown=seen), before
        whole, outcome = seen
        values, events, unanswered = whole.total, outcome.total, 0.0
        if self.counters.rest:
            events, unanswered = unsuccessful(before.unanswered, values, events)
        enough = rarity.end if known.above_limit else rarity.alarm()
        bound = Bound(fraction(self.limit), above=not known.above_limit)
        detector = before.detector.looked(bound, min(events, values), values, at, enough)
        after = replace(
            before, read_at=at, counted=counted, unanswered=unanswered, detector=detector
        )
        known = known.replace(unknown=None)
        if known.since is None:
            known = known.replace(since=at, message=self.not_shown)
        if not detector.shown:
            return known, after
        return _turned(self, known, detector, at, rarity), replace(after, detector=Detector(at))

    @property
    def not_shown(self) -> str:
        """The message before an alarm."""
        return f"{self.events}: not shown to be above the limit of {self.limit}."


@dataclass(frozen=True, slots=True)
class LimitState:
    """What is kept in memory only. If it is lost, evidence starts over, and a share that was shown
    to be above its limit stays so."""

    read_at: float
    """Unix seconds of the last look that could be read."""
    since: float
    """Unix seconds of the first look."""
    counted: Mapping[str, float] = field(default_factory=dict)
    """By target, Unix seconds of the last sample counted."""
    unanswered: float = 0.0
    """Requests that have not succeeded, less those that were counted as events."""
    detector: Detector = field(default_factory=lambda: Detector(0.0))


def _seen(
    limited: Limited, readings: Mapping[CounterQuery, Reading], at: float
) -> tuple[Growth, Growth] | Unknown:
    """The growth of both counters, or why it is unknown."""
    whole, outcome = (readings[query] for query in limited.queries)
    if isinstance(whole, QueryError):
        return unreadable(whole.message)
    if isinstance(outcome, QueryError):
        return unreadable(outcome.message)
    if at - (whole.newest or 0.0) > STALE_AFTER:
        return not_exported(*limited.counters.whole.metrics)
    if limited.counters.rest and at - (outcome.newest or 0.0) > STALE_AFTER:
        return not_exported(*limited.counters.outcome.metrics)
    if wrong := names_nothing(
        limited.counters.outcome, limited.counters.whole, "stable", whole, outcome
    ):
        return unreadable(wrong.message)
    return whole, outcome


def _turned(
    limited: Limited, known: MonitoredShare, shown: Detector, at: float, rarity: Rarity
) -> MonitoredShare:
    counted = f"{EventCount(shown.events, shown.values)} in the last {spoken(at - shown.since)}"
    if known.above_limit:
        message = f"{limited.events} {counted}: below the limit of {limited.limit} again."
    else:
        message = f"{limited.events} {counted}: above the limit of {limited.limit}. {rarity}"
    share = round(shown.share, 6)
    return known.replace(above_limit=not known.above_limit, since=at, message=message, share=share)
