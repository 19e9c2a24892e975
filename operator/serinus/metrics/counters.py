"""Raw samples of counters -> how much they grew in a block, no sample counted twice or lost.

A block belongs to a target (a pod at its address): from the last sample counted, exclusive, to
the newest sample that all its series have. Growth is taken from the raw samples of each series,
never from increase(), which extrapolates.

Series of one scrape may arrive apart (remote write sends them in shards). A block that ended at
the newest of them would lose what the others still bring, and count failures without their
requests. So a target waits for its slowest series, and where one is late, all targets are counted
up to its newest sample: of a series that has not come at all yet nothing can be seen.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from serinus.metrics.queries import CounterQuery, QueryError, QueryResult, Series
from serinus.metrics.resets import NONE, Falls, falls, restarted

GONE_AFTER: Final = 600.0
"""Seconds behind the others after which a target is no longer waited for."""

SHARED_FOR: Final = GONE_AFTER - 60
"""Seconds of a target's samples that are read at each look where several processes answer for it,
lest that be forgotten."""

FORGOTTEN_AFTER: Final = 7200.0
"""Seconds behind the others after which a target is dropped from the state; longer than any
window, so that one that returns cannot pass for new."""


MOST_TARGETS: Final = 4000
"""What the status has room for: all pods of two revisions, and those that went."""

READ_WITHIN: Final = 30.0
"""Seconds within which all counters of a measurement are read."""

LATE_WITHIN: Final = 120.0
"""Seconds that a series may be behind others of its scrape before it is taken for gone. One that a
process which has started again exports no more is nothing to wait for."""

BOTH_WITHIN: Final = 120.0
"""Seconds of one arm that wait for the other's next sample; longer than usual scrape intervals."""


class Increase(NamedTuple):
    """How much one series grew in a block."""

    series: Series
    target: str
    start: float
    """Unix seconds of the sample that it grew from, or earlier where there is none."""
    end: float
    """Unix seconds of the newest sample counted, or later where the series has none."""
    amount: float
    known: bool
    """Whether the series was there before the block."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Of the series."""
        return self.series.labels


@dataclass(frozen=True, slots=True)
class Growth:
    """How much a counter grew in one arm."""

    increases: tuple[Increase, ...] = ()
    newest: float | None = None
    """Unix seconds of the newest sample, counted or not; None: there is no such series."""
    falls: tuple[Falls, ...] = ()
    """Of the targets that are still scraped, those of which some series fell."""

    @property
    def total(self) -> float:
        """Over all series."""
        return math.fsum(increase.amount for increase in self.increases)

    @property
    def waits(self) -> bool:
        """Whether some target has counted what is counted later."""
        return any(each.unsettled_since < math.inf for each in self.falls)

    @property
    def pods(self) -> int:
        """Targets that counted something."""
        return len({increase.target for increase in self.increases if increase.amount})


class Exported(NamedTuple):
    """What one target exports of a counter."""

    series: Sequence[Series]
    """Those that count: of two jobs that scrape the pod, the other's are left out."""
    oldest: float
    """Unix seconds of the oldest sample of any series."""
    ends: frozenset[float]
    """Unix seconds of the newest sample of each series."""
    falls: Falls
    """Where they fell."""

    @property
    def newest(self) -> float:
        """Unix seconds of the newest sample of any series."""
        return max(self.ends)


Reading = Growth | QueryError
ByTarget = dict[str, Exported]
Found = dict[CounterQuery, ByTarget | QueryError]
Readable = dict[CounterQuery, ByTarget]


