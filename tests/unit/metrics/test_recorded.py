"""A recording answers as Prometheus did at each moment of it."""

from typing import Any

import pytest

from serinus.api.checks import LabelMatcher
from serinus.api.recording import RecordedCounters, RecordedValues, Recording
from serinus.metrics.queries import (
    Arm,
    CounterQuery,
    ExpressionQuery,
    Query,
    QueryError,
    QueryResult,
    Series,
)
from serinus.metrics.recorded import Recorded
from serinus.metrics.requests import OVERLAP, Request

CANDIDATE, STABLE = Arm("team", "fraud-2"), Arm("team", "fraud-1")
FAILED = LabelMatcher(label="code", operator="=~", value="5..")
REQUESTS = CounterQuery("model_requests_total")
ERRORS = CounterQuery("model_requests_total", (FAILED,), part=True)
DURATIONS = CounterQuery("took_seconds", native=True)
DRIFT = ExpressionQuery("max(drift{$arm})")


def series(arm: Arm, *samples: tuple[float, float], **labels: str) -> dict[str, Any]:
    """As Prometheus sends it."""
    pod = f"{arm.workload}-5d9f7c6b8-x2x4z"
    metric = {"__name__": "model_requests_total", "namespace": arm.namespace, "pod": pod, **labels}
    return {"metric": metric, "values": [[at, f"{value:g}"] for at, value in samples]}


def recording(*result: dict[str, Any], **more: Any) -> Recording:
    counters = RecordedCounters(metric="model_requests_total", result=list(result))
    given = {"counters": [counters], "step": 15.0, "since": 0.0, "until": 1000.0, **more}
    return Recording(model_deployment={}, **given)


def read(recorded: Recording, query: Query, now: float, since: float = 0.0) -> list[QueryResult]:
    """What a look reads of candidate and stable."""
    request = Request(15.0, (query,), CANDIDATE, STABLE, covered_until=since)
    found = request.read(Recorded(recorded), now)
    return [found.candidate[query], found.stable.get(query, ())]


def samples(answer: QueryResult) -> list[tuple[float, float]]:
    assert not isinstance(answer, QueryError)
    return [sample for one in answer for sample in one.samples]


def test_each_revision_has_its_own_series() -> None:
    found = recording(series(CANDIDATE, (10, 1)), series(STABLE, (11, 7)))
    assert [samples(answer) for answer in read(found, REQUESTS, 20)] == [[(10, 1)], [(11, 7)]]


def test_only_what_was_there_at_the_look_and_reaches_back_far_enough_is_read() -> None:
    one = series(CANDIDATE, (100, 1), (110, 2), (120, 3), (130, 4))
    candidate, _ = read(recording(one), REQUESTS, now=120.0, since=100.0 + OVERLAP)
    assert samples(candidate) == [(110, 2), (120, 3)]


def test_a_sample_is_read_once_its_scrape_has_ended() -> None:
    one = series(CANDIDATE, (100, 1), (115, 2), instance="10.0.0.1:8080", job="pods")
    took = series(CANDIDATE, (100, 0.1), (115, 0.4), instance="10.0.0.1:8080", job="pods")
    found = recording(one, scrapes=[took])
    assert samples(read(found, REQUESTS, now=115.3)[0]) == [(100, 1)]
    assert samples(read(found, REQUESTS, now=115.5)[0]) == [(100, 1), (115, 2)]


def test_a_part_is_found_in_its_whole_whatever_the_policy_takes_for_a_failure() -> None:
    found = recording(
        series(CANDIDATE, (10, 90), code="200"),
        series(CANDIDATE, (10, 3), code="404"),
        series(CANDIDATE, (10, 7), code="500"),
    )
    stricter = LabelMatcher(label="code", operator="!~", value="2..")
    assert samples(read(found, ERRORS, 20)[0]) == [(10, 7)]
    assert samples(
        read(found, CounterQuery("model_requests_total", (stricter,), part=True), 20)[0]
    ) == [
        *[(10, 3), (10, 7)],
    ]


def test_a_matcher_compares_a_label_that_is_missing_as_empty() -> None:
    found = recording(series(CANDIDATE, (10, 1)), series(CANDIDATE, (10, 2), code="200"))
    for operator, value, wanted in (("=", "", 1), ("!=", "", 2), ("=~", "2..|3..", 2)):
        matcher = LabelMatcher(label="code", operator=operator, value=value)
        answer, _ = read(found, CounterQuery("model_requests_total", (matcher,)), 20)
        assert samples(answer) == [(10, wanted)]


def test_native_histograms_are_read_with_the_bounds_that_they_had_by_then() -> None:
    def at(moment: float, *buckets: list[Any]) -> list[Any]:
        count = sum(int(bucket[3]) for bucket in buckets)
        return [moment, {"count": str(count), "sum": "1", "buckets": list(buckets)}]

    fast, slow = [0, "0.1", "0.2", "5"], [0, "0.4", "0.8", "2"]
    metric = {**series(CANDIDATE)["metric"], "__name__": "took_seconds"}
    histogram = {"metric": metric, "histograms": [at(10, fast), at(25, fast, slow)]}
    found = recording(
        counters=[RecordedCounters(metric="took_seconds", native=True, result=[histogram])]
    )

    def bounds(now: float) -> list[str]:
        answer, _ = read(found, DURATIONS, now)
        assert not isinstance(answer, QueryError)
        return [one.labels["le"] for one in answer]

    assert bounds(20) == ["0.1", "0.2", "inf"]
    assert bounds(30) == ["0.1", "0.2", "0.4", "0.8", "inf"]


def test_a_value_is_the_last_evaluation_and_none_where_there_was_none() -> None:
    values = {"metric": {"feature": "age"}, "values": [[15, "0.1"], [30, "0.2"]]}
    found = recording(values=[RecordedValues(query=DRIFT.expression, result=[values])])
    assert read(found, DRIFT, 30)[0] == (Series({"feature": "age"}, ((30, 0.2),)),)
    assert samples(read(found, DRIFT, 44)[0]) == [(30, 0.2)]
    assert read(found, DRIFT, 45)[0] == ()


def test_what_was_not_recorded_is_told_from_what_has_no_series() -> None:
    recorded = Recorded(recording())
    assert not recorded.lacks(REQUESTS)
    assert not recorded.lacks(ERRORS)
    for query in (CounterQuery("other_total"), DURATIONS, DRIFT):
        assert recorded.lacks(query)
    only = RecordedCounters(metric="model_requests_total", matchers=[FAILED], result=[])
    assert Recorded(recording(counters=[only])).lacks(REQUESTS)


@pytest.mark.parametrize(
    "element",
    [
        {},
        {"metric": {"pod": 3}, "values": []},
        {"metric": {}, "values": [[1]]},
        {"metric": {}, "values": [[1, "many"]]},
        {"metric": {}, "values": [[2, "1"], [1, "1"]]},
        {"metric": {}, "histograms": 7},
    ],
    ids=str,
)
def test_what_is_no_series_is_refused_by_its_place(element: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^counters\[0\]\.result\[1\] is not a series"):
        Recorded(recording(series(CANDIDATE), element))


@pytest.mark.parametrize("expression", [r"\pN+", "[[:digit:]]+", "2{99999999999}"])
def test_an_expression_that_only_prometheus_knows_is_refused(expression: str) -> None:
    matcher = LabelMatcher(label="code", operator="=~", value=expression)
    with pytest.raises(ValueError, match="matcher of code can only be evaluated by Prometheus"):
        read(recording(series(CANDIDATE, (10, 1))), CounterQuery(REQUESTS.metric, (matcher,)), 20)
