"""Errors and feedback of stable against their limits: told when above, and when below again."""

from dataclasses import replace
from typing import Any

import pytest

from serinus.api.presets import PRESETS
from serinus.api.spec import Spec
from serinus.api.status import MonitoredShare
from serinus.judge.drift import LimitState
from serinus.metrics.queries import QueryError
from serinus.plan.monitoring import MonitoringState
from tests.support.simulated_rollout import TEMPLATE
from tests.unit.plan.monitored import MonitoredStable, errors

DAY = 24 * 60
"""Looks."""


def failing(stable: MonitoredStable, share: float, looks: int, requests: int = 200) -> int:
    """How many looks until the state turns, at most so many."""
    before = error_rate(stable).above_limit if stable.known.error_rate else False
    for number in range(1, looks + 1):
        stable.serve(stable.draw(share, requests), requests)
        stable.look()
        if error_rate(stable).above_limit is not before:
            return number
    return looks + 1


def error_rate(stable: MonitoredStable) -> MonitoredShare:
    assert stable.known.error_rate
    return stable.known.error_rate


def monitored_errors(seed: int = 0, limit: str = "1%", **settings: object) -> MonitoredStable:
    """Stable, a look old."""
    stable = MonitoredStable(seed, **errors(limit, **settings))
    stable.serve(0, 100)
    stable.look()
    return stable


def test_errors_below_the_limit_are_never_told_in_a_week() -> None:
    stable = monitored_errors()
    assert failing(stable, 0.006, 7 * DAY) > 7 * DAY
    assert error_rate(stable).message == "Errors: not shown to be above the limit of 1%."


def test_errors_above_the_limit_are_told_with_the_evidence() -> None:
    stable = monitored_errors()
    failing(stable, 0.002, 300)
    assert failing(stable, 0.05, 10) <= 6
    assert error_rate(stable).message == (
        "Errors 49/1000 (4.9%) in the last 5m: above the limit of 1%. On average at least a year "
        "between false alarms, while shares are within limits."
    )