def count(
    arms: tuple[Mapping[CounterQuery, QueryResult], ...],
    counted: Mapping[str, float],
    since: float,
    read_from: float = math.inf,
) -> tuple[tuple[dict[CounterQuery, Reading], ...], dict[str, float]]:
    """Count what each arm's answers add.

    `counted` has the last sample counted per target, Unix seconds; `since` is where targets
    that were never counted start; from `read_from` on all samples were read, as far as that is
    known. Returns the growth per arm and the new `counted`. A counter that cannot be read loses
    this block, and the others go on: a broken check must not blind the rest.
    """
    found = [_found(arm) for arm in arms]
    shared = [_shared(arm) for arm in found]
    checked = [_checked(*each) for each in zip(found, shared, strict=True)]
    readable = [{k: a for k, a in arm.items() if not isinstance(a, QueryError)} for arm in checked]
    covered = _covered(readable)
    readings: list[dict[CounterQuery, Reading]] = []
    moved = dict(counted)
    span = _Span(since, read_from, _late_from(readable))
    blocks = [_Blocks(arm, covered, counted, span) for arm in readable]
    waiting = _of_one_arm(blocks)
    for each, answers in zip(blocks, checked, strict=True):
        grown = _seen if waiting else each.growth
        readings.append(
            {k: a if isinstance(a, QueryError) else grown(k, a) for k, a in answers.items()}
        )
        if not waiting:
            moved |= {t: end for t, end in each.ends.items() if end >= counted.get(t, since)}
    for target, at in (item for each in shared for item in each.items()):
        moved[target] = max(at, counted.get(target, at))
    return tuple(readings), _remembered(moved)


def covered_until(counted: Mapping[str, float], since: float) -> float:
    """Unix seconds of the oldest sample that the next block may start from; before the first one
    also of those that tell which series are late.

    Should a target return that fell too far behind, it starts anew from what is still read.
    """
    newest = max(counted.values(), default=since)
    recent = (at for at in counted.values() if at > newest - GONE_AFTER)
    return min(recent, default=since - LATE_WITHIN)


def _remembered(counted: Mapping[str, float]) -> dict[str, float]:
    newest_first = sorted(counted.items(), key=lambda item: -item[1])[:MOST_TARGETS]
    return {t: at for t, at in newest_first if at > newest_first[0][1] - FORGOTTEN_AFTER}


def _of_one_arm(arms: Iterable["_Blocks"]) -> bool:
    """Whether to wait for the other arm, lest a block compare nothing with something: where looks
    come more often than scrapes, the arms are scraped between different looks."""
    uncounted = [arm.uncounted for arm in arms if arm.ends]
    return bool(uncounted) and min(uncounted) <= 0 < max(uncounted) <= BOTH_WITHIN


def _seen(_: CounterQuery, answer: ByTarget) -> Growth:
    """There are samples, and they are counted later."""
    return _growth((), answer)


class _Span(NamedTuple):
    """What bounds the blocks of all targets, Unix seconds."""

    since: float
    """Where targets that were never counted start."""
    read_from: float
    """From where on all samples were read; infinity: not known."""
    late_from: float
    """Up to where the slowest series have come; infinity: none is late."""


