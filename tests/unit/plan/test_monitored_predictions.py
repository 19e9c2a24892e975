"""Predictions of stable against those that were recorded of it: told when they move, also by hour
of the week, so that a nightly batch is no alarm."""

from typing import Any

import pytest

from serinus.api.status import Distributions
from tests.support.exhaustive import short
from tests.unit.plan.monitored import MonitoredStable

HOUR = 3600.0
WEEK = 7 * 24 * HOUR
WEEKLY: dict[str, Any] = {"recordFor": "168h", "minValues": 500}


def predicting(seed: int = 0, interval: str = "1m", **reference: object) -> MonitoredStable:
    """Stable, whose reference is recorded."""
    settings = {"reference": {"recordFor": "10m", **reference}}
    return MonitoredStable(seed, interval=interval, predictionDrift=settings)


def predictions(stable: MonitoredStable) -> Distributions:
    assert stable.known.predictions
    return stable.known.predictions


def drifted(stable: MonitoredStable) -> bool:
    return any(each.drifted for each in predictions(stable).features)


def looks(stable: MonitoredStable, number: int, fraud: float = 0.1, values: int = 200) -> int:
    """How many looks until drift begins or ends, at most so many."""
    before = drifted(stable) if stable.known.predictions else False
    for done in range(1, number + 1):
        events = stable.draw(fraud, values)
        stable.predict(fraud=events, fine=values - events)
        stable.look()
        if drifted(stable) is not before:
            return done
    return number + 1


def test_predictions_like_the_recorded_are_within_the_reference() -> None:
    stable = predicting()
    assert looks(stable, 1000) > 1000
    [reference] = predictions(stable).reference
    assert (reference.feature, set(reference.categories)) == ("classes", {"fraud", "fine"})


MOVED = [(0.2, 15), (0.25, 9), (0.5, 7), (0.0, 10)]
"""The share afterwards, and minutes within which it is told."""