def test_a_rate_a_little_above_is_told_within_hours() -> None:
    """At 200 requests a minute, 1% is the limit."""
    for share, minutes in ((0.03, 10), (0.02, 25), (0.015, 75)):
        waits = sorted(failing(monitored_errors(seed), share, 2 * DAY) for seed in range(15))
        assert waits[len(waits) // 2] <= minutes, (share, waits)


def test_a_good_time_does_not_delay_the_alarm() -> None:
    waits = []
    for good in (60, 6000):
        stable = monitored_errors()
        failing(stable, 0.001, good, requests=50)
        waits.append(failing(stable, 0.1, 60, requests=50))
    assert abs(waits[0] - waits[1]) <= 1


def test_an_alarm_ends_once_the_share_is_shown_to_be_below_the_limit_and_not_before() -> None:
    stable = monitored_errors()
    failing(stable, 0.05, 10)
    assert failing(stable, 0.01, 300) > 300
    assert failing(stable, 0.001, 60) <= 60
    assert not error_rate(stable).above_limit
    assert error_rate(stable).message.endswith("below the limit of 1% again.")


def test_at_rest_nothing_is_new_and_a_restart_keeps_what_is_known() -> None:
    stable = monitored_errors()
    failing(stable, 0.05, 10)
    known = error_rate(stable)
    stable.restart()
    for _ in range(20):
        stable.serve(10, 200)
        stable.look()
        assert error_rate(stable) == known


def test_a_minute_in_which_all_fail_is_no_alarm() -> None:
    stable = monitored_errors()
    stable.serve(5000, 5000)
    stable.look()
    assert failing(stable, 0.0, 30) > 30


def test_a_quiet_year_is_no_alarm() -> None:
    stable = monitored_errors()
    for _ in range(2000):
        stable.look()
    detector = stable.state.by_quantity["errorRate"]
    assert isinstance(detector, LimitState)
    assert detector.detector.total <= 1


def test_failures_in_a_counter_of_their_own_and_successes_are_counted_too() -> None:
    own = MonitoredStable(**errors(failures="failed_total", requests={"metric": "ok_total"}))
    for _ in range(10):
        own.pods.add("pod", "ok_total", 90)
        own.pods.add("pod", "failed_total", 10)
        own.look()
    assert error_rate(own).above_limit
    settings: dict[str, Any] = {"successes": "ok_total", "requests": {"metric": "all_total"}}
    rest = MonitoredStable(**errors(**settings))
    for _ in range(10):
        rest.pods.add("pod", "all_total", 100)
        rest.pods.add("pod", "ok_total", 90)
        rest.look()
    assert error_rate(rest).above_limit


def test_requests_under_way_at_a_scrape_are_no_errors() -> None:
    stable = MonitoredStable(**errors(successes="ok_total", requests={"metric": "all_total"}))
    stable.pods.add("pod", "all_total", 30)
    stable.pods.add("pod", "ok_total", 0)
    for _ in range(60):
        stable.pods.add("pod", "all_total", 100)
        stable.pods.add("pod", "ok_total", 100)
        stable.look()
    assert not error_rate(stable).above_limit


def test_worse_feedback_is_told_by_the_number_of_outcomes() -> None:
    stable = MonitoredStable(feedback={"limit": "10%"})
    for _ in range(60 * 24):
        stable.users_say(stable.draw(0.06, 2), 2)
        stable.look()
    assert stable.known.negative_feedback
    assert not stable.known.negative_feedback.above_limit
    for _ in range(90):
        stable.users_say(stable.draw(0.3, 2), 2)
        stable.look()
    assert stable.known.negative_feedback.above_limit
    assert stable.known.negative_feedback.message.startswith("Negative feedback ")


@pytest.mark.parametrize("fails", ["model_requests_total", None])
def test_what_cannot_be_read_is_told_once_it_lasts_and_an_alarm_stays(fails: str | None) -> None:
    stable = monitored_errors()
    failing(stable, 0.05, 10)
    if fails:
        stable.broken = {fails: QueryError("Prometheus cannot be reached.")}
    else:
        stable.pods.values.clear()
    for _ in range(4):
        assert stable.look().error_rate == error_rate(stable)
    assert error_rate(stable).unknown is None
    for _ in range(12):
        stable.look()
    unknown = error_rate(stable).unknown
    assert unknown
    assert error_rate(stable).above_limit
    told = (unknown.reason, unknown.message)
    assert told == (
        ("MetricsUnavailable", "Prometheus cannot be reached.")
        if fails
        else (
            "NoData",
            "Prometheus has no recent samples of model_requests_total from the stable pods: check "
            "that they export it and are scraped.",
        )
    )


def test_each_quantity_starts_anew_with_its_own_settings_only() -> None:
    stable = MonitoredStable(**errors(), feedback={"limit": "10%"})
    for _ in range(12):
        stable.serve(50, 200)
        stable.users_say(50, 60)
        stable.look()
    before = stable.known.negative_feedback
    assert before
    assert error_rate(stable).above_limit and before.above_limit
    stable.set(**errors("30%"), feedback={"limit": "10%"})
    stable.look()
    assert not error_rate(stable).above_limit
    assert stable.known.negative_feedback == before


def test_more_that_is_monitored_shares_the_mean_time() -> None:
    """With four times as much monitored, or four times as seldom false alarms, an alarm needs four
    times the evidence."""
    one = MonitoredStable(**errors())
    two = MonitoredStable(**errors(), feedback={"limit": "10%"})
    waits = [failing(each, 0.02, DAY, requests=40) for each in (one, two)]
    assert waits[0] <= waits[1]
    soon = MonitoredStable(meanTimeBetweenFalseAlarms="24h", **errors())
    assert failing(soon, 0.02, DAY, requests=40) < waits[0]


def test_the_metrics_of_requests_are_those_of_the_preset_unless_they_are_named() -> None:
    def requests(**named: Any) -> str:
        spec = Spec.model_validate(
            {
                "template": TEMPLATE,
                "rollout": {"analysis": {"preset": "Triton"}},
                "monitoring": errors(**named),
            }
        )
        assert spec.monitoring and spec.monitoring.error_rate
        return spec.monitoring.error_rate.requests.metric

    assert requests() == PRESETS["Triton"].error_rate.requests.metric
    assert requests(requests={"metric": "mine_total"}) == "mine_total"


def test_what_a_clock_that_was_an_hour_ahead_began_counts_once_it_is_right() -> None:
    stable = monitored_errors()
    begun = stable.state.by_quantity["errorRate"]
    ahead = replace(begun, since=begun.since + 3600, counted={})
    stable.state = MonitoringState({"errorRate": ahead})
    assert failing(stable, 0.05, 10) <= 8


def test_a_matcher_that_can_name_no_error_is_no_low_rate() -> None:
    """No alarm could ever come."""
    matcher = [{"label": "code", "value": "5xx"}]
    stable = MonitoredStable(0, **errors("1%", errors=matcher))
    for _ in range(20):
        stable.serve(20, 200)
        stable.look()
    known = error_rate(stable)
    assert known.unknown
    assert known.unknown.message.startswith('The matcher code="5xx" can select nothing of')


def test_successes_that_nobody_exports_are_no_failures() -> None:
    stable = MonitoredStable(0, **errors("1%", successes="misspelt_total"))
    for _ in range(20):
        stable.serve(0, 200)
        stable.look()
    known = error_rate(stable)
    assert known.unknown
    assert "misspelt_total" in known.unknown.message