class _Blocks:
    """From where to where each target of an arm is counted."""

    def __init__(
        self,
        arm: Readable,
        covered: Mapping[CounterQuery, float],
        counted: Mapping[str, float],
        span: _Span,
    ) -> None:
        self._wholes = {key: answer for key, answer in arm.items() if not key.part}
        self._parts = [answer for key, answer in arm.items() if key.part]
        self._covered, self._counted, self._span = covered, counted, span
        self._since = span.since
        targets = dict.fromkeys(t for answer in self._wholes.values() for t in answer)
        self.ends = {target: self._end(target) for target in targets}

    @property
    def uncounted(self) -> float:
        """Seconds of samples that were not counted yet."""
        return max(end - self._counted.get(t, self._since) for t, end in self.ends.items())

    def growth(self, key: CounterQuery, answer: ByTarget) -> Growth:
        """A part is counted from where its whole is."""
        if (whole := _whole(key, self._wholes)) is None:
            return _growth((), answer)
        served, covered = self._wholes[whole], self._covered[whole]
        increases: list[Increase] = []
        for target, exported in answer.items():
            if target in served:
                start = self._start(target, served[target].oldest, covered)
                end = self.ends[target]
                increases += [_increase(each, target, start, end) for each in exported.series]
        return _growth(increases, answer)

    def _end(self, target: str) -> float:
        """The newest sample that all counters have which the target still exports, that no series
        is on its way for, and before which all falls are settled.

        A counter that was read just before a scrape lacks a sample, and the block ends before it.
        One that stays behind is gone (a restarted pod that has not predicted yet), and must not
        hide what the others count.
        """
        answers = (*self._wholes.values(), *self._parts)
        found = [answer[target] for answer in answers if target in answer]
        samples = [series.samples for exported in found for series in exported.series]
        ends = sorted({exported.newest for exported in found})
        while len(ends) > 1 and ends[-1] - ends[0] > READ_WITHIN:
            if len({at for each in samples for at, _ in each if at > ends[0]}) < 2:
                break
            del ends[0]
        end = min(ends[0], *(exported.falls.unsettled_since for exported in found))
        if end > self._span.late_from:
            earlier = [at for each in samples for at, _ in each if at <= self._span.late_from]
            end = max(earlier, default=self._span.late_from)
        return end

    def _start(self, target: str, first: float, covered: float) -> float:
        """What has no sample up to there began at 0. `first` is the target's first sample, and
        `covered` is the oldest sample of the counter in any arm.

        Where that cannot be known (a gap longer than the window, or a window that begins too
        late), counting starts at the first sample: rather lose some than count a lifetime.
        """
        start = max(self._counted.get(target, self._since), self._since)
        if first <= start:
            return start
        if (scraped := self._scraped(target, first)) is not None:
            # the target was there, and this counter was not
            known = min(covered, self._span.read_from) <= scraped
            return start if known else first
        new = target not in self._counted  # a pod that came later, if others were scraped then
        return start if new and covered <= start else first

    def _scraped(self, target: str, before: float) -> float | None:
        """When a target was last scraped before a time, as far as its wholes tell."""
        times = (
            at
            for answer in self._wholes.values()
            if target in answer
            for series in answer[target].series
            for at, _ in series.samples
            if at < before
        )
        return max(times, default=None)


def _shared(arm: Found) -> dict[str, float]:
    """The targets that several processes answer for, and from where on they are read again, Unix
    seconds, unless they were counted up to a later sample."""
    return {
        target: exported.newest - SHARED_FOR
        for key, answer in arm.items()
        if not isinstance(answer, QueryError) and not key.part
        for target, exported in answer.items()
        if exported.falls.several_processes
    }


def _found(arm: Mapping[CounterQuery, QueryResult]) -> Found:
    """What each target exports of each counter, or why that is of no use."""
    return {key: _by_target(key, answer) for key, answer in arm.items()}


def _checked(found: Found, several: Mapping[str, float]) -> Found:
    """Of it what is to be counted, or why that is of no use."""
    found = dict(found)
    wholes = {key: a for key, a in found.items() if not isinstance(a, QueryError) and not key.part}
    jobs = {key: _jobs(answer) for key, answer in wholes.items()}
    for key, answer in found.items():
        if isinstance(answer, QueryError):
            continue
        if shared := sorted(several.keys() & answer.keys()):
            found[key] = QueryError(_several_processes(shared[0]))
        elif (whole := _whole(key, wholes)) is not None and jobs[whole]:
            found[key] = {t: _of_job(exported, jobs[whole]) for t, exported in answer.items()}
    return found


def _several_processes(target: str) -> str:
    pod = target.partition("@")[0]
    return (
        f"The counters of pod {pod} repeatedly decrease and recover: several "
        "processes with separate counters answer on its port (such as workers of uvicorn or "
        "gunicorn). Enable prometheus-client's multiprocess mode (PROMETHEUS_MULTIPROC_DIR), or "
        "run "
        "one process per pod. If the pod has one process, it restarts every few scrapes."
    )


