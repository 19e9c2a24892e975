"""Stable's inputs against their reference: told when they leave it, and when they are back."""

import pytest

from serinus.judge.drift import feature_queries
from serinus.metrics.queries import QueryError
from tests.unit.judge.drift.watching import BOUNDS, USUAL, Watching, watching_given

POORER = (0.4, 0.4, 0.15, 0.05)


def test_inputs_like_the_reference_are_within_it_for_a_month() -> None:
    watching = watching_given()
    for _ in range(30 * 24):
        watching.looks(1, values=1000)
        assert not watching.feature().drifted


def test_inputs_that_moved_are_told_with_the_evidence() -> None:
    watching = watching_given()
    watching.looks(20)
    watching.looks(10, POORER)
    found = watching.feature()
    assert found.drifted
    assert found.message == (
        "income: up to 4000 964/1200 (80%) in the last 6m, 50% in the reference, the greatest "
        "difference; beyond the tolerance (1.25 times the reference's share + 2%). On average at "
        "least a year between false alarms, while shares are within limits."
    )


def test_a_drift_is_found_as_soon_after_a_good_year_as_after_a_good_hour() -> None:
    found = []
    for good in (60, 2000):
        watching = watching_given()
        watching.looks(good, values=50)
        moved = watching.at
        watching.looks(30, POORER, values=50)
        found.append(watching.feature().since - moved)
    assert found[0] == pytest.approx(found[1], abs=120)


def test_a_drift_ends_once_the_world_is_back_and_not_before() -> None:
    watching = watching_given()
    watching.looks(10, POORER)
    assert watching.feature().drifted
    watching.looks(60, (0.16, 0.4, 0.34, 0.1))
    assert watching.feature().drifted
    watching.looks(60)
    assert not watching.feature().drifted
    assert watching.feature().message == (
        "income: every range and category is within the tolerance "
        "(1.25 times the reference's share + 2%) again."
    )


def test_a_trifle_never_alarms_however_much_traffic_shows_it() -> None:
    watching = watching_given()
    watching.looks(200, (0.11, 0.42, 0.38, 0.09), values=20_000)
    assert not watching.feature().drifted


def test_a_burst_of_like_inputs_in_one_look_is_no_drift() -> None:
    watching = watching_given()
    watching.incomes({"2000": 50_000})
    watching.look()
    watching.looks(3)
    assert not watching.feature().drifted


def test_missing_values_are_a_drift_of_a_numeric_feature_too() -> None:
    watching = watching_given()
    for _ in range(15):
        watching.draw(values=150)
        watching.categories("income", {"missing": 50})
        watching.look()
    assert "any other category" in watching.feature().message


def test_a_category_that_nobody_knew_is_a_drift() -> None:
    reference = {"given": [{"feature": "credit", "categories": {"good": "90%", "bad": "10%"}}]}
    watching = Watching(reference=reference)
    for _ in range(20):
        watching.categories("credit", {"good": 90, "bad": 10, "unheard": 20})
        watching.look()
    assert watching.feature("credit").drifted
    assert watching.feature("credit").message.startswith("credit: any other category ")


def test_categories_beyond_those_that_a_reference_lists_are_no_drift_until_they_are_more() -> None:
    steady = {f"shop-{number:02}": 40 for number in range(70)}
    watching = Watching(reference={"recordFor": "10m", "minValues": 1500})
    for _ in range(60):
        watching.categories("shop", steady)
        watching.look()
    assert len(watching.known.reference[0].categories) == 64
    assert not watching.feature("shop").drifted
    for _ in range(20):
        watching.categories("shop", {**steady, "unheard": 1000})
        watching.look()
    assert watching.feature("shop").message.startswith("shop: any other category ")
    assert "8.6% in the reference" in watching.feature("shop").message


def test_what_given_categories_leave_is_any_other() -> None:
    reference = {"given": [{"feature": "credit", "categories": {"good": "60%", "bad": "10%"}}]}
    watching = Watching(reference=reference)
    for _ in range(40):
        watching.categories("credit", {"good": 60, "bad": 10, "fair": 20, "none": 10})
        watching.look()
    assert not watching.feature("credit").drifted


def test_a_range_that_empties_is_a_drift() -> None:
    watching = watching_given()
    watching.looks(20, (0.1, 0.4, 0.5, 0.0))
    assert watching.feature().drifted


