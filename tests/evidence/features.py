"""What is said of a feature of stable's inputs."""

from collections.abc import Iterator

from serinus.judge.drift import feature_queries
from serinus.metrics.queries import QueryError
from tests.evidence.scenes import BUSY
from tests.unit.judge.drift.watching import Watching, watching_given

POORER = (0.4, 0.4, 0.15, 0.05)
"""Shares of the incomes of another world."""


def feature_rows() -> Iterator[tuple[str, str, str]]:
    """The condition, what happens and what is said of it."""
    watching = watching_given()
    yield "False", "Inputs match the reference.", watching.feature().message
    watching.looks(10, POORER)
    yield "True", "Incomes are lower.", watching.feature().message
    watching.looks(120)
    yield "False", "They are as before.", watching.feature().message
    watching.pods.values.clear()
    for _ in range(12):
        watching.look()
    yield "Unknown", "The stable pods no longer export features.", _unknown(watching)
    histogram, _ = feature_queries(watching.settings)
    watching.broken = {histogram: QueryError(BUSY)}
    watching.look()
    yield "Unknown", "Prometheus is down, or too busy.", _unknown(watching)


def _unknown(watching: Watching) -> str:
    if watching.known.unknown is None:
        raise ValueError(f"it is known: {watching.known}")
    return watching.known.unknown.message
