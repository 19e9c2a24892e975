"""trafficShare: whether the split that was asked for is the split that happens.

Requests are routed one by one, so that of n the candidate gets a binomial number e, with some share
p. Null hypothesis: p <= share. For an alternative t > 1 of the odds

    E(t) = t^e / (1 + share (t - 1))^n

is the likelihood ratio against p = share, and a non-negative supermartingale under the null: P(E
ever >= 1/alpha) <= alpha, however often it is looked at. With the arms exchanged it does the same
for p >= share. There is nothing to know of how many requests come when.

The pods of the two arms are scraped at different moments, and what one arm has served since is not
known of the other yet. So each arm's requests are bounded from both sides: those of the arm that
may have too many are what it had certainly served when the mark was set; the other's are all that
it may have served, once each of its pods was scraped after that.

Evidence has to recover once the routing is mended. So a verdict ends a trial, and counting begins
anew; the verdict stands until another trial ends with a different one. The k-th trial has the
k(k+1)th part of the allowed chance of error, so that all together keep to it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from serinus.api.baseline import NO_HISTORY, CheckBaseline
from serinus.api.checks.traffic_share import TrafficShare
from serinus.api.quantities import fraction
from serinus.api.status import ArmRequests, CheckState, SplitState, Verdict
from serinus.judge.evidence import words
from serinus.judge.evidence.kernel import WORSE, log_sum
from serinus.judge.evidence.look import EffectiveWeight, ErrorBudget, Finding, Look
from serinus.metrics.counters import BOTH_WITHIN, Increase
from serinus.metrics.queries import CounterQuery

SETTLES_WITHIN: Final = 5.0
"""Seconds in which all proxies do what their controller has accepted."""
_REMEDY: Final = (
    "Look for other ways to these pods than the split, for retries, for sticky sessions and for "
    "connections that stay open."
)


@dataclass(frozen=True, slots=True)
class _Band:
    """Shares of the candidate; below 0 and above 1 nothing is excluded."""

    low: float
    high: float

    @classmethod
    def around(cls, weight: EffectiveWeight, times: float, plus: str) -> Self:
        """So many times more or less, and so much beyond."""
        beyond = fraction(plus)
        return cls(weight.share / times - beyond, weight.share * times + beyond)

    def outside(self, split: SplitState) -> float:
        """ln E against 'the share is in the band'."""
        candidate, stable = split.candidate, split.stable
        too_much = evidence(candidate.marked, _most(stable), self.high)
        too_little = evidence(stable.marked, _most(candidate), 1 - self.low)
        return max(too_much, too_little) - math.log(2)

    def inside(self, split: SplitState) -> float:
        """ln E against 'the share is out of the band'."""
        candidate, stable = split.candidate, split.stable
        not_too_much = evidence(stable.marked, _most(candidate), 1 - self.high)
        not_too_little = evidence(candidate.marked, _most(stable), self.low)
        return min(not_too_much, not_too_little)

    def __str__(self) -> str:
        return f"{_percent(max(self.low, 0.0))} to {_percent(min(self.high, 1.0))}"


class TrafficShareCheck:
    """Shown to be out of what is tolerated: Fail, which holds the rollout. Shown to be within the
    margin: Pass; after a Fail the share must be shown to be tolerated."""

    def __init__(self, settings: TrafficShare) -> None:
        counter = settings.requests
        self._requests = CounterQuery(
            counter.metric, tuple(counter.matchers), beside=settings.failures
        )
        self._settings = settings

    def queries(self) -> tuple[CounterQuery, ...]:
        return (self._requests,)

    def learn(self, _: Sequence[Look]) -> CheckBaseline:
        """It compares requests with a weight, and not with what stable did before."""
        return NO_HISTORY

    def judge(self, state: CheckState, look: Look, budget: ErrorBudget) -> Finding:
        if problem := look.unreadable(self.queries()):
            return Finding("Error", problem, state)
        if look.weight is None:
            message = "The weight that the step asks for is not in effect."
            return Finding("Inconclusive", message, state)
        arms = [growth.increases for growth in look.growth(self._requests)]
        begun = _begun(state.split, look.weight)
        split = _counted(begun, *arms)
        new = split.candidate.certain - begun.candidate.certain
        state = state.replace(step_requests=state.step_requests + new)
        seen = _shown(split, look.weight)
        if _caught_up(split, arms, look.at):
            enough = state.step_requests >= budget.min_requests
            split = self._decided(split, look, budget, seen, enough=enough)
            split = _marked(split, arms)
        state = state.replace(split=split)
        if missing := look.missing(self._requests):
            return Finding("NoData", missing, state)
        return Finding(split.found, split.evidence or f"{seen}: too few to tell.", state)

    def _decided(
        self, split: SplitState, look: Look, budget: ErrorBudget, message: str, *, enough: bool
    ) -> SplitState:
        """The next trial, or this one with what it has shown so far."""
        if look.weight is None:
            return split
        settings = self._settings
        tolerated = _Band.around(look.weight, settings.tolerance, settings.absolute_tolerance)
        margin = _Band.around(look.weight, settings.margin, settings.absolute_margin)
        part = math.log(split.trial * (split.trial + 1))
        if tolerated.outside(split) >= part - math.log(budget.false_rollback):
            sure = words.confidence(budget.false_rollback)
            evidence = f"{message} and {tolerated} is tolerated, {sure}."
            return _ended(split, "Fail", f"{evidence} {_REMEDY}", look.at)
        shown = part - math.log(budget.false_pass)
        if enough and tolerated.inside(split) >= shown:
            evidence = (
                f"{message} and {tolerated} is tolerated, {words.confidence(budget.false_pass)}."
            )
            return _ended(split, "Pass", evidence, look.at)
        if enough and split.found == "Inconclusive" and margin.inside(split) >= shown:
            evidence = f"{message}; it is within {margin}, {words.confidence(budget.false_pass)}."
            return split.replace(found="Pass", evidence=evidence)
        return split


def _begun(known: SplitState | None, weight: EffectiveWeight) -> SplitState:
    """Counting goes on, or begins anew with another weight."""
    since = _kept(weight.since) + SETTLES_WITHIN
    if known is not None and since <= known.since:
        return known
    return SplitState(since=since, trial=known.trial + 1 if known else 1)


def _ended(split: SplitState, found: Verdict, evidence: str, at: float) -> SplitState:
    """The next trial, from now on."""
    return SplitState(since=_kept(at), trial=split.trial + 1, found=found, evidence=evidence)


def _counted(
    split: SplitState, candidate: Iterable[Increase], stable: Iterable[Increase]
) -> SplitState:
    return split.replace(
        candidate=_served(split.candidate, candidate, split.since),
        stable=_served(split.stable, stable, split.since),
    )


def _served(known: ArmRequests, increases: Iterable[Increase], since: float) -> ArmRequests:
    certain, doubtful = known.certain, known.doubtful
    for increase in increases:
        if increase.start >= since:
            certain += increase.amount
        elif increase.end > since:
            doubtful += increase.amount
    return known.replace(certain=certain, doubtful=doubtful)


def _most(arm: ArmRequests) -> float:
    return arm.certain + arm.doubtful


def _caught_up(split: SplitState, arms: Iterable[Iterable[Increase]], at: float) -> bool:
    """Whether some pod was scraped since the last look, and every one that is still scraped since
    the mark was set."""
    scraped = [{each.end for each in arm if each.end > at - BOTH_WITHIN} for arm in arms]
    marked_at = split.marked_at or split.since
    new = any(each.end > each.start for arm in arms for each in arm)
    return new and all(ends and min(ends) >= marked_at for ends in scraped)


def _marked(split: SplitState, arms: Iterable[Iterable[Increase]]) -> SplitState:
    """What is certain now will be weighed once the others have caught up."""
    newest = max(increase.end for arm in arms for increase in arm)
    candidate, stable = (arm.replace(marked=arm.certain) for arm in (split.candidate, split.stable))
    return split.replace(marked_at=newest, candidate=candidate, stable=stable)


def evidence(events: float, others: float, share: float) -> float:
    """ln E against 'of all, no more than this share are events'."""
    if not 0 < share < 1:
        return math.inf if share <= 0 else -math.inf
    return log_sum(
        [
            math.log(part)
            + events * math.log(alternative)
            - (events + others) * math.log1p(share * (alternative - 1))
            for alternative, part in WORSE
        ]
    )


def _shown(split: SplitState, weight: EffectiveWeight) -> str:
    """Between which shares it lies, as far as scrapes tell."""
    candidate, stable = split.candidate, split.stable
    if not candidate.marked + stable.marked:
        return "No request was counted at this weight yet"
    least = candidate.marked / (candidate.marked + _most(stable))
    most = _most(candidate) / (_most(candidate) + stable.marked)
    return (
        f"The candidate took {words.percent(least)} to {words.percent(most)} of "
        f"{candidate.certain + stable.certain:.0f} requests where {_percent(weight.share)} is "
        "asked for"
    )


def _kept(moment: float) -> float:
    """As exact as a status keeps it, so that a resumed judge finds the same."""
    return round(moment, 3)


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"
