"""Lost readiness of a candidate's pods, compared with that of stable's.

A model that is too slow under load loses its readiness, with that its traffic, and is ready again:
each recovery looks like a good start. What counts are pods that stay. Pods that are drained,
preempted, evicted or scaled away are replaced, and those that start are not ready yet: neither says
anything of the model. Both budgets are regained with time, so a long guard has no greater one than
a short one, and faults of weeks ago do not add up.
"""

from collections.abc import Iterable
from typing import Final

from serinus.api.quantities import seconds, spoken
from serinus.api.reasons import Reason
from serinus.api.stages import COMPARED
from serinus.api.status import LostReadiness
from serinus.plan.situation import SeenPod, Situation

TIMES: Final = 3.0
"""How often each pod may lose readiness on average, beyond those of stable."""
REGAINED_IN: Final = 1200.0
"""Seconds after which one time is forgiven."""
FORGIVEN: Final = 0.1
"""Of the time, what may be unready without end."""


def with_lost_readiness_counted(s: Situation) -> Situation:
    """Adds what was lost since pods were last listed; once a list."""
    candidate, stable, pods = s.status.candidate, s.status.stable, s.world.pods_seen
    if pods is None or stable is None or candidate is None or candidate.stage not in COMPARED:
        return s
    before = candidate.lost_readiness
    if before is None:
        return s.to_candidate(lost_readiness=LostReadiness(counted_at=s.now))
    passed = s.now - before.counted_at
    if passed <= 0:
        return s
    own = [pod for pod in pods if pod.revision == candidate.revision and not pod.leaving]
    theirs = [pod for pod in pods if pod.revision == stable.revision and not pod.leaving]
    times, like_theirs = _times(own), _each(_times(theirs), theirs)
    down = _down(own, s.now, passed) - _down(theirs, s.now, passed)
    after = LostReadiness(
        counted_at=s.now,
        times=before.times + times,
        expected=before.expected + like_theirs * len(own),
        each=max(before.each - passed / REGAINED_IN, 0.0) + _each(times, own) - like_theirs,
        seconds=before.seconds + down - FORGIVEN * passed,
    )
    least = after.replace(each=max(after.each, 0.0), seconds=max(after.seconds, 0.0))
    return s.to_candidate(lost_readiness=least)


def _times(pods: Iterable[SeenPod]) -> int:
    return sum(pod.lost_readiness for pod in pods)


def _each(total: float, pods: list[SeenPod]) -> float:
    return total / max(len(pods), 1)


def _down(pods: list[SeenPod], now: float, passed: float) -> float:
    """Seconds since the last list that each pod was down on average."""
    down = (min(now - pod.down_since, passed) for pod in pods if pod.down_since is not None)
    return _each(sum(max(each, 0.0) for each in down), pods)


def roll_back_when_its_pods_lose_readiness_too_often(s: Situation) -> Situation | None:
    """Otherwise its weight falls and rises for ever."""
    message = lost_readiness_too_often(s)
    return s.reject(Reason.READINESS_LOST, message) if message else None


def lost_readiness_too_often(s: Situation) -> str:
    """What the candidate's pods lost beyond what is tolerated, as a message; empty: nothing."""
    candidate, lost = s.candidate, s.candidate.lost_readiness
    if lost is None:
        return ""
    deadline = s.desired.spec.rollout.progress_deadline
    if lost.each > TIMES:
        tolerated = f"{TIMES:g} times for each pod, and once more every {spoken(REGAINED_IN)}"
    elif lost.seconds > seconds(deadline):
        tolerated = f"{deadline} for each pod (rollout.progressDeadline) and a tenth of the time"
    else:
        return ""
    since = candidate.guarding.since if candidate.guarding else candidate.since
    often = f"{lost.times} time{'' if lost.times == 1 else 's'} in {spoken(s.now - since)}"
    other = f"as many pods of revision {_stable(s)} lost it {lost.expected:.3g} times"
    why = f" {s.world.why_no_pods}".rstrip()
    if not lost.times:
        return (
            f"Pods were not ready after restarts for too long in {spoken(s.now - since)}. "
            f"Tolerated: {tolerated}.{why}"
        )
    return (
        f"Pods lost their readiness {often}, and were not replaced; {other}. Tolerated: "
        f"{tolerated}. The readiness probe fails while they serve.{why}"
    )


def _stable(s: Situation) -> str:
    return s.status.stable.revision if s.status.stable else ""
