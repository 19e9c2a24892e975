"""The e-process that comparisons rest on: evidence that may be looked at at any time. Against
latencies and predictions, whose shares may be large, `bets` take its place.

Null hypothesis, in every block: p_candidate <= ratio * p_stable + offset. For an alternative t > 1
the evidence of a block with n requests and e events per arm is

    log E(t) += e_c ln A + e_s ln B - n_c * offset * (A - 1),
    x = n_c ratio / (n_c ratio + n_s),  B = 1 / (1 + x (t - 1)),  A = t B.

Since n_c ratio (A - 1) = n_s (1 - B), E is a non-negative supermartingale under the null for
binomial and Poisson counts, whatever the split, its changes, the base rate and the rule for
stopping, so that P(E ever >= 1/alpha) <= alpha (Ville 1939; Ramdas et al., Game-theoretic
statistics and safe anytime-valid inference, 2023). An alternative t < 1 does the same for the
opposite null, p_candidate >= ratio * p_stable + offset. A ratio of 0 leaves stable out: a fixed
limit.

A mixture over alternatives is again such a process. Evidence is kept as the logs of its summands,
the weight of each alternative included: E is the sum of their exponentials.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

Alternative = tuple[float, float]
"""(how many times the rate of the null, weight in the mixture)."""

WORSE: Final[tuple[Alternative, ...]] = (
    (1.25, 0.02),
    (1.6, 0.30),
    (2.2, 0.19),
    (3.3, 0.16),
    (5.5, 0.16),
    (10.0, 0.15),
)
"""For 'no worse than tolerated': how much worse it may be, as multiples of the tolerance. A
fiftieth is left out, so that the budget is not spent to the last: no traffic is quite
independent."""

SHIFTED: Final[tuple[Alternative, ...]] = ((1.25, 0.20), (1.7, 0.35), (3.0, 0.30), (10.0, 0.15))
"""The same where many shares are compared: as quick as WORSE, and half the state."""

BETTER: Final[tuple[Alternative, ...]] = ((1.0, 0.60), (0.78, 0.37), (0.2, 0.03))
"""For 'not within the margin': how good it may be, as multiples of stable's rate."""


@dataclass(frozen=True, slots=True)
class NullHypothesis:
    """p_candidate <= ratio * p_stable + offset for alternatives above 1, >= for those below 1."""

    ratio: float
    """0 or more; 0: a fixed limit, stable is left out."""
    offset: float
    """A probability."""


LogIncrement = tuple[float, float, float]
"""What the evidence for an alternative gains in a block: per candidate event, per stable event, and
always."""


def better(margin: NullHypothesis) -> tuple[Alternative, ...]:
    """BETTER as seen from the margin; where it has no ratio above 1, it borrows 1.25."""
    ratio = margin.ratio if margin.ratio > 1 else 1.25
    return tuple((times / ratio, share) for times, share in BETTER)


def opened(alternatives: Sequence[Alternative], weight: float = 1.0) -> list[float]:
    """The evidence before the first block."""
    return [math.log(weight * share) for _, share in alternatives]


def raised(
    evidence: Sequence[float], alternatives: Sequence[Alternative], weight: float
) -> list[float]:
    """The evidence, with more weight laid on each alternative from the next block on.

    What was held back until now is evidence of 1, so the sum stays an e-process: a mixture over
    the time of the change as well.
    """
    return _rounded(
        [
            _log_of_both(log_e, math.log(weight * share))
            for log_e, (_, share) in zip(evidence, alternatives, strict=True)
        ]
    )


def log_increments(
    null: NullHypothesis,
    alternatives: Sequence[Alternative],
    candidate_requests: float,
    stable_requests: float,
) -> list[LogIncrement]:
    """The log increments of a block of so many requests, one for each alternative."""
    expected = candidate_requests * null.ratio
    x = expected / (expected + stable_requests) if expected else 0.0
    made = []
    for alternative, _ in alternatives:
        log_b = -math.log1p(x * (alternative - 1))
        excess = (alternative - 1) * (1 - x) / (1 + x * (alternative - 1))
        constant = -candidate_requests * null.offset * excess
        made.append((math.log(alternative) + log_b, log_b, constant))
    return made


def gains(
    log_increments: Iterable[LogIncrement], candidate_events: float, stable_events: float
) -> list[float]:
    """What each alternative's evidence gains in a block with so many events."""
    return [
        candidate_events * per_candidate + stable_events * per_stable + constant
        for per_candidate, per_stable, constant in log_increments
    ]


def grown(evidence: Iterable[float], gains: Iterable[float]) -> list[float]:
    """The evidence after a block."""
    return _rounded([log_e + gain for log_e, gain in zip(evidence, gains, strict=True)])


def log_sum(summands: Sequence[float]) -> float:
    """ln of the sum of exponentials: ln E."""
    greatest = max(summands)
    return greatest + math.log(math.fsum([math.exp(log_e - greatest) for log_e in summands]))


def _log_of_both(one: float, other: float) -> float:
    """The same of two."""
    return max(one, other) + math.log(1 + math.exp(-abs(one - other)))


def requests_until(goal: float, evidence: Sequence[float], gains: Sequence[float]) -> float | None:
    """How often the gains must come until E reaches exp(goal). None: never.

    The best single alternative decides, so the answer errs to the long side.
    """
    waits = [
        max(goal - log_e, 0.0) / gain
        for log_e, gain in zip(evidence, gains, strict=True)
        if gain > 0
    ]
    return min(waits, default=None)


def _rounded(evidence: Iterable[float]) -> list[float]:
    """Down to six digits: short in a status, and never claiming too much. What has six digits
    stays as it is; the thousandth allows for the product not being exact."""
    return [math.floor(log_e * 1e6 + 1e-3) / 1e6 for log_e in evidence]
