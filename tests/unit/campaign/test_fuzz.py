"""Whatever pods export, nothing raises, and the rollout ends or is held as it should."""

from dataclasses import replace

import pytest

from serinus.metrics.queries import Series
from tests.campaign.fuzz import (
    CATEGORIES,
    GIVEN,
    LABELS,
    MONITORING,
    ODD,
    OUTCOMES,
    REQUESTS,
    SCRAPE,
    SCRAPES,
    VALUES,
    Arm,
    Case,
    Course,
    Run,
    healthy,
    look_for,
)
from tests.support.exhaustive import short

DEFAULT = ("errors", "drift")


@pytest.mark.parametrize("count", short([10, 200], [10]))
def test_no_series_raises_or_spoils_a_status_or_buys_a_candidate_its_traffic(count: int) -> None:
    found = look_for(count=count, seed=1)
    assert not found.wrong, f"{found.wrong}\n{found.case}"


def exporting(metric: str, of_one: float) -> Arm:
    """A healthy pod, of which the counters of one metric grow by so much between two scrapes."""
    arm = healthy("candidate")
    course = Course(7.0, of_one, 0, SCRAPES, {}).samples(0.0)
    series = [
        Series(each.labels, course) if each.labels["__name__"] == metric else each
        for each in arm.series
    ]
    return Arm(series)


def failing(arm: Arm) -> Arm:
    """The same pods, where every request fails."""
    still = Course(7.0, 0.0, 0, SCRAPES, {}).samples(0.0)
    grows = Course(0.0, 40.0, 0, SCRAPES, {}).samples(0.0)
    failed = {"__name__": REQUESTS, "pod": "candidate-0", "instance": "10.0.0.9", "code": "500"}
    others = [
        Series(each.labels, still) if each.labels["__name__"] == REQUESTS else each
        for each in arm.series
        if each.labels.get("code") != "500"
    ]
    return Arm([*others, Series(failed, grows)])


def ended(case: Case) -> Run:
    """The rollout after all looks."""
    run = Run(case)
    run.go()
    return run


def test_a_feature_that_is_missing_in_every_request_keeps_no_bad_candidate() -> None:
    """Its histogram is there and stands still in both arms, and `missing` counts its values."""
    still = exporting(VALUES, 0.0)
    case = Case(DEFAULT, {"interval": "15s"}, MONITORING, failing(still), still, every=1)
    run = ended(replace(case, stable=_renamed(still)))
    rejected = run.rollout.status.rejected
    assert rejected and rejected.reason == "CheckFailed"
    assert "Check errors: Candidate errors" in rejected.message
    assert "no requests yet" not in run.rollout.status.message


def _renamed(arm: Arm) -> Arm:
    return Arm(
        [
            Series({**each.labels, "pod": "stable-0", "instance": "10.0.0.8"}, each.samples)
            for each in arm.series
        ]
    )


def test_a_candidate_whose_classes_cannot_be_compared_loses_its_traffic() -> None:
    good = healthy("candidate")
    names = {"pod": "candidate-0", "instance": "10.0.0.9", "__name__": "model_predictions_total"}
    odd = Series({**names, "class": "c" * 120}, Course(0.0, 9.0, 0, SCRAPES, {}).samples(0.0))
    candidate = Arm([*good.series, odd])
    case = Case(DEFAULT, {"interval": "15s"}, GIVEN, candidate, healthy("stable"), every=1)
    run = ended(case)
    assert run.rollout.weight == 0
    assert run.rollout.reason == "CandidateMetricsUnusable"
    assert "has a name of more than 100 characters" in run.rollout.status.message
    assert run.rollout.status.rejected is None


def test_both_revisions_in_error_are_held_at_their_weights() -> None:
    good = healthy("candidate")
    names = {"pod": "candidate-0", "instance": "10.0.0.9", "__name__": "model_predictions_total"}
    odd = Series({**names, "class": "c" * 120}, Course(0.0, 9.0, 0, SCRAPES, {}).samples(0.0))
    both = Arm([*good.series, odd])
    analysis = {"interval": "15s", "onWrongSplit": "Ignore"}
    case = Case(DEFAULT, analysis, GIVEN, both, _renamed(both), every=1)
    run = ended(case)
    assert (run.rollout.weight, run.rollout.reason) == (20, "MetricsUnavailable")


@pytest.mark.parametrize("labels", short(ODD, ODD[::3]), ids=str)
def test_odd_labels_of_every_metric_keep_no_bad_candidate(labels: dict[str, str]) -> None:
    bad, course = failing(healthy("candidate")), Course(0.0, 9.0, 0, SCRAPES, {}).samples(0.0)
    names = {"pod": "candidate-0", "instance": "10.0.0.9"}
    odd = [Series({**names, "__name__": metric, **labels}, course) for metric in LABELS]
    candidate = Arm([*bad.series, *odd])
    case = Case(DEFAULT, {"interval": "15s"}, MONITORING, candidate, healthy("stable"), every=2)
    assert ended(case).rollout.weight == 0


def test_while_a_vanished_series_is_awaited_an_error_of_the_candidate_goes_on() -> None:
    """Nothing is counted then, of stable's either, so that stable's could not be judged."""
    series = []
    for each in healthy("candidate").series:
        samples, labels = each.samples, each.labels
        if labels["__name__"] == VALUES and (labels["feature"], labels["le"]) == ("income", "+Inf"):
            samples = samples[:10]
        if labels["__name__"] == "model_predictions_total":
            samples = tuple((at, 4.5e15 * (n + 1)) for n, (at, _) in enumerate(samples))
        series.append(Series(labels, samples))
    checks, analysis = ("groups", "errors", "failures"), {"interval": "15s"}
    case = Case(checks, analysis, MONITORING, Arm(series), healthy("stable"), every=1)
    run = ended(case)
    assert (run.rollout.weight, run.rollout.reason) == (0, "CandidateMetricsUnusable")


def test_an_error_of_the_candidate_begins_while_a_vanished_series_is_awaited() -> None:
    """Stable's feedback is there, and counts nothing from the first look on that cannot read the
    candidate's."""
    huge, gone = (
        {"__name__": metric, "pod": f"candidate-{pod}", "instance": f"10.0.0.{pod}", **labels}
        for pod, (metric, labels) in enumerate(
            [
                (OUTCOMES, {"outcome": "true_positive", "group": "north"}),
                (CATEGORIES, {"feature": "colour", "category": "red"}),
            ]
        )
    )
    samples = [(SCRAPE * n, 2.0**52 * (n + 1)) for n in range(3)]
    arm = Arm([Series(huge, samples), Series(gone, samples[:1])])
    stable, analysis = healthy("stable"), {"interval": "15s"}
    run = ended(Case(("users",), analysis, MONITORING, arm, stable, every=1, steady=True))
    assert run.rollout.weight == 0
