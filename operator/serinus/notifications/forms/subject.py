"""Whom a notice is about, and the words that all forms share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from serinus.api.notifications import NoticeKind
from serinus.api.quantities import spoken
from serinus.api.status import Notice

TITLES: Final[Mapping[NoticeKind, str]] = {
    "Started": "Rollout started",
    "StepPassed": "Step passed",
    "Paused": "Rollout paused",
    "Stalled": "A person must act",
    "Promoted": "Promoted",
    "RolledBack": "Rolled back",
    "Cancelled": "Rollout cancelled",
    "Retraining": "Retraining",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A ModelDeployment."""

    namespace: str
    name: str
    page: str = ""
    """Address of its page; empty if no page is configured."""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def title(subject: Subject, notice: Notice) -> str:
    """What happened, in a line."""
    return f"{TITLES[notice.kind]}: {subject}"


def figures(notice: Notice) -> str:
    """The reason and the figures, in a line."""
    version = f" ({notice.version})" if notice.version else ""
    parts = [
        notice.reason,
        f"revision {notice.revision}{version}" if notice.revision else "",
        f"stable {notice.stable}" if notice.stable else "",
        f"{notice.weight:g}% of the traffic" if notice.weight else "",
        f"after {spoken(notice.seconds)}" if notice.seconds else "",
    ]
    return ", ".join(part for part in parts if part)
