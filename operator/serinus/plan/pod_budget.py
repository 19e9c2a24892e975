"""Budgets for a candidate's pods: restarts beyond stable's, and total unready time.

A crash loop recovers again and again, and each recovery looks like a good start. Both are therefore
counted over the whole rollout, and no recovery resets them. Pods that are drained are replaced, and
neither says anything of the model. Good pods restart too in a rollout or a guard of days. In the
steps restarts are forgiven with time, and in a guard they are compared as rates: both per pod, time
and part of the traffic, with what stable had before and beside.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from serinus.api.quantities import seconds, spoken
from serinus.api.reasons import Reason
from serinus.api.stages import COMPARED
from serinus.api.status import Candidate, Guarding, Restarts
from serinus.judge import (
    Exposed,
    forgiven,
    restarts_more_often,
    restarts_more_often_by_both,
    weighed,
)
from serinus.plan.progress import pods_are_lost, pods_needed, pods_ready
from serinus.plan.situation import SeenPod, Situation

PODS_KEPT = 256


def with_restarts_counted(s: Situation) -> Situation:
    """Adds the restarts since pods were last listed; once a pass."""
    candidate, stable, pods = s.status.candidate, s.status.stable, s.world.pods_seen
    if pods is None or stable is None or candidate is None or candidate.stage not in COMPARED:
        return s
    known = candidate.restarts
    before = known or Restarts()
    kept = _kept(pods)
    new = {
        pod.name: _new_restarts(pod, known, candidate.since) if pod.name in kept else 0
        for pod in pods
    }
    theirs = [pod for pod in pods if pod.revision == stable.revision]
    own = [pod for pod in pods if pod.revision == candidate.revision]
    ended = [(p.last_end.at, p.last_end.message) for p in own if p.last_end and new[p.name]]
    counted = sum(new[pod.name] for pod in own)
    after = before.replace(
        candidate=before.candidate + counted,
        evictions=before.evictions + sum(pod.evicted for pod in own if new[pod.name]),
        expected=before.expected + _per_pod(theirs, new) * _serving(own),
        last=max(ended)[1][:1024] if ended else before.last,
        pods=kept,
        counted_at=s.now,
        **_of_stable(s, before, theirs, new),
    )
    if candidate.guarding is not None:
        after = after.replace(**_in_a_guard(s, candidate.guarding, before, own, counted))
    else:
        left = before.unforgiven - _forgiven(s, before, own)
        after = after.replace(unforgiven=max(left, 0.0) + counted)
    return s.to_candidate(restarts=after)


def _of_stable(
    s: Situation, before: Restarts, pods: list[SeenPod], new: Mapping[str, int]
) -> dict[str, float]:
    """Its restarts, and the time in which it had them: from the beginning what its pods say, later
    what is new. A pod that was there before its revision became stable had less traffic until
    then."""
    if before.counted_at is None:
        stable_since = s.status.stable.since if s.status.stable else s.now
        ages = (s.now - max(pod.created, stable_since) for pod in pods if not pod.leaving)
        return {
            "stable": sum(pod.restarts for pod in pods),
            "stable_seconds": math.fsum(max(age, 0.0) for age in ages),
        }
    loaded = _left_to_stable(s)
    passed = max(s.now - before.counted_at, 0.0)
    return {
        "stable": before.stable + sum(new[pod.name] for pod in pods),
        "stable_seconds": before.stable_seconds + min(_serving(pods), loaded) * passed,
    }


def _left_to_stable(s: Situation) -> float:
    """Its part of the traffic, as a number of pods with their full part."""
    return (100 - s.candidate.weight.wanted) / 100 * s.desired.spec.replicas


def _served_before(s: Situation, guarding: Guarding) -> float:
    """How many pods the previous revision had on the average until the promotion; the replicas, if
    these are more. An autoscaler may have changed them since."""
    counted, stable, replicas = s.candidate.restarts, s.status.stable, s.desired.spec.replicas
    served = guarding.since - stable.since if stable else 0.0
    if counted is None or served <= 0:
        return replicas
    later = _left_to_stable(s) * ((counted.counted_at or guarding.since) - guarding.since)
    return max(replicas, (counted.stable_seconds - later) / served)


def _forgiven(s: Situation, before: Restarts, own: list[SeenPod]) -> float:
    """Restarts of the candidate that are forgiven in the time since the last list."""
    passed = max(s.now - (before.counted_at or s.now), 0.0)
    stable = Exposed(before.stable, before.stable_seconds)
    return forgiven(stable, _exposed(s, own) * passed)


def _exposed(s: Situation, own: list[SeenPod]) -> float:
    """The candidate's pods with their full part of the traffic. Where restarts come with time, pods
    count, and where they come with requests, their part of the traffic: the greater of both for the
    candidate, and the lesser for stable."""
    return max(_serving(own), s.candidate.weight.percent / 100 * s.desired.spec.replicas)


def _in_a_guard(
    s: Situation, guarding: Guarding, before: Restarts, own: list[SeenPod], counted: int
) -> dict[str, Any]:
    """What the restarts since the last list show."""
    since = max(before.counted_at or 0.0, guarding.since)
    new = Exposed(counted, _exposed(s, own) * max(s.now - since, 0.0))
    previous = Exposed(before.stable, before.stable_seconds)
    ages = since - guarding.since, max(s.now, since) - guarding.since
    rate = previous.restarts / previous.seconds if previous.seconds else 0.0
    return {
        "expected": before.expected + rate * new.seconds,
        "candidate_seconds": before.candidate_seconds + new.seconds,
        "evidence": weighed(before.evidence, previous, new, ages),
    }


def _apart(s: Situation) -> float:
    """Seconds between the middles of the times in which the previous revision and the promoted one
    have served: one served before the other, so it is half of both."""
    stable = s.status.stable
    return (s.now - stable.since) / 2 if stable else 0.0


def _new_restarts(pod: SeenPod, known: Restarts | None, since: float) -> int:
    """Restarts since the last time, or since the rollout began. Of an older pod, only the last
    restart is known to be later than that."""
    if known is not None:
        full = len(known.pods) == PODS_KEPT and pod.name not in known.pods
        if full and pod.created < (known.counted_at or 0.0):
            return 0  # how many it had is not known
        return max(pod.restarts - known.pods.get(pod.name, 0), 0)
    began = math.floor(since)  # pods and containers have times in whole seconds
    if pod.created >= began:
        return pod.restarts
    return min(pod.restarts, 1) if pod.last_end and pod.last_end.at >= began else 0


def _per_pod(pods: Iterable[SeenPod], new: Mapping[str, int]) -> float:
    pods = list(pods)
    return sum(new[pod.name] for pod in pods) / max(_serving(pods), 1)


def _serving(pods: Iterable[SeenPod]) -> int:
    return sum(not pod.leaving for pod in pods)


def _kept(pods: Iterable[SeenPod]) -> dict[str, int]:
    """The pods that the status can hold; others are not counted, otherwise they would count each
    time."""
    return dict(sorted((pod.name, pod.restarts) for pod in pods if pod.restarts)[:PODS_KEPT])


def roll_back_when_its_containers_restart_too_often(s: Situation) -> Situation | None:
    """A model that is OOM-killed loses requests that none of its counters show."""
    message = too_many_restarts(s)
    return s.reject(Reason.TOO_MANY_RESTARTS, message) if message else None


def too_many_restarts(s: Situation) -> str:
    """The restarts of the candidate beyond what is tolerated, as a message; empty: none are."""
    candidate, allowed = s.candidate, s.desired.spec.rollout.max_restarts
    counted = candidate.restarts
    if counted is None:
        return ""
    if candidate.guarding is not None:
        return _too_many_in_a_guard(s, candidate.guarding, counted)
    beyond_stable = counted.candidate - counted.expected - _by_chance(counted.expected)
    if min(beyond_stable, counted.unforgiven) <= allowed:
        return ""
    gone = counted.candidate - counted.unforgiven
    message = _restarted(s, counted, candidate.since)
    message += (
        f"rollout.maxRestarts tolerates {allowed} more than the {counted.expected:.3g} of as "
    )
    message += "many stable pods"
    message += ", plus an allowance for chance" if counted.expected else ""
    return message + (f", and {gone:.0f} are forgiven with time." if gone >= 1 else ".")


def tolerated_restarts(s: Situation) -> str:
    """Those of a guard that is over, as a message; empty: there were none."""
    counted = s.candidate.restarts
    if counted is None or not counted.candidate:
        return ""
    return f" Tolerated: {_often(counted)} of its pods, the last one {counted.last}."


def _often(counted: Restarts) -> str:
    restarts = counted.candidate - counted.evictions
    numbers = [(counted.evictions, "eviction"), (restarts, "restart")]
    return " and ".join(f"{n} {noun}{'s' if n > 1 else ''}" for n, noun in numbers if n)


def _too_many_in_a_guard(s: Situation, guarding: Guarding, counted: Restarts) -> str:
    allowed = s.desired.spec.rollout.max_restarts
    previous = Exposed(counted.stable, counted.stable_seconds)
    own = Exposed(counted.candidate, counted.candidate_seconds)
    if counted.candidate <= allowed or not (
        restarts_more_often(counted.evidence)
        or restarts_more_often_by_both(previous, _served_before(s, guarding), own, _apart(s))
    ):
        return ""
    message = _restarted(s, counted, guarding.since)
    message += (
        f"At the rate of the previous revision's pods ({counted.stable} in "
        f"{spoken(counted.stable_seconds)} of a pod with its full share of the traffic), about "
        f"{counted.expected:.3g} were expected. Up to twice that rate is tolerated, less "
        "if the previous revision became stable only hours before, and the first "
        f"{allowed} in any case (rollout.maxRestarts)."
    )
    return message


def _restarted(s: Situation, counted: Restarts, since: float) -> str:
    return f"{counted.last}, {_often(counted)} in {spoken(s.now - since)}. "


def _by_chance(expected: float) -> float:
    """How much two equal arms may differ: two standard deviations of the difference of two Poisson
    numbers; 0 if stable's pods do not restart at all."""
    return 2 * math.sqrt(2 * expected)


