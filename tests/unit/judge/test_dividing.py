"""Stable's hour -> the labels within which a check compares, if nobody names any."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import pytest

from serinus.api.analysis import Analysis
from serinus.api.baseline import Baseline
from serinus.judge import learn
from serinus.judge.checks import CHECKS
from serinus.judge.evidence.look import ComparesStrata
from serinus.judge.forecast.learning import asks_of_history
from serinus.metrics.queries import History
from serinus.simulation.draws import binomial, poisson
from tests.support.simulated_analysis import buckets, drift, error_rate, feedback, latency
from tests.support.simulated_pods import Pods

NOW = 1_000_000.0
PODS = ("a", "b", "c")
CLASSES = {"metric": "model_predictions_total"}

Rates = Mapping[str, tuple[float, float]]
"""By value of a label, requests of a pod in a minute, and the share of them that fail."""
ROUTES: Rates = {"/fast": (800.0, 0.005), "/slow": (200.0, 0.08)}
ALIKE: Rates = {"/fast": (800.0, 0.02), "/slow": (200.0, 0.02)}

Serve = Callable[[Pods, Random, str], None]
"""A pod counts what it served in a minute."""


def by(label: str, rates: Rates, **more: str) -> Serve:
    def serve(pods: Pods, rng: Random, pod: str) -> None:
        for value, (requests, share) in rates.items():
            served = poisson(rng, requests)
            failed = binomial(rng, served, share)
            for code, n in (("200", served - failed), ("500", failed)):
                pods.add(pod, "model_requests_total", n, code=code, **{label: value}, **more)

    return serve


def learned(serve: Serve, check: Mapping[str, object], minutes: int = 60, **more: Any) -> Baseline:
    wanted = Analysis.model_validate({"checks": [check], **more})
    pods, rng = Pods(), Random(3)
    for minute in range(minutes + 1):
        for pod in PODS:
            serve(pods, rng, pod)
        pods.scrape(NOW - 60 * (minutes - minute))
    found = learn(wanted, History(NOW, pods.answers(asks_of_history(wanted), NOW - 3600, NOW)))
    assert isinstance(found, Baseline)
    return found


def chosen(serve: Serve, check: Mapping[str, object] | None = None, **more: Any) -> list[str]:
    [known] = learned(serve, check or error_rate(), **more).checks
    return known.stratify


def test_the_kinds_that_find_bad_events_say_what_more_of_them_would_be() -> None:
    assert {each for each in CHECKS if each.finds_bad_events} == {
        settings
        for settings, kind in CHECKS.items()
        if isinstance(kind, type) and hasattr(kind, "worsened")
    }


def test_the_kinds_that_compare_strata_say_what_they_count_in_each() -> None:
    assert {each for each in CHECKS if each.compares_strata} == {
        settings
        for settings, kind in CHECKS.items()
        if isinstance(kind, type) and hasattr(kind, "within")
    }
    assert hasattr(ComparesStrata, "within")


def test_the_label_by_which_failures_differ_is_chosen_and_told() -> None:
    found = learned(by("route", ROUTES), error_rate())
    [known] = found.checks
    assert (known.stratify, known.strata) == (["route"], ["/fast", "/slow"])
    assert "Counts differ by route, so these checks compare within each: errors (from 0.5" in (
        found.message
    )


@pytest.mark.parametrize("label", ["path", "handler", "http_method", "modelName", "tenant", "lang"])
def test_what_a_request_has_before_it_is_answered_is_known_by_name(label: str) -> None:
    assert chosen(by(label, ROUTES)) == [label]


def test_nothing_is_chosen_where_nothing_differs() -> None:
    found = learned(by("route", ALIKE), error_rate())
    assert found.checks[0].stratify == []
    assert "Counts differ" not in found.message


def test_nothing_is_chosen_that_could_hardly_change_the_whole() -> None:
    rare: Rates = {"/fast": (995.0, 0.02), "/rare": (5.0, 0.03)}
    assert chosen(by("route", rare)) == []


def test_nothing_is_chosen_if_the_analysis_says_what_to_compare_within() -> None:
    assert chosen(by("route", ROUTES), stratify=[]) == []
    assert chosen(by("route", ROUTES), stratify=["route"]) == []


def test_little_history_chooses_nothing() -> None:
    assert chosen(by("route", ROUTES), minutes=10) == []


def test_a_label_with_many_values_is_never_chosen() -> None:
    many = {f"/{n}": (10.0, 0.005 if n % 2 else 0.08) for n in range(21)}
    assert chosen(by("route", many)) == []
    assert chosen(by("route", dict([*many.items()][:20]))) == ["route"]


def test_a_label_by_which_the_check_counts_is_never_chosen() -> None:
    check = error_rate(errors=[{"label": "route", "value": "/slow"}])
    assert chosen(by("route", ROUTES), check) == []


@pytest.mark.parametrize("label", ["model_version", "status", "zone", "service_instance", "class"])
def test_a_label_that_tells_arms_pods_or_outcomes_apart_is_never_chosen(label: str) -> None:
    found = learned(by(label, ROUTES), error_rate())
    assert found.checks[0].stratify == []
    assert "Counts differ" not in found.message


def test_a_label_that_each_pod_has_one_value_of_is_never_chosen() -> None:
    def serve(pods: Pods, rng: Random, pod: str) -> None:
        value = "north" if pod == "a" else "south"
        by("region", {value: (1000.0, 0.08 if pod == "a" else 0.005)})(pods, rng, pod)

    assert chosen(serve) == []


def test_a_label_whose_values_are_outcomes_is_never_chosen() -> None:
    def serve(pods: Pods, rng: Random, pod: str) -> None:
        served = poisson(rng, 1000.0)
        failed = binomial(rng, served, 0.02)
        pods.add(pod, "model_requests_total", served - failed, code="200", handler="predict")
        pods.add(pod, "model_requests_total", failed, code="500", handler="none")

    assert chosen(serve) == []


def test_a_label_that_may_say_how_it_was_answered_is_told_and_not_chosen() -> None:
    found = learned(by("cache", {"hit": (800.0, 0.005), "miss": (200.0, 0.08)}), error_rate())
    assert found.checks[0].stratify == []
    assert (
        "If this is known before a request is answered, add it to analysis.stratify; otherwise do "
        "not." in found.message
    )


@pytest.mark.parametrize("label", ["fallback_model", "responseLanguage", "action", "cache_path"])
def test_a_label_of_an_answer_is_not_chosen_though_its_name_is_also_like_that_of_a_request(
    label: str,
) -> None:
    """A candidate that falls back twice as often would look as good as stable."""
    found = learned(by(label, ROUTES), error_rate())
    assert found.checks[0].stratify == []
    assert f"Counts differ by {label}: " in found.message


def test_a_series_without_the_label_rules_it_out() -> None:
    def serve(pods: Pods, rng: Random, pod: str) -> None:
        by("route", ROUTES)(pods, rng, pod)
        pods.add(pod, "model_requests_total", 1, code="500")

    assert chosen(serve) == []


def test_of_two_labels_the_one_that_explains_more_is_chosen_and_one_of_the_same_is_not() -> None:
    def serve(pods: Pods, rng: Random, pod: str) -> None:
        for route, path, share in (("/a", "x", 0.005), ("/b", "x", 0.01), ("/c", "y", 0.16)):
            by("route", {route: (300.0, share)}, path=path)(pods, rng, pod)

    assert chosen(serve) == ["route"]


def test_a_second_label_is_chosen_for_what_the_first_leaves_unexplained() -> None:
    def serve(pods: Pods, rng: Random, pod: str) -> None:
        for tenant, times in (("one", 1.0), ("two", 3.0)):
            rates = {route: (n, share * times) for route, (n, share) in ROUTES.items()}
            by("route", rates, tenant=tenant)(pods, rng, pod)

    [known] = learned(serve, error_rate()).checks
    assert known.stratify == ["route", "tenant"]
    assert known.strata == ["/fast and one", "/fast and two", "/slow and one", "/slow and two"]


def test_bursts_are_not_taken_for_differences() -> None:
    rng = Random(5)

    def serve(pods: Pods, _: Random, pod: str) -> None:
        for route in ("/a", "/b"):
            failed = 40 * poisson(rng, 0.1)
            pods.add(pod, "model_requests_total", 400 - failed, code="200", route=route)
            pods.add(pod, "model_requests_total", failed, code="500", route=route)

    assert chosen(serve) == []


def test_feedback_latency_and_predictions_are_divided_as_well() -> None:
    def outcomes(pods: Pods, rng: Random, pod: str) -> None:
        for lang, bad in (("de", 2), ("en", 10)):
            pods.add(pod, "model_feedback_total", 20 - bad, outcome="good", lang=lang)
            pods.add(pod, "model_feedback_total", bad, outcome="bad", lang=lang)

    def durations(pods: Pods, rng: Random, pod: str) -> None:
        for route, counts in (("/a", {0.1: 90, 0.5: 10}), ("/b", {0.1: 20, 0.5: 80})):
            buckets(pods, pod, "model_request_duration_seconds", counts, route=route)

    def classes(pods: Pods, rng: Random, pod: str) -> None:
        for lang, yes in (("de", 20), ("en", 60)):
            pods.add(pod, "model_predictions_total", yes, **{"class": "yes"}, lang=lang)
            pods.add(pod, "model_predictions_total", 100 - yes, **{"class": "no"}, lang=lang)

    assert chosen(outcomes, feedback()) == ["lang"]
    assert chosen(durations, latency()) == ["route"]
    assert chosen(classes, drift(classes=CLASSES)) == ["lang"]
