"""Stable's history before a rollout -> the baseline of each check."""

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from serinus.api.analysis import Analysis
from serinus.api.baseline import NO_HISTORY, Baseline, CheckBaseline, Dispersion
from serinus.api.checks import Check
from serinus.api.isolation import Fault, Part, isolated
from serinus.api.quantities import spoken
from serinus.api.spec import StepChoice
from serinus.judge.analysis import queries_of, reads
from serinus.judge.checks import kind_of
from serinus.judge.checks.slowdown import ratios
from serinus.judge.evidence.comparison import among_pods
from serinus.judge.evidence.dispersion import LEAST_BLOCKS
from serinus.judge.evidence.history import minutes
from serinus.judge.evidence.kernel import NullHypothesis
from serinus.judge.evidence.look import Look
from serinus.judge.evidence.stability import alone
from serinus.judge.findings.rates import Variation
from serinus.judge.findings.words import listed, percent
from serinus.judge.forecast.against_itself import rolled_back
from serinus.judge.forecast.choosing import OFFERED, WEIGHTS, chosen
from serinus.judge.forecast.cost import Cost, costs
from serinus.judge.forecast.dividing import Division, division
from serinus.judge.forecast.dividing import told as told_of_labels
from serinus.judge.forecast.estimates import chosen_steps, expected, failing_pods
from serinus.judge.forecast.exports import cannot_fail, doubts
from serinus.judge.forecast.splits import Split, Splitting, exact
from serinus.judge.forecast.starts import warm_up
from serinus.judge.forecast.waits import Wait, of_rollout, slowest, waits
from serinus.metrics.counters import Growth
from serinus.metrics.queries import CounterQuery, History, QueryError

_LONGEST_MESSAGE = 1024
_A_SHARE = 0.1
"""Of predictions, as an example."""


def asks_of_history(analysis: Analysis) -> tuple[CounterQuery, ...]:
    """The queries for stable's history; none where no check compares counts."""
    comparing = [check for check in analysis.checks if check.settings.shares_budget]
    queries = queries_of(analysis.replace(checks=comparing))
    return tuple(one for one in queries if isinstance(one, CounterQuery))


def has_learned(analysis: Analysis, baseline: Baseline | None) -> bool:
    """Whether every check has its baseline, or needs none."""
    known = {each.reads for each in baseline.checks} if baseline else set()
    return not asks_of_history(analysis) or known >= set(map(reads, analysis.checks))


@dataclass(frozen=True, slots=True)
class CannotFail:
    """Checks that would pass every candidate, by what stable exports."""

    messages: Mapping[str, str]
    """By name of the check."""

    @property
    def message(self) -> str:
        """All of them."""
        return " ".join(f"Check {name}: {message}" for name, message in self.messages.items())


def learn(
    analysis: Analysis,
    history: History,
    weights: Sequence[int] = (),
    stable_since: float = -math.inf,
    choice: StepChoice | None = None,
    *,
    copies_first: bool = False,
    splitting: Splitting = exact,
) -> Baseline | QueryError | CannotFail:
    """The baseline of each check, and what to expect at these weights, in percent, or at those that
    are chosen. There is none if the history cannot be read, or shows that a check that decides
    could not fail. `copies_first`: the candidate is judged by copies of requests before, and a bad
    one is not expected to cost clients any. `splitting`: what it gets at each weight.

    Little or no history is no error: requests are then assumed to be independent, and the message
    says so. It begins with what keeps a check from judging, or lets it judge wrongly; next
    comes what to expect.
    """
    deciding = analysis.replace(checks=analysis.deciding)
    needed = _of(deciding, history)
    for counters, answer in needed.stable.items():
        # a histogram that is not native is also queried as a classic one
        if isinstance(answer, QueryError) and not counters.native:
            return answer
    if wrong := isolated(Part.FORECAST, partial(cannot_fail, deciding, needed), lambda _: {}):
        return CannotFail(wrong)
    return isolated(
        Part.FORECAST,
        partial(
            _learn,
            *(analysis, deciding, history, needed, weights, stable_since, choice),
            copies_first=copies_first,
            splitting=splitting,
        ),
        lambda fault: _nothing_learned(analysis, history, f"{fault.message}."),
    )


