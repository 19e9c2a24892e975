"""What the two revisions of a rollout are called."""

from dataclasses import dataclass
from typing import Final

from serinus.api.stages import PROMOTED
from serinus.api.status import Candidate


@dataclass(frozen=True, slots=True)
class Roles:
    """Names of the revisions that a status has as stable and candidate."""

    stable: str
    candidate: str
    the_stable: str
    """In a sentence."""
    the_candidate: str
    note: str = ""
    """What the words of the checks' messages mean, if they are others."""


IN_A_ROLLOUT: Final = Roles("stable", "candidate", "stable", "the candidate")
IN_A_GUARD: Final = Roles(
    "previous",
    "promoted",
    "the previous revision",
    "the promoted revision",
    "In the evidence, the candidate is the promoted revision, and stable the previous one.",
)


def roles_of(candidate: Candidate | None) -> Roles:
    """A guard leaves the promoted revision the candidate, though it serves."""
    return IN_A_GUARD if candidate and candidate.stage in PROMOTED else IN_A_ROLLOUT
