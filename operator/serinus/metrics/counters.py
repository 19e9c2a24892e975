"""The increase of counters from raw samples, with no sample counted twice or lost.

A block belongs to a target (a pod at its address): from the last counted sample, exclusive, to the
newest sample that all its series have. The increase is computed from the raw samples of each
series, never by increase(), which extrapolates.

Series of one scrape may arrive separately (remote write sends them in shards). If a block ended at
the newest sample, later samples of other series would be lost, and failures would count without
their requests. A target therefore waits for its slowest series, and if one is late, all targets are
counted up to its newest sample, because a series that has not arrived at all cannot be seen.
"""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, NamedTuple, TypeVar

from serinus.api.isolation import Fault, Part, isolated
from serinus.metrics.queries import BACKEND, CounterQuery, QueryError, QueryResult, Series
from serinus.metrics.resets import NONE, Fall, Falls, explained, falls, restarted, rises
from serinus.metrics.samples import Samples, packed

GONE_AFTER: Final = 600.0
"""Seconds behind the others after which a target is no longer waited for."""

SHARED_FOR: Final = GONE_AFTER - 60
"""Seconds of a target's samples that are read at each look if several processes answer for it, or
what it exports is no counter, so that this is remembered."""

FORGOTTEN_AFTER: Final = 7200.0
"""Seconds behind the others after which a target is dropped from the state; longer than any window,
so that a target that returns is not taken for new."""


MOST_COUNTED: Final = 2.0**53
"""Above it, a counter no longer shows each request: 1 more is lost in rounding."""

MOST_TARGETS: Final = 4000
"""Limit of the status: all pods of two revisions, and deleted ones."""

READ_WITHIN: Final = 30.0
"""Seconds within which all counters of a measurement are read."""

LATE_WITHIN: Final = 120.0
"""Seconds that a series may be behind others of its scrape before it counts as gone. A series that
a restarted process no longer exports is not waited for."""

BOTH_WITHIN: Final = 120.0
"""Seconds for which one arm waits for the other's next sample; longer than usual scrape
intervals."""


class Increase(NamedTuple):
    """The increase of one series in a block."""

    series: Series
    target: str
    """That of the pod. A gateway shows no pods, so all that it counts of a revision is taken for
    one, with the name of the Service."""
    start: float
    """Time of the sample before the increase, Unix seconds, or earlier if there is none."""
    end: float
    """Time of the newest counted sample, Unix seconds, or later if the series has none."""
    amount: float
    known: bool
    """Whether the series existed before the block."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Increase of the series."""
        return self.series.labels

    @property
    def last(self) -> float:
        """Time of the newest sample of the series, Unix seconds; -infinity: it has none."""
        return self.series.samples[-1][0] if self.series.samples else -math.inf

    @property
    def counts_all(self) -> bool:
        """Whether the series is of no bucket, or of that of all observations."""
        return self.labels.get("le", "+Inf").lstrip("+").lower() == "inf"


@dataclass(frozen=True, slots=True)
class Growth:
    """The increase of a counter in one arm."""

    increases: tuple[Increase, ...] = ()
    newest: float | None = None
    """Time of the newest sample, counted or not, Unix seconds; None: there is no such series."""
    falls: tuple[Falls, ...] = ()
    """Targets that are still scraped and have a series that decreased."""

    @property
    def total(self) -> float:
        """Total over all series."""
        return math.fsum([increase.amount for increase in self.increases])

    @property
    def events(self) -> float:
        """What was counted: of a histogram its observations, and not the sum of its buckets."""
        return math.fsum([each.amount for each in self.increases if each.counts_all])

    @property
    def so_far(self) -> float:
        """What the targets have counted since they started; infinity: that is not known."""
        last = [each.series.samples[-1][1] for each in self.increases if each.series.samples]
        return math.fsum(last) if last else math.inf

    def still_exported(self) -> Iterator[Increase]:
        """Those whose series is in the last scrapes of its target, or counted in this block: of
        others, the process may have been restarted, or the pod replaced."""
        newest = -math.inf if self.newest is None else self.newest
        scraped: dict[str, float] = {}
        for each in self.increases:
            scraped[each.target] = max(each.last, scraped.get(each.target, -math.inf))
        for each in self.increases:
            since = max(scraped[each.target] - READ_WITHIN, newest - LATE_WITHIN)
            if each.last > since or each.start < min(each.last, each.end):
                yield each

    def begun_since(self, moment: float) -> "Growth":
        """The growth in which blocks that began before a moment (Unix seconds) count nothing;
        itself if there are none."""
        if min([each.start for each in self.increases], default=math.inf) >= moment:
            return self
        kept = (e if e.start >= moment else e._replace(amount=0.0) for e in self.increases)
        return replace(self, increases=tuple(kept))

    def with_amounts(self, amount: Callable[["Increase"], float]) -> "Growth":
        """The growth if each series had grown by another amount."""
        others = (each._replace(amount=amount(each)) for each in self.increases)
        return replace(self, increases=tuple(others))

    @property
    def waits(self) -> bool:
        """Whether a target has samples that are counted later."""
        return any(each.unsettled_since < math.inf for each in self.falls)

    @property
    def pods(self) -> int:
        """Targets that counted something."""
        return len({increase.target for increase in self.increases if increase.amount})


