"""Odds of two arms, where only the ratio of both can be expected to stay as it is.

Whatever makes requests slower for both arms moves the share of slow requests of each, and shares at
different heights by different factors. Their odds, p / (1 - p), are moved by nearly the same one.

Null hypothesis: the candidate's odds are at most psi times stable's, which says of their shares

    p_candidate <= f(p_stable),  f(s) = psi s / (1 + (psi - 1) s).

For psi >= 1 the curve f is concave, so it lies below each of its tangents, and the null implies

    p_candidate <= ratio p_stable + offset,  ratio = psi / d^2,  offset = psi (psi - 1) s^2 / d^2,
    d = 1 + (psi - 1) s,

for any s that is known before the block. So evidence against that is evidence against the null. The
tangent touches at s: the nearer stable's share is to it, the less is given away.
"""

import math
from typing import Final

from serinus.judge.evidence.kernel import NullHypothesis

_ROUNDS: Final = 60


def odds(share: float) -> float:
    """Of a share below 1."""
    return share / (1 - share)


def tangent(psi: float, expected: float) -> NullHypothesis:
    """What odds at most `psi` times as great say of shares, if stable's is about as expected. `psi`
    is 1 or more."""
    d = 1 + (psi - 1) * expected
    return NullHypothesis(psi / d**2, psi * (psi - 1) * (expected / d) ** 2)


def surely(events: float, requests: float, risk: float) -> tuple[float, float]:
    """The least and the greatest share that so many events among independent requests leave
    possible, each at this risk, by Chernoff's bound: the events are beyond it with a probability of
    at most exp(-requests KL), whatever the share of each request."""
    seen, far = min(events / requests, 1.0), -math.log(risk) / requests
    return _end(seen, 0.0, far), _end(seen, 1.0, far)


def _end(seen: float, limit: float, far: float) -> float:
    inside, outside = seen, limit
    for _ in range(_ROUNDS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if _apart(seen, middle) <= far else (inside, middle)
    return outside


def _apart(seen: float, share: float) -> float:
    """Relative entropy of an event that has a share, as seen."""
    parts = ((seen, share), (1 - seen, 1 - share))
    if any(p and not q for p, q in parts):
        return math.inf
    return math.fsum(p * math.log(p / q) for p, q in parts if p)
