"""The mix of requests by the labels within which they are compared: whether it is another one in
the candidate, and whether the arms can be compared within chosen labels at all.

Whoever named the labels is told what is wrong with them, and the check waits. Labels that nobody
named must not hold a rollout: then requests are compared as a whole, for the rest of it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from serinus.api.baseline import LONGEST_STRATUM, MOST_STRATA
from serinus.api.status import CheckState
from serinus.judge.evidence.look import ENOUGH_EXPECTED, Look
from serinus.judge.findings.strata import AnotherMix, OfTheCandidateAlone
from serinus.metrics.counters import Growth
from serinus.metrics.queries import CounterQuery
from serinus.metrics.strata import Stratum, counted_in, so_far_in, strata_of

NEGLIGIBLE: Final = 0.001
"""Of the candidate's requests: as many as are tolerated to fail beyond stable's by default. If more
have values that stable has not, a fault in these would be hidden."""
MOST_ALONE: Final = 0.5
"""Of the candidate's requests: if more have values of which stable has counted none in the rollout,
little would ever be shown."""
_SURE: Final = 4.5
"""Standard errors by which the shares of both arms differ; it is looked at often."""
_WORTH_TELLING: Final = 0.02
"""Difference of the shares."""


def name_of(stratum: Stratum) -> str:
    """The values of its labels."""
    return " and ".join(stratum)[:LONGEST_STRATUM]


def counted(state: CheckState, look: Look, queries: Sequence[CounterQuery]) -> CheckState:
    """The state with the requests of both arms by stratum, as the first counter that has any counts
    them."""
    if not look.stratify or look.indivisible(queries):
        return state
    arms = next((both for both in map(look.growth, queries) if all(map(_any, both))), None)
    if arms is None:
        return state
    mix = dict(state.mix)
    for index, growth in enumerate(arms):
        for stratum, n in counted_in(look.stratify, growth).items():
            known = mix.get(name := name_of(stratum), [0.0, 0.0])
            mix[name] = [known[0] + n * (index == 0), known[1] + n * (index == 1)]
    return state.replace(mix=mix) if len(mix) <= MOST_STRATA else state


def indivisible(state: CheckState, look: Look, queries: Sequence[CounterQuery]) -> str:
    """Why requests cannot be compared within chosen labels; empty: they can. What failed does not
    matter."""
    if wrong := look.indivisible(queries):
        return wrong.what
    for counters in queries:
        candidate, stable = look.growth(counters)
        if not stable.increases or counters.part:
            continue
        known = {*map(name_of, strata_of(look.stratify, stable)), *look.baseline.strata}
        served = so_far_in(look.stratify, candidate)
        if alone := _too_many(
            look, ((name_of(of), n) for of, n in served.items()), known, NEGLIGIBLE
        ):
            return alone.what
    ours = {name: n for name, (n, _) in state.mix.items()}
    if math.fsum(ours.values()) < ENOUGH_EXPECTED:
        return ""
    of_both = {name for name, (_, of_stable) in state.mix.items() if of_stable}
    few = _too_many(look, ours.items(), of_both, MOST_ALONE)
    return few.what if few else ""


def _too_many(
    look: Look, served: Iterable[tuple[str, float]], known: Iterable[str], most: float
) -> OfTheCandidateAlone | None:
    counts = dict(served)
    new = {name: n for name, n in counts.items() if name not in known}
    whole, alone = math.fsum(counts.values()), math.fsum(new.values())
    if alone <= most * whole:
        return None
    return OfTheCandidateAlone(look.stratify, max(new, key=new.__getitem__), alone / whole)


def another(mix: Mapping[str, Sequence[float]]) -> AnotherMix | None:
    """The stratum of which the candidate has most more than stable; None: hardly more of any."""
    n_c, n_s = (math.fsum(both[arm] for both in mix.values()) for arm in (0, 1))
    if not n_c or not n_s:
        return None
    shares = {name: (c / n_c, s / n_s) for name, (c, s) in mix.items()}
    name, (own, other) = max(shares.items(), key=lambda item: item[1][0] - item[1][1])
    whole = (own * n_c + other * n_s) / (n_c + n_s)
    error = math.sqrt(whole * (1 - whole) * (1 / n_c + 1 / n_s))
    if own - other < max(_SURE * error, _WORTH_TELLING):
        return None
    return AnotherMix(name, own, other)


def _any(growth: Growth) -> bool:
    return bool(growth.increases)
