"""Withdraws a candidate's traffic although the status cannot be written.

The status is the commit: it comes before any child is written, so that a crash repeats a decision
and never reverts it. Removing traffic from a candidate needs no commit, because stable serves at
its full size. The risk is in restoring it: a process that starts finds the old status, which has
the candidate's weight. The withdrawal is therefore recorded on the object that splits the traffic,
and ends once a later look at the metrics has found nothing against the candidate.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from serinus.api.quantities import spoken
from serinus.api.spec import Spec
from serinus.api.status import Candidate, Status
from serinus.manifests.kinds import TRAFFIC
from serinus.manifests.owner import WITHDRAWN, Manifest, Objects, Owner
from serinus.manifests.traffic import Traffic
from serinus.plan.analysis import analysis_of
from serinus.plan.decide import Plan
from serinus.plan.situation import World
from serinus.plan.traffic import asked

UNJUDGED_AGAIN = 600.0
"""Seconds until a candidate without any measurement gets traffic again: the cause may be gone, and
otherwise its traffic is unmeasured for a twentieth of the time."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Whose traffic was withdrawn, and when."""

    revision: str
    at: int
    """Unix seconds."""

    @property
    def text(self) -> str:
        """Value of the annotation."""
        return f"{self.revision}/{self.at}"

    @classmethod
    def read(cls, owner: Owner, live: Objects, now: float) -> Self | None:
        """The newest mark on the objects that split the traffic. One of later than now was timed
        by a clock that has been set back since, and counts from now."""
        found = []
        for kind in TRAFFIC:
            metadata = live.get((kind, owner.name), {}).get("metadata", {})
            text = (metadata.get("annotations") or {}).get(WITHDRAWN, "")
            revision, _, at = text.partition("/")
            if at.isascii() and at.isdigit():
                # no more digits than a time has: Python refuses thousands
                found.append(cls(revision, min(int(at[:20]), int(now))))
        return max(found, key=lambda mark: mark.at, default=None)

    def names(self, candidate: Candidate | None) -> bool:
        """Whether it was this one's traffic."""
        return candidate is not None and candidate.revision == self.revision

    def on(self, manifests: Iterable[Manifest]) -> list[Manifest]:
        """The manifests with the mark."""
        annotations = {WITHDRAWN: self.text}
        return [
            {**each, "metadata": {**each["metadata"], "annotations": annotations}}
            for each in manifests
        ]


def withdrawn(spec: Spec, status: Status, mark: Mark | None, now: float) -> str:
    """Why the candidate gets no traffic for now, as a message; empty if it may have it.

    `status` includes the newest measurement.
    """
    candidate = status.candidate
    if mark is None or candidate is None or not mark.names(candidate):
        return ""
    if not analysis_of(spec, candidate).deciding:
        return ""
    if candidate.analysis_since is None:
        when = f"in {spoken(UNJUDGED_AGAIN)}"
        over = now >= mark.at + UNJUDGED_AGAIN
    else:
        when = "once its metrics have been read again and no check fails"
        # the mark has whole seconds, and may be of the pass that judged this very measurement
        looked = candidate.measured_at is not None and mark.at < int(candidate.measured_at) <= now
        over = looked and not any(c.verdict in ("NoData", "Error") for c in candidate.deciding)
    if over:
        return ""
    return (
        f"The traffic of revision {mark.revision} was withdrawn while the status could not be "
        "written, passes failed, or the operator could not act on the spec. It is restored "
        f"{when}, or as soon as the annotation "
        f"{WITHDRAWN} is removed from the object that splits the traffic."
    )


def withdrawal(status: Status, plan: Plan, world: World) -> Traffic | None:
    """What only removes traffic from the candidate of the written status, according to a plan that
    cannot be committed; None if the plan does not reduce it."""
    before, wanted = asked(status), plan.wanted
    if before is None or wanted is None or before.stable is None or before.candidate is None:
        return None
    if wanted.traffic.stable != before.stable:
        return None
    percent = _left(before, wanted.traffic)
    return before.at(percent) if percent < world.percent else None


def _left(before: Traffic, after: Traffic) -> float:
    """What the candidate keeps of the percentage that it has, of clients or copies."""
    if after.candidate != before.candidate:
        return 0
    if before.mirrored:
        # any weight is more than copies, whatever it is a percentage of
        return before.mirrored if after.weight else after.mirrored
    return after.weight


def unjudged(spec: Spec, status: Status, world: World) -> Traffic | None:
    """Without that of a candidate which has traffic before it is measured.

    The written status must say that measuring begins; until then a failure would not be noticed.
    """
    before, candidate = asked(status), status.candidate
    if before is None or before.stable is None or before.candidate is None or candidate is None:
        return None
    if candidate.analysis_since is not None or not analysis_of(spec, candidate).deciding:
        return None
    return before.at(0) if world.percent > 0 else None
