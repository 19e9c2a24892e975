"""Values that the candidate has not counted because it failed the requests that they came with.

Many servers count the inputs of a request once it is answered. What a failed one asked is not known
then, so it may be what the candidate seems to be asked less often than stable.
"""

from typing import NamedTuple


class Answers(NamedTuple):
    """What the requests of a block came to."""

    candidate: float
    """The candidate's requests."""
    failed: float
    """Those of them that failed."""
    stable: float
    """Stable's requests."""

    @property
    def failing(self) -> float:
        """The share of the candidate's requests that failed, 0 to 1."""
        return min(self.failed / self.candidate, 1.0) if self.candidate else 0.0


def uncounted(values: tuple[float, float], answers: Answers) -> float:
    """How many values the candidate has not counted, for each that it has.

    It has counted fewer for a request than stable, in so far as its failed requests account for it.
    `values`: of candidate and stable, in the same blocks as the answers.
    """
    if not all((*values, answers.candidate, answers.stable)):
        return 0.0
    per_request, of_stable = values[0] / answers.candidate, values[1] / answers.stable
    counted = max(per_request / of_stable, 1 - answers.failing)
    return 1 / min(counted, 1.0) - 1
