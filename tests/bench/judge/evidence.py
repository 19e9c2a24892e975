"""The judge's evidence of many runs at once, in numpy.

The same sums as `serinus.judge.evidence.comparison`, whose own words say what they mean; a unit
test holds both side by side. Arrays are by run, quantity compared, direction and alternative, as
far as they apply.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serinus.judge.evidence.comparison import (
    AS_BEFORE,
    FIRST_RELEASE,
    MOST_OF_A_BURST,
    MOST_OF_A_LOOK,
    NEXT_TO_NOTHING,
    OF_A_SHIFT,
    OVERWHELMING,
    RAISE_EVERY,
)
from serinus.judge.evidence.dispersion import (
    ERRORS_ALLOWED,
    JUMP,
    LEAST_PAIRS,
    MOST_OF_A_PAIR,
    PAIRS_FORGOTTEN,
    PODS_TOLERATED,
    QUANTITIES_AS_ONE,
    SWINGS_ALLOWED,
)
from serinus.judge.evidence.kernel import BETTER, Alternative, NullHypothesis, better
from serinus.judge.evidence.overshoot import GREATEST_LOG, MOST_EVENTS
from tests.bench.judge.bets import bets, gains_of_shift

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Varied:
    """What stable's history told, by run and quantity: `serinus.api.baseline.Dispersion`."""

    over_time: Floats
    between_pods: Floats
    pods: tuple[float, float] = (math.inf, math.inf)
    """Of candidate and stable."""

    def widened(self, ratio: float) -> Floats:
        """The tolerance, as `serinus.judge.evidence.comparison.among_pods`."""
        deviation = math.sqrt(sum(1 / arm for arm in self.pods)) * self.between_pods
        widened: Floats = np.maximum(ratio, np.exp(PODS_TOLERATED * deviation))
        return widened


INDEPENDENT = Varied(np.ones((1, 1)), np.zeros((1, 1)))


