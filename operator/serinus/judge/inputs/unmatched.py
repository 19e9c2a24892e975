"""Features that one arm exports and the other does not, such as renamed ones: nothing compares
them."""

from collections.abc import Collection, Mapping

from serinus.api.monitoring import FeatureDrift
from serinus.judge.drift import feature_queries
from serinus.judge.evidence.look import ENOUGH_EXPECTED
from serinus.judge.findings.inputs import UnmatchedFeatures
from serinus.metrics.counters import Growth, Increase, Reading
from serinus.metrics.queries import CounterQuery

Arm = Mapping[CounterQuery, Reading]


def unmatched(settings: FeatureDrift, arms: tuple[Arm, Arm]) -> UnmatchedFeatures | None:
    """What one arm alone exports, although the other has been asked so much that it would be there;
    None: nothing.

    A series appears with the first value that it counts. All that the pods have counted tells how
    many values to expect, and not only what they counted since the last look.
    """
    candidate, stable = (_counted(settings, arm) for arm in arms)
    if not stable:
        return None
    if not candidate and _answered(arms[0], feature_queries(settings)) >= ENOUGH_EXPECTED:
        return UnmatchedFeatures(tuple(sorted(stable)), ())
    gone, new = _missing(stable, candidate), _missing(candidate, stable)
    return UnmatchedFeatures(gone, new) if gone or new else None


def _missing(there: Mapping[str, float], other: Mapping[str, float]) -> tuple[str, ...]:
    """What the other would have, if it were asked the same."""
    total = sum(there.values())
    share = sum(other.values()) / total if total else 0.0
    return tuple(
        name
        for name, values in sorted(there.items())
        if name not in other and values * share >= ENOUGH_EXPECTED
    )


def _counted(settings: FeatureDrift, arm: Arm) -> dict[str, float]:
    """By feature, all values that the arm's pods have counted; without those that a given reference
    leaves out."""
    named = {each.feature for each in settings.reference.given or ()}
    found: dict[str, float] = {}
    for query in feature_queries(settings):
        for each in _increases(arm.get(query)):
            feature = each.labels.get(settings.feature_label)
            if feature and (not named or feature in named):
                found[feature] = found.get(feature, 0.0) + _ever(each)
    return found


def _answered(arm: Arm, without: Collection[CounterQuery]) -> float:
    """The most that any other counter stands at."""
    totals = [
        sum(map(_ever, _increases(reading)))
        for query, reading in arm.items()
        if query not in without
    ]
    return max(totals, default=0.0)


def _increases(reading: Reading | None) -> tuple[Increase, ...]:
    return reading.increases if isinstance(reading, Growth) else ()


def _ever(each: Increase) -> float:
    """What a series stands at; nothing for a bucket of some values."""
    if not each.counts_all or not each.series.samples:
        return 0.0
    return each.series.samples[-1][1]