def _nothing_learned(analysis: Analysis, history: History, message: str) -> Baseline:
    """Requests are assumed to be independent, as without a history."""
    checks = [NO_HISTORY.replace(reads=reads(check)) for check in analysis.checks]
    return Baseline(measured_at=history.at, checks=checks, message=message)


def _learn(
    analysis: Analysis,
    deciding: Analysis,
    history: History,
    needed: History,
    weights: Sequence[int],
    stable_since: float,
    choice: StepChoice | None,
    *,
    copies_first: bool,
    splitting: Splitting,
) -> Baseline:
    looks = minutes(needed.stable)
    served, known, divided = _of_each_check(analysis, history, needed, looks)
    baseline = Baseline(
        measured_at=history.at,
        checks=[each.replace(reads=reads(check)) for check, each in known],
    )

    limited = choice is not None and choice.may_fail < math.inf
    too_short = len(served) < LEAST_BLOCKS
    if too_short:
        choice = None  # it may have more traffic than in that hour
    # some check that decides compares counts
    shown = looks if served else ()
    forecast = partial(_forecast, deciding, shown, baseline, weights, choice, splitting)
    outlook = isolated(
        Part.FORECAST, forecast, lambda fault: Outlook(weights, unknown=fault.message), "of times"
    )
    outlook = replace(outlook, cost=None) if copies_first else outlook
    weights = outlook.weights
    if choice is not None:
        baseline = baseline.replace(weights=list(outlook.chosen))
    baseline = baseline.replace(slowest_step=outlook.slowest_step)

    def sentences() -> Iterator[str]:
        pods = _pods(served, splitting(min(weights, default=0)))
        yield from doubts(analysis, history, stable_since)
        if limited and too_short:
            yield _UNLIMITED
        if served:
            yield from outlook.told(analysis, choice)
        if served and looks:
            yield from failing_pods(rolled_back(deciding, needed, baseline))
        # last, since there is a long sentence for each check
        yield _served_hour(served, [(check.name, each) for check, each in known], pods)
        yield from told_of_labels(divided)
        if served:
            yield from _started(known)
            yield from _in_shares(known)

    told = isolated(Part.FORECAST, lambda: [*sentences()], _in_words, "in words")
    return baseline.replace(message=" ".join(told)[:_LONGEST_MESSAGE])


def _of_each_check(
    analysis: Analysis, history: History, needed: History, looks: Sequence[Look]
) -> tuple[list[Look], list[tuple[Check, CheckBaseline]], dict[str, Division]]:
    """The looks in which stable served, what is learned of each check, and by name of the check the
    labels by which it compares. `needed` and `looks` are of the checks that decide."""
    served = [look for look in looks if _served(look)]
    of_mode = [(analysis.deciding, served, needed)]
    if analysis.audited:
        beside = _of(analysis.replace(checks=analysis.audited), history)
        served_beside = [look for look in minutes(beside.stable) if _served(look)]
        of_mode.append((analysis.audited, served_beside, beside))
    found, divided = dict[str, CheckBaseline](), dict[str, Division]()
    for checks, of_checks, read in of_mode:
        found |= _learned(checks, of_checks, read)
        if analysis.stratify is None:
            divided |= _divided(checks, found, of_checks)
        served = served or of_checks
    known = [
        (check, found[check.name].replace(**_as_kept(divided.get(check.name, Division()))))
        for check in analysis.checks
    ]
    return served, known, divided


def _in_words(fault: Fault) -> list[str]:
    return [f"{fault.message}."]


