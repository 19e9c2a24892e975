"""A pod may be slow or fail at its start, and level off: that is no fault of the revision.

Nothing is set aside as long as a check does not fail. One that would fail because of pods that have
served for less than LONGEST waits for them: if they level off, what was counted against the
candidate is dropped, and that begins anew; if they do not, it fails. So a check fails only where it
would have failed without this, and the false-alarm risk stays what it is.

For Pass nothing counts while a pod starts: while it is bad, and until it is shown to be well or has
served for as long as stable's pods in the last hour, or earlier ones of the candidate, took to
level off. All of this is known before the requests that are left out, so the risk of a false Pass
stays as well; and since what the other pods serve meanwhile is left out too, no bad pod is passed
over.

Waiting costs clients. Where requests fail, it ends once as many have failed as the pods are asked
in COST seconds, which is less than a total failure costs until it is found, and where most of them
fail, it does not begin. Pods and containers that take the place of others meanwhile prolong
nothing: a revision that is bad for ever would never be found, if its pods are new every few
minutes.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from serinus.api.status import CheckState, PodStart, Starts
from serinus.judge.evidence.comparison import acquitted
from serinus.judge.evidence.look import ByPod, ErrorBudget, Look
from serinus.judge.evidence.pods import pod_of, scraped
from serinus.judge.findings.finding import Figures, Finding, Later
from serinus.judge.findings.starts import LeftOut, LevelledOff, MayBeItsStart
from serinus.metrics.warm_up import served_since

LONGEST: Final = 300.0
"""Seconds after a pod's first request in which what it does may be its start."""
SHORTEST: Final = 60.0
"""The same, however soon other pods had levelled off: a scrape interval may be as long."""
TIMES_KNOWN: Final = 2.0
"""How many times as long as other pods took one may take."""
GROSS: Final = 0.1
"""Share of bad requests from which a start is thought of, if that is CALMER times stable's. Smaller
faults are seldom due to a start, and take longer than one to be shown."""
GROSS_IF_KNOWN: Final = 0.05
"""The same for pods of stable in the last hour, which count more requests, and for those of the
candidate if pods of stable were so."""
NOT_YET_WELL: Final = 20.0
"""Seconds from its first request on for which a pod is not taken for one that was quick at first:
stable's may be as new, so that it is not known yet what is slow."""
NOT_ONE_OR_TWO: Final = 3.0
"""Bad requests by which a pod is bad, be they as many of its first ones as they are."""
TOTAL: Final = 0.5
"""Share of failed requests from which clients are not made to wait for it."""
COST: Final = 20.0
"""Seconds in which all requests of the pods might as well have failed."""
MOST_OF_IT: Final = 0.5
"""Of all bad requests that the candidate has in this time beyond stable's share, those of its pods
that start."""
CALMER: Final = 4.0
"""Pods have levelled off rather to a share so many times smaller than stay as they are."""
CALM: Final = math.log(1000)
"""Of a CUSUM (Page 1954). Should it be wrong, the check begins anew too early, and waits again."""
WELL: Final = math.log(20)
"""Of the same of all requests of a pod so far, against the least share of a start."""
NEARLY_ALL: Final = 0.95
MOST_PODS: Final = 64
"""What the status has room for."""


def waited(found: Finding, served: ByPod, look: Look, budget: ErrorBudget) -> Finding:
    """The finding of a check, unless that is Fail because of pods that may level off."""
    known = found.state.starts or Starts()
    look = replace(look, at=_read_until(known, served, look))
    starts = _followed(known, served, look)
    counts = any(each.end > each.start for each in served.requests.increases)
    if found.verdict == "Fail" and (counts or starts.waits_since is None):
        starts = _awaiting(starts, served, look.at)
    elif found.verdict not in ("Fail", "Error", "NoData"):
        starts = _not_awaited(starts)
    pods = [each for each in starts.pods.values() if each.awaited]
    since = look.at if starts.waits_since is None else starts.waits_since
    longest, age = _longest(starts, since), max(look.at - since, 0.0)
    well = starts.calm >= CALM
    over = not well and (age > longest or _is_too_costly(starts, served, age))
    if found.verdict != "Fail" or not pods or over:
        state = found.state.replace(starts=starts if starts != Starts() else None)
        return replace(_told(found, starts), state=state)
    if well:
        return _levelled_off(found.state, starts, served, look.at, budget)
    state = found.state.replace(starts=starts, pods_to_blame=[])
    if served.missing:
        return Finding("NoData", served.missing, state)
    share = _share([*pods, _as_one(starts.ended)])
    figures = MayBeItsStart(share, served.bad, age, longest, COST if served.costly else None)
    return Finding("Inconclusive", figures, state)