def test_the_reference_is_recorded_once_stable_has_served_long_enough() -> None:
    watching = Watching(reference={"recordFor": "10m", "minValues": 1500})
    watching.looks(9)
    assert not watching.known.reference
    watching.looks(1)
    [reference] = watching.known.reference
    assert reference.bounds == [2000, 4000, 8000]
    assert reference.shares == pytest.approx(USUAL, abs=0.03)
    watching.looks(20)
    assert not watching.feature().drifted
    assert watching.known.reference == [reference]
    watching.looks(20, POORER)
    assert watching.feature().drifted


def test_recording_goes_on_until_there_are_enough_values() -> None:
    watching = Watching(reference={"recordFor": "10m", "minValues": 1000})
    watching.looks(20, values=30)
    assert not watching.known.reference
    watching.looks(20, values=30)
    assert watching.known.reference


def test_at_rest_nothing_is_new() -> None:
    watching = watching_given()
    known = watching.looks(1)
    for _ in range(50):
        assert watching.looks(1) == known


def test_a_restart_forgets_what_is_suspected_and_not_what_is_known() -> None:
    watching = watching_given()
    watching.looks(10, POORER)
    watching.restart()
    known = watching.looks(20, POORER)
    assert watching.feature().drifted
    watching.restart()
    assert watching.looks(3, POORER) == known
    watching.looks(30)
    assert not watching.feature().drifted


def test_an_outage_of_prometheus_is_told_once_it_lasts_and_nothing_is_lost() -> None:
    watching = watching_given()
    histogram, _ = feature_queries(watching.settings)
    watching.broken = {histogram: QueryError("Prometheus cannot be reached.")}
    assert watching.looks(4).unknown is None
    unknown = watching.looks(2).unknown
    assert unknown is not None
    assert (unknown.reason, unknown.message) == (
        "MetricsUnavailable",
        "Prometheus cannot be reached.",
    )
    watching.broken = {}
    assert watching.looks(1).unknown is None


def test_metrics_that_nobody_exports_are_no_data() -> None:
    watching = Watching()
    for _ in range(6):
        watching.look()
    assert watching.known.unknown is not None
    assert watching.known.unknown.message == (
        "Prometheus has no recent samples of model_feature_value_bucket or "
        "model_feature_category_total from the stable pods: check that they export one of them and "
        "are scraped."
    )


def test_a_given_bound_that_the_pods_do_not_have_is_told() -> None:
    reference = {"given": [{"feature": "income", "buckets": [{"upTo": 3000, "share": "30%"}]}]}
    watching = Watching(reference=reference)
    watching.looks(2)
    assert watching.known.unknown is not None
    assert watching.known.unknown.message == (
        "income: the pods' histograms have no bucket bound 3000 in common."
    )


def test_a_feature_that_is_no_longer_exported_is_told() -> None:
    credit = {"feature": "credit", "categories": {"good": "90%", "bad": "10%"}}
    watching = Watching(reference={"given": [credit]})
    watching.looks(2)
    assert watching.known.unknown is not None
    assert watching.known.unknown.message.startswith("credit: the stable pods no longer export")


def test_a_name_that_no_status_can_hold_is_told() -> None:
    watching = Watching()
    for _ in range(6):
        watching.categories("f" * 101, {"good": 90})
        watching.look()
    assert watching.known.unknown is not None
    assert "is longer than 100 characters" in watching.known.unknown.message


def test_more_features_than_a_status_can_hold_are_told_with_the_remedy() -> None:
    watching = Watching()
    for _ in range(6):
        for number in range(65):
            watching.categories(f"feature-{number}", {"good": 90})
        watching.look()
    assert watching.known.unknown is not None
    assert watching.known.unknown.message == (
        "65 features were seen, but at most 64 can be monitored: set reference.given for those "
        "that matter."
    )


def test_pods_that_restart_and_new_ones_are_counted_once() -> None:
    watching = watching_given()
    counts = dict(zip(BOUNDS, (20, 80, 80, 20), strict=True))
    for number in range(30):
        watching.pods.restart("pod")
        watching.incomes(counts)
        watching.incomes(counts, pod=f"pod-{number % 3}")
        watching.look()
    assert not watching.feature().drifted
