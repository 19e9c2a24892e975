"""What the looks at a rollout found, as numbers to draw."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from serinus.api.analysis import Analysis
from serinus.api.checks import Check, Mode
from serinus.api.spec import Spec
from serinus.api.status import CheckState, CheckStatus, Status, Timeline
from serinus.judge.analysis import budget_of
from serinus.judge.checks.stability_index import is_index
from serinus.judge.evidence.comparison import strength
from serinus.judge.evidence.shift import SHIFT
from serinus.plan.analysis import analysis_of


@dataclass(frozen=True, slots=True)
class Rates:
    """A quantity that is compared, as a share of the requests of each revision."""

    name: str
    candidate: float
    stable: float


@dataclass(frozen=True, slots=True)
class CheckLook:
    """A check at a look."""

    name: str
    mode: Mode
    against: float | None
    """Evidence against the candidate, as a part of what a rollback takes (logarithms); None: the
    check has no such evidence."""
    towards: float | None
    """The same for the candidate, as a part of what passing the step takes."""
    rates: tuple[Rates, ...]
    """First the one that the check's message names, then those that differ most."""


@dataclass(frozen=True, slots=True)
class LookView:
    """A rollout at its last look."""

    at: float
    """Unix seconds."""
    checks: tuple[CheckLook, ...]


@dataclass(frozen=True, slots=True)
class WeightView:
    """The candidate's percentage of the traffic from a time on."""

    since: float
    """Unix seconds."""
    wanted: float
    actual: float
    mirrored: float = 0.0
    """Percentage of the requests of which it gets copies."""


def look_view(spec: Spec | None, status: Status) -> LookView | None:
    """The last look that the status has; None: nothing was measured."""
    candidate = status.candidate
    if candidate is None or candidate.measured_at is None or spec is None:
        return None
    analysis = analysis_of(spec, candidate)
    settings = {each.name: each for each in analysis.checks}
    found = [
        _check(analysis, settings.get(each.name), each, candidate.entries)
        for each in candidate.checks
    ]
    return LookView(candidate.measured_at, tuple(found))


def weights(timeline: Timeline, status: Status, now: float) -> tuple[WeightView, ...]:
    """The weights of a rollout, oldest first; the last one is that of now, or of the end."""
    found = [WeightView(timeline.since, 0.0, 0.0)]
    for each in timeline.weights:
        actual = each.weight if each.actual is None else each.actual
        found.append(WeightView(each.since, each.weight, actual, each.mirrored or 0.0))
        if each.until is not None:
            found.append(WeightView(each.until, each.weight, 0.0))
    candidate = status.candidate
    if timeline.until is not None:
        promoted = bool(status.stable and status.stable.revision == timeline.revision)
        last = 100.0 if promoted else 0.0
        found.append(WeightView(timeline.until, last, last))
    elif candidate is not None:
        given = candidate.weight
        found.append(WeightView(now, given.wanted, given.actual, given.mirrored or 0.0))
    return tuple(found)


def _check(
    analysis: Analysis, settings: Check | None, check: CheckStatus, entries: int
) -> CheckLook:
    against = towards = None
    if settings is not None and check.state.comparisons:
        against, towards = strength(check.state, budget_of(analysis, settings, entries))
    told = check.message.casefold()

    def rank(rates: Rates) -> tuple[bool, float]:
        named = told.startswith(f"{rates.name.casefold()}:")
        return not named, -abs(rates.candidate - rates.stable)

    rates = tuple(sorted(_rates(check.state), key=rank))
    return CheckLook(check.name, check.mode, against, towards, rates)


def _rates(state: CheckState) -> Iterator[Rates]:
    """Of what is counted among all requests; groups of requests, a shift and an
    index have no such rate."""
    for each in state.comparisons:
        if each.name == SHIFT or is_index(each):
            continue
        candidate, stable = (_whole(arm, each.name) for arm in (state.candidate, state.stable))
        if candidate and stable:
            yield Rates(each.name, each.candidate / candidate, each.stable / stable)
    if state.split is not None:
        candidate, stable = state.split.candidate.certain, state.split.stable.certain
        if candidate + stable:
            share = candidate / (candidate + stable)
            yield Rates("share of the requests", share, 1 - share)


def _whole(counts: Mapping[str, float], name: str) -> float:
    """What a quantity is a part of: the metric that its name begins with, or the only one."""
    if any(": " in key for key in counts):
        return 0.0
    return counts.get(name.split(" ", 1)[0]) or max(counts.values(), default=0.0)
