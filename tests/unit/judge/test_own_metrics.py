"""An Error, or no data, because of what the candidate exports, told apart from any other."""

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from serinus.api.status import CheckStatus
from serinus.judge import EffectiveWeight, judge
from serinus.metrics.queries import CounterQuery, Measurement, Query, QueryError, QueryResult
from tests.support.simulated_analysis import (
    INTERVAL,
    SINCE,
    SimulatedAnalysis,
    drift,
    error_rate,
    fairness,
    feedback,
    latency,
)

TOO_LONG = "c" * 120
DOWN = QueryError("Prometheus did not answer in time.")


def serving(*checks: Mapping[str, object]) -> SimulatedAnalysis:
    """At a fifth of the traffic."""
    judging = SimulatedAnalysis(*checks)
    judging.weight = EffectiveWeight(0.2, SINCE)
    return judging


def looked(judging: SimulatedAnalysis, candidate: str, stable: str) -> CheckStatus:
    """Each arm predicts a class."""
    judging.classes({candidate: 100}, {stable: 400})
    return judging.look()


def without(measured: Measurement, arm: str) -> Measurement:
    """All queries about an arm failed."""
    if arm == "stable":
        return replace(measured, stable=dict.fromkeys(measured.stable, DOWN))
    return replace(measured, candidate=dict.fromkeys(measured.candidate, DOWN))


def without_a_part(measured: Measurement, arm: str) -> Measurement:
    """The query for a part of an arm's requests failed."""
    parts = (one for one in measured.stable if isinstance(one, CounterQuery) and one.part)
    failed: dict[Query, QueryResult] = dict.fromkeys(parts, DOWN)
    assert failed
    if arm == "stable":
        return replace(measured, stable={**measured.stable, **failed})
    return replace(measured, candidate={**measured.candidate, **failed})


def unlabelled(judging: SimulatedAnalysis, *scraped: str) -> None:
    """Until the next look both arms serve, the candidate without the label code; these are
    scraped."""
    judging.at += INTERVAL
    judging.candidate.add("pod", "model_requests_total", 50, status="200")
    judging.stable.add("pod", "model_requests_total", 200, code="200")
    for arm in scraped:
        (judging.stable if arm == "stable" else judging.candidate).scrape(judging.at)


def lasting(found: CheckStatus) -> float | None:
    """Seconds for which it could not be judged because of itself; None: it is not so."""
    own = found.own_metrics
    return None if own is None else own.until - own.since


def test_an_error_that_only_the_candidates_series_cause_is_its_own_from_look_to_look() -> None:
    judging = serving(drift())
    first = looked(judging, TOO_LONG, "deny")
    assert first.verdict == "Error" and first.own_metrics
    last = looked(judging, TOO_LONG, "deny")
    assert last.own_metrics
    assert last.own_metrics.until - last.own_metrics.since == INTERVAL


def test_an_error_in_both_arms_is_not_the_candidates() -> None:
    found = looked(serving(drift()), TOO_LONG, TOO_LONG)
    assert found.verdict == "Error" and found.own_metrics is None


def test_a_query_that_fails_for_the_candidate_alone_is_not_its_fault() -> None:
    judging = serving(error_rate())
    judging.errors((0, 100), (0, 400))
    assert judging.look().own_metrics is None
    measured = judging.measurement()
    measured = without(measured, "candidate")
    after = judge(judging.analysis, judging.progress, measured, SINCE, judging.weight)
    [found] = after.checks
    assert found.verdict == "Error" and found.own_metrics is None


@pytest.mark.parametrize("arm", ["candidate", "stable"])
def test_a_query_that_fails_now_and_then_buys_it_no_time(arm: str) -> None:
    judging = serving(drift())
    for look in range(9):
        judging.at += INTERVAL
        judging.classes({TOO_LONG: 100}, {"deny": 400})
        judging.scrape()
        measured = judging.measurement()
        if look % 2:
            measured = without(measured, arm)
        found = judging.judge(measured)
    assert lasting(found) == 8 * INTERVAL


