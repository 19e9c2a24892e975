"""The mean time between false alarms of all that is monitored together, with every share exactly at
its limit. A day stands for the year of the default, so that a century passes."""

from typing import Any

import pytest

from serinus.api.status import FeatureReference, Monitored
from serinus.judge.drift import HOURS
from serinus.plan.monitoring import MonitoringState
from tests.support.exhaustive import short
from tests.unit.plan.monitored import MonitoredStable, errors

MEAN = 48
"""Looks: a day of half hours."""
EXPECTED = {"categories": {"a": "10%", "b": "90%"}}
AT_THE_LIMIT = 0.1 * 1.25 + 0.02
BY_HOUR: dict[str, Any] = {
    "interval": "10m",
    "meanTimeBetweenFalseAlarms": "24h",
    "predictionDrift": {"reference": {"recordFor": "168h"}},
}


def at_the_limits() -> MonitoredStable:
    return MonitoredStable(
        7,
        interval="30m",
        meanTimeBetweenFalseAlarms="24h",
        featureDrift={"reference": {"given": [{"feature": n, **EXPECTED} for n in ("x", "y")]}},
        predictionDrift={},
        feedback={"limit": "20%"},
        **errors("10%"),
    )


def serve(stable: MonitoredStable) -> None:
    """Half an hour, with every share at its limit."""
    for feature in ("x", "y"):
        rare = stable.draw(AT_THE_LIMIT, 40)
        for category, count in (("a", rare), ("b", 40 - rare)):
            labels = {"feature": feature, "category": category}
            stable.pods.add("pod", "model_feature_category_total", count, **labels)
    rare = stable.draw(AT_THE_LIMIT, 40)
    stable.predict(a=rare, b=40 - rare)
    stable.serve(stable.draw(0.1, 40), 40)
    stable.users_say(stable.draw(0.2, 10), 10)


def with_reference(known: Monitored) -> Monitored:
    """What would have been recorded of predictions."""
    expected = FeatureReference(feature="classes", categories={"a": 0.1, "b": 0.9})
    assert known.predictions
    return known.replace(predictions=known.predictions.replace(reference=[expected]))


def alarms(known: Monitored) -> int:
    assert known.error_rate and known.negative_feedback and known.predictions
    shares = [known.error_rate.above_limit, known.negative_feedback.above_limit]
    return sum(shares) + sum(e.drifted for e in (*known.features, *known.predictions.features))


@pytest.mark.parametrize("looks", short([2000, 5000], [2000]))
def test_the_mean_time_between_false_alarms_is_as_promised_over_everything(looks: int) -> None:
    stable, waits, since = at_the_limits(), [], 0
    for look in range(looks):
        if since == look:  # anew after an alarm, which at the limit would last for long
            stable.state = MonitoringState()
            stable.status = stable.status.replace(monitoring=None)
            stable.look()
            stable.status = stable.status.replace(monitoring=with_reference(stable.known))
        serve(stable)
        stable.look()
        if alarms(stable.known):
            waits.append(look + 1 - since)
            since = look + 1
    mean = looks / len(waits)
    assert mean >= MEAN
    assert mean < 20 * MEAN, "the limits were never at stake"


@pytest.mark.parametrize("days", short([80, 200], [80]))
def test_by_hour_of_the_week_it_is_as_promised_over_all_hours_and_each_of_the_day(
    days: int,
) -> None:
    stable, waits, since = MonitoredStable(7, **BY_HOUR), [], 0
    expected = FeatureReference(
        feature="classes",
        categories={"a": 0.0, "b": 0.0},
        hours={str(hour): [0.1, 0.9, 0.0] for hour in range(HOURS)},
    )
    for hour in range(days * 24):
        if since == hour:
            stable.state = MonitoringState()
            stable.status = stable.status.replace(monitoring=None)
            stable.look()
            known = with_reference(stable.known).predictions
            assert known
            known = known.replace(reference=[expected])
            stable.status = stable.status.replace(
                monitoring=stable.known.replace(predictions=known)
            )
        for _ in range(6):
            rare = stable.draw(AT_THE_LIMIT, 7)
            stable.predict(a=rare, b=7 - rare)
            stable.look()
        assert stable.known.predictions
        if any(each.drifted for each in stable.known.predictions.features):
            waits.append(hour + 1 - since)
            since = hour + 1
    assert len(waits) <= days
    assert waits, "the limits were never at stake"
