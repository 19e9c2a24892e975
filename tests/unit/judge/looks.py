"""How the counts of a block look to each kind of check."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, count
from math import inf

from serinus.api.baseline import CheckBaseline, Dispersion
from serinus.judge.evidence.look import CheckKind, EffectiveWeight, Look
from serinus.metrics.counters import Growth, Increase
from serinus.metrics.queries import CounterQuery, Series
from tests.unit.judge.enumeration import Counts

BOUNDS = (0.1, 0.2)
"""Of the buckets of three sorts."""
_CLOCK = count(1000)


def asked(check: CheckKind) -> tuple[CounterQuery, ...]:
    return tuple(each for each in check.queries() if isinstance(each, CounterQuery))


def grown(*increases: tuple[Mapping[str, str], float], known: bool = True) -> Growth:
    found = (Increase(Series(labels, ()), "pod@1", 0.0, 0.0, n, known) for labels, n in increases)
    return Growth(tuple(found), 0.0)


def looked(candidate: Mapping[CounterQuery, Growth], stable: Mapping[CounterQuery, Growth]) -> Look:
    return Look(0.0, candidate, stable, {}, weight=EffectiveWeight(0.5, since=0.0))


def events(check: CheckKind, counts: Counts) -> Look:
    """By arm: bad, good."""
    whole, bad = asked(check)
    return looked(*({whole: grown(({}, sum(arm))), bad: grown(({}, arm[0]))} for arm in counts))


def bursts(check: CheckKind, counts: Counts) -> Look:
    """As events, of which stable's came in bursts before the rollout."""
    known = CheckBaseline(dispersions=[Dispersion(name="errors", over_time=2.0)])
    return replace(events(check, counts), baseline=known)


def by_route(
    look: Callable[[CheckKind, Counts], Look],
) -> Callable[[CheckKind, Counts], Look]:
    """By arm and route: the candidate's of two routes, then stable's."""

    def read(check: CheckKind, counts: Counts) -> Look:
        routes = [look(check, counts[route::2]) for route in (0, 1)]
        candidate, stable = (
            {query: _routed([one.growth(query)[arm] for one in routes]) for query in asked(check)}
            for arm in (0, 1)
        )
        return replace(routes[0], candidate=candidate, stable=stable, stratify=("route",))

    return read


def _routed(growths: Sequence[Growth]) -> Growth:
    increases = [
        each._replace(series=Series({**each.labels, "route": f"/{route}"}, ()))
        for route, growth in enumerate(growths)
        for each in growth.increases
    ]
    return Growth(tuple(increases), growths[0].newest)


def predictions(check: CheckKind, counts: Counts) -> Look:
    """By arm: each class, which is exported once it was predicted; the first from the start on."""
    (query,) = asked(check)
    arms = [[({"class": str(k)}, n) for k, n in enumerate(arm) if n or not k] for arm in counts]
    return looked(*({query: grown(*arm, known=False)} for arm in arms))


def histograms(*bounds: tuple[float, ...]) -> Callable[[CheckKind, Counts], Look]:
    """By arm: the three buckets, told up to those of the bounds that the arm exports."""

    def read(check: CheckKind, counts: Counts) -> Look:
        query, *_ = asked(check)
        arms = []
        for arm, exported in zip(counts, bounds, strict=True):
            up_to = dict(zip((*BOUNDS, inf), accumulate(arm), strict=True))
            arms.append(grown(*(({"le": str(le)}, up_to[le]) for le in (*exported, inf))))
        return looked(*({query: arm} for arm in arms))

    return read


def groups(check: CheckKind, counts: Counts) -> Look:
    """By group, all of the candidate: favourable, not."""
    whole, favourable = asked(check)
    named = [({"group": str(group)}, arm) for group, arm in enumerate(counts)]
    answers = grown(*((name, sum(arm)) for name, arm in named))
    return looked({whole: answers, favourable: grown(*((name, arm[0]) for name, arm in named))}, {})


def groups_of_both(check: CheckKind, counts: Counts) -> Look:
    """By group, first the candidate's: favourable, not."""
    candidate, stable = groups(check, counts[:2]), groups(check, counts[2:])
    return replace(candidate, stable=stable.candidate)


def odds(check: CheckKind, counts: Counts) -> Look:
    """By north's positives, south's, north's negatives, south's: favoured, not."""
    (query,) = asked(check)
    names = (("true_positive", "false_negative"), ("false_positive", "true_negative"))
    told = [
        ({"group": "ns"[arm % 2], "outcome": name}, n)
        for arm, numbers in enumerate(counts)
        for name, n in zip(names[arm // 2], numbers, strict=True)
    ]
    return looked({query: grown(*told)}, {})


def split(check: CheckKind, counts: Counts) -> Look:
    """Of all requests, at a weight of 30%: the candidate's, stable's. Time goes on from look to
    look, for what was served before a verdict is told from what was served after it."""
    (query,) = asked(check)
    at = float(next(_CLOCK))
    served = (Increase(Series({}, ()), "pod@1", at - 0.5, at, n, True) for n in counts[0])
    candidate, stable = ({query: Growth((each,), at)} for each in served)
    return Look(at, candidate, stable, {}, weight=EffectiveWeight(0.3, 0.0))