def test_an_outage_of_prometheus_is_no_time_and_what_was_known_before_it_stays() -> None:
    judging = serving(drift())
    for _ in range(5):
        looked(judging, TOO_LONG, "deny")
    for _ in range(40):
        judging.at += INTERVAL
        found = judging.judge(without(judging.measurement(), "candidate"))
    assert lasting(found) == 4 * INTERVAL
    assert 4 * INTERVAL < (lasting(looked(judging, TOO_LONG, "deny")) or 0) <= 8 * INTERVAL


def test_hours_in_which_nobody_asked_and_nothing_was_scraped_are_no_time() -> None:
    judging = serving(drift())
    for _ in range(3):
        looked(judging, TOO_LONG, "deny")
    judging.classes({TOO_LONG: 100}, {"deny": 400})
    assert lasting(judging.look(3600.0)) == 2 * INTERVAL


def test_while_nothing_is_scraped_no_time_goes_on() -> None:
    judging = serving(drift())
    for _ in range(3):
        found = looked(judging, TOO_LONG, "deny")
    assert lasting(found) == 2 * INTERVAL
    for _ in range(7):
        judging.at += INTERVAL
        found = judging.judge()
    assert found.verdict == "Error" and lasting(found) == 6 * INTERVAL


def test_a_clock_that_is_set_back_buys_it_no_hour() -> None:
    judging = serving(drift())
    for look in range(12):
        judging.at += INTERVAL
        judging.classes({TOO_LONG: 100}, {"deny": 400})
        judging.scrape()
        measured = judging.measurement()
        found = judging.judge(replace(measured, at=measured.at - 3600) if look >= 3 else measured)
    assert lasting(found) == 8 * INTERVAL


def test_looks_a_minute_apart_of_which_every_other_fails_buy_it_no_time() -> None:
    judging = SimulatedAnalysis(drift(), interval="1m")
    judging.weight = EffectiveWeight(0.2, SINCE)
    for look in range(5):
        judging.at += 60.0 if look % 2 else 60.01
        judging.classes({TOO_LONG: 400}, {"deny": 1600})
        judging.scrape()
        measured = judging.measurement()
        found = judging.judge(without(measured, "candidate") if look % 2 else measured)
    assert lasting(found) == pytest.approx(240.0, abs=0.1)


def test_a_class_of_one_pod_that_cannot_be_judged_is_there_until_the_pod_is_scraped_again() -> None:
    """Once a minute each, at different moments."""
    judging = serving(drift())
    found = []
    for look in range(40):
        judging.at += INTERVAL
        for number, pod in enumerate("ab"):
            judging.stable.add(f"stable-{pod}", "model_predictions_total", 300, **{"class": "deny"})
            judging.candidate.add(pod, "model_predictions_total", 75, **{"class": "deny"})
            judging.candidate.add("a", "model_predictions_total", 10, **{"class": TOO_LONG})
            if look % 4 == 3 * number:
                judging.candidate.scrape(judging.at - 2, pod)
                judging.stable.scrape(judging.at - 2, f"stable-{pod}")
        found.append(judging.judge())
    assert not any(each.verdict == "Pass" for each in found)
    assert max(lasting(each) or 0.0 for each in found) >= 120


def test_a_class_that_cannot_be_judged_is_over_once_its_process_has_restarted() -> None:
    judging = serving(drift())
    looked(judging, TOO_LONG, "deny")
    assert looked(judging, TOO_LONG, "deny").verdict == "Error"
    judging.candidate.values["pod"].clear()
    found = [looked(judging, "deny", "deny").verdict for _ in range(3)]
    assert found[-1] == "Inconclusive"


def test_values_that_cannot_be_counts_are_its_own() -> None:
    judging = serving(error_rate())
    judging.errors((0, 100), (0, 400))
    judging.candidate.add("pod", "model_requests_total", 1e308, code="500")
    found = judging.look()
    assert found.verdict == "Error" and found.own_metrics
    assert "1e+308, which no counter of requests reaches" in found.message