def replaced_since(s: Situation) -> float | None:
    """When the oldest missing pod of the candidate was created, Unix seconds, if those that are
    missing replace others, as while nodes are drained one after the other; None: most are missing,
    some cannot be created or were ready before, or it is not known."""
    needed, pods = pods_needed(s), s.world.pods_seen or ()
    own = [pod for pod in pods if pod.revision == s.candidate.revision and not pod.leaving]
    missing = [pod for pod in own if not pod.ready]
    if not missing or len(own) < needed or 2 * len(missing) > needed:
        return None
    if any(each.down_since or each.cut_off or each.restarts for each in missing):
        return None
    return min(s.now, *(each.created for each in missing))


def give_each_missing_pod_its_deadline(s: Situation) -> Situation | None:
    """While nodes are drained one after the other, some pods are missing all the time, and none for
    long. Pods that cannot be created, and those that were ready, have no other deadline."""
    candidate, since = s.candidate, replaced_since(s)
    if since is None or not candidate.pods_awaited or since <= candidate.progress_since:
        return None
    return s.to_candidate(progress_since=since)


def count_unready_time(s: Situation) -> Situation | None:
    """From the loss of required pods until enough are ready again. Pods that replace others, which
    were drained for example, do not count."""
    unready = s.candidate.unready
    if pods_ready(s) >= pods_needed(s):
        return end_unready_time(s)
    if unready.since is None:
        if s.candidate.effective_since is None or not pods_are_lost(s):
            return None
        begun = unready.replace(since=s.now, times=unready.times + 1)
        return s.to_candidate(unready=begun)
    anew = unready.since < s.now and replaced_since(s) is not None
    return s.to_candidate(unready=unready.replace(since=s.now)) if anew else None