class TargetSeries(NamedTuple):
    """The series of a counter from one target."""

    series: Sequence[Series]
    """Series that count: if two jobs scrape the pod, those of one of them."""
    oldest: float
    """Time of the oldest sample of any series, Unix seconds."""
    newest: float
    """Time of the newest one."""
    ends: frozenset[float]
    """Time of the newest sample of each series, Unix seconds."""
    fell: tuple[Fall, ...]
    """Decreases of this counter."""
    existed: bool = False
    """Whether it was scraped before the oldest sample, and showed no counts then."""
    falls: Falls = NONE
    """What they mean together with those of the target's other counters."""


Reading = Growth | QueryError
ByTarget = dict[str, TargetSeries]
SeriesByCounter = dict[CounterQuery, ByTarget | QueryError]
Readable = dict[CounterQuery, ByTarget]
Spoiled = dict[str, set[float]]
"""By target, the times of samples that are no counts, Unix seconds."""

T = TypeVar("T")


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
    found = [_explained(_found(arm)) for arm in arms]
    broken = [_broken(arm) for arm in found]
    checked = [_checked(*each) for each in zip(found, broken, strict=True)]
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
    for target, (at, _) in (item for each in broken for item in each.items()):
        moved[target] = max(at, counted.get(target, at))
    return tuple(readings), _remembered(moved)


def covered_until(counted: Mapping[str, float], since: float) -> float:
    """Time in Unix seconds of the oldest sample from which the next block may start; before the
    first block, also of samples that show which series are late.

    A target that returns after too long starts again from what is still read.
    """
    newest = max(counted.values(), default=since)
    recent = (at for at in counted.values() if at > newest - GONE_AFTER)
    return min(recent, default=since - LATE_WITHIN)