def test_a_histogram_that_it_does_not_export_is_its_own_once_enough_is_expected_of_it() -> None:
    judging = serving(latency(), error_rate())
    found = []
    for served in (10, 400):
        judging.errors((0, served // 4), (0, served))
        judging.durations({}, {0.1: served})
        judging.candidate.values["pod"] = {
            key: n for key, n in judging.candidate.values["pod"].items() if "seconds" not in key[0]
        }
        found.append(judging.look())
    assert [each.verdict for each in found] == ["NoData", "NoData"]
    assert [each.own_metrics is not None for each in found] == [False, True]


def test_requests_that_it_does_not_count_are_its_own_though_it_counts_successes() -> None:
    requests = "http_requests_total"
    judging = serving(error_rate(requests={"metric": requests}, successes="http_ok_total"))
    for _ in range(4):
        judging.stable.add("pod", requests, 400)
        judging.stable.add("pod", "http_ok_total", 400)
        judging.candidate.add("pod", "http_ok_total", 100)
        found = judging.look()
    assert found.verdict == "NoData" and lasting(found) == 2 * INTERVAL


def test_a_few_batches_of_predictions_that_it_did_not_get_are_not_its_own() -> None:
    judging = serving(drift(), error_rate())
    judging.classes({"deny": 20}, {"deny": 80})
    judging.errors((0, 1), (0, 4))
    judging.look()
    for _ in range(20):
        judging.classes({}, {"deny": 80})
        judging.errors((0, 0), (0, 4))
        judging.look()
    [found, _] = judging.progress.checks
    assert found.verdict == "NoData" and "counted nothing" in found.message
    assert found.own_metrics is None or found.own_metrics.until == found.own_metrics.since


def test_requests_that_it_answers_without_the_predictions_are_its_own() -> None:
    judging = serving(drift(), error_rate())
    for _ in range(20):
        judging.classes({}, {"deny": 80})
        judging.errors((0, 2), (0, 8))
        judging.look()
    [found, _] = judging.progress.checks
    assert found.verdict == "NoData" and found.own_metrics
    assert found.own_metrics.until - found.own_metrics.since == 10 * INTERVAL


def test_a_look_between_two_scrapes_buys_it_no_time() -> None:
    judging = serving(drift(), error_rate())
    for look in range(11):
        judging.at += INTERVAL
        if look % 2 == 0:
            judging.classes({}, {"deny": 400})
            judging.errors((0, 100), (0, 400))
            judging.scrape()
        found = judging.judge()
    assert found.verdict == "NoData" and lasting(found) == 8 * INTERVAL


def test_a_look_that_waits_for_the_scrape_of_one_arm_buys_it_no_time() -> None:
    judging = serving(error_rate())
    for look in range(14):
        unlabelled(judging, "candidate" if look % 2 else "stable")
        found = judging.judge()
        if look >= 4:
            assert found.verdict == "Error"
            assert "of the candidate pods: it has no label code" in found.message
    assert lasting(found) == 10 * INTERVAL


def test_a_counter_that_it_no_longer_exports_buys_it_no_time_once_it_was_awaited() -> None:
    judging = serving(error_rate())
    for look in range(15):
        unlabelled(judging, *(("stable", "candidate") if look < 2 else ("stable",)))
        found = judging.judge()
    assert (lasting(found) or 0) >= 8 * INTERVAL


@pytest.mark.parametrize("arm", ["candidate", "stable"])
def test_a_query_that_fails_once_while_its_counter_is_awaited_buys_it_no_time(arm: str) -> None:
    judging = serving(error_rate())
    for look in range(15):
        unlabelled(judging, *(("stable", "candidate") if look < 2 else ("stable",)))
        measured = judging.measurement()
        found = judging.judge(without_a_part(measured, arm) if look == 6 else measured)
    assert (lasting(found) or 0) >= 8 * INTERVAL


def test_a_series_that_begins_anew_every_three_minutes_buys_it_no_time() -> None:
    """What that means is known some scrapes later; its pod is scraped after that of stable."""
    judging = serving(drift())
    expiring = {"class": "deny", "route": "old"}
    series = ("model_predictions_total", tuple(expiring.items()))
    longest = 0.0
    for second in range(-120, 600, 5):
        judging.candidate.add("pod", "model_predictions_total", 15, **{"class": TOO_LONG})
        judging.stable.add("stable-pod", "model_predictions_total", 60, **{"class": "deny"})
        if second % 15 == 0:
            if second % 180 == 60:
                judging.candidate.values["pod"].pop(series, None)
            else:
                judging.candidate.add("pod", "model_predictions_total", 1, **expiring)
            judging.stable.scrape(SINCE + second + 1)
            judging.candidate.scrape(SINCE + second + 2)
        if second > 0:
            judging.at = SINCE + second + 3
            found = judging.judge()
            assert found.verdict == "Error"
            longest = max(longest, lasting(found) or 0.0)
    assert longest >= 120


def test_counts_that_are_missing_buy_it_no_time_once_a_series_of_its_own_was_awaited() -> None:
    judging = serving(error_rate())
    for code in ("200", "404"):
        judging.candidate.add("pod", "model_requests_total", 7, code=code)
    for look in range(15):
        if look == 5:
            del judging.candidate.values["pod"]["model_requests_total", (("code", "404"),)]
        judging.stable.add("stable-pod", "model_requests_total", 400, code="200")
        found = judging.look()
    assert found.verdict == "NoData"
    assert lasting(found) == 8 * INTERVAL


def test_while_a_query_fails_no_time_goes_on_though_its_scrape_is_awaited() -> None:
    judging = serving(error_rate())
    for look in range(9):
        unlabelled(judging, *(("stable", "candidate") if look < 3 else ("stable",)))
        measured = judging.measurement()
        found = judging.judge(without_a_part(measured, "candidate") if look > 2 else measured)
    assert found.verdict == "Error"
    assert (lasting(found) or 0) <= 2 * INTERVAL


def test_counts_that_are_missing_buy_it_no_time_while_its_scrape_is_awaited() -> None:
    judging = serving(latency(), error_rate())
    longest = 0.0
    for look in range(30):
        judging.at += INTERVAL
        judging.errors((0, 100), (0, 400))
        judging.durations({}, {0.1: 400})
        judging.candidate.values["pod"] = {
            key: n for key, n in judging.candidate.values["pod"].items() if "seconds" not in key[0]
        }
        judging.stable.scrape(judging.at)
        if look % 10 < 4:
            judging.candidate.scrape(judging.at)
        found = judging.judge()
        assert found.verdict == "NoData"
        longest = max(longest, lasting(found) or 0.0)
    assert longest >= 10 * INTERVAL


@pytest.mark.parametrize("weight", [None, EffectiveWeight(0.0, SINCE)])
def test_without_traffic_no_time_goes_on_while_it_is_awaited(
    weight: EffectiveWeight | None,
) -> None:
    judging = serving(error_rate())
    for look in range(7):
        unlabelled(judging, *(("stable", "candidate") if look < 2 else ("stable",)))
        if look >= 2:
            judging.weight = weight
        found = judging.judge()
    assert (lasting(found) or 0) <= 2 * INTERVAL


def test_while_stable_is_awaited_no_time_goes_on() -> None:
    judging = serving(error_rate())
    for look in range(7):
        unlabelled(judging, *(("candidate", "stable") if look < 2 else ("candidate",)))
        found = judging.judge()
    assert found.verdict == "Error"
    assert (lasting(found) or 0) <= 2 * INTERVAL


def test_a_good_candidate_is_not_blamed_while_a_series_of_before_its_restart_is_awaited() -> None:
    """It has counted three failures while it loaded, and no series decreases."""
    judging = serving(error_rate())
    judging.candidate.add("pod", "model_requests_total", 0, code="200")
    judging.candidate.add("pod", "model_requests_total", 3, code="503")
    for second in range(-60, 300):
        judging.stable.add("stable-pod", "model_requests_total", 8, code="200")
        if second == 35:
            judging.candidate.restart("pod")
        if second >= 35:
            judging.candidate.add("pod", "model_requests_total", 2, code="200")
        if second % 15 == 0:
            judging.stable.scrape(SINCE + second)
        if second % 15 == 5 and "pod" in judging.candidate.values:
            judging.candidate.scrape(SINCE + second)
        if second > 0 and second % 15 == 8:
            judging.at = SINCE + second
            assert (lasting(judging.judge()) or 0.0) <= INTERVAL


def test_a_series_that_vanishes_buys_it_no_time_where_looks_are_a_minute_apart() -> None:
    """Of two pods, one has a class that cannot be judged."""
    judging = SimulatedAnalysis(drift(), interval="1m")
    judging.weight = EffectiveWeight(0.2, SINCE)
    gone = ("model_predictions_total", (("class", "deny"), ("route", "old")))
    for second in range(-60, 480, 10):
        judging.stable.add("stable-pod", "model_predictions_total", 800, **{"class": "deny"})
        for pod in ("a", "b"):
            judging.candidate.add(pod, "model_predictions_total", 100, **{"class": "deny"})
            if second < 140:
                judging.candidate.add(pod, gone[0], 10, **{"class": "deny", "route": "old"})
            else:
                judging.candidate.values[pod].pop(gone, None)
        if second >= 20:
            judging.candidate.add("a", "model_predictions_total", 10, **{"class": TOO_LONG})
        judging.stable.scrape(SINCE + second + 3)
        judging.candidate.scrape(SINCE + second + 5)
        if second >= 0 and second % 60 == 0:
            judging.at = SINCE + second + 7
            found = judging.judge()
    assert found.verdict == "Error" and (lasting(found) or 0.0) >= 180


def test_a_class_of_before_its_restart_is_over_though_it_was_not_counted_yet() -> None:
    """What is counted waits for a series of stable."""
    judging = serving(drift())
    gone = ("model_predictions_total", (("class", "rare"),))
    for second in range(-60, 140, 5):
        judging.stable.add("stable-pod", "model_predictions_total", 40, **{"class": "deny"})
        if second < 35:
            judging.stable.add("stable-pod", "model_predictions_total", 5, **{"class": "rare"})
        else:
            judging.stable.values["stable-pod"].pop(gone, None)
        judging.candidate.add("pod", "model_predictions_total", 10, **{"class": "deny"})
        if second < 60:
            judging.candidate.add("pod", "model_predictions_total", 2, **{"class": TOO_LONG})
        elif second == 60:
            judging.candidate.restart("pod")
            judging.candidate.add("pod", "model_predictions_total", 10, **{"class": "deny"})
        judging.stable.scrape(SINCE + second + 1)
        judging.candidate.scrape(SINCE + second + 2)
        if second >= 0 and second % 10 == 0:
            judging.at = SINCE + second + 3
            found = judging.judge()
    assert (lasting(found) or 0.0) < 100


@pytest.mark.parametrize("arms", ["stable", "both"])
def test_a_series_of_stable_that_vanishes_is_not_the_candidates_time(arms: str) -> None:
    judging = serving(error_rate())
    gone = ("model_requests_total", (("code", "404"),))
    served = {"stable-pod": judging.stable, "pod": judging.candidate}
    vanishing = served if arms == "both" else {"stable-pod": judging.stable}
    judging.candidate.add("pod", "model_requests_total", 0, code="200")
    for second in range(-60, 260):
        judging.stable.add("stable-pod", "model_requests_total", 8, code="200")
        if second >= 20:
            judging.candidate.add("pod", "model_requests_total", 2, code="200")
        for pod, arm in vanishing.items():
            if second < 27:
                arm.add(pod, "model_requests_total", 1, code="404")
            else:
                arm.values[pod].pop(gone, None)
        if second % 5 == 0:
            judging.stable.scrape(SINCE + second)
        if second % 5 == 1:
            judging.candidate.scrape(SINCE + second)
        if second > 0 and second % 10 == 6:
            judging.at = SINCE + second
            assert (lasting(judging.judge()) or 0.0) <= 2 * INTERVAL


@pytest.mark.parametrize("arm", ["stable", "candidate"])
def test_what_is_no_count_of_one_check_does_not_blind_another_of_the_same_metric(arm: str) -> None:
    """As of two routes, of which one is NaN from the third scrape on."""
    of_routes: list[dict[str, object]] = [
        {
            **error_rate(
                requests={
                    "metric": "model_requests_total",
                    "matchers": [{"label": "route", "operator": "=", "value": route}],
                }
            ),
            "name": route,
        }
        for route in ("a", "b")
    ]
    judging = serving(*of_routes)
    odd = judging.stable if arm == "stable" else judging.candidate
    for look in range(12):
        for route in ("a", "b"):
            judging.stable.add("pod", "model_requests_total", 400, code="200", route=route)
            judging.candidate.add("pod", "model_requests_total", 80, code="200", route=route)
        judging.candidate.add("pod", "model_requests_total", 20, code="500", route="a")
        if look >= 2:
            odd.values["pod"]["model_requests_total", (("code", "200"), ("route", "b"))] = math.nan
        judging.look()
    [of_a, of_b] = judging.progress.checks
    assert (of_a.verdict, of_b.verdict) == ("Fail", "Error")


def test_a_look_that_waits_for_the_scrape_of_one_arm_passes_nothing_by_what_was_counted() -> None:
    judging = serving(drift())
    looked(judging, "deny", "deny")
    judging.until("Pass", lambda: judging.classes({"deny": 200}, {"deny": 800}))
    looked(judging, TOO_LONG, "deny")
    for look in range(10):
        judging.at += INTERVAL
        judging.classes({TOO_LONG: 50}, {"deny": 200})
        (judging.candidate if look % 2 else judging.stable).scrape(judging.at)
        assert judging.judge().verdict == "Error"


def test_a_batch_of_predictions_that_it_did_not_get_is_not_its_own_while_nothing_is_asked() -> None:
    judging = serving(drift(), error_rate())
    for served in (400, *[0] * 12):
        judging.classes({}, {"deny": served})
        judging.errors((0, served // 4), (0, served))
        found = judging.look()
        assert found.verdict == "NoData" and not lasting(found)
    assert found.own_metrics is None


def of_groups(misconfigured: bool) -> dict[str, object]:
    """A check of the answers by group; misconfigured, it can judge neither revision, since all of
    them are of one."""
    label = {"groupLabel": "pod"} if misconfigured else {}
    return fairness(favourable=[{"label": "class", "value": "approve"}], **label)


@pytest.mark.parametrize("misconfigured", [True, False])
def test_predictions_that_are_missing_are_its_own_if_the_check_could_judge_stables(
    misconfigured: bool,
) -> None:
    judging = serving(of_groups(misconfigured), error_rate())
    for _ in range(3):
        judging.errors((0, 100), (0, 400))
        judging.groups({"north": (50, 200), "south": (50, 200)})
        found = judging.look()
    assert found.verdict == "NoData" and (found.own_metrics is None) == misconfigured


def test_outcomes_without_groups_are_not_its_own_though_stable_is_unfair() -> None:
    favourable = [{"label": "class", "value": "approve"}]
    judging = serving(fairness(favourable=favourable, equalisedOdds={}))
    for _ in range(3):
        unfair = {"north": (90_000, 100_000), "south": (10_000, 100_000)}
        judging.groups(unfair, north=(50, 100), south=(50, 100))
        judging.feedback((10, 100), (40, 400))
        found = judging.look()
        assert found.verdict == "Error" and found.own_metrics is None


def test_feedback_may_come_a_day_later() -> None:
    judging = serving(feedback())
    judging.feedback((0, 0), (100, 1000))
    found = judging.look()
    assert found.verdict == "NoData" and found.own_metrics is None


@pytest.mark.parametrize("exported", [True, False])
def test_an_error_begins_while_stable_counts_nothing_if_its_series_can_be_read(
    exported: bool,
) -> None:
    judging = serving(feedback())
    if exported:
        judging.feedback((0, 0), (100, 1000))
        judging.look()
    labels = {"outcome": "true_positive"}
    judging.candidate.add("pod", "model_feedback_total", 2.0**60, **labels)
    found = judging.look()
    assert found.verdict == "Error"
    assert (found.own_metrics is not None) == exported


@pytest.mark.parametrize(
    "check",
    [
        error_rate(requests={"metric": "unknown_total"}, successes="model_requests_total"),
        error_rate(requests={"metric": "model_requests_total"}, successes="unknown_total"),
        drift(classLabel="unknown"),
    ],
)
def test_an_error_in_a_check_that_could_not_judge_stable_either_is_not_its_own(
    check: Mapping[str, object],
) -> None:
    judging = serving(check)
    for _ in range(2):
        judging.errors((0, 100), (0, 400))
        judging.classes({"deny": 100}, {"deny": 400})
        judging.candidate.add("pod", "model_requests_total", 2.0**60, code="200")
        judging.candidate.add("pod", "model_predictions_total", 2.0**60, **{"class": "deny"})
        found = judging.look()
        assert found.verdict == "Error" and found.own_metrics is None


@pytest.mark.parametrize("misconfigured", [True, False])
def test_an_error_that_began_goes_on_while_the_check_could_tell_stables_groups(
    misconfigured: bool,
) -> None:
    """Stable counts nothing in the first look, and then one group at a time."""
    judging = serving(of_groups(misconfigured))
    judging.groups({"north": (50, 100), "south": (50, 100)}, north=(50, 100), south=(50, 100))
    judging.candidate.add(
        "pod", "model_predictions_total", 2.0**60, **{"class": "deny", "group": "north"}
    )
    found = judging.look()
    for _ in range(3):
        judging.groups({"north": (50, 100)})
        found = judging.look()
        assert found.verdict == "Error" and (found.own_metrics is None) == misconfigured


@pytest.mark.parametrize("misconfigured", [True, False])
def test_an_error_begins_while_stable_is_idle_if_the_check_could_judge_what_it_counted_so_far(
    misconfigured: bool,
) -> None:
    judging = serving(of_groups(misconfigured))
    judging.groups({"north": (50, 100), "south": (50, 100)}, north=(50, 100), south=(50, 100))
    judging.look()
    labels = {"class": "deny", "group": "north"}
    judging.candidate.add("pod", "model_predictions_total", 2.0**60, **labels)
    for _ in range(3):
        found = judging.look()
        assert found.verdict == "Error" and (found.own_metrics is None) == misconfigured


def test_an_error_does_not_begin_while_stable_is_not_scraped() -> None:
    judging = serving(feedback())
    judging.feedback((0, 100), (100, 1000))
    judging.look()
    judging.candidate.add("pod", "model_feedback_total", 2.0**60, outcome="correct")
    judging.at += 301
    judging.candidate.scrape(judging.at)
    found = judging.judge()
    assert found.verdict == "Error" and found.own_metrics is None


def test_it_is_over_once_a_look_can_judge_it() -> None:
    judging = serving(error_rate())
    judging.candidate.add("pod", "model_requests_total", 2.0**60, code="500")
    judging.errors((0, 100), (0, 400))
    assert judging.look().own_metrics
    judging.candidate.restart("pod")
    judging.candidate.samples.clear()
    for _ in range(2):
        judging.errors((0, 100), (0, 400))
        found = judging.look()
    assert found.verdict == "Inconclusive" and found.own_metrics is None


@pytest.mark.parametrize("weight", [None, EffectiveWeight(0.0, SINCE)])
def test_a_candidate_without_traffic_owes_nothing(weight: EffectiveWeight | None) -> None:
    judging = serving(drift())
    judging.weight = weight
    assert looked(judging, TOO_LONG, "deny").own_metrics is None