def end_unready_time(s: Situation) -> Situation | None:
    """Pods that are added for all traffic were not lost."""
    unready = s.candidate.unready
    if unready.since is None:
        return None
    over = unready.replace(since=None, seconds=unready.seconds + s.now - unready.since)
    return s.to_candidate(unready=over)


def roll_back_when_unready_for_too_long_in_sum(s: Situation) -> Situation | None:
    """The progress deadline limits each period; recoveries do not reset the total."""
    deadline, unready = s.desired.spec.rollout.progress_deadline, s.candidate.unready
    if not s.reached(_out_of_time(s.candidate, seconds(deadline))):
        return None
    pods = s.world.why_no_pods or (s.candidate.restarts and s.candidate.restarts.last) or ""
    often = "once" if unready.times == 1 else f"{unready.times} times"
    message = f"Pods became unready {often}, for {deadline} in total, which is the "
    message += f"limit in rollout.progressDeadline. {pods}"
    return s.reject(Reason.PROGRESS_DEADLINE_EXCEEDED, message.strip())


def _out_of_time(candidate: Candidate, deadline: float) -> float:
    """Time at which the unready time reaches the deadline if nothing changes, Unix seconds."""
    unready = candidate.unready
    return math.inf if unready.since is None else unready.since + deadline - unready.seconds
