"""Recorded pods and route: a weight takes effect at its recorded time."""

from dataclasses import replace
from math import inf

from serinus.api.stages import AWAITS_PROMOTION
from serinus.api.status import InEffect, Timeline, Weight
from serinus.manifests.workloads import Workload
from serinus.plan.decide import Plan
from serinus.plan.situation import Desired, World
from serinus.simulation.cluster import SimulatedCluster


class RecordedCluster(SimulatedCluster):
    """The recorded observations, for rules that may decide differently.

    If they set a weight that was in effect later, they wait for it. If they set one that was never
    in effect, they get it at once, with the recorded traffic.
    """

    def __init__(self, timeline: Timeline, promoted_at: float) -> None:
        """`promoted_at` is the time at which all pods were ready for all traffic, Unix seconds;
        minus infinity if it is unknown."""
        super().__init__()
        self._timeline = timeline
        self._promoted_at = promoted_at
        self._wanted: Weight | None = None
        self._promoting = False

    def at(self, now: float) -> World:
        """The observed state, as far as it was recorded."""
        found = super().at(now)
        if self._wanted is None:
            return found
        had, mirrored = self._in_effect(now), self._wanted.mirrored or 0.0
        return replace(
            found,
            workloads=found.workloads if self._pods_ready(now) else self._without_pods(found),
            weight=_actual(had) if had else self._unconfirmed(now, self._wanted.wanted),
            mirrored=(had.mirrored or 0.0) if had else self._unconfirmed(now, mirrored),
            split_in_effect=found.split_in_effect and had is not None and not self._comes(had, now),
        )

    def obey(self, desired: Desired, plan: Plan, now: float) -> None:
        """Note what a pass wants."""
        super().obey(desired, plan, now)
        candidate = plan.status.candidate
        rolled_out = candidate is not None and candidate.revision == self._timeline.revision
        self._wanted = candidate.weight if candidate and rolled_out else None
        self._promoting = bool(candidate and candidate.stage in AWAITS_PROMOTION)

    def changes_after(self, now: float) -> float:
        """Time of the next change, Unix seconds; infinity: none."""
        moments = [at for weight in self._weights for at in (weight.since, weight.until or inf)]
        moments += [self._promoted_at, self._timeline.measured_since or inf]
        coming = [at for at in moments if at > now]
        return min([super().changes_after(now), *coming])

    @property
    def _weights(self) -> list[InEffect]:
        return self._timeline.weights

    def _in_effect(self, now: float) -> InEffect | None:
        last = next((weight for weight in reversed(self._weights) if weight.since <= now), None)
        return None if last is None or (last.until or inf) <= now else last

    def _unconfirmed(self, now: float, wanted: float) -> float:
        """What the route gives before anything was known to be in effect."""
        first = self._weights[0].since if self._weights else inf
        counts_from = self._timeline.measured_since or inf
        return wanted if counts_from <= now < first else 0.0

    def _comes(self, had: InEffect, now: float) -> bool:
        """Whether what is wanted is in effect later."""
        wanted = self._wanted
        return not _is(had, wanted) and any(
            _is(each, wanted) and each.since > now for each in self._weights
        )

    def _pods_ready(self, now: float) -> bool:
        if self._promoting:
            return now >= self._promoted_at
        if self._wanted is not None and not self._wanted.percent:
            return True  # withdrawn, which removes no pods
        begun = bool(self._weights) and now >= self._weights[0].since
        return not begun or self._in_effect(now) is not None

    def _without_pods(self, found: World) -> dict[str, Workload]:
        candidate = self._timeline.revision
        return {
            name: replace(workload, ready=0) if name == candidate else workload
            for name, workload in found.workloads.items()
        }


def _is(had: InEffect, wanted: Weight | None) -> bool:
    """Whether that was in effect then."""
    return wanted is not None and (had.weight, had.mirrored) == (wanted.wanted, wanted.mirrored)


def _actual(had: InEffect) -> float:
    return had.weight if had.actual is None else had.actual