class Swings:
    """How stable's counts varied from look to look, by run and quantity:
    `serinus.judge.evidence.dispersion.after_look` and `swinging`."""

    def __init__(self, runs: int, quantities: int, *, rare: bool = True) -> None:
        self._requests, self._rare = np.zeros((runs, 1)), rare
        shape = (runs, quantities)
        self._events, self._pairs, self._squares = (np.zeros(shape) for _ in range(3))

    def count(self, requests: Floats, events: Floats, variance: Floats) -> Flags:
        """A block of stable's, with events by run and quantity, whose variance is known to be so
        many times that of independent ones; whether it is a jump."""
        n_1, n_2, e_1 = self._requests, requests[:, None], self._events
        both = e_1 + events
        paired = (n_1 > 0) & (n_2 > 0) & (both > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            square = (n_1 * events - n_2 * e_1) ** 2 / (n_1 * n_2 * both)
            if not self._rare:
                all_were = both >= n_1 + n_2
                square /= np.where(all_were, 1.0, 1 - both / (n_1 + n_2))
        counted = np.minimum(square, MOST_OF_A_PAIR * variance)
        for name, more in (("_pairs", 1.0), ("_squares", counted)):
            before = getattr(self, name)
            after = (1 - PAIRS_FORGOTTEN) * before + np.where(paired, more, 0.0)
            setattr(self, name, np.where(n_2 > 0, np.floor(after * 1e3 + 0.5) / 1e3, before))
        self._requests = np.where(n_2 > 0, n_2, n_1)
        self._events = np.where(n_2 > 0, events, e_1)
        return np.asarray((paired & (square > JUMP * variance)).any(axis=1))

    def expected(self, shares: Floats) -> Floats:
        """Shares of events in the next block, after so many in all blocks:
        `serinus.judge.evidence.comparison.expected_next`."""
        events, requests = self._events + AS_BEFORE * shares, self._requests + AS_BEFORE
        return np.asarray(np.where(self._requests > 0, events / requests, shares))

    @property
    def times(self) -> Floats:
        """The variance of the counts, as a multiple of that of independent ones."""
        pairs, squares = (each.sum(axis=1, keepdims=True) for each in (self._pairs, self._squares))
        together = self._cautious(squares, pairs, QUANTITIES_AS_ONE)
        times: Floats = np.maximum(self._cautious(self._squares, self._pairs), together)
        return times

    @staticmethod
    def _cautious(squares: Floats, pairs: Floats, as_one: float = 1.0) -> Floats:
        some = np.maximum(pairs, 1.0)
        figure, error = squares / some, np.sqrt(3 * as_one / some)
        enough = pairs >= LEAST_PAIRS * as_one
        shown = enough & (figure > 1 + SWINGS_ALLOWED * error)
        times: Floats = np.where(shown, figure * (1 + ERRORS_ALLOWED * error), 1.0).astype(float)
        return times

    def keep(self, runs: Flags) -> None:
        """Go on with these runs alone."""
        for name in ("_requests", "_events", "_pairs", "_squares"):
            setattr(self, name, getattr(self, name)[runs])


class Against:
    """Evidence against the candidates of many runs, by a check that compares some quantities."""

    def __init__(
        self,
        runs: int,
        null: NullHypothesis,
        alternatives: Sequence[Alternative],
        *,
        quantities: int = 1,
        both_ways: bool = False,
        counts: bool = False,
        varied: Varied = INDEPENDENT,
        rare: bool = True,
        nested: Sequence[int] = (),
        known: Floats | None = None,
    ) -> None:
        """`counts`: the events are counts of independent requests, and nothing is wasted. `rare`:
        events are taken for rare. `nested`: the quantities of which each is a part of the one
        before, and which a shift is seen at. `known`: stable's shares of the quantities, if its
        history told them."""
        self._offset, self._counts = null.offset, counts
        self._ratio, self._history = varied.widened(null.ratio), varied.over_time
        self._swings = Swings(runs, quantities, rare=rare)
        self._bursts = self._history
        self._rare, self._nested = rare, list(nested)
        self._known = None if rare or known is None else np.tile(known, (runs, 1))
        self._stable, self._of_stable = np.zeros(runs), np.zeros((runs, quantities))
        self._times, self._shares = np.array(alternatives).T
        self._directions = 2 if both_ways else 1
        part = np.full(quantities, 1.0 / quantities)
        if self._nested:
            part = np.append(part * (1 - OF_A_SHIFT), OF_A_SHIFT)
        self._part = part[:, None, None] / self._directions
        self._reserve, self._draws = np.full(runs, 1.0 - FIRST_RELEASE), np.ones(runs)
        self._requests, self._entered = np.zeros(runs), np.zeros(runs, dtype=bool)
        shape = (runs, len(part), self._directions, len(alternatives))
        self._log_e = np.broadcast_to(
            np.log(FIRST_RELEASE * self._part * self._shares), shape
        ).copy()
        self._settled = np.zeros(runs)
        self.peak = np.zeros(runs)
        """ln of the greatest evidence so far, by run."""

    def weigh(
        self, requests: tuple[Floats, Floats], events: tuple[Floats, Floats], alpha: float
    ) -> None:
        """A block: requests by run, events by run and quantity, of candidate and stable."""
        self.serve(requests[0])
        self.add([(requests, events)], alpha)

    def add(
        self,
        strata: Sequence[tuple[tuple[Floats, Floats], tuple[Floats, Floats]]],
        alpha: float,
    ) -> None:
        """The strata of a block, whose requests were counted before."""
        self._bursts = np.maximum(self._history, self._swings.times)
        before, settled = self._total(self._log_e), self._settled
        boosted = self._counts and not self._offset
        started = plain = self._log_e
        for (candidate, stable), events in strata:
            gained = [self._gains(candidate, stable, *events)]
            if self._directions == 2:
                gained.append(self._gains(stable, candidate, *events[::-1], below=True))
            after = np.stack(gained, axis=2)
            if boosted:
                plain = _rounded(plain + after)
                after += self._boost(gained[0], (candidate, stable), events, alpha)[:, :, None]
            self._log_e = _rounded(self._log_e + after)
        plain_total = self._total(plain if boosted else self._log_e)
        for (_, requests), (_, counted) in strata:
            self._stable += requests
            self._of_stable += counted
        jumps = self._swings.count(
            np.sum([requests[1] for requests, _ in strata], axis=0),
            np.sum([events[1] for _, events in strata], axis=0),
            self._bursts,
        )
        self._settled = np.where(jumps, np.minimum(before, settled), before)
        if jumps.any():
            self._lower(jumps, self._settled, np.maximum(_laid(started), _laid(self._log_e)))
        least = np.maximum(before, 0.0)
        most = least + self._most(plain_total - least, alpha)
        total = self._total(self._log_e)
        high = ~jumps & (total > most)
        if high.any():
            self._lower(high, most, _laid(self._log_e))
            total = self._total(self._log_e)
        self.peak = np.maximum(self.peak, total)

    def enter_step(self, runs: Flags) -> None:
        """As `serinus.judge.evidence.comparison.step_entered`."""
        self._requests[runs], self._entered = 0.0, runs

    def keep(self, runs: Flags) -> None:
        """Go on with these runs alone; requests are independent."""
        of_runs = "_reserve", "_draws", "_requests", "_entered", "_log_e", "_settled", "peak"
        for name in (*of_runs, "_stable", "_of_stable"):
            setattr(self, name, getattr(self, name)[runs])
        self._swings.keep(runs)

    def _total(self, log_e: Floats) -> Floats:
        """ln of all evidence, by run."""
        total: Floats = np.logaddexp(_laid(log_e), np.log(self._reserve))
        return total

    def _most(self, added: Floats, alpha: float) -> Floats:
        """`serinus.judge.evidence.comparison._most_of_a_look`, by run."""
        enough = -np.log(alpha)
        overwhelms = added >= OVERWHELMING * enough
        return np.asarray(np.where(overwhelms, MOST_OF_A_LOOK, MOST_OF_A_BURST) * enough)

    def _lower(self, runs: Flags, total: Floats, laid: Floats) -> None:
        """What was laid to so much in all."""
        log_reserve = np.log(self._reserve[runs])
        rest = np.maximum(-np.expm1(log_reserve - total[runs]), NEXT_TO_NOTHING)
        by = total[runs] + np.log(rest) - laid[runs]
        self._log_e[runs] = _rounded(self._log_e[runs] + by[:, None, None, None])

    def serve(self, candidate: Floats) -> None:
        """Count the requests of a block."""
        due = self._requests // RAISE_EVERY < (self._requests + candidate) // RAISE_EVERY
        due |= self._entered
        self._requests, self._entered = self._requests + candidate, np.zeros_like(due)
        if not due.any():
            return
        weight = self._reserve[due] / (self._draws[due] + 1)
        self._reserve[due] -= weight
        self._draws[due] += 1
        added = np.log(weight[:, None, None, None] * self._part * self._shares)
        self._log_e[due] = _rounded(np.logaddexp(self._log_e[due], added))

    @property
    def _expected(self) -> Floats | None:
        """Stable's shares before a block; None: they are not known, or events are rare."""
        if self._rare or not self._stable.all():
            return self._known
        return self._swings.expected((self._of_stable + 0.5) / (self._stable[:, None] + 1))

    def _gains(
        self, one: Floats, other: Floats, events: Floats, others: Floats, *, below: bool = False
    ) -> Floats:
        """By run, quantity and alternative."""
        expected = self._expected
        if expected is not None:
            return self._by_bets(expected, (one, other), (events, others), below=below)
        per_one, per_other, constant = _log_increments(
            self._ratio, self._offset, self._times, one, other
        )
        gained = events[:, :, None] * per_one + others[:, :, None] * per_other + constant
        gained /= self._bursts[:, :, None]
        if not self._nested:
            return gained
        return np.concatenate([gained, np.zeros_like(gained[:, :1])], axis=1)

    def _by_bets(
        self,
        expected: Floats,
        requests: tuple[Floats, Floats],
        events: tuple[Floats, Floats],
        *,
        below: bool,
    ) -> Floats:
        ratio, variance = (np.broadcast_to(e, expected.shape) for e in (self._ratio, self._bursts))
        laid = bets(ratio, self._offset, self._times, requests, expected, below=below)
        gained = laid.gains(*requests, *events) / variance[:, :, None]
        if not (at := self._nested):
            return gained
        of_shift = gains_of_shift(
            ratio[:, at],
            self._offset,
            self._times,
            requests,
            (events[0][:, at], events[1][:, at]),
            expected[:, at],
            below=below,
        )
        of_shift /= variance[:, at].max(axis=1, keepdims=True)
        return np.concatenate([gained, of_shift[:, None]], axis=1)

    def _boost(
        self,
        gained: Floats,
        requests: tuple[Floats, Floats],
        events: tuple[Floats, Floats],
        alpha: float,
    ) -> Floats:
        """What is laid out again, by run, for the one quantity and each alternative alike."""
        ceiling = np.log(1 / alpha - self._reserve) + 1e-5
        before = self._log_e[:, 0, 0]
        both = events[0][:, 0] + events[1][:, 0]
        by = boosts(self._ratio[:, 0], self._times, before, requests, both, ceiling)
        reached = _log_sum(before + gained[:, 0])
        helps = (by > 0) & (self._bursts[:, 0] == 1)
        capped = np.where(helps, np.minimum(by, ceiling - reached), 0.0)
        return capped[:, None, None]


class For:
    """Evidence that candidates are within the margin, of one quantity."""

    def __init__(self, runs: int, margin: NullHypothesis) -> None:
        self._null = margin
        self._times = np.array(better(margin))[:, 0]
        self._opened = np.log([share for _, share in BETTER])
        self._log_e = np.tile(self._opened, (runs, 1))
        self._swings = Swings(runs, 1)

    def weigh(self, requests: tuple[Floats, Floats], events: tuple[Floats, Floats]) -> None:
        """As `Against.weigh`, with events by run."""
        ratio = np.array([[self._null.ratio]])
        per_c, per_s, constant = _log_increments(ratio, self._null.offset, self._times, *requests)
        gained = (
            events[0][:, None] * per_c[:, 0] + events[1][:, None] * per_s[:, 0] + constant[:, 0]
        )
        self._log_e = _rounded(self._log_e + gained / self._swings.times)
        self._swings.count(requests[1], events[1][:, None], self._swings.times)

    def enter_step(self, runs: Flags) -> None:
        """As `serinus.judge.evidence.comparison.step_entered`."""
        self._log_e[runs] = self._opened

    @property
    def now(self) -> Floats:
        """ln of the evidence, by run."""
        return _log_sum(self._log_e)


def boosts(
    ratio: Floats,
    times: Floats,
    evidence: Floats,
    requests: tuple[Floats, Floats],
    events: Floats,
    ceiling: Floats,
) -> Floats:
    """`serinus.judge.evidence.overshoot.boost` by run; evidence by run and alternative."""
    candidate, stable = requests
    ratio = np.broadcast_to(ratio, events.shape)
    room = stable + 1 - ratio * events
    now = np.exp(_log_sum(evidence) - ceiling)
    use = (events > 0) & (events <= MOST_EVENTS) & (room > 0) & (now < 1)
    use[use] = events[use] * np.log1p((candidate * ratio)[use] / room[use]) <= GREATEST_LOG
    found = np.zeros(len(events))
    if not use.any():
        return found
    used = (each[use] for each in (candidate, stable, events, room, ratio))
    n_c, n_s, m, room, ratio = used
    chances = _chances(n_c, n_s, m, ratio * (n_s + 1 - m) / room)
    _, per_stable, _ = _log_increments(ratio[:, None], 0.0, times, n_c, n_s)
    start = np.exp(evidence[use] + m[:, None] * per_stable[:, 0] - ceiling[use, None])
    with np.errstate(over="ignore", invalid="ignore"):
        # what overflows is beyond all that is of use
        reached = (times ** np.arange(float(len(chances)))[:, None]) @ start.T
    found[use] = _greatest(now[use], chances, reached)
    return found


def _chances(candidate: Floats, stable: Floats, events: Floats, odds: Floats) -> Floats:
    """That 0, 1, ... of the events are the candidate's, as far as it is likely at all, by number
    and run."""
    mean = events * candidate * odds / (candidate * odds + stable)
    last = int(min(events.max(), (mean + 9 * np.sqrt(mean) + 14).max()))
    e = np.arange(float(last))[:, None]
    weights = np.empty((last + 1, len(events)))
    weights[0] = 1.0
    weights[1:] = odds * np.maximum((candidate - e) * (events - e), 0.0)
    weights[1:] /= (e + 1) * (stable - events + e + 1)
    np.cumprod(weights, axis=0, out=weights)
    weights /= weights.sum(axis=0)
    return weights


def _greatest(now: Floats, chances: Floats, reached: Floats) -> Floats:
    """`reached`: evidence as a share of what is enough, by number and run."""
    above = 1.0 - np.cumsum(chances, axis=0)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        times = (now - above) / np.cumsum(chances * reached, axis=0)
        fits = times * reached <= 1
    last = len(fits) - 1 - np.argmax(fits[::-1], axis=0)
    chosen = np.take_along_axis(times, last[None], axis=0)[0]
    return np.where(fits.any(axis=0), np.log(np.maximum(chosen, 1.0)), 0.0)


def _log_increments(
    ratio: Floats, offset: float, times: Floats, candidate: Floats, stable: Floats
) -> tuple[Floats, Floats, Floats]:
    """`serinus.judge.evidence.kernel.log_increments`, each by run, quantity and alternative; the
    ratio by run and quantity."""
    expected = candidate[:, None] * ratio
    x = (expected / np.maximum(expected + stable[:, None], 1.0))[:, :, None]
    log_b = -np.log1p(x * (times - 1))
    excess = (times - 1) * (1 - x) / (1 + x * (times - 1))
    return np.log(times) + log_b, log_b, -candidate[:, None, None] * offset * excess


def _laid(log_e: Floats) -> Floats:
    """ln of the evidence without the reserve, by run."""
    return _log_sum(log_e.reshape(len(log_e), -1))


def _log_sum(summands: Floats) -> Floats:
    """Over the last axis."""
    greatest = summands.max(axis=-1, keepdims=True)
    total: Floats = np.log(np.exp(summands - greatest).sum(axis=-1)) + greatest[..., 0]
    return total


def _rounded(log_e: Floats) -> Floats:
    rounded: Floats = np.floor(log_e * 1e6 + 1e-3) / 1e6
    return rounded
