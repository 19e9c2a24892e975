"""Compares a replayed rollout with the operator's decisions, as text or JSON."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from serinus.api.base import rfc3339
from serinus.api.quantities import spoken
from serinus.api.reasons import Reason
from serinus.api.status import Decision, Timeline
from serinus.cli.files import GivenManifest
from serinus.cli.rollouts import moments_json, moments_table
from serinus.simulation.replay import Looked, Replayed
from serinus.views.rollout import named

BY_COMMAND = (Reason.COMMAND_OBEYED, Reason.COMMAND_REFUSED)


@dataclass(frozen=True)
class ReplayComparison:
    """A replayed rollout, and the operator's decisions in it."""

    manifest: GivenManifest
    timeline: Timeline
    replayed: Replayed
    decided: tuple[Decision, ...]
    """The operator's decisions that are still in the status; oldest first."""

    @property
    def ended(self) -> Decision | None:
        """The operator's decision that ended the rollout."""
        return self.decided[-1] if self.decided and self.timeline.until else None

    @property
    def ends(self) -> Decision | None:
        """The replayed decision that ended the rollout."""
        if self.replayed.outcome == "Undecided":
            return None
        return [one for one in self.replayed.decisions if one.reason not in BY_COMMAND][-1]


def decided_by_the_operator(real: GivenManifest, timeline: Timeline) -> tuple[Decision, ...]:
    """The operator's decisions in this rollout, oldest first."""
    return tuple(
        decision
        for decision in reversed(real.status.decisions)
        if decision.revision == timeline.revision
        and timeline.since <= decision.at <= (timeline.until or decision.at)
        and decision.reason not in BY_COMMAND
    )


def as_kept(decisions: Sequence[Decision]) -> list[Decision]:
    """Those that the status keeps: one that was made several times in a row takes the place of the
    ones before."""
    counted = [*(after.times > 1 for after in decisions[1:]), False]
    return [one for one, again in zip(decisions, counted, strict=False) if not again]


def figures(decision: Decision) -> tuple[str, list[str]]:
    """The parts of a decision that do not depend on the wording: its reason and its counts, or all
    of its numbers if it has no counts."""
    counts = re.findall(r"[\d.]+/[\d.]+ ", decision.message)
    return decision.reason, counts or re.findall(r"\d[\d.]*", decision.message)


def as_text(found: ReplayComparison) -> str:
    """The timeline, and how it compares."""
    timeline, replayed = found.timeline, found.replayed
    title = (
        f"{found.manifest.owner.name}, revision {timeline.revision} against stable "
        f"{timeline.stable}, from {rfc3339(timeline.since)}, {_looks(len(replayed.looks))}:"
    )
    return "\n\n".join([title, moments_table(replayed.moments), _conclusion(found)])


def _looks(count: int) -> str:
    return "1 look" if count == 1 else f"{count} looks"


def _conclusion(found: ReplayComparison) -> str:
    """The result of this policy compared with the operator's decision."""
    ends, ended = found.ends, found.ended
    really = f"{ended.reason} after {_after(found, ended)}" if ended else "not ended at that time"
    if ends is None:
        return "\n".join(
            [
                "Undecided: the recording ends here, without the traffic that this policy would "
                f"need. The real rollout: {really}.",
                *_last_verdicts(found.replayed.looks),
            ]
        )
    if ended and (ends.reason, ends.message) == (ended.reason, ended.message):
        return "The operator made the same decision, with the same message."
    if ended and figures(ends) == figures(ended):
        return "The operator made the same decision, from the same counts."
    message = f"The real rollout: {really}."
    return f"{message} {ended.message}" if ended and ended.reason == ends.reason else message


def _last_verdicts(looks: Sequence[Looked]) -> list[str]:
    checks = looks[-1].checks if looks else ()
    return [
        f"{named(check.name, check.mode)}: {check.verdict}. {check.message}" for check in checks
    ]


def _after(found: ReplayComparison, decision: Decision) -> str:
    return spoken(decision.at - found.timeline.since)


def as_json(found: ReplayComparison) -> dict[str, Any]:
    """All data, including each look."""
    timeline, replayed, owner = found.timeline, found.replayed, found.manifest.owner
    return {
        "namespace": owner.namespace,
        "name": owner.name,
        "revision": timeline.revision,
        "stable": timeline.stable,
        "since": rfc3339(timeline.since),
        "outcome": replayed.outcome,
        "decisions": [one.to_json() for one in replayed.decisions],
        "operatorsDecisions": [one.to_json() for one in found.decided],
        "timeline": moments_json(replayed.moments),
        "looks": [
            {
                "at": rfc3339(look.at),
                "weight": look.weight,
                "counted": dict(look.counted),
                "checks": [check.to_json() for check in look.checks],
            }
            for look in replayed.looks
        ],
    }