def further(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """By target, the later of two times of the last sample counted."""
    return _remembered({t: max(at, one.get(t, at)) for t, at in {**one, **other}.items()})


def _remembered(counted: Mapping[str, float]) -> dict[str, float]:
    newest_first = sorted(counted.items(), key=lambda item: -item[1])[:MOST_TARGETS]
    return {t: at for t, at in newest_first if at > newest_first[0][1] - FORGOTTEN_AFTER}


def _of_one_arm(arms: Iterable["_Blocks"]) -> bool:
    """Whether to wait for the other arm, so that a block does not have one arm only: if looks are
    more frequent than scrapes, the arms are scraped between different looks. An arm of which no
    sample has come in that time is not waited for again."""
    there = [arm for arm in arms if arm.ends]
    uncounted, newest = [arm.uncounted for arm in there], [arm.newest for arm in there]
    if not there or max(newest) - min(newest) > BOTH_WITHIN:
        return False
    return min(uncounted) <= 0 < max(uncounted) <= BOTH_WITHIN


def _seen(_: CounterQuery, answer: ByTarget) -> Growth:
    """There are samples, and they are counted later."""
    return _growth((), answer)


class _Span(NamedTuple):
    """Bounds of the blocks of all targets, Unix seconds."""

    since: float
    """Start of targets that were never counted."""
    read_from: float
    """Time from which all samples were read; infinity: unknown."""
    late_from: float
    """Time up to which the slowest series have arrived; infinity: none is late."""


class _Blocks:
    """Start and end of the block of each target of an arm."""

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

    @property
    def newest(self) -> float:
        """Time of the newest sample of any target, Unix seconds."""
        return max(each.newest for answer in self._wholes.values() for each in answer.values())

    def growth(self, key: CounterQuery, answer: ByTarget) -> Growth:
        """A part is counted from the start of its whole."""
        if (whole := _whole(key, self._wholes)) is None:
            return _growth((), answer)
        served, covered = self._wholes[whole], self._covered[whole]
        increases: list[Increase] = []
        for target, exported in answer.items():
            if target in served:
                start = self._start(target, served[target], covered)
                end = self.ends[target]
                increases += [
                    _increase(each, each.labels.get(BACKEND, target), start, end)
                    for each in exported.series
                ]
        return _growth(increases, answer)

    def _end(self, target: str) -> float:
        """The newest sample that all exported counters of the target have, without late series, and
        before which all decreases are explained.

        A counter that was read just before a scrape lacks a sample, and the block ends before it. A
        counter that stays behind is gone (a restarted pod without predictions), and must not delay
        the others.
        """
        answers = (*self._wholes.values(), *self._parts)
        found = [answer[target] for answer in answers if target in answer]
        ends = sorted({exported.newest for exported in found})
        while len(ends) > 1 and ends[-1] - ends[0] > READ_WITHIN:
            if len({at for at in _times(found) if at > ends[0]}) < 2:
                break
            del ends[0]
        end = min(ends[0], *(exported.falls.unsettled_since for exported in found))
        if end > self._span.late_from:
            earlier = (at for at in _times(found) if at <= self._span.late_from)
            end = max(earlier, default=self._span.late_from)
        return end

    def _start(self, target: str, served: TargetSeries, covered: float) -> float:
        """A series without a sample up to that time began at 0.

        `covered` is the oldest sample of the counter in any arm. If it is unknown whether the
        series is new (a gap longer than the window, a window that begins too late, or scrapes of no
        counts), counting starts at the first sample: losing some is better than counting a
        lifetime.
        """
        start, first = max(self._counted.get(target, self._since), self._since), served.oldest
        if first <= start:
            return start
        if served.existed:
            return first
        if (scraped := self._scraped(target, first)) is not None:
            # the target existed, and this counter did not
            known = min(covered, self._span.read_from) <= scraped
            return start if known else first
        new = target not in self._counted  # a pod that started later, if others were scraped then
        return start if new and covered <= start else first

    def _scraped(self, target: str, before: float) -> float | None:
        """Time of the last scrape of a target before a time, according to its wholes."""
        times = (
            at
            for answer in self._wholes.values()
            if target in answer
            for series in answer[target].series
            for at, _ in series.samples
            if at < before
        )
        return max(times, default=None)


def _broken(arm: SeriesByCounter) -> dict[str, tuple[float, str]]:
    """Targets whose counters count nothing: the time from which they are read again, Unix seconds,
    unless they were counted up to a later sample; and why, as a message."""
    return {
        target: (exported.newest - SHARED_FOR, why)
        for key, answer in arm.items()
        if not isinstance(answer, QueryError) and not key.part
        for target, exported in answer.items()
        if (why := _why_broken(key, target.partition("@")[0], exported.falls))
    }


def _found(arm: Mapping[CounterQuery, QueryResult]) -> SeriesByCounter:
    """The series of each counter from each target, or why they are unusable."""
    spoiled = {key: _isolated(key, partial(_spoiled, key, answer)) for key, answer in arm.items()}
    return {
        key: each
        if isinstance(each, QueryError)
        else _isolated(key, partial(_by_target, key, arm, _of_whole(key, spoiled)))
        for key, each in spoiled.items()
    }


def _isolated(key: CounterQuery, read: Callable[[], T | QueryError]) -> T | QueryError:
    """A fault is the error of this counter."""

    def unread(fault: Fault) -> QueryError:
        return QueryError(f"{fault.message}.")

    return isolated(Part.COUNTER, read, unread, key.metric)


def _checked(found: SeriesByCounter, broken: Mapping[str, tuple[float, str]]) -> SeriesByCounter:
    """The series that count, or why they are unusable."""
    found = dict(found)
    wholes = {key: a for key, a in found.items() if not isinstance(a, QueryError) and not key.part}
    jobs = {key: _jobs(answer) for key, answer in wholes.items()}
    for key, answer in found.items():
        if isinstance(answer, QueryError):
            continue
        if of_them := sorted(broken.keys() & answer.keys()):
            found[key] = QueryError(broken[of_them[0]][1], exported=True)
        elif (whole := _whole(key, wholes)) is not None and jobs[whole]:
            found[key] = {t: _of_job(exported, jobs[whole]) for t, exported in answer.items()}
    return _explained(found) if any(jobs.values()) else found


def _explained(arm: SeriesByCounter) -> SeriesByCounter:
    """The same, and why the counters of each target decreased."""
    fell: dict[str, dict[CounterQuery, tuple[Fall, ...]]] = defaultdict(dict)
    for key, answer in arm.items():
        if not isinstance(answer, QueryError):
            for target, exported in answer.items():
                if exported.fell:
                    fell[target][key] = exported.fell
    why = {target: explained(counters) for target, counters in fell.items()}
    return {
        key: answer
        if isinstance(answer, QueryError)
        else {t: e._replace(falls=why[t][key]) if e.fell else e for t, e in answer.items()}
        for key, answer in arm.items()
    }


def _why_broken(key: CounterQuery, pod: str, falls: Falls) -> str:
    """Otherwise empty."""
    if falls.no_counter:
        return (
            f"{key.metric} of pod {pod} decreases at every scrape, which no counter does: correct "
            "this metric of the pod."
        )
    if not falls.several_processes:
        return ""
    return (
        f"The counters of pod {pod} repeatedly decrease and recover: several "
        "processes with separate counters answer on its port (such as workers of uvicorn or "
        "gunicorn). Enable prometheus-client's multiprocess mode (PROMETHEUS_MULTIPROC_DIR), or "
        "run "
        "one process per pod. If the pod has one process, it restarts every few scrapes."
    )


def _jobs(answer: ByTarget) -> dict[str, str]:
    """For pods that several jobs scrape, at one address or several, the job that counts: the first
    by name that still scrapes."""
    series = [each for exported in answer.values() for each in exported.series]
    if len({each.labels.get("job") for each in series}) <= 1:
        return {}
    newest: dict[str, dict[str, float]] = {}
    for each in series:
        jobs = newest.setdefault(each.pod, {})
        job, end = _job(each), each.samples[-1][0]
        jobs[job] = max(jobs.get(job, end), end)
    return {
        pod: min(job for job, end in jobs.items() if end >= max(jobs.values()) - LATE_WITHIN)
        for pod, jobs in newest.items()
        if len(jobs) > 1
    }


def _of_job(exported: TargetSeries, jobs: Mapping[str, str]) -> TargetSeries:
    """Without the series of other jobs than the one that counts; the times of their scrapes are
    kept, so that nothing is counted twice if they count later."""
    counts = [each for each in exported.series if _job(each) == jobs.get(each.pod, _job(each))]
    if len(counts) == len(exported.series):
        return exported
    if not counts:
        return exported._replace(series=())
    one = _target_series(counts, fell=bool(exported.fell))
    return one._replace(existed=exported.existed)


def _job(series: Series) -> str:
    return series.labels.get("job", "")


def _late_from(arms: Iterable[Readable]) -> float:
    """The time up to which the slowest series have arrived, Unix seconds; infinity if those of each
    scrape arrived together.

    Series of one result were read at the same time.
    """
    found = [each for arm in arms for answer in arm.values() for each in answer.values()]
    newest = max((exported.newest for exported in found), default=math.inf)
    return min((_late(each, newest) for each in found), default=math.inf)


def _late(exported: TargetSeries, newest: float) -> float:
    """Of one target. `newest`: time of the newest sample of any, Unix seconds."""
    if len(exported.ends) == 1 or not exported.series:
        return math.inf
    if exported.newest < newest - LATE_WITHIN:
        return math.inf  # a pod that is gone
    ends = {end for end in exported.ends if end >= exported.newest - LATE_WITHIN}
    if len(ends) > 1 and not restarted([s.samples for s in exported.series], min(ends)):
        return min(ends)
    return math.inf


def _spoiled(key: CounterQuery, answer: QueryResult) -> Spoiled:
    """Without a target if all that it exports are counts."""
    found: Spoiled = defaultdict(set)
    for series in () if isinstance(answer, QueryError) else answer:
        if no_count(key, series.labels, packed(series.samples).values) is not None:
            found[series.target] |= {
                at
                for at, value in series.samples
                if no_count(key, series.labels, [value]) is not None
            }
    return found


def _of_whole(key: CounterQuery, spoiled: Mapping[CounterQuery, Spoiled | QueryError]) -> Spoiled:
    """Those of its whole and of all parts of that: they are counted of the same scrapes."""
    found: Spoiled = defaultdict(set)
    if not any(spoiled.values()):
        return found
    wholes = [each for each in spoiled if not each.part]
    whole = _whole(key, wholes) or key
    for other, by_target in spoiled.items():
        if (_whole(other, wholes) or other) == whole and not isinstance(by_target, QueryError):
            for target, times in by_target.items():
                found[target] |= times
    return found


def _by_target(
    key: CounterQuery, arm: Mapping[CounterQuery, QueryResult], spoiled: Spoiled
) -> ByTarget | QueryError:
    """Without scrapes in which a series was no count: the next one shows what all have counted
    since the one before."""
    answer = arm[key]
    if isinstance(answer, QueryError):
        return answer
    groups: dict[str, list[Series]] = {}
    fallen, problems = set[str](), list[tuple[Series, QueryError]]()
    for series in answer:
        values = packed(series.samples).values.tolist()
        if not values:
            continue
        if (problem := without_bound(key, series.labels)) is not None:
            problems.append((series, problem))
            continue
        if spoiled and (times := spoiled.get(series.target)):
            if (problem := no_count(key, series.labels, values[-1:])) is not None:
                problems.append((series, problem))
            series = Series(series.labels, Samples(s for s in series.samples if s[0] not in times))
            if not (values := packed(series.samples).values.tolist()):
                continue
        groups.setdefault(target := series.target, []).append(series)
        if not rises(values):
            fallen.add(target)
    if problems and (problem := _still_exported(problems, arm)):
        return problem
    first = {target: min(times) for target, times in spoiled.items()}
    return {
        target: _target_series(
            group, fell=target in fallen, scraped_from=first.get(target, math.inf)
        )
        for target, group in groups.items()
    }


def _still_exported(
    problems: Iterable[tuple[Series, QueryError]], arm: Mapping[CounterQuery, QueryResult]
) -> QueryError | None:
    """The first of these problems whose series may be in the last scrape of its target, if that is
    still scraped: the process may have been restarted, or replaced."""
    newest: dict[str, float] = {}
    for series in (each for answer in arm.values() if isinstance(answer, tuple) for each in answer):
        if len(series.samples):
            target = series.target
            newest[target] = max(series.samples[-1][0], newest.get(target, -math.inf))
    latest = max(newest.values(), default=-math.inf)
    for series, problem in problems:
        last, of_target = series.samples[-1][0], newest[series.target]
        if last >= of_target - READ_WITHIN and of_target >= latest - LATE_WITHIN:
            return problem
    return None


def no_count(
    key: CounterQuery, labels: Mapping[str, str], values: Sequence[float]
) -> QueryError | None:
    """Why the values of a series cannot be those of a counter."""
    least, most = min(values, default=0.0), max(values, default=0.0)
    if math.isfinite(sum(values)) and least >= 0 and most <= MOST_COUNTED:
        return None
    wrong = next(each for each in values if not 0 <= each <= MOST_COUNTED)
    if MOST_COUNTED < wrong < math.inf:
        why = (
            f"has samples of {wrong:.3g}, which no counter of requests reaches: check the metrics "
            "of the pods, or leave the series out with a matcher"
        )
    else:
        why = f"has samples of {wrong:g}, which is not a valid count: check the metrics of the pod"
    return QueryError(f"{key.metric}{_of_pod(labels)} {why}.", exported=True)


def without_bound(key: CounterQuery, labels: Mapping[str, str]) -> QueryError | None:
    """Why a series with these labels is no bucket, if it has to be one."""
    if not (key.buckets or key.native):
        return None
    try:
        known = float(labels["le"]) > -math.inf  # which NaN is not either
    except (KeyError, ValueError):
        known = False
    if known:
        return None
    return QueryError(
        f"{key.metric}{_of_pod(labels)} has a series without a bucket bound in the label le: "
        "export a histogram, or leave the series out with a matcher.",
        exported=True,
    )


def _of_pod(labels: Mapping[str, str]) -> str:
    """Empty where it is not known."""
    return f" of pod {labels['pod']}" if labels.get("pod") else ""


def _target_series(
    group: Sequence[Series], *, fell: bool, scraped_from: float = math.inf
) -> TargetSeries:
    """`fell`: whether a series decreases. `scraped_from`: time of the oldest scrape that showed no
    counts, Unix seconds."""
    times = [packed(series.samples).times for series in group]
    oldest = min([each[0] for each in times])
    ends = frozenset([each[-1] for each in times])
    fallen = falls(series.samples for series in group) if fell else ()
    return TargetSeries(group, oldest, max(ends), ends, fallen, scraped_from < oldest)


def _times(found: Iterable[TargetSeries]) -> Iterator[float]:
    """Of all samples, Unix seconds."""
    return (at for exported in found for series in exported.series for at, _ in series.samples)


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
    """The whole of a counter that is a part; a whole is its own. Of several it is the one with the
    fewest series."""
    if not key.part:
        return key
    of_it = (whole for whole in wholes if key.part_of(whole))
    return max(of_it, key=lambda whole: len(whole.matchers), default=None)


def _increase(series: Series, target: str, start: float, end: float) -> Increase:
    samples = packed(series.samples)
    first = bisect_right(samples.times, start)
    last, amount = samples.values[first - 1] if first else 0.0, 0.0
    for value in samples.values[first : bisect_right(samples.times, end)]:
        # a counter that decreases has restarted from 0
        amount += value - last if value >= last else value
        last = value
    return Increase(series, target, start, end, amount, known=first > 0)
