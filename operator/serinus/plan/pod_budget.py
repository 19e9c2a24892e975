"""What a candidate's pods may cost a rollout: restarts beyond stable's, and unready time in sum.

A crash loop recovers again and again, and each recovery looks like a good start. So both are
counted over the whole rollout, and no recovery takes anything back.
"""

import math
from collections.abc import Iterable, Mapping

from serinus.api.quantities import seconds, spoken
from serinus.api.reasons import Reason
from serinus.api.status import Candidate, Restarts
from serinus.plan.progress import pods_needed, pods_ready
from serinus.plan.situation import SeenPod, Situation

PODS_KEPT = 256


def with_restarts_counted(s: Situation) -> Situation:
    """With what pods restarted since they were last listed; once a pass."""
    candidate, stable, pods = s.status.candidate, s.status.stable, s.world.pods_seen
    if pods is None or stable is None or candidate is None or candidate.mode != "Steps":
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
    ended = [(pod.last_end.at, pod.last_end.message) for pod in own if pod.last_end]
    counted = sum(new[pod.name] for pod in own)
    after = Restarts(
        candidate=before.candidate + counted,
        expected=before.expected + _per_pod(theirs, new) * _serving(own),
        last=max(ended)[1][:1024] if counted and ended else before.last,
        pods=kept,
    )
    return s.to_candidate(restarts=after)


def _new_restarts(pod: SeenPod, known: Restarts | None, since: float) -> int:
    """Since the last time, or since the rollout began.

    Of a pod from before it, only the restart that ended last is known to be later than that.
    """
    if known is not None:
        return max(pod.restarts - known.pods.get(pod.name, 0), 0)
    began = math.floor(since)  # pods and containers tell whole seconds
    if pod.created >= began:
        return pod.restarts
    return min(pod.restarts, 1) if pod.last_end and pod.last_end.at >= began else 0


def _per_pod(pods: Iterable[SeenPod], new: Mapping[str, int]) -> float:
    pods = list(pods)
    return sum(new[pod.name] for pod in pods) / max(_serving(pods), 1)


def _serving(pods: Iterable[SeenPod]) -> int:
    return sum(not pod.leaving for pod in pods)


def _kept(pods: Iterable[SeenPod]) -> dict[str, int]:
    """What the status has room for; pods beyond are not counted, lest they count each time."""
    return dict(sorted((pod.name, pod.restarts) for pod in pods if pod.restarts)[:PODS_KEPT])


def roll_back_when_its_containers_restart_too_often(s: Situation) -> Situation | None:
    """A model that dies of memory loses requests that no counter of its own tells of."""
    candidate, allowed = s.candidate, s.desired.spec.rollout.max_restarts
    counted = candidate.restarts
    if candidate.mode != "Steps" or counted is None or s.serves_alone:
        return None
    if counted.candidate <= allowed + counted.expected + _by_chance(counted.expected):
        return None
    often = f"{counted.candidate} restart{'s' if counted.candidate > 1 else ''}"
    message = f"{counted.last}, {often} in {spoken(s.now - candidate.since)}. "
    message += (
        f"rollout.maxRestarts tolerates {allowed} more than the {counted.expected:.3g} of as "
    )
    message += "many stable pods"
    message += ", plus an allowance for chance." if counted.expected else "."
    return s.reject(Reason.TOO_MANY_RESTARTS, message)


def _by_chance(expected: float) -> float:
    """By how much two arms that are alike may differ: two standard deviations of the difference of
    two Poisson numbers. Where stable's pods do not restart at all, nothing."""
    return 2 * math.sqrt(2 * expected)


def count_unready_time(s: Situation) -> Situation | None:
    """From when pods that carried the weight are lost until enough are ready again."""
    candidate, unready = s.candidate, s.candidate.unready
    enough = candidate.promoting or pods_ready(s) >= pods_needed(s)
    if unready.since is None:
        if enough or candidate.effective_since is None or not _lost_pods(s):
            return None
        begun = unready.replace(since=s.now, times=unready.times + 1)
        return s.to_candidate(unready=begun)
    if not enough:
        return None
    over = unready.replace(since=None, seconds=unready.seconds + s.now - unready.since)
    return s.to_candidate(unready=over)


def _lost_pods(s: Situation) -> bool:
    """Whether some pod that there is is not ready; where more are asked for, none is there yet."""
    workload = s.world.workloads.get(s.candidate.revision)
    return workload is None or workload.ready < workload.replicas


def roll_back_when_unready_for_too_long_in_sum(s: Situation) -> Situation | None:
    """The progress deadline bounds one time; recoveries in between do not renew it for ever."""
    deadline, unready = s.desired.spec.rollout.progress_deadline, s.candidate.unready
    if s.candidate.mode != "Steps" or s.serves_alone:
        return None
    if s.now < out_of_time(s.candidate, seconds(deadline)):
        return None
    pods = s.world.pods_problem or (s.candidate.restarts and s.candidate.restarts.last) or ""
    message = f"Pods became unready {unready.times} times, for {deadline} in total, which is the "
    message += f"limit in rollout.progressDeadline. {pods}"
    return s.reject(Reason.PROGRESS_DEADLINE_EXCEEDED, message.strip())


def out_of_time(candidate: Candidate, deadline: float) -> float:
    """When the unready time reaches the deadline if pods stay as they are, Unix seconds."""
    unready = candidate.unready
    return math.inf if unready.since is None else unready.since + deadline - unready.seconds
