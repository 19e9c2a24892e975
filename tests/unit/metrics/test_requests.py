"""What a rollout wants measured, as queries, and the measurement that their results make."""

from serinus.metrics.queries import (
    Arm,
    ArmQuery,
    CounterQuery,
    ExpressionQuery,
    QueryError,
    QueryResult,
    Series,
)
from serinus.metrics.requests import (
    HISTORY,
    HISTORY_STEP,
    MOST_SERIES_TOGETHER,
    HistoryRequest,
    Request,
)

REQUESTS = CounterQuery("model_requests_total")
DRIFT = ExpressionQuery("max(drift{$arm})")
NEW, OLD = Arm("team", "loan-b"), Arm("team", "loan-a")
NOW = 1_000_000.0


def request(candidate: Arm = NEW) -> Request:
    return Request(15.0, (REQUESTS, DRIFT), candidate, OLD, covered_until=NOW - 40)


def test_counters_are_read_of_both_arms_and_an_expression_of_the_candidate_alone() -> None:
    asked = [(one.arm, one.query) for one in request().arm_queries(NOW)]
    assert asked == [(NEW, REQUESTS), (OLD, REQUESTS), (NEW, DRIFT)]
    assert {one.window for one in request().arm_queries(NOW)} == {100.0}


def test_each_result_goes_to_its_arm_and_what_came_late_was_read_less_far_back() -> None:
    down = QueryError("down")
    results = dict.fromkeys(request().arm_queries(NOW), down)
    found = request().measurement(results, NOW, late=3.0)
    assert dict(found.candidate) == {REQUESTS: down, DRIFT: down}
    assert dict(found.stable) == {REQUESTS: down}
    assert (found.at, found.read_from) == (NOW, NOW - 97)


def test_one_arm_that_stands_for_both_has_both_results() -> None:
    series = (Series({}, ((NOW, 1.0),)),)
    results = dict.fromkeys(request(candidate=OLD).arm_queries(NOW), series)
    found = request(candidate=OLD).measurement(results, NOW)
    assert found.candidate == found.stable == {REQUESTS: series, DRIFT: series}


def test_a_history_is_stables_last_hour_by_the_minute() -> None:
    asked = HistoryRequest(1.0, (REQUESTS,), OLD)
    (one,) = asked.arm_queries(NOW)
    assert (one.arm, one.window, one.every) == (OLD, HISTORY, HISTORY_STEP)
    assert asked.measurement({one: ()}, NOW).stable == {REQUESTS: ()}


def test_the_largest_result_of_an_arm_with_too_many_series_is_an_error_of_what_it_exports() -> None:
    one = Series({}, ((NOW, 1.0),))
    results: dict[ArmQuery, QueryResult] = dict.fromkeys(request().arm_queries(NOW), (one,))
    [asked] = [each for each in results if (each.arm, each.query) == (NEW, REQUESTS)]
    results[asked] = (one,) * MOST_SERIES_TOGETHER
    found = request().measurement(results, NOW)
    error = found.candidate[REQUESTS]
    assert isinstance(error, QueryError) and error.exported and "40,001 series" in error.message
    assert not isinstance(found.candidate[DRIFT], QueryError)
    assert not isinstance(found.stable[REQUESTS], QueryError)