_UNLIMITED: Final = (
    f"rollout.atMost is not applied: that needs {LEAST_BLOCKS} minutes with requests in stable's "
    "last hour."
)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What to expect of the steps."""

    weights: Sequence[int]
    """Percent."""
    chosen: Sequence[int] = ()
    """The same, if they were chosen."""
    waits: Sequence[Wait] = ()
    cost: Cost | None = None
    """At the first weight; None: not known."""
    unknown: str = (
        "no request of stable failed in that hour, or most did, or no check that decides counts "
        "failures, or 100 times as many would be tolerated"
    )
    """Why the cost is not."""

    @property
    def slowest_step(self) -> float | None:
        """Seconds; None: unknown, or it would never end."""
        longest = max(slowest(self.waits).values(), default=math.inf)
        return longest if longest < math.inf else None

    def told(self, analysis: Analysis, choice: StepChoice | None) -> list[str]:
        """For people; what is tried for it may raise, which stops nothing else."""
        foretold = partial(self._sentences, analysis, choice)
        return isolated(Part.FORECAST, lambda: [*foretold()], _in_words, "of times")

    def _sentences(self, analysis: Analysis, choice: StepChoice | None) -> Iterator[str]:
        may_fail = math.inf if choice is None else choice.may_fail
        if choice is not None and self.chosen:
            takes = sum(slowest(self.waits).values())
            yield chosen_steps(self.chosen, takes, choice.within)
        yield from expected(analysis.step_may_last(self.slowest_step), self.waits)
        if self.cost is not None and self.cost.sentence:
            yield self.cost.sentence
        if may_fail < math.inf:
            yield from self._of_the_limit(may_fail)

    def _of_the_limit(self, may_fail: float) -> Iterator[str]:
        """Why rollout.atMost is not kept."""
        cost, limit = self.cost, f"rollout.atMost allows ({may_fail:,.0f})"
        if cost is None:
            yield (
                f"The cost of a bad candidate is unknown: {self.unknown}. rollout.atMost then "
                f"starts at {min(self.weights, default=0)}%."
            )
        elif cost.not_found:
            times = listed([str(each) for each in cost.not_found])
            yield (
                f"At {cost.weight}% candidates with {times} times stable's errors are not expected "
                f"to be rolled back, so they may cost more than {limit}; no other first weight "
                "keeps to it either."
            )
        elif cost.most > may_fail:
            yield (
                f"That is more than {limit}: no first weight is low enough at this traffic. A "
                "shorter analysis.interval may help."
            )


def _forecast(
    analysis: Analysis,
    looks: Sequence[Look],
    baseline: Baseline,
    weights: Sequence[int],
    choice: StepChoice | None,
    splitting: Splitting,
) -> Outlook:
    if not looks:
        return Outlook(weights)
    offered = weights if choice is None else WEIGHTS
    found = [*waits(analysis, looks, baseline, offered, splitting)]
    cost = partial(costs, analysis, looks, baseline, waits=found, splitting=splitting)
    best: tuple[int, ...] = ()
    known: Mapping[int, Cost] | None = None
    if choice is not None:
        known = cost(OFFERED) if choice.may_fail < math.inf else None
        affordable = _affordable(known, choice.may_fail)
        best = chosen(found, choice.within, affordable, splitting)
    weights = best or weights
    of_steps = of_rollout(found, weights)
    if not best or known is None:
        compared = {wait.weight for wait in of_steps}
        steps = [weight for weight in weights if weight in compared]
        known = cost([steps]) if steps else {}
    return Outlook(weights, best, of_steps, known.get(min(weights, default=0)))


def _affordable(costs: Mapping[int, Cost] | None, may_fail: float) -> Container[int] | None:
    """The first weights at which a bad candidate is known to cost no more; None: it may."""
    if costs is None:
        return None
    return {weight for weight, cost in costs.items() if cost.most <= may_fail}


def _of(analysis: Analysis, history: History) -> History:
    """What is read for these checks."""
    asked = asks_of_history(analysis)
    return replace(history, stable={q: a for q, a in history.stable.items() if q in asked})


def _learned(
    checks: Iterable[Check], served: Sequence[Look], history: History
) -> Iterator[tuple[str, CheckBaseline]]:
    for check in checks:
        learn_of = partial(_learned_of, check, served, history)
        yield (
            check.name,
            isolated(Part.FORECAST, learn_of, lambda _: NO_HISTORY, f"of check {check.name}"),
        )


def _started(known: Iterable[tuple[Check, CheckBaseline]]) -> Iterator[str]:
    """What is known of how stable's pods start."""
    for check, found in known:
        if found.warm_up:
            yield (
                f"Check {check.name}: stable's pods that started in that hour took "
                f"{spoken(found.warm_up)} to level off. For as long after a candidate pod starts, "
                "nothing counts towards Pass, unless the pod is good at once."
            )


