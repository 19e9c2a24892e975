"""Traffic that is taken from a candidate although the status cannot be written.

The status is the commit: it comes before any child is touched, so that a crash repeats a decision
and never undoes it. To take traffic from a candidate needs no commit: stable serves at its full
size. What would be dangerous is to give it back: a process that starts anew finds the old status,
which asks for the candidate's weight. So the withdrawal is noted where it was done, on what splits
the traffic, and is over once a later look at the metrics has found nothing against the candidate.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from serinus.api.quantities import spoken
from serinus.api.spec import Spec
from serinus.api.status import Status
from serinus.manifests.owner import WITHDRAWN, Manifest, Objects, Owner
from serinus.manifests.routers.router import Split
from serinus.plan.decide import Plan
from serinus.plan.observe import asked_split
from serinus.plan.situation import World

UNJUDGED_AGAIN = 600.0
"""Seconds until a candidate of which nothing could be measured is tried again: what refused its
status may be gone, and if it is not, its traffic is unseen for a twentieth of the time."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Whose traffic was taken, and when."""

    revision: str
    at: int
    """Unix seconds."""

    @property
    def text(self) -> str:
        """As it stands in the annotation."""
        return f"{self.revision}/{self.at}"

    @classmethod
    def read(cls, owner: Owner, live: Objects) -> Self | None:
        """The newest that stands on what splits the traffic."""
        found = []
        for kind in ("HTTPRoute", "Service"):
            metadata = live.get((kind, owner.name), {}).get("metadata", {})
            text = (metadata.get("annotations") or {}).get(WITHDRAWN, "")
            revision, _, at = text.partition("/")
            if at.isascii() and at.isdigit():
                found.append(cls(revision, int(at)))
        return max(found, key=lambda mark: mark.at, default=None)

    def on(self, manifests: Iterable[Manifest]) -> list[Manifest]:
        """The manifests with it."""
        annotations = {WITHDRAWN: self.text}
        return [
            {**each, "metadata": {**each["metadata"], "annotations": annotations}}
            for each in manifests
        ]


def withdrawn(spec: Spec, status: Status, mark: Mark | None, now: float) -> str:
    """Why the candidate gets no traffic for now, in a sentence; empty if it may have it.

    `status` has the newest measurement in it.
    """
    candidate = status.candidate
    if mark is None or candidate is None or candidate.revision != mark.revision:
        return ""
    if not spec.rollout.analysis.checks:
        return ""
    if candidate.analysis_since is None:
        when = f"in {spoken(UNJUDGED_AGAIN)}"
        over = now >= mark.at + UNJUDGED_AGAIN
    else:
        when = "once its metrics have been read again and no check fails"
        looked = candidate.measured_at is not None and candidate.measured_at > mark.at
        over = looked and not any(c.verdict in ("NoData", "Error") for c in candidate.checks)
    if over:
        return ""
    return (
        f"The traffic of revision {mark.revision} was withdrawn while the status could not be "
        f"written. It is restored {when}, or as soon as the annotation {WITHDRAWN} is removed from "
        "the object that splits the traffic."
    )


def withdrawal(status: Status, plan: Plan, world: World) -> Split | None:
    """The split that only takes traffic from the candidate of the status that is written, as a
    plan that cannot be committed asks for; None if it does not ask for less."""
    before, wanted = asked_split(status), plan.wanted
    if before is None or wanted is None or before.stable is None or before.candidate is None:
        return None
    after = wanted.split
    if after.stable != before.stable:
        return None
    weight = after.weight if after.candidate == before.candidate else 0
    return Split(before.stable, before.candidate, weight) if weight < world.weight else None


def unjudged(spec: Spec, status: Status, world: World) -> Split | None:
    """The split without a candidate that takes traffic before anything of it is measured.

    The status says that measuring begins; as long as it is not written, nobody would see a breach.
    """
    before, candidate = asked_split(status), status.candidate
    if before is None or before.stable is None or before.candidate is None or candidate is None:
        return None
    if candidate.analysis_since is not None or not spec.rollout.analysis.checks:
        return None
    return Split(before.stable, before.candidate, 0) if world.weight > 0 else None
