"""What the operator exports about a ModelDeployment as metrics, all from its status."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from serinus.api.reasons import Reason, meaning_of
from serinus.api.status import Candidate, Decision, Status, Weight


@dataclass(frozen=True, slots=True)
class ExportedStatus:
    """The present state of one ModelDeployment, without the evidence, which is large."""

    conditions: tuple[tuple[str, str, str], ...] = ()
    """Type, status and reason."""
    weight: Weight | None = None
    """The candidate's; None without one."""
    verdicts: tuple[tuple[str, str, str, str], ...] = ()
    """Check, its kind, its mode and its verdict."""
    hold: tuple[str, float] | None = None
    """Why the rollout waits, and since when, Unix seconds."""
    rejected: str | None = None
    """Why the revision in the spec is not run; None if it is."""


def exported_status(status: Status) -> ExportedStatus:
    """What a status says."""
    candidate = status.candidate
    hold = candidate.hold if candidate else None
    return ExportedStatus(
        conditions=tuple((each.type, each.status, each.reason) for each in status.conditions),
        weight=candidate.weight if candidate else None,
        verdicts=tuple(
            (check.name, check.kind, check.mode, check.verdict)
            for check in (candidate.checks if candidate else ())
        ),
        hold=(hold.reason, hold.since) if hold else None,
        rejected=status.rejected.reason if status.rejected else None,
    )


def endings(candidate: Candidate | None, decisions: Iterable[Decision]) -> Iterator[Reason]:
    """The reasons for which rollouts ended, by the decisions of a pass, oldest first, that began
    with this candidate."""
    running = candidate.revision if candidate else None
    for decision in decisions:
        if meaning_of(decision.reason).begins:
            running = decision.revision
        elif decision.reason == Reason.GUARD_ENDED:
            running = None
        elif meaning_of(decision.reason).ends and decision.revision == running:
            yield Reason(decision.reason)
            running = None