def _learned_of(check: Check, served: Sequence[Look], history: History) -> CheckBaseline:
    found = kind_of(check).learn(served)
    return found.replace(warm_up=warm_up(check, found, history.stable))


def _divided(
    checks: Iterable[Check], known: Mapping[str, CheckBaseline], served: Sequence[Look]
) -> Iterator[tuple[str, Division]]:
    """By check, within which labels it compares."""
    for check in checks:
        if check.settings.compares_strata:
            choose = partial(division, check, served, known[check.name])
            yield (
                check.name,
                isolated(Part.FORECAST, choose, lambda _: Division(), f"of check {check.name}"),
            )


def _as_kept(found: Division) -> dict[str, list[str]]:
    return {"stratify": list(found.labels), "strata": list(found.strata)} if found.chosen else {}


def _in_shares(known: Iterable[tuple[Check, CheckBaseline]]) -> Iterator[str]:
    """What a tolerated slowdown, or stability index, comes to."""
    for check, found in known:
        slowdown, psi = check.settings.slowdown, check.settings.stability_index
        if psi is not None:
            low, high = map(percent, alone(_A_SHARE, psi))
            yield (
                f"Check {check.name}: within a PSI of {psi:g} a share of {percent(_A_SHARE)} may "
                f"become {low} to {high} if that is the only change."
            )
        if slowdown is None:
            continue
        each = [both for b in found.bounds if (both := ratios(found.slower, b, slowdown))]
        if each:
            least, most = min(t for t, _ in each), max(t for t, _ in each)
            yield (
                f"Check {check.name}: a p99 {slowdown:g} times as long means {least:.2g} to "
                f"{most:.2g} times as many slow requests, depending on the bound."
            )


def _served(look: Look) -> bool:
    return any(look.growth(counters)[1].pods for counters in look.stable)


def _pods(served: Sequence[Look], split: Split) -> tuple[int, int]:
    """How many of the candidate to expect, and how many stable has."""
    counted = (
        growth.pods
        for look in served[-1:]
        for growth in look.stable.values()
        if isinstance(growth, Growth)
    )
    stable = max(counted, default=0)
    return max(math.ceil(stable * split.pods), 1), stable


def _served_hour(
    looks: Sequence[Look], known: Iterable[tuple[str, CheckBaseline]], pods: tuple[int, int]
) -> str:
    if len(looks) < LEAST_BLOCKS:
        minutes = f"{len(looks)} minute{'' if len(looks) == 1 else 's'}"
        return (
            f"Stable served requests in only {minutes} of the last hour, so requests are assumed "
            "to be independent and pods to be alike."
        )
    known = tuple(known)
    message = " ".join(_varied(known, pods))
    assumed = any(each.between_pods for _, found in known for each in found.dispersions)
    if pods[1] != 1 or assumed:
        return message or "Stable's last hour shows no bursts and no differences between pods."
    bursts = message or "Stable's last hour shows no bursts."
    return (
        f"{bursts} Its only pod cannot show how pods differ: if the candidate's pod is worse, "
        "the revision is blamed."
    )


def _varied(known: Iterable[tuple[str, CheckBaseline]], pods: tuple[int, int]) -> Iterator[str]:
    """Sentences for each check whose counts varied more than by chance."""
    as_seen = NullHypothesis(1.0, 0.0)
    for name, found in known:
        if found.dispersions:
            worst = max(found.dispersions, key=_badness)
            wider = among_pods(as_seen, worst, pods).ratio
            varied = Variation("counts", worst, wider if worst.between_pods else 0.0, pods)
            yield f"Check {name}: {varied}"


def _badness(dispersion: Dispersion) -> float:
    return dispersion.over_time + dispersion.between_pods
