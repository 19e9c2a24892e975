"""Bets on shares of any size, where the kernel takes events for rare.

Each request of a block has a score from 0 to 1: an event has 1, any other request 0. Null
hypothesis: the mean score m_1 of one arm is at most ratio * m_2 + offset, with m_2 that of the
other. For rates p_1 = ratio * p_2 + offset on its border and a stake z >= 0, the evidence of a
block with n_1 and n_2 requests is

    E = product over the one arm of (1 + z (score - p_1))
        * product over the other of (1 - y (score - p_2)),  y = z ratio n_1 / n_2.

Requests are independent, so the expectation of E is the product of those of its factors, and since
1 + x <= exp(x) it is at most

    exp(n_1 z (m_1 - p_1) - n_2 y (m_2 - p_2)) = exp(n_1 z (m_1 - ratio m_2 - offset)) <= 1.

That holds for any rates, ratio and offset, for requests whose own means differ, and for any p_2 and
z that are known before the block and leave no factor below 0: E is a non-negative supermartingale
from block to block, as the kernel's is (I. Waudby-Smith and A. Ramdas, Estimating means of bounded
random variables by betting, 2024). A poor guess costs evidence, never validity.

p_2 and z are those with which E grows fastest under an alternative (q_1, q_2): stable has the share
that it had so far, and the candidate odds that are so many times what is tolerated. p is the point
of the border that is nearest to q in relative entropy, where

    n_1 ratio (q_1 - p_1) / (p_1 (1 - p_1)) + n_2 (q_2 - p_2) / (p_2 (1 - p_2)) = 0,

and z = (q_1 - p_1) / (p_1 (1 - p_1)): of events, E is then the likelihood ratio of q and p (R.
Turner, A. Ly and P. Grunwald, Generic E-variables for exact sequential k-sample tests that allow
for optional stopping, 2024). Two rounds find p nearly; of the stakes that either arm then asks for
the lesser one leaves every factor above 0.
"""

from collections.abc import Iterable, Sequence
from math import log1p
from typing import Final, NamedTuple

from serinus.judge.evidence.kernel import Alternative, LogIncrement, NullHypothesis

Requests = tuple[float, float]
"""Of candidate and stable in a block."""

ROUNDS: Final = 2
"""Of the projection; with a ratio of 1 and no offset, the first finds it."""


class Bet(NamedTuple):
    """What one arm's scores are expected to exceed, and how much is staked on it; and how much is
    staked on the scores of the other arm being below theirs."""

    rate: float
    stake: float
    other_rate: float
    other_stake: float

    def log_increment(self, one: float, other: float) -> LogIncrement:
        """What the evidence gains in a block of so many requests: per event of either arm, and
        always."""
        rate, stake, other_rate, other_stake = self
        miss, other_miss = log1p(-stake * rate), log1p(other_stake * other_rate)
        hit, other_hit = log1p(stake * (1 - rate)), log1p(-other_stake * (1 - other_rate))
        return hit - miss, other_hit - other_miss, one * miss + other * other_miss

    def gain(self, score: float) -> float:
        """What a request of the one arm adds."""
        return log1p(self.stake * (score - self.rate))

    def other_gain(self, score: float) -> float:
        """What a request of the other arm adds."""
        return log1p(-self.other_stake * (score - self.other_rate))


NO_BET: Final = Bet(0.0, 0.0, 0.0, 0.0)
"""Where the alternative is no share at all, or an arm has no requests."""


def on_more(
    null: NullHypothesis,
    alternatives: Sequence[Alternative],
    requests: Requests,
    expected: float,
) -> list[Bet]:
    """That the candidate's share is greater than tolerated; `expected`: stable's."""
    border = null.ratio * expected + null.offset
    if border >= 1:
        return [NO_BET] * len(alternatives)
    if null.ratio == 0:
        stakes = ((times - 1) / (1 + (times - 1) * border) for times, _ in alternatives)
        return [Bet(border, stake, 0.0, 0.0) for stake in stakes]
    shares = ((times * border / (1 + (times - 1) * border), expected) for times, _ in alternatives)
    return _bets(null, shares, *requests)


def on_less(
    null: NullHypothesis,
    alternatives: Sequence[Alternative],
    requests: Requests,
    expected: float,
) -> list[Bet]:
    """That stable's share, which is `expected`, is greater than tolerated, given the other."""
    border = (expected - null.offset) / null.ratio
    if not 0 < border < 1:
        return [NO_BET] * len(alternatives)
    shares = ((expected, border / (times - (times - 1) * border)) for times, _ in alternatives)
    return _bets(null, shares, *requests[::-1])


def _bets(
    null: NullHypothesis, shares: Iterable[tuple[float, float]], one: float, other: float
) -> list[Bet]:
    """For each two shares of the arms beyond the null, with so many requests."""
    if not one or not other:
        return [NO_BET for _ in shares]
    ratio, offset = null.ratio, null.offset
    weight, square = one * ratio, ratio**2
    bets = []
    for q, other_q in shares:
        beyond = q - offset
        p = (one * beyond + other * other_q) / (weight + other)
        for _ in range(ROUNDS):
            rate = ratio * p + offset
            pull, other_pull = one * p * (1 - p), other * rate * (1 - rate)
            p = (pull * ratio * beyond + other_pull * other_q) / (pull * square + other_pull)
        rate = ratio * p + offset
        stake = (q - rate) / (rate * (1 - rate))
        most = other * (p - other_q) / (weight * p * (1 - p))
        if most < stake:
            stake = most
        if stake < 0:
            stake = 0.0
        bets.append(Bet(rate, stake, p, stake * weight / other))
    return bets
