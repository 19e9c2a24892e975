"""Outcomes of many rollouts of one policy: frequency and duration."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from serinus.simulation.simulate import Run, RunOutcome

_Z = 1.96


@dataclass(frozen=True, slots=True)
class OutcomeShare:
    """The rollouts with the same outcome."""

    outcome: RunOutcome
    reason: str
    runs: int
    chance: float
    between: tuple[float, float]
    """95% interval of the probability (Wilson 1927)."""
    after: tuple[float, float]
    """Seconds until the end: median and 95th percentile."""
    requests: tuple[float, float]
    """Requests to the candidate until then, likewise."""


def shares(runs: Iterable[Run]) -> list[OutcomeShare]:
    """The outcomes, most frequent first."""
    alike: dict[tuple[RunOutcome, str], list[Run]] = defaultdict(list)
    for run in runs:
        alike[run.outcome, run.reason].append(run)
    total = sum(map(len, alike.values()))
    found = [
        OutcomeShare(
            outcome=outcome,
            reason=reason,
            runs=len(ended),
            chance=len(ended) / total,
            between=wilson(len(ended), total),
            after=spread([run.after for run in ended]),
            requests=spread([run.requests for run in ended]),
        )
        for (outcome, reason), ended in alike.items()
    ]
    return sorted(found, key=lambda share: -share.runs)


@dataclass(frozen=True, slots=True)
class AuditShare:
    """The rollouts in which a check in audit mode failed, which decided nothing."""

    check: str
    runs: int
    chance: float
    between: tuple[float, float]
    """95% interval of the probability (Wilson 1927)."""
    after: tuple[float, float] | None
    """Seconds until then: median and 95th percentile; None: it never failed."""


def audit_shares(checks: Iterable[str], runs: Sequence[Run]) -> list[AuditShare]:
    """How often each of these checks failed, and when."""
    found = []
    for check in checks:
        times = [after for run in runs if (after := run.audits.get(check, math.inf)) < math.inf]
        found.append(
            AuditShare(
                check=check,
                runs=len(times),
                chance=len(times) / len(runs),
                between=wilson(len(times), len(runs)),
                after=spread(times) if times else None,
            )
        )
    return found


def wilson(hits: int, total: int) -> tuple[float, float]:
    """95% interval of a probability."""
    share, weight = hits / total, _Z * _Z / total
    center = (share + weight / 2) / (1 + weight)
    half = _Z * math.sqrt(share * (1 - share) / total + weight / (4 * total)) / (1 + weight)
    return max(center - half, 0.0), min(center + half, 1.0)


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2], ordered[math.ceil(0.95 * len(ordered)) - 1]
