"""Whether the matchers of a check can distinguish events, by the series of the whole counter.

If they could not, there would be no event, or nothing but events, whatever happened: the check
would pass everything.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from serinus.api.checks import LabelMatcher
from serinus.api.checks.expressions import never_both
from serinus.judge.findings.matchers import LabelNowhere, Labels, MatcherNamesNothing
from serinus.metrics.counters import Growth
from serinus.metrics.matching import corrected, may_name
from serinus.metrics.queries import BACKEND, CounterQuery

_OF_TARGETS: Final = frozenset(
    {
        *("__name__", "namespace", "pod", "instance", "job", "container", "node", "prometheus"),
        *("le", BACKEND),
    }
)
"""Labels that belong to the scrape of a series, and not what it counts."""


def names_nothing(
    part: CounterQuery, whole: CounterQuery, arm: str, counted: Growth, selected: Growth
) -> MatcherNamesNothing | None:
    """The matcher of a part by which nothing can be distinguished in what an arm has of the whole;
    None: there is none, or it cannot be known yet. `selected`: what the arm has of the part."""
    own = [each for each in part.matchers if each not in whole.matchers]
    series = [
        each.labels
        for each in counted.increases
        if each.labels.get("__name__", part.metric) == part.metric
    ]
    if not series:
        return None
    if settled := _settled(part, own, whole, selected):
        matcher, already = settled
        return MatcherNamesNothing(part.metric, arm, matcher, labels_of(series), None, already)
    selects = [each for each in own if not each.operator.startswith("!")]
    if selects and not selected.increases:
        suspects = selects
    elif own and not selects and not whole.beside and len(selected.increases) >= len(series):
        suspects = own  # nothing is left out; in a counter of failures alone, nothing has to be
    else:
        return None
    wrong = [each for each in suspects if not may_name(each, _values(each.label, series))]
    if not wrong or (suspects is own and len(wrong) < len(own)):
        return None
    return _finding(part.metric, arm, wrong[0], series)


def _settled(
    part: CounterQuery, own: Sequence[LabelMatcher], whole: CounterQuery, selected: Growth
) -> tuple[LabelMatcher, LabelMatcher] | None:
    """A matcher of the part and one of the whole by which nothing that is counted is an event, or
    everything; None: there are none."""
    if not selected.increases:
        pairs = ((each, other) for each in own for other in whole.matchers)
        return next((pair for pair in pairs if never_both(*pair)), None)
    if whole.beside or part.metric != whole.metric or not part.matchers:
        return None
    selecting = {each: _that_selects_only(each, whole.matchers) for each in own}
    if None in selecting.values():
        return None
    last = part.matchers[-1]
    return last, selecting.get(last) or last


def _that_selects_only(
    matcher: LabelMatcher, others: Iterable[LabelMatcher]
) -> LabelMatcher | None:
    """One of the others by which all series meet a matcher, if some do; None: there is none."""
    for other in others:
        one_value = (other.label, other.operator) == (matcher.label, "=")
        if one_value or never_both(other, matcher.negated):
            return other
    return None


def labelled_nowhere(
    counters: CounterQuery, arm: str, counted: Growth, label: str, setting: str
) -> LabelNowhere | None:
    """Whether an arm has series of a counter and none of them has the label."""
    series = [each.labels for each in counted.increases]
    if not series or _values(label, series):
        return None
    return LabelNowhere(counters.metric, arm, label, setting, labels_of(series))


def labels_of(series: Iterable[Mapping[str, str]]) -> Labels:
    """The labels of a counter that say what is counted, with their values."""
    found: dict[str, set[str]] = {}
    for labels in series:
        for label, value in labels.items():
            if value and label not in _OF_TARGETS:
                found.setdefault(label, set()).add(value)
    return tuple((label, tuple(sorted(values))) for label, values in sorted(found.items()))


def _finding(
    metric: str, arm: str, matcher: LabelMatcher, series: Sequence[Mapping[str, str]]
) -> MatcherNamesNothing:
    labels = labels_of(series)
    return MatcherNamesNothing(metric, arm, matcher, labels, corrected(matcher, dict(labels)))


def _values(label: str, series: Iterable[Mapping[str, str]]) -> set[str]:
    return {value for labels in series if (value := labels.get(label))}
