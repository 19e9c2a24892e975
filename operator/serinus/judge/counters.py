"""Raw samples of counters -> how much they grew in a block, no sample counted twice or lost.

A block belongs to a target (a pod at its address): from the last sample counted, exclusive, to
the newest sample that all its counters have. Growth is taken from the raw samples of each series,
never from increase(), which extrapolates.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from serinus.judge.questions import Answer, Counters, Series, Unreadable

GONE_AFTER: Final = 600.0
"""Seconds behind the others after which a target is no longer waited for."""

FORGOTTEN_AFTER: Final = 7200.0
"""Seconds behind the others after which a target is dropped from the state; longer than any
window, so that one that returns cannot pass for new."""


MOST_TARGETS: Final = 4000
"""What the status has room for: all pods of two revisions, and those that went."""

READ_WITHIN: Final = 30.0
"""Seconds within which all counters of a measurement are read."""

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

    @property
    def total(self) -> float:
        """Over all series."""
        return math.fsum(increase.amount for increase in self.increases)

    @property
    def pods(self) -> int:
        """Targets that counted something."""
        return len({increase.target for increase in self.increases if increase.amount})


class Exported(NamedTuple):
    """What one target exports of a counter."""

    series: Sequence[Series]
    oldest: float
    """Unix seconds of the oldest sample of any series."""
    newest: float
    """Likewise."""


Reading = Growth | Unreadable
ByTarget = dict[str, Exported]
Readable = dict[Counters, ByTarget]


def count(
    arms: tuple[Mapping[Counters, Answer], ...], counted: Mapping[str, float], since: float
) -> tuple[tuple[dict[Counters, Reading], ...], dict[str, float]]:
    """Count what each arm's answers add.

    `counted` has the last sample counted per target, Unix seconds; `since` is where targets
    that were never counted start. Returns the growth per arm and the new `counted`. A counter
    that cannot be read loses this block, and the others go on: a broken check must not blind
    the rest.
    """
    checked = [{key: _by_target(key, answer) for key, answer in arm.items()} for arm in arms]
    readable = [{k: a for k, a in arm.items() if not isinstance(a, Unreadable)} for arm in checked]
    covered = _covered(readable)
    readings: list[dict[Counters, Reading]] = []
    moved = dict(counted)
    blocks = [_Blocks(arm, covered, counted, since) for arm in readable]
    waiting = _of_one_arm(blocks)
    for each, answers in zip(blocks, checked, strict=True):
        grown = _seen if waiting else each.growth
        readings.append(
            {k: a if isinstance(a, Unreadable) else grown(k, a) for k, a in answers.items()}
        )
        if not waiting:
            moved |= {t: end for t, end in each.ends.items() if end >= counted.get(t, since)}
    return tuple(readings), _remembered(moved)


def covered_until(counted: Mapping[str, float], since: float) -> float:
    """Unix seconds of the oldest sample that the next block may start from.

    Should a target return that fell too far behind, it starts anew from what is still read.
    """
    newest = max(counted.values(), default=since)
    return min((at for at in counted.values() if at > newest - GONE_AFTER), default=since)


def _remembered(counted: Mapping[str, float]) -> dict[str, float]:
    newest_first = sorted(counted.items(), key=lambda item: -item[1])[:MOST_TARGETS]
    return {t: at for t, at in newest_first if at > newest_first[0][1] - FORGOTTEN_AFTER}


def _of_one_arm(arms: Iterable["_Blocks"]) -> bool:
    """Whether to wait for the other arm, lest a block compare nothing with something: where looks
    come more often than scrapes, the arms are scraped between different looks."""
    uncounted = [arm.uncounted for arm in arms if arm.ends]
    return bool(uncounted) and min(uncounted) <= 0 < max(uncounted) <= BOTH_WITHIN


def _seen(_: Counters, answer: ByTarget) -> Growth:
    """There are samples, and they are counted later."""
    return Growth((), _newest(answer))


class _Blocks:
    """From where to where each target of an arm is counted."""

    def __init__(
        self,
        arm: Readable,
        covered: Mapping[Counters, float],
        counted: Mapping[str, float],
        since: float,
    ) -> None:
        self._wholes = {key: answer for key, answer in arm.items() if not key.part}
        self._parts = [answer for key, answer in arm.items() if key.part]
        self._covered, self._counted, self._since = covered, counted, since
        targets = dict.fromkeys(t for answer in self._wholes.values() for t in answer)
        self.ends = {target: self._end(target) for target in targets}

    @property
    def uncounted(self) -> float:
        """Seconds of samples that were not counted yet."""
        return max(end - self._counted.get(t, self._since) for t, end in self.ends.items())

    def growth(self, key: Counters, answer: ByTarget) -> Growth:
        """A part is counted from where its whole is."""
        if (whole := _whole(key, self._wholes)) is None:
            return Growth((), _newest(answer))
        served, covered = self._wholes[whole], self._covered[whole]
        increases: list[Increase] = []
        for target, exported in answer.items():
            if target in served:
                start = self._start(target, served[target].oldest, covered)
                end = self.ends[target]
                increases += [_increase(each, target, start, end) for each in exported.series]
        return Growth(tuple(increases), _newest(answer))

    def _end(self, target: str) -> float:
        """The newest sample that all counters have which the target still exports.

        One that was read just before a scrape, or whose sample is still on its way to where it is
        kept, lacks a sample, and the block ends before it. One that stays behind is gone (a
        restarted pod that has not predicted yet), and must not hide what the others count.
        """
        answers = (*self._wholes.values(), *self._parts)
        found = [answer[target] for answer in answers if target in answer]
        ends = sorted({exported.newest for exported in found})
        while len(ends) > 1 and ends[-1] - ends[0] > READ_WITHIN:
            series = [each for exported in found for each in exported.series]
            later = {at for each in series for at, _ in each.samples if at > ends[0]}
            if len(later) < 2:
                break
            del ends[0]
        return ends[0]

    def _start(self, target: str, first: float, covered: float) -> float:
        """What has no sample up to there began at 0. `first` is the target's first sample, and
        `covered` is from where on all were read.

        Where that cannot be known (a gap longer than the window, or a window that begins too
        late), counting starts at the first sample: rather lose some than count a lifetime.
        """
        start = self._counted.get(target, self._since)
        if first <= start:
            return start
        scraped = self._scraped(target, start)
        if scraped is None and target not in self._counted:
            scraped = start  # a pod that came later, if others were scraped then
        return start if scraped is not None and covered <= scraped else first

    def _scraped(self, target: str, until: float) -> float | None:
        """When a target was last scraped up to a time, as far as its wholes tell."""
        times = (
            at
            for answer in self._wholes.values()
            if target in answer
            for series in answer[target].series
            for at, _ in series.samples
            if at <= until
        )
        return max(times, default=None)


def _by_target(key: Counters, answer: Answer) -> ByTarget | Unreadable:
    """What each target exports; of two jobs that scrape it, to the first by name."""
    if isinstance(answer, Unreadable):
        return answer
    groups: dict[str, list[Series]] = {}
    for series in answer:
        if not math.isfinite(sum([value for _, value in series.samples])):
            return Unreadable(f"{key.metric} has samples that are no numbers (NaN or Inf).")
        if series.samples:
            groups.setdefault(series.target, []).append(series)
    return {target: _exported(group) for target, group in groups.items()}


def _exported(group: Sequence[Series]) -> Exported:
    jobs = {series.labels.get("job", "") for series in group}
    if len(jobs) > 1:
        first = min(jobs)
        group = [series for series in group if series.labels.get("job", "") == first]
    oldest = min([series.samples[0][0] for series in group])
    return Exported(group, oldest, max([series.samples[-1][0] for series in group]))


def _newest(answer: ByTarget) -> float | None:
    return max((exported.newest for exported in answer.values()), default=None)


def _covered(arms: Iterable[Readable]) -> dict[Counters, float]:
    """How far back each counter was read: its oldest sample in any arm."""
    covered: dict[Counters, float] = {}
    for arm in arms:
        for key, answer in arm.items():
            oldest = min((exported.oldest for exported in answer.values()), default=math.inf)
            covered[key] = min(covered.get(key, oldest), oldest)
    return covered


def _whole(key: Counters, wholes: Iterable[Counters]) -> Counters | None:
    """The whole that a counter is a part of; a whole is its own."""
    if not key.part:
        return key
    return next(
        (
            whole
            for whole in wholes
            if key.metric in whole.metrics and all(m in key.matchers for m in whole.matchers)
        ),
        None,
    )


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
