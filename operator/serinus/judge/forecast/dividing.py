"""Within which labels a check compares, if the analysis names none: those by which what it counts
differs most in stable's last hour. Another mix of their values would look like another model.

Only labels are chosen that a request has before it is answered, by their name: within a label that
says how it was answered, such as `cache` or `retries`, a bad candidate may look as good as stable.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from serinus.api.baseline import MOST_CHOSEN, MOST_STRATA, CheckBaseline
from serinus.api.checks import Check
from serinus.judge.checks import kind_of
from serinus.judge.evidence.dispersion import LEAST_BLOCKS, Counts
from serinus.judge.evidence.look import ComparesStrata, Look
from serinus.judge.evidence.mix import name_of
from serinus.judge.findings.words import listed, percent
from serinus.judge.forecast.waits import hour_of
from serinus.metrics.counters import Growth, Increase
from serinus.metrics.queries import CounterQuery
from serinus.metrics.strata import Stratum, strata_of

OF_A_REQUEST: Final = frozenset(
    re.findall(
        r"\w+",
        """account api app application browser caller channel city client consumer country
        currency customer device endpoint handler lang language locale market method model
        operation org organisation organization origin partner path plan platform project region
        resource route rpc segment service shop source store task team tenant tier uri url verb
        view""",
    )
)
"""Words in the names of labels that a request has before it is answered."""
OF_AN_ANSWER: Final = frozenset(
    re.findall(
        r"\w+",
        """action actual answer answered blocked cache cached chosen classified detected
        effective fallback fallbacks final finish generated guess guessed inferred output
        recommended reply response retried retries retry selected suggested target""",
    )
)
"""Words in the names of labels that may say how it was answered, whatever else the name says."""
OF_ANYTHING_ELSE: Final = frozenset(
    re.findall(
        r"\w+",
        """address class code container decision error exception failure hash host instance job le
        namespace node outcome pod predicted prediction quantile reason replica result revision
        status success version worker zone""",
    )
)
"""Words in the names of labels that tell arms, pods or outcomes apart."""

SIGNIFICANT: Final = 3.1
"""Standard deviations of a normal distribution: a risk of 0.1% for a label by which nothing
differs."""
LEAST_SPREAD: Final = 0.2
"""Standard deviation of the shares of a label's values, relative to the share of all. If one that
has a fifth of the requests gets twice as many, the share of all then changes by a tenth, which is
the tolerance of most checks by default."""
ENOUGH: Final = 5.0
"""Events and other requests to expect of a value that is tested by itself."""
MOSTLY: Final = 0.5
"""Of the requests of a value: if more fail, the label may tell how they were answered."""

Table = Mapping[Stratum, Counts]
"""By stratum, the whole and its events."""


@dataclass(frozen=True, slots=True)
class Division:
    """Labels by which a check's counts differ."""

    labels: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    """All that stable has."""
    least: tuple[float, str] = (0.0, "")
    """The smallest share of what differs most, and of which stratum it is."""
    most: tuple[float, str] = (0.0, "")
    chosen: bool = True
    """Whether it is known that requests have these labels before they are answered."""

    @property
    def spread(self) -> str:
        """`0.5% in /fast to 8% in /slow`."""
        (low, of_low), (high, of_high) = self.least, self.most
        return f"{percent(low)} in {of_low} to {percent(high)} in {of_high}"


def told(divisions: Mapping[str, Division]) -> Iterator[str]:
    """Sentences for people about what was found for the checks with these names."""
    found: dict[tuple[bool, tuple[str, ...]], list[str]] = defaultdict(list)
    for name, each in divisions.items():
        if each.labels:
            found[not each.chosen, each.labels].append(f"{name} (from {each.spread})")
    for (asks, labels), checks in sorted(found.items()):
        by = listed(labels)
        if asks:
            yield (
                f"Counts differ by {by}: {listed(checks)}. If this is known before a "
                "request is answered, add it to analysis.stratify; otherwise do not."
            )
        else:
            yield f"Counts differ by {by}, so these checks compare within each: {listed(checks)}."


@dataclass(frozen=True, slots=True)
class _Explained:
    """How much of a comparison is explained by the last of some labels."""

    gain: float
    """Of a chi-square statistic, beyond what chance adds."""
    labels: tuple[str, ...]
    table: Table


def division(check: Check, looks: Sequence[Look], known: CheckBaseline) -> Division:
    """By stable's history; with too little of it, or nothing that differs, without labels."""
    if not isinstance(kind_of(check), ComparesStrata) or len(looks) < LEAST_BLOCKS:
        return Division()
    read = (_read_by(check, look) for look in looks)
    hour = {counters: grown for counters, grown in hour_of(read).items() if grown}
    growths = {counters: Growth(grown) for counters, grown in hour.items()}
    look = Look(looks[-1].at, growths, growths, {}, looks[0].since)
    labels = [each for each in _labels(hour) if _may_divide(check, each, hour)]
    best = _best(check, known, look, [each for each in labels if _of_a_request(each)])
    chosen = best is not None
    if best is None:
        best = _best(check, known, look, [each for each in labels if not _of_a_request(each)])
    if best is None:
        return Division()
    whole, events = _sum(best.table.values())
    served = {of: counts for of, counts in best.table.items() if counts[0]}
    enough = {of: each for of, each in served.items() if _enough(each[0], events / whole)}
    shares = sorted((x / n, name_of(of)) for of, (n, x) in (enough or served).items())
    strata = sorted(map(name_of, _strata(best.labels, look)))
    return Division(best.labels, tuple(strata), shares[0], shares[-1], chosen)