def uncounted(starts: Starts) -> Starts:
    """Which pods began to serve of late, and how long others took, without what was counted."""
    pods = {name: PodStart(since=each.since) for name, each in starts.pods.items()}
    return Starts(pods=pods, took=starts.took, seen_at=starts.seen_at)


def failing_waited_for(share: float, of_stable: float) -> float:
    """Seconds from their first requests on for which pods that fail such a share of them, and
    never level off, are waited for, if stable's were not seen to be bad at their start;
    `of_stable`: share of failed requests among stable's."""
    gross = share >= _gross(of_stable, known=False)
    return min(COST / share, LONGEST) if gross and share < TOTAL else 0.0


def _longest(starts: Starts, since: float) -> float:
    """Seconds for which what a pod does may be its start, if it began to serve then, Unix seconds.
    How long one takes is known for those that began after it was seen: what has fallen to a quarter
    may have to fall further."""
    if starts.took is None or since < (starts.seen_at or since):
        return LONGEST
    return min(max(TIMES_KNOWN * starts.took, SHORTEST), LONGEST)


def _levelled_off(
    state: CheckState, starts: Starts, served: ByPod, at: float, budget: ErrorBudget
) -> Finding:
    took = max((starts.calm_since or 0.0) - (starts.waits_since or 0.0), 0.0)
    anew = acquitted(state, served.alternatives, budget)
    figures = LevelledOff(took, starts.share, served.bad)
    starts = uncounted(starts).replace(took=max(took, starts.took or 0.0), seen_at=at)
    return Finding("Inconclusive", figures, anew.replace(starts=starts))


def _told(found: Finding, starts: Starts) -> Finding:
    if starts.took is None or found.verdict not in ("Pass", "Fail"):
        return found
    return replace(found, explanation=Later(partial(_left_out, found, starts.took)))


def _left_out(found: Finding, took: float) -> Figures:
    return LeftOut(found.figures, took)


def with_starts(look: Look, served: ByPod, starts: Starts | None) -> Look:
    """The look, and whether pods were starting when their block began: they were bad until then, or
    had served for less than stable's pods in its last hour, or earlier ones of the candidate, took
    to level off. Those that have left are no longer."""
    starts = starts or Starts()
    known = max(starts.took or 0.0, look.baseline.warm_up or 0.0)
    blocks = (each.start for each in served.requests.increases if each.end > each.start)
    since, there = min(blocks, default=look.at), scraped(served.requests)
    names = {_name(target) for target in served.counted if pod_of(target) in there}
    starting = any(
        since < each.since + known or _is_bad(each, served)
        for name, each in starts.pods.items()
        if name in names
    )
    return replace(look, starting=starting or bool(known and _begun(served, look)))


def _followed(starts: Starts, served: ByPod, look: Look) -> Starts:
    """With what the look has counted of pods that began to serve of late, and were not well from
    their first requests on. After a gap in the samples, it may show that they have levelled off; so
    no pod grows older by a look that counts nothing."""
    until = {
        _name(each.target): each.start
        for each in served.requests.increases
        if each.end > each.start  # otherwise the pod has left
    }
    latest = max(until.values(), default=-math.inf)
    pods = {
        name: each
        for name, each in starts.pods.items()
        if until.get(name, latest) - each.since <= _longest(starts, each.since)
    }
    begun = _begun(served, look)
    if not pods and not begun:
        return Starts(took=starts.took, seen_at=starts.seen_at)
    older, calm, since = list(starts.older), starts.calm, starts.calm_since
    ended = starts.ended
    for target, (requests, bad) in served.counted.items():
        name = _name(target)
        if target in begun and (name in pods or len(pods) < MOST_PODS):
            before = pods.get(name)
            awaited = before is not None and before.awaited
            if before and awaited:
                ended = [ended[0] + before.requests, ended[1] + before.bad]
            pods[name] = PodStart(since=begun[target], awaited=awaited)
        if (pod := pods.get(name)) is None:
            older = [older[0] + requests, older[1] + bad]
            continue
        if pod.awaited and requests:
            calm = max(calm + _calmer(starts.share, requests, bad), 0.0)
            since = since if calm else look.at
        pods[name] = pod.replace(requests=pod.requests + requests, bad=pod.bad + bad)
    pods = {
        name: each
        for name, each in pods.items()
        if each.awaited or _is_too_new(each, served, look) or not _began_well(each, served)
    }
    return starts.replace(pods=pods, older=older, calm=calm, calm_since=since, ended=ended)


