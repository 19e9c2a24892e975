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

A request is counted once it is answered. What is counted soon after a change of the weight was
partly split by the weight before, so a trial that began then ends without a verdict if it shows the
split to be wrong.
"""

import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from serinus.api.baseline import NO_HISTORY, CheckBaseline
from serinus.api.checks.traffic_share import TrafficShare
from serinus.api.quantities import fraction
from serinus.api.status import ArmRequests, CheckState, SplitState, Verdict
from serinus.judge.evidence.kernel import WORSE, log_sum
from serinus.judge.evidence.look import EffectiveWeight, ErrorBudget, Look
from serinus.judge.findings.finding import Finding
from serinus.judge.findings.traffic_share import (
    CountedShare,
    NothingCounted,
    NotInEffect,
    ShareBand,
    SplitShown,
    SplitShownBefore,
    SplitUnknown,
)
from serinus.metrics.counters import BOTH_WITHIN, Increase
from serinus.metrics.queries import CounterQuery

SETTLES_WITHIN: Final = 5.0
"""Seconds in which all proxies do what their controller has accepted."""
ANSWERED_WITHIN: Final = 60.0
"""Seconds in which slow requests are answered, and only then counted: until then the counts are
those of the weight before."""


class TrafficShareCheck:
    """Shown to be out of what is tolerated: Fail, which holds the rollout. Shown to be within the
    margin: Pass; after a Fail the share must be shown to be tolerated."""

    def __init__(self, settings: TrafficShare) -> None:
        counter = settings.requests
        self._requests = CounterQuery(
            counter.metric,
            tuple(counter.matchers),
            beside=settings.failures,
            backend=counter.backend,
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
            return Finding("Inconclusive", NotInEffect(), state)
        arms = [growth.increases for growth in look.growth(self._requests)]
        begun = _begun(state.split, look.weight, look.at)
        split = _counted(begun, *arms)
        new = split.candidate.certain - begun.candidate.certain
        state = state.replace(step_requests=state.step_requests + new)
        counted = _counted_share(split, look.weight)
        if _caught_up(split, arms, look.at):
            enough = state.step_requests >= budget.min_requests
            split = self._decided(split, look.weight, look.at, budget, enough=enough)
            split = _marked(split, arms)
        state = state.replace(split=split)
        if missing := look.missing(self._requests):
            return Finding("NoData", missing, state)
        shown = SplitShownBefore(split.evidence) if split.evidence else SplitUnknown(counted)
        return Finding(split.found, shown, state)

    def _decided(
        self,
        split: SplitState,
        weight: EffectiveWeight,
        at: float,
        budget: ErrorBudget,
        *,
        enough: bool,
    ) -> SplitState:
        """The next trial, or this one with what it has shown so far."""
        settings, counted = self._settings, _counted_share(split, weight)
        tolerated = _around(weight, settings.tolerance, settings.absolute_tolerance)
        margin = _around(weight, settings.margin, settings.absolute_margin)
        shown = partial(SplitShown, counted, tolerated, margin)
        part = math.log(split.trial * (split.trial + 1))
        if _outside(tolerated, split) >= part - math.log(budget.false_rollback):
            answered = _kept(weight.since + ANSWERED_WITHIN)
            if split.since < answered:
                return SplitState(since=max(_kept(at), answered), trial=split.trial + 1)
            return _ended(split, "Fail", shown(budget.false_rollback, "wrong"), at)
        to_pass = part - math.log(budget.false_pass)
        if enough and _inside(tolerated, split) >= to_pass:
            return _ended(split, "Pass", shown(budget.false_pass, "tolerated"), at)
        if enough and split.found == "Inconclusive" and _inside(margin, split) >= to_pass:
            evidence = shown(budget.false_pass, "within the margin").message
            return split.replace(found="Pass", evidence=evidence)
        return split


def _around(weight: EffectiveWeight, times: float, plus: str) -> ShareBand:
    """So many times more or less, and so much beyond."""
    beyond = fraction(plus)
    return ShareBand(weight.share / times - beyond, weight.share * times + beyond)


def _outside(band: ShareBand, split: SplitState) -> float:
    """ln E against 'the share is in the band'."""
    candidate, stable = split.candidate, split.stable
    too_much = evidence(candidate.marked, _most(stable), band.high)
    too_little = evidence(stable.marked, _most(candidate), 1 - band.low)
    return max(too_much, too_little) - math.log(2)


def _inside(band: ShareBand, split: SplitState) -> float:
    """ln E against 'the share is out of the band'."""
    candidate, stable = split.candidate, split.stable
    not_too_much = evidence(stable.marked, _most(candidate), 1 - band.high)
    not_too_little = evidence(candidate.marked, _most(stable), band.low)
    return min(not_too_much, not_too_little)


def _begun(known: SplitState | None, weight: EffectiveWeight, at: float) -> SplitState:
    """Counting continues, or restarts at another weight. A trial that is to begin later than any
    can was timed by a clock that has been set back since."""
    since = _kept(weight.since) + SETTLES_WITHIN
    if known is not None and since <= known.since <= _kept(at) + ANSWERED_WITHIN:
        return known
    return SplitState(since=since, trial=known.trial + 1 if known else 1)


def _ended(split: SplitState, found: Verdict, shown: SplitShown, at: float) -> SplitState:
    """The next trial, from now on."""
    return SplitState(since=_kept(at), trial=split.trial + 1, found=found, evidence=shown.message)


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


def _counted_share(split: SplitState, weight: EffectiveWeight) -> CountedShare | NothingCounted:
    """Between which shares it lies, as far as scrapes tell."""
    candidate, stable = split.candidate, split.stable
    if not candidate.marked + stable.marked:
        return NothingCounted(weight.copied)
    return CountedShare(
        least=candidate.marked / (candidate.marked + _most(stable)),
        most=_most(candidate) / (_most(candidate) + stable.marked),
        requests=candidate.certain + stable.certain,
        asked=weight.share,
        copied=weight.copied,
    )


def _kept(moment: float) -> float:
    """As exact as a status keeps it, so that a resumed judge finds the same."""
    return round(moment, 3)
