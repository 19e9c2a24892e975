"""The judge's bets on many runs at once, in numpy: `serinus.judge.evidence.bets` and `.shift`.

Arrays are by run, quantity compared and alternative, as far as they apply.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serinus.judge.evidence.bets import ROUNDS

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Bets:
    """`serinus.judge.evidence.bets.Bet`."""

    rate: Floats
    stake: Floats
    other_rate: Floats
    other_stake: Floats

    def gains(self, one: Floats, other: Floats, events: Floats, others: Floats) -> Floats:
        """Of so many requests by run, and events by run and quantity."""
        e, o = events[:, :, None], others[:, :, None]
        gained: Floats = e * self.gain(1.0) + (one[:, None, None] - e) * self.gain(0.0)
        gained += o * self.other_gain(1.0) + (other[:, None, None] - o) * self.other_gain(0.0)
        return gained

    def gain(self, score: Floats | float) -> Floats:
        """What a request of the one arm adds."""
        return np.log1p(self.stake * (score - self.rate))

    def other_gain(self, score: Floats | float) -> Floats:
        """What a request of the other arm adds."""
        return np.log1p(-self.other_stake * (score - self.other_rate))


def bets(
    ratio: Floats,
    offset: float,
    times: Floats,
    requests: tuple[Floats, Floats],
    expected: Floats,
    *,
    below: bool,
) -> Bets:
    """That the first arm's share is greater than tolerated; ratio and what is expected of stable by
    run and quantity. `below`: stable is the first arm."""
    one, other = (each[:, None, None] for each in requests)
    ratio, expected = ratio[:, :, None], expected[:, :, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        if below:
            border = (expected - offset) / ratio
            q, other_q = expected + 0 * times, border / (times - (times - 1) * border)
        else:
            border = ratio * expected + offset
            q, other_q = times * border / (1 + (times - 1) * border), expected + 0 * times
        p = (one * (q - offset) + other * other_q) / (one * ratio + other)
        for _ in range(ROUNDS):
            rate = ratio * p + offset
            pull, other_pull = one * p * (1 - p), other * rate * (1 - rate)
            p = (pull * ratio * (q - offset) + other_pull * other_q) / (
                pull * ratio**2 + other_pull
            )
        rate = ratio * p + offset
        asked = (q - rate) / (rate * (1 - rate))
        most = other * (p - other_q) / (one * ratio * p * (1 - p))
        stake = np.maximum(np.minimum(asked, most), 0.0)
        laid = (border > 0) & (border < 1) & (one > 0) & (other > 0)
        against = stake * one * ratio / other
    return Bets(*(np.where(laid, each, 0.0) for each in (rate, stake, p, against)))


def gains_of_shift(
    ratio: Floats,
    offset: float,
    times: Floats,
    requests: tuple[Floats, Floats],
    events: tuple[Floats, Floats],
    expected: Floats,
    *,
    below: bool,
) -> Floats:
    """By run and alternative, for events beyond each bound, the most exceeded one first."""
    none = np.zeros((len(expected), 1))
    shares = np.concatenate([none + 1, expected, none], axis=1)
    telling = expected > offset if below else ratio * expected + offset < 1
    weights = telling * (shares[:, :-2] - shares[:, 2:]) / 2
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
    by_ratio = weights * ratio
    total = by_ratio.sum(axis=1, keepdims=True)
    by_ratio /= np.maximum(total, 1e-300)
    mean = ((weights if below else by_ratio) * expected).sum(axis=1, keepdims=True)
    laid = bets(np.maximum(total, 1e-300), offset, times, requests, mean, below=below)
    found = np.zeros((len(expected), len(times)))
    for n, exceeding, steps, gain in zip(
        requests, events, (weights, by_ratio), (laid.gain, laid.other_gain), strict=True
    ):
        counts = np.concatenate([n[:, None], exceeding, none], axis=1)
        within = counts[:, :-1] - counts[:, 1:]
        scores = np.concatenate([none, np.cumsum(steps, axis=1)], axis=1)
        found += (within[:, :, None] * gain(scores[:, :, None])).sum(axis=1)
    return np.where(total > 0, found, 0.0)