@pytest.mark.parametrize(("share", "minutes"), short(MOVED, [MOVED[0], MOVED[-1]]))
def test_a_moved_distribution_is_told_soon(share: float, minutes: int) -> None:
    waits = []
    for seed in range(9):
        stable = predicting(seed)
        looks(stable, 200)
        waits.append(looks(stable, 200, share))
    assert sorted(waits)[len(waits) // 2] <= minutes, waits


def test_it_is_told_with_the_evidence_and_its_end_too() -> None:
    stable = predicting()
    looks(stable, 200)
    assert looks(stable, 20, 0.5) <= 20
    [found] = predictions(stable).features
    assert found.message.startswith("classes: category f")
    assert "in the reference, the greatest difference; beyond the tolerance" in found.message
    assert looks(stable, 100) <= 100
    assert not drifted(stable)


def test_scores_are_compared_by_range() -> None:
    stable = predicting()
    for high in [20] * 100 + [90] * 20:
        for bound, count in (("0.5", 200 - high), ("+Inf", 200)):
            stable.pods.add("pod", "model_prediction_score_bucket", count, le=bound)
        stable.look()
    assert drifted(stable)
    [found] = predictions(stable).features
    assert found.message.startswith("scores: ")


def test_a_new_revision_records_its_own_reference() -> None:
    stable = predicting()
    looks(stable, 200)
    assert stable.status.stable
    stable.status = stable.status.replace(
        stable=stable.status.stable.replace(revision="bbbbbbbb"), monitoring=None
    )
    stable.look()
    assert predictions(stable).reference == []


def hours(stable: MonitoredStable, number: float, day: float = 0.1, batch: float = 0.9) -> bool:
    """Whether drift was told in so many hours; each night at 2:00 UTC a batch has the first third
    of an hour."""
    told = False
    for _ in range(round(number * HOUR / stable.interval)):
        within = stable.at % (24 * HOUR) - 2 * HOUR
        night = 0 <= within < HOUR / 3
        values = 2000 if night else 300
        events = stable.draw(batch if night else day, values)
        stable.predict(fraud=events, fine=values - events)
        stable.look()
        told |= drifted(stable)
    return told


def weekly(seed: int = 0) -> MonitoredStable:
    """A week and a bit is recorded."""
    stable = predicting(seed, interval="10m", **WEEKLY)
    hours(stable, 170)
    return stable


def test_a_nightly_batch_alarms_a_reference_of_an_hour_and_not_one_of_a_week() -> None:
    hourly = predicting(interval="1m", recordFor="1h")
    assert hours(hourly, 30)
    stable = weekly()
    assert not hours(stable, 6 * 7 * 24)
    [reference] = predictions(stable).reference
    assert len(reference.hours) == 168


def test_an_hour_of_the_week_has_its_own_shares() -> None:
    stable = weekly()
    [reference] = predictions(stable).reference
    fraud = list(reference.categories).index("fraud")
    by_hour = [
        shares[fraud] for _, shares in sorted(reference.hours.items(), key=lambda i: int(i[0]))
    ]
    assert [by_hour[hour] > 0.5 for hour in range(24)] == [hour == 2 for hour in range(24)]


def test_predictions_that_moved_are_told_within_six_hours_of_a_recorded_week() -> None:
    stable = weekly()
    assert not hours(stable, 4 * 24 + 14)
    assert hours(stable, 6, day=0.3)
    [found] = predictions(stable).features
    assert "in the reference for that hour of the week" in found.message
    hours(stable, 24)
    assert not drifted(stable)


BATCHES = [(0.1, 0.9, 0.2), (0.3, 0.5, 0.9), (0.3, 0.5, 0.05)]


@pytest.mark.parametrize(("day", "batch", "changed"), short(BATCHES, BATCHES[-1:]))
def test_a_batch_that_changes_is_told_after_a_few_nights_whatever_the_days_show(
    day: float, batch: float, changed: float
) -> None:
    """One hour adds only limited evidence, however much was predicted in it."""
    stable = predicting(interval="10m", **WEEKLY)
    hours(stable, 170, day=day, batch=batch)
    assert not hours(stable, 3 * 24, day=day, batch=changed)
    assert hours(stable, 2 * 24, day=day, batch=changed)
    [_, found] = predictions(stable).features
    assert found.message.startswith("classes at 2:00 UTC: ")
    for _ in range(2 * 24):
        hours(stable, 1, day=day, batch=changed)
        assert drifted(stable), "it ended while it lasted"
    hours(stable, 5 * 24, day=day, batch=batch)
    assert [each.feature for each in predictions(stable).features] == ["classes"]
    assert not drifted(stable)


def test_what_lasts_is_told_once_and_not_by_each_hour_of_the_day() -> None:
    stable = weekly()
    hours(stable, 5 * 24, day=0.3)
    assert [each.feature for each in predictions(stable).features] == ["classes"]
    assert drifted(stable)


def test_an_alarm_ends_within_hours_though_some_shares_have_limits_in_the_batch_only() -> None:
    stable = predicting(interval="10m", **WEEKLY)
    hours(stable, 170, day=0.01)
    assert hours(stable, 40, day=0.2)
    hours(stable, 6, day=0.01)
    assert not drifted(stable)


def test_the_hours_that_were_recorded_outlast_a_restart_and_the_rest_is_recorded_later() -> None:
    stable = predicting(interval="10m", **WEEKLY)
    hours(stable, 50)
    [reference] = predictions(stable).reference
    assert 47 <= len(reference.hours) <= 49
    stable.restart()
    hours(stable, 170)
    [after] = predictions(stable).reference
    assert reference.hours.items() <= after.hours.items()
    assert len(after.hours) == 168


def test_an_hour_that_was_not_watched_as_a_whole_is_neither_recorded_nor_compared() -> None:
    stable = predicting(interval="10m", **WEEKLY)
    hours(stable, 3)
    before = predictions(stable).reference
    stable.at += 40 * 60  # no look
    hours(stable, 1)
    assert predictions(stable).reference == before
    hours(stable, 1)
    assert predictions(stable).reference != before


def test_by_hour_the_status_changes_once_an_hour_while_recording_and_then_no_more() -> None:
    stable, changes, before = predicting(interval="10m", **WEEKLY), 0, Distributions()
    for _ in range(24 * 6):
        hours(stable, 10 / 60)
        changes += predictions(stable) != before
        before = predictions(stable)
    assert changes <= 25
    hours(stable, 148)
    known = predictions(stable)
    hours(stable, 24)
    assert predictions(stable).reference == known.reference
    assert len(stable.status.in_full().__repr__()) < 20_000


def test_predictions_without_the_label_of_their_class_are_unknown_and_not_like_the_reference() -> (
    None
):
    settings = {"classes": {"metric": "model_predictions_total"}, "classLabel": "klass"}
    stable = MonitoredStable(0, predictionDrift={**settings, "reference": {"recordFor": "10m"}})
    for _ in range(30):
        stable.predict(fraud=10, fine=190)
        stable.look()
    unknown = predictions(stable).unknown
    assert unknown
    assert "model_predictions_total of the stable pods has no label klass" in unknown.message