def _read_until(starts: Starts, served: ByPod, look: Look) -> float:
    """Time of the candidate's newest counted sample, Unix seconds. Without samples nobody knows
    whether pods have levelled off, so a wait does not end. Samples have the time of Prometheus, and
    so has all that is kept of starts: the operator's clock may differ."""
    ends = [each.end for each in served.requests.increases]
    return max(
        ends or (at for target, at in look.counted.items() if _name(target) in starts.pods),
        default=look.at,
    )


def _gross(of_stable: float, *, known: bool) -> float:
    """The least share of bad requests that may be due to a start, by that of stable's."""
    return max(GROSS_IF_KNOWN if known else GROSS, CALMER * of_stable)


def _least(served: ByPod) -> float:
    """The same of a pod in this look, in which stable may be slow itself, as pods of it start."""
    least = _gross(served.of_stable, known=served.known)
    return least if served.costly else min(least, TOTAL)


def _is_too_new(pod: PodStart, served: ByPod, look: Look) -> bool:
    """What fails is known at once, and what is slow by stable's requests alone."""
    return not served.costly and look.at - pod.since < NOT_YET_WELL


def _began_well(pod: PodStart, served: ByPod) -> bool:
    """What becomes bad later is no start. That stable is as slow in this look makes no pod well:
    pods of stable may start too."""
    if not served.costly and pod.bad >= GROSS * pod.requests:
        return False
    return _calmer(_least(served), pod.requests, pod.bad) >= WELL


def _begun(served: ByPod, look: Look) -> Mapping[str, float]:
    """By target, since when it serves, Unix seconds, if that began in this look."""
    since = served_since(served.requests)
    return {
        each.target: max(since[each.target], look.since)
        for each in served.requests.increases
        if each.counts_all
        and (since[each.target] > each.start or each.series.target not in look.counted)
        and since[each.target] < math.inf
    }


def _awaiting(starts: Starts, served: ByPod, at: float) -> Starts:
    """The pods to wait for are those that are bad, as long as most of what is bad is theirs, and
    the others are not as bad: then it is no start. `at`: time of the look, at which there is no
    evidence that they have levelled off."""
    pods, least, older = starts.pods, _least(served), _as_one(starts.older)
    found = {
        name for name, each in pods.items() if each.awaited or each.bad >= least * each.requests > 0
    }
    young = [_as_one(starts.ended), *(pods[name] for name in found)]
    others = [older, *(each for name, each in pods.items() if name not in found)]
    older_are = len(pods) < MOST_PODS and _is_bad(older, served)
    most_is = _worse(young, served) >= MOST_OF_IT * _worse([*young, *others], served)
    if not found or not most_is or older_are:
        return _not_awaited(starts)
    awaited = {name: each.replace(awaited=name in found) for name, each in pods.items()}
    if starts.waits_since is not None:
        return starts.replace(pods=awaited)
    since = min(pods[name].since for name in found)
    share = _share(pods[name] for name in found)
    return starts.replace(pods=awaited, share=share, waits_since=since, calm_since=at)


def _worse(pods: Iterable[PodStart], served: ByPod) -> float:
    """Bad requests of these pods beyond as many as stable has."""
    return math.fsum(max(each.bad - served.of_stable * each.requests, 0.0) for each in pods)


def _is_bad(pod: PodStart, served: ByPod) -> bool:
    return pod.bad >= max(_least(served) * pod.requests, NOT_ONE_OR_TWO)


def _not_awaited(starts: Starts) -> Starts:
    if starts.waits_since is None:
        return starts
    pods = {name: each.replace(awaited=False) for name, each in starts.pods.items()}
    return starts.replace(pods=pods, calm=0.0, waits_since=None, ended=[0.0, 0.0])


def _as_one(counts: Sequence[float]) -> PodStart:
    """Requests and bad ones of pods or containers, as if of one pod."""
    requests, bad = counts
    return PodStart(since=0.0, requests=requests, bad=bad)


def _is_too_costly(starts: Starts, served: ByPod, age: float) -> bool:
    """`age`: seconds since the first pod that is waited for began to serve."""
    if not served.costly:
        return False
    pods = [each for each in starts.pods.values() if each.awaited]
    return _share(pods) >= TOTAL or _share([*pods, _as_one(starts.ended)]) * age > COST


def _share(pods: Iterable[PodStart]) -> float:
    """Of bad requests among all of these pods."""
    pods = list(pods)
    return math.fsum(each.bad for each in pods) / (math.fsum(each.requests for each in pods) or 1.0)


def _calmer(share: float, requests: float, bad: float) -> float:
    """ln of how much likelier these requests are of pods that have levelled off."""
    before = min(share, NEARLY_ALL)
    after = before / CALMER
    good = (requests - bad) * math.log((1 - after) / (1 - before))
    return good + bad * math.log(after / before)


def _name(target: str) -> str:
    return hashlib.sha256(target.encode()).hexdigest()[:10]
