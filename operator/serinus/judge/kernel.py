"""The e-process that every comparison rests on: evidence that may be looked at at any time.

Null hypothesis, in every block: p_candidate <= ratio * p_stable + offset. For a tilt t > 1 the
evidence of a block with n requests and e events per arm is

    log E(t) += e_c ln A + e_s ln B - n_c * offset * (A - 1),
    x = n_c ratio / (n_c ratio + n_s),  B = 1 / (1 + x (t - 1)),  A = t B.

Since n_c ratio (A - 1) = n_s (1 - B), E is a non-negative supermartingale under the null for
binomial and Poisson counts, whatever the split, its changes, the base rate and the rule for
stopping, so that P(E ever >= 1/alpha) <= alpha (Ville 1939; Ramdas et al., Game-theoretic
statistics and safe anytime-valid inference, 2023). A tilt t < 1 does the same for the opposite
null, p_candidate >= ratio * p_stable + offset. A ratio of 0 leaves stable out: a fixed limit.

A mixture over tilts is again such a process. Evidence is kept as the logs of its summands, the
weight of each tilt included: E is the sum of their exponentials.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

Tilt = tuple[float, float]
"""(how many times the rate of the null, weight in the mixture)."""

WORSE: Final[tuple[Tilt, ...]] = (
    (1.25, 0.10),
    (1.5, 0.25),
    (2.0, 0.25),
    (3.0, 0.15),
    (5.0, 0.10),
    (10.0, 0.10),
    (30.0, 0.05),
)
"""For 'no worse than tolerated': how much worse it may be, as multiples of the tolerance."""

BETTER: Final[tuple[Tilt, ...]] = ((1.0, 0.60), (0.8, 0.25), (0.5, 0.15))
"""For 'not within the margin': how good it may be, as multiples of stable's rate."""

_DIGITS: Final = 1e6


@dataclass(frozen=True, slots=True)
class Null:
    """p_candidate <= ratio * p_stable + offset with tilts above 1, >= with tilts below 1."""

    ratio: float
    """0 or more; 0: a fixed limit, stable is left out."""
    offset: float
    """A probability."""


@dataclass(frozen=True, slots=True)
class Stake:
    """What a tilt makes of the next block's events."""

    per_candidate_event: float
    per_stable_event: float
    constant: float


def better(margin: Null) -> tuple[Tilt, ...]:
    """The tilts for 'not within the margin', seen from the margin; a fixed limit has none of its
    own and borrows 1.25."""
    return tuple((ratio / (margin.ratio or 1.25), share) for ratio, share in BETTER)


def opened(tilts: Sequence[Tilt], weight: float = 1.0) -> list[float]:
    """The evidence before the first block."""
    return [math.log(weight * share) for _, share in tilts]


def stakes(
    null: Null, tilts: Sequence[Tilt], candidate_requests: float, stable_requests: float
) -> list[Stake]:
    """Stakes for a block of so many requests."""
    expected = candidate_requests * null.ratio
    x = expected / (expected + stable_requests) if expected else 0.0
    made = []
    for tilt, _ in tilts:
        log_b = -math.log1p(x * (tilt - 1))
        excess = (tilt - 1) * (1 - x) / (1 + x * (tilt - 1))
        constant = -candidate_requests * null.offset * excess
        made.append(Stake(math.log(tilt) + log_b, log_b, constant))
    return made


def grown(
    evidence: Sequence[float],
    stakes: Sequence[Stake],
    candidate_events: float,
    stable_events: float,
) -> list[float]:
    """The evidence after a block.

    Rounded down to six digits, so that it is short in a status and never claims too much.
    """
    return [
        math.floor(
            (
                log_e
                + candidate_events * stake.per_candidate_event
                + stable_events * stake.per_stable_event
                + stake.constant
            )
            * _DIGITS
        )
        / _DIGITS
        for log_e, stake in zip(evidence, stakes, strict=True)
    ]


def log_sum(summands: Iterable[float]) -> float:
    """ln of the sum of exponentials: ln E. Minus infinity for none."""
    logs = list(summands)
    greatest = max(logs, default=-math.inf)
    if greatest == -math.inf:
        return greatest
    return greatest + math.log(math.fsum(math.exp(log - greatest) for log in logs))


def requests_until(goal: float, evidence: Sequence[float], growth: Sequence[float]) -> float | None:
    """More requests until E reaches exp(goal), if each adds so much to the logs.

    None: never. The best single tilt decides, so the answer errs to the long side.
    """
    waits = [
        max(goal - log_e, 0.0) / per_request
        for log_e, per_request in zip(evidence, growth, strict=True)
        if per_request > 0
    ]
    return min(waits, default=None)
