"""Raw samples of counters -> how much they grew in a block, no sample counted twice or lost.

A block belongs to a target (a pod at its address): from the last sample counted, exclusive, to
the newest sample that every whole counter of the target has. Growth is taken from the raw
samples of each series, never from increase(), which extrapolates.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from serinus.judge.questions import Answer, Counters, Series, Unreadable

GONE_AFTER: Final = 600.0
"""Seconds behind the others after which a target is no longer waited for."""

FORGOTTEN_AFTER: Final = 7200.0
"""Seconds behind the others after which a target is dropped from the state; longer than any
window, so that one that returns cannot pass for new."""


@dataclass(frozen=True, slots=True)
class Increase:
    """How much one series grew in a block."""

    labels: Mapping[str, str]
    target: str
    amount: float
    known: bool
    """Whether the series was there before the block."""


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


Reading = Growth | Unreadable


@dataclass(frozen=True, slots=True)
class _Block:
    start: float
    end: float


def count(
    arms: tuple[Mapping[Counters, Answer], ...], counted: Mapping[str, float], since: float
) -> tuple[tuple[dict[Counters, Reading], ...], dict[str, float]]:
    """Count each arm's answers, all read over the same window.

    `counted` has the last sample counted per target, Unix seconds; `since` is where targets
    that were never counted start. Returns the growth per arm and the new `counted`. A counter
    that cannot be read loses this block, and the others go on: a broken check must not blind
    the rest.
    """
    checked = [{key: _checked(key, answer) for key, answer in arm.items()} for arm in arms]
    scraped_before = any(
        series.samples[0][0] <= since for arm in checked for series in _all_series(arm.values())
    )
    readings: list[dict[Counters, Reading]] = []
    moved = dict(counted)
    for arm in checked:
        blocks = _blocks(arm, counted, since, scraped_before)
        readings.append({key: _growth(answer, blocks) for key, answer in arm.items()})
        moved |= {target: block.end for target, block in blocks.items()}
    newest = max(moved.values(), default=since)
    return tuple(readings), {t: at for t, at in moved.items() if at > newest - FORGOTTEN_AFTER}


def covered_until(counted: Mapping[str, float], since: float) -> float:
    """Unix seconds of the oldest sample that the next block may start from.

    Should a target return that fell too far behind, it starts anew from what is still read.
    """
    newest = max(counted.values(), default=since)
    return min((at for at in counted.values() if at > newest - GONE_AFTER), default=since)


def _checked(key: Counters, answer: Answer) -> Answer:
    if isinstance(answer, Unreadable):
        return answer
    filled = tuple(series for series in answer if series.samples)
    if any(not math.isfinite(value) for series in filled for _, value in series.samples):
        return Unreadable(f"{key.metric} has samples that are no numbers (NaN or Inf)")
    return _of_one_job(filled)


def _of_one_job(answer: tuple[Series, ...]) -> tuple[Series, ...]:
    """A pod scraped by two jobs is counted once: by the first by name."""
    job: dict[str, str] = {}
    for series in answer:
        name = series.labels.get("job", "")
        job[series.target] = min(job.get(series.target, name), name)
    return tuple(s for s in answer if s.labels.get("job", "") == job[s.target])


def _all_series(answers: Iterable[Answer]) -> Iterable[Series]:
    for answer in answers:
        if not isinstance(answer, Unreadable):
            yield from answer


def _blocks(
    arm: Mapping[Counters, Answer],
    counted: Mapping[str, float],
    since: float,
    scraped_before: bool,
) -> dict[str, _Block]:
    oldest: dict[str, float] = {}
    for series in _all_series(arm.values()):
        first = series.samples[0][0]
        oldest[series.target] = min(oldest.get(series.target, first), first)
    blocks = {}
    for target, end in _ends(arm).items():
        start = counted.get(target, since)
        new = target not in counted and scraped_before
        if oldest[target] > start and not new:
            start = oldest[target]
        if end > start:
            blocks[target] = _Block(start, end)
    return blocks


def _ends(arm: Mapping[Counters, Answer]) -> dict[str, float]:
    """Per target the newest sample that all of its wholes have."""
    ends: dict[str, float] = {}
    for key, answer in arm.items():
        if key.part or isinstance(answer, Unreadable):
            continue
        newest: dict[str, float] = defaultdict(lambda: -math.inf)
        for series in answer:
            newest[series.target] = max(newest[series.target], series.samples[-1][0])
        for target, end in newest.items():
            ends[target] = min(ends.get(target, end), end)
    return ends


def _growth(answer: Answer, blocks: Mapping[str, _Block]) -> Reading:
    if isinstance(answer, Unreadable):
        return answer
    increases = tuple(
        _increase(series, blocks[series.target]) for series in answer if series.target in blocks
    )
    newest = max((series.samples[-1][0] for series in answer), default=None)
    return Growth(increases, newest)


def _increase(series: Series, block: _Block) -> Increase:
    before = [value for at, value in series.samples if at <= block.start]
    inside = [value for at, value in series.samples if block.start < at <= block.end]
    last = before[-1] if before else 0.0
    amounts = []
    for value in inside:
        amounts.append(value - last if value >= last else value)
        last = value
    return Increase(series.labels, series.target, math.fsum(amounts), bool(before))