def _strata(labels: Sequence[str], look: Look) -> set[Stratum]:
    """That stable has, whether it has counted something there or not."""
    growths = [look.growth(counters)[1] for counters in look.stable]
    return {each for growth in growths for each in strata_of(labels, growth)}


def _read_by(check: Check, look: Look) -> Look:
    asked = kind_of(check).queries()
    own = {counters: found for counters, found in look.stable.items() if counters in asked}
    return replace(look, candidate=own, stable=own)


def _best(
    check: Check, known: CheckBaseline, look: Look, labels: Sequence[str]
) -> _Explained | None:
    """The label that explains most, and then the one that explains most of what is left."""
    best: _Explained | None = None
    while best is None or len(best.labels) < MOST_CHOSEN:
        before = best.labels if best else ()
        further = [
            found
            for label in labels
            if label not in before
            and (found := _explained(check, known, look, (*before, label))) is not None
        ]
        if not further:
            break
        best = max(further, key=lambda each: each.gain)
    return best


def _explained(
    check: Check, known: CheckBaseline, look: Look, labels: tuple[str, ...]
) -> _Explained | None:
    """Of the comparison of which the last label explains most; None: of none of them enough."""
    kind = kind_of(check)
    if not isinstance(kind, ComparesStrata) or len(_strata(labels, look)) > MOST_STRATA:
        return None
    try:
        counts = kind.within(replace(look, stratify=labels))
    except ValueError:  # the check itself will say so
        return None
    best: _Explained | None = None
    for name in sorted({name for each in counts.values() for name in each}):
        table = {stratum: each.get(name, (0.0, 0.0)) for stratum, each in counts.items()}
        if _tells_the_outcome(check, table.values()):
            return None
        gain = _gain(table, known.of(name).over_time)
        if gain is not None and (best is None or gain > best.gain):
            best = _Explained(gain, labels, table)
    return best


def _gain(table: Table, variance: float) -> float | None:
    """Of what the last label explains within the values of the others; None: not enough."""
    groups: dict[Stratum, list[Counts]] = defaultdict(list)
    for stratum, counts in table.items():
        groups[stratum[:-1]].append(counts)
    statistic, spread, freedom = 0.0, 0.0, 0
    for group in groups.values():
        squares, free, by_chance = _squares(group)
        if free:
            statistic += squares / (by_chance * variance)
            spread += squares - free * by_chance * variance
            freedom += free
    if not freedom or _deviations(statistic, freedom) < SIGNIFICANT:
        return None
    whole, events = _sum(table.values())
    relative = math.sqrt(max(spread, 0.0) / whole) / (events / whole)
    return statistic - freedom if relative >= LEAST_SPREAD else None


def _squares(group: Sequence[Counts]) -> tuple[float, int, float]:
    """The squared deviations of the values' shares, by their requests; how many of them are free;
    and what chance adds for each. Values with few events are taken together."""
    whole, events = _sum(group)
    share = events / whole if whole else 0.0
    alone = [each for each in group if _enough(each[0], share)]
    rest = _sum(each for each in group if not _enough(each[0], share))
    cells = [*alone, rest] if _enough(rest[0], share) else alone
    squares = math.fsum(n * (x / n - share) ** 2 for n, x in cells)
    return squares, max(len(cells) - 1, 0), share * (1 - share)


def _deviations(statistic: float, freedom: int) -> float:
    """Wilson and Hilferty: The distribution of chi-square, 1931."""
    ninth = 2 / (9 * freedom)
    return (math.cbrt(statistic / freedom) - (1 - ninth)) / math.sqrt(ninth)


def _tells_the_outcome(check: Check, counts: Iterable[Counts]) -> bool:
    """Whether the label may have some value because a request has failed, as `handler="none"`: a
    candidate's failures would have it too, and be as frequent there as stable's."""
    settings = check.settings
    if not settings.finds_bad_events or settings.follows_load:
        return False
    return any(x > MOSTLY * n for n, x in counts)


def _labels(hour: Mapping[CounterQuery, Sequence[Increase]]) -> list[str]:
    """That every series has."""
    every = [
        {label for label, value in each.labels.items() if value}
        for grown in hour.values()
        for each in grown
    ]
    return sorted(set.intersection(*every)) if every else []


def _may_divide(check: Check, label: str, hour: Mapping[CounterQuery, Sequence[Increase]]) -> bool:
    """Whether it has few values, tells neither arms nor pods apart, and is not what the check
    counts by."""
    values: dict[str, set[str]] = defaultdict(set)
    for grown in hour.values():
        for each in grown:
            values[each.target].add(each.labels[label])
    return (
        not _words(label) & OF_ANYTHING_ELSE
        and not label.startswith("__")
        and 2 <= len(set().union(*values.values())) <= MOST_STRATA
        and any(len(of_a_pod) > 1 for of_a_pod in values.values())
        and not any(check.settings.problems_with_strata([label]))
    )


def _of_a_request(label: str) -> bool:
    words = _words(label)
    return bool(words & OF_A_REQUEST) and not words & OF_AN_ANSWER


def _words(label: str) -> set[str]:
    """`modelName` and `model_name` have two."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", label)}


def _enough(requests: float, share: float) -> bool:
    """To expect some events and some other requests."""
    return requests * min(share, 1 - share) >= ENOUGH


def _sum(counts: Iterable[Counts]) -> Counts:
    known = list(counts)
    return math.fsum(n for n, _ in known), math.fsum(x for _, x in known)
