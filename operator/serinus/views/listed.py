"""What a list of rollouts shows of each."""

from dataclasses import dataclass

from serinus.api.status import Decision
from serinus.views.roles import IN_A_ROLLOUT, Roles
from serinus.views.rollout import ArmView, RolloutView
from serinus.views.urgency import Urgency, urgency


@dataclass(frozen=True, slots=True)
class ListedView:
    """A rollout in a list; equal as long as the list shows the same of it."""

    phase: str
    urgency: Urgency
    stable: str
    """Its version, or else its revision; empty without one."""
    candidate: str
    roles: Roles
    guarded: bool
    actual: float
    """The candidate's percentage of the traffic; 0 without one."""
    wanted: float
    stage: str
    """Where the rollout is; empty: there is none."""
    decided: Decision | None
    """The last decision."""
    problem: str = ""
    """Why nothing else can be shown."""


def listed_view(view: RolloutView) -> ListedView:
    """The part of a view that lists show."""
    return ListedView(
        phase=view.phase,
        urgency=urgency(view),
        stable=_version(view.stable),
        candidate=_version(view.candidate),
        roles=view.roles,
        guarded=view.guard is not None,
        actual=view.candidate.weight if view.candidate else 0.0,
        wanted=view.wanted or 0.0,
        stage=view.stage or (f"{view.step} of {len(view.steps)}" if view.steps else ""),
        decided=view.decisions[0] if view.decisions else None,
    )


def not_shown(phase: str, problem: str) -> ListedView:
    """What lists show of a rollout whose view cannot be made."""
    return ListedView(
        phase=phase,
        urgency=Urgency.PERSON,
        stable="",
        candidate="",
        roles=IN_A_ROLLOUT,
        guarded=False,
        actual=0.0,
        wanted=0.0,
        stage="",
        decided=None,
        problem=problem,
    )


def _version(arm: ArmView | None) -> str:
    return (arm.version or arm.revision) if arm else ""