def _jobs(answer: ByTarget) -> dict[str, str]:
    """By pod that several jobs scrape, be it at several addresses, the one that counts: the first
    by name that still does."""
    newest: dict[str, dict[str, float]] = {}
    for exported in answer.values():
        for series in exported.series:
            jobs = newest.setdefault(series.pod, {})
            job, end = _job(series), series.samples[-1][0]
            jobs[job] = max(jobs.get(job, end), end)
    return {
        pod: min(job for job, end in jobs.items() if end >= max(jobs.values()) - LATE_WITHIN)
        for pod, jobs in newest.items()
        if len(jobs) > 1
    }


def _of_job(exported: Exported, jobs: Mapping[str, str]) -> Exported:
    """Without the series of other jobs than the one that counts; that they were scraped is kept,
    so that nothing is counted twice should they count later."""
    counts = [each for each in exported.series if _job(each) == jobs.get(each.pod, _job(each))]
    if len(counts) == len(exported.series):
        return exported
    return _exported(counts) if counts else exported._replace(series=())


def _job(series: Series) -> str:
    return series.labels.get("job", "")


def _late_from(arms: Iterable[Readable]) -> float:
    """Up to where the slowest series have come, Unix seconds; infinity where those of each scrape
    have come together. Series of one answer were read at one time."""
    late = math.inf
    for arm in arms:
        for exported in (each for answer in arm.values() for each in answer.values()):
            if len(exported.ends) == 1 or not exported.series:
                continue
            ends = {end for end in exported.ends if end >= exported.newest - LATE_WITHIN}
            if len(ends) > 1 and not restarted([s.samples for s in exported.series], min(ends)):
                late = min(late, min(ends))
    return late


def _by_target(key: CounterQuery, answer: QueryResult) -> ByTarget | QueryError:
    if isinstance(answer, QueryError):
        return answer
    groups: dict[str, list[Series]] = {}
    for series in answer:
        if not math.isfinite(sum([value for _, value in series.samples])):
            return QueryError(f"{key.metric} has samples that are not numbers (NaN or Inf).")
        if series.samples:
            groups.setdefault(series.target, []).append(series)
    return {target: _exported(group) for target, group in groups.items()}


def _exported(group: Sequence[Series]) -> Exported:
    oldest = min([series.samples[0][0] for series in group])
    ends = frozenset([series.samples[-1][0] for series in group])
    return Exported(group, oldest, ends, falls(series.samples for series in group))


def _growth(increases: Iterable[Increase], answer: ByTarget) -> Growth:
    newest = _newest(answer)
    fell = [each for each in answer.values() if each.falls is not NONE]
    here = [each.falls for each in fell if newest is None or each.newest > newest - LATE_WITHIN]
    return Growth(tuple(increases), newest, tuple(here))


def _newest(answer: ByTarget) -> float | None:
    return max((exported.newest for exported in answer.values()), default=None)


def _covered(arms: Iterable[Readable]) -> dict[CounterQuery, float]:
    """How far back each counter was read: its oldest sample in any arm."""
    covered: dict[CounterQuery, float] = {}
    for arm in arms:
        for key, answer in arm.items():
            oldest = min((exported.oldest for exported in answer.values()), default=math.inf)
            covered[key] = min(covered.get(key, oldest), oldest)
    return covered


def _whole(key: CounterQuery, wholes: Iterable[CounterQuery]) -> CounterQuery | None:
    """The whole that a counter is a part of; a whole is its own."""
    if not key.part:
        return key
    return next((whole for whole in wholes if key.part_of(whole)), None)


def _increase(series: Series, target: str, start: float, end: float) -> Increase:
    first = bisect_right(series.samples, (start, math.inf))
    last, amount = series.samples[first - 1][1] if first else 0.0, 0.0
    for at, value in series.samples[first:]:
        if at > end:
            break
        # a counter that falls has started again from 0
        amount += value - last if value >= last else value
        last = value
    return Increase(series, target, start, end, amount, known=first > 0)
