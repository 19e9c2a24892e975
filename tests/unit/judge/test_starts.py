"""Pods that are bad at their start: what is waited for, for how long, and what then counts."""

from dataclasses import replace

import pytest

from serinus.api.base import begun_by
from serinus.api.baseline import Baseline, CheckBaseline
from serinus.api.checks.error_rate import ErrorRate
from serinus.api.quantities import spoken
from serinus.api.status import CheckStatus
from serinus.judge.analysis import reads
from serinus.judge.evidence.starts import COST, LONGEST
from serinus.metrics.queries import QueryError
from tests.support.simulated_analysis import (
    INTERVAL,
    SINCE,
    SimulatedAnalysis,
    buckets,
    error_rate,
    requests,
)

DURATIONS = "model_request_duration_seconds"
USUAL = {0.1: 74, 0.25: 1}
TEN_TIMES = {1.0: 70, 2.5: 5}
HALF_AS_LONG_AGAIN = {0.1: 40, 0.25: 35}
SLOW = {"name": "slow", "latency": {}}


class Served:
    """Stable serves 1,425 requests between two looks, of which 14 fail, and each pod of the
    candidate 75."""

    def __init__(self, check: dict[str, object]) -> None:
        self.simulated = SimulatedAnalysis(check)
        self.serve({"new": 0}, of_stable=0)
        self.simulated.scrape()
        self.simulated.at = SINCE

    def serve(self, failed: dict[str, int], each: int = 0, of_stable: int = 1425) -> None:
        for pod, n in failed.items():
            requests(self.simulated.candidate, pod, n, each)
        requests(self.simulated.stable, "old", of_stable // 100, of_stable)

    def look(self, **failed: int) -> CheckStatus:
        """So many of 75 requests of each pod fail."""
        self.serve(failed, 75)
        return self.simulated.look()

    def looks(self, times: int, **failed: int) -> list[str]:
        return [self.look(**failed).verdict for _ in range(times)]

    @property
    def seconds(self) -> float:
        return self.simulated.at - SINCE


def timed(looks: int, candidate: dict[float, int]) -> list[str]:
    """The verdicts on a candidate whose requests take so long from the first one on."""
    simulated = SimulatedAnalysis(SLOW)
    return timed_on(simulated, looks, candidate)


def timed_on(
    simulated: SimulatedAnalysis,
    looks: int,
    candidate: dict[float, int],
    pod: str = "new",
    of_stable: dict[float, int] = USUAL,
) -> list[str]:
    if not simulated.candidate.samples:
        for pods, one in ((simulated.candidate, pod), (simulated.stable, "old")):
            buckets(pods, one, DURATIONS, dict.fromkeys((0.1, 0.25, 0.5, 1.0, 2.5), 0))
        simulated.scrape()
    found: list[str] = []
    for _ in range(looks):
        buckets(simulated.candidate, pod, DURATIONS, {0.5: 0, 1.0: 0, 2.5: 0, **candidate})
        others = {bound: 19 * n for bound, n in of_stable.items()}
        buckets(simulated.stable, "old", DURATIONS, {0.5: 0, 1.0: 0, 2.5: 0, **others})
        found.append(simulated.look().verdict)
    return found


def test_a_pod_that_fails_a_tenth_and_levels_off_is_not_blamed_and_passes() -> None:
    served = Served(error_rate())
    assert set(served.looks(5, new=10)) == {"Inconclusive"}
    found = served.look(new=0)
    assert found.message == (
        "The candidate's pods levelled off 1m after their first request. Until then 13% of their "
        "requests failed; these do not count, and the check starts again."
    )
    for _ in range(60):
        found = served.look(new=0)
        if found.verdict == "Pass":
            break
    assert found.verdict == "Pass"
    assert found.message.endswith(" The first 1m of the candidate's pods do not count.")


def test_one_that_began_a_moment_ago_by_a_clock_that_is_ahead_began_just_now() -> None:
    """Samples have the time of Prometheus, and the operator's clock may be behind."""
    served = Served(error_rate())
    served.looks(4, new=10)
    [check] = served.simulated.progress.checks
    starts = check.state.starts
    assert starts and starts.waits_since
    begun = starts.replace(waits_since=served.simulated.at + INTERVAL + 7)
    check = check.replace(state=check.state.replace(starts=begun))
    served.simulated.progress = replace(served.simulated.progress, checks=(check,))
    assert "pods that began to serve 0s ago failed" in served.look(new=10).message


@pytest.mark.parametrize("ahead", [-600.0, 60.0, 240.0])
@pytest.mark.parametrize(("cold_for", "until"), [(60, None), (600, 180.0)])
def test_a_clock_that_differs_from_that_of_prometheus_changes_nothing(
    ahead: float, cold_for: int, until: float | None
) -> None:
    """`ahead`: of the operator's clock, by which no time in the status is later than now."""
    served = Served(error_rate())
    simulated, failed_at = served.simulated, None
    while failed_at is None and served.seconds < 300:
        served.serve({"new": 10 if served.seconds < cold_for else 0}, 75)
        simulated.at += INTERVAL
        simulated.scrape()
        now = simulated.at + ahead
        found = simulated.judge(replace(simulated.measurement(), at=now))
        checks = begun_by(now, list(simulated.progress.checks))
        simulated.progress = replace(simulated.progress, checks=tuple(checks))
        failed_at = served.seconds if found.verdict == "Fail" else None
    assert failed_at == until


def test_after_its_start_it_is_blamed_as_soon_as_any() -> None:
    served = Served(error_rate())
    served.looks(6, new=8)
    served.looks(3, new=0)
    assert "Fail" in served.looks(6, new=6)
    assert "Fail" in Served(error_rate()).looks(6, new=6)


@pytest.mark.parametrize(("failed", "until"), [(15, 120.0), (30, 75.0)])
def test_one_that_does_not_is_blamed_the_sooner_the_more_of_its_requests_fail(
    failed: int, until: float
) -> None:
    served = Served(error_rate())
    while served.look(new=failed).verdict != "Fail":
        assert served.seconds < 300
    assert served.seconds == until


@pytest.mark.parametrize("failed", [4, 5, 75, 60])
def test_small_faults_and_great_ones_are_blamed_at_once(failed: int) -> None:
    waits, does_not = Served(error_rate()), Served(error_rate(warmUp="0s"))
    for served in (waits, does_not):
        while served.look(new=failed).verdict != "Fail":
            assert served.seconds < 300
    assert waits.seconds == does_not.seconds


def test_a_pod_that_turns_bad_after_it_was_well_is_blamed_at_once() -> None:
    waits, does_not = Served(error_rate()), Served(error_rate(warmUp="0s"))
    for served in (waits, does_not):
        served.looks(3, new=0)
        while served.look(new=15).verdict != "Fail":
            assert served.seconds < 300
    assert waits.seconds == does_not.seconds


def test_pods_in_the_place_of_others_are_not_waited_for_once_more() -> None:
    """As if each of them was evicted after a minute."""
    served = Served(error_rate())
    for number in range(20):
        served.serve({f"new-{number}": 0})
        served.simulated.scrape()
        if "Fail" in served.looks(4, **{f"new-{number}": 15}):
            break
    assert served.seconds <= 195


def test_a_container_that_restarts_while_it_is_waited_for_is_not_waited_for_once_more() -> None:
    served = Served(error_rate())
    while served.look(new=15).verdict != "Fail":
        if served.seconds % 60 == 0:
            served.simulated.candidate.restart("new")
        assert served.seconds < 300
    assert served.seconds <= 195


def test_a_container_that_restarts_starts_again_though_it_has_failed_more_since_than_before() -> (
    None
):
    """So that of its counters only that of the requests that succeed decreases."""
    served = Served(error_rate())
    served.looks(12, new=1)
    served.looks(13, new=0)
    served.simulated.candidate.restart("new")
    assert "Fail" not in served.looks(5, new=13)
    assert "may still be warming up" in served.simulated.progress.checks[0].message


def test_a_pod_still_starts_if_a_setting_of_the_check_is_changed_meanwhile() -> None:
    served = Served(error_rate())
    served.looks(4, new=10)
    assert "may still be warming up" in served.simulated.progress.checks[0].message
    served.simulated.analysis = SimulatedAnalysis(error_rate(tolerance=1.2)).analysis
    assert "Fail" not in served.looks(3, new=10)
    assert "may still be warming up" in served.simulated.progress.checks[0].message
    assert "Fail" not in served.looks(20, new=0)


def test_other_pods_are_blamed_while_one_starts() -> None:
    """Of a later step."""
    served = Served(error_rate())
    served.looks(25, new=0)
    requests(served.simulated.candidate, "newer", 0, 0)
    served.simulated.scrape()
    verdicts = served.looks(8, new=15, newer=8)
    assert "Fail" in verdicts[:4]


def test_what_others_fail_as_often_as_stable_does_not_hide_a_start() -> None:
    """Fifteen older pods fail as many requests as the one that starts."""
    served = Served(error_rate(tolerance=1, absoluteTolerance="0%"))

    def usual(look: int) -> dict[str, int]:
        return {f"old-{pod}": int((pod + look) % 4 != 0) for pod in range(15)}

    for look in range(12):
        served.look(**usual(look))
    served.serve({"newer": 0})
    served.simulated.scrape()
    messages = []
    for look in range(15):
        found = served.look(**usual(look), newer=11 if look < 9 else 0)
        assert found.verdict != "Fail"
        messages.append(found.message)
    assert any("levelled off" in each for each in messages)


def test_others_that_turn_bad_meanwhile_are_not_waited_for() -> None:
    served = Served(error_rate())
    served.looks(25, one=0, two=0, three=0)
    while "may still be warming up" not in served.look(one=0, two=0, three=0, newer=9).message:
        assert served.seconds < 600
    assert "Fail" in served.looks(3, one=30, two=30, three=30, newer=9)


def test_a_pod_that_is_well_after_its_container_has_restarted_meanwhile_is_not_blamed() -> None:
    simulated = SimulatedAnalysis(SLOW)
    timed_on(simulated, 8, TEN_TIMES)
    assert "may still be warming up" in simulated.progress.checks[0].message
    simulated.candidate.restart("new")
    assert "Fail" not in timed_on(simulated, 2, USUAL)
    assert "Pass" in timed_on(simulated, 40, USUAL)


@pytest.mark.parametrize("failed", [15, 30])
def test_new_pods_are_not_waited_for_if_older_ones_are_as_bad(failed: int) -> None:
    """A model that does not bear the load of a later step."""
    waits, does_not = Served(error_rate()), Served(error_rate(warmUp="0s"))
    for served in (waits, does_not):
        served.looks(25, new=0)
        while served.look(new=failed, second=failed, third=failed).verdict != "Fail":
            assert served.seconds < 600
    assert waits.seconds == does_not.seconds


def test_of_more_pods_than_the_status_has_room_for_the_others_are_not_taken_for_older_ones() -> (
    None
):
    served = Served(error_rate())
    names = [f"new-{number}" for number in range(70)]
    served.serve(dict.fromkeys(names, 0))
    served.simulated.scrape()
    assert "Fail" not in served.looks(4, **dict.fromkeys(names, 15))


def test_a_pod_that_starts_in_a_later_step_is_waited_for_too() -> None:
    served = Served(error_rate())
    served.looks(25, new=0)
    assert "Fail" not in served.looks(6, new=0, newer=8, newest=8)
    assert "levelled off" in served.look(new=0, newer=0, newest=0).message


def test_nothing_counts_towards_pass_while_a_pod_is_bad_at_its_start() -> None:
    served = Served(error_rate())
    served.looks(2, new=0)
    before = served.simulated.progress.checks[0].state.own_requests
    served.look(new=0, newer=15)
    served.looks(3, new=0, newer=15)
    state = served.simulated.progress.checks[0].state
    assert state.own_requests <= before + 150, "what was counted when it was seen to be bad"


def test_what_a_pod_did_that_has_left_delays_no_pass() -> None:
    """It was bad at its start, and two minutes without a sample show that it is gone."""
    served = Served(error_rate())
    served.looks(25, new=0)
    served.looks(4, new=0, newer=20)
    served.simulated.candidate.values.pop("newer")
    served.looks(9, new=0)
    before = served.simulated.progress.checks[0].state.own_requests
    served.looks(4, new=0)
    assert served.simulated.progress.checks[0].state.own_requests == before + 300


def test_a_pod_that_has_left_makes_none_younger() -> None:
    """Its successor is asked too seldom to be shown to be well."""
    served = Served(error_rate())
    served.looks(5, new=10, second=10)
    served.looks(25, new=0, second=0)
    [check] = served.simulated.progress.checks
    assert check.state.starts and check.state.starts.took == 60
    served.simulated.candidate.values.pop("second")
    for _ in range(7):
        requests(served.simulated.candidate, "newer", 0, 1)
        served.look(new=0)
    own = served.simulated.progress.checks[0].state.own_requests
    assert own == check.state.own_requests + 2 * 76, "of the looks after its first minute"


def test_that_stable_fails_as_often_is_no_start() -> None:
    simulated = SimulatedAnalysis(error_rate(limit="5%"))
    simulated.errors((0, 0), (0, 0))
    simulated.scrape()
    found = [simulated.look().verdict]
    for _ in range(4):
        simulated.errors((12, 100), (228, 1900))
        found.append(simulated.look().verdict)
    assert "Fail" in found


def test_a_pod_that_takes_ten_times_as_long_and_levels_off_is_not_blamed() -> None:
    simulated = SimulatedAnalysis(SLOW)
    assert "Fail" not in timed_on(simulated, 7, TEN_TIMES)
    assert "Fail" not in timed_on(simulated, 2, USUAL)
    assert "Pass" in timed_on(simulated, 40, USUAL)


def test_stables_own_first_requests_do_not_make_a_slow_start_look_well() -> None:
    """As where both are asked for the first time, so that its last hour is a few seconds."""
    simulated = SimulatedAnalysis(SLOW)
    [check] = simulated.analysis.checks
    first = CheckBaseline(
        reads=reads(check), bounds=[0.1, 0.25, 0.5, 1.0, 2.5], shares=[0.3, 0.2, 0.1, 0.07, 0.01]
    )
    baseline = Baseline(measured_at=SINCE, checks=[first])
    simulated.progress = replace(simulated.progress, baseline=baseline)
    assert "Fail" not in timed_on(simulated, 7, TEN_TIMES)
    assert "Fail" not in timed_on(simulated, 2, USUAL)
    assert "Pass" in timed_on(simulated, 40, USUAL)


def test_a_slow_start_is_waited_for_if_stable_is_never_slower_than_a_bucket_bound() -> None:
    """12% of its requests take longer than one bound, and none longer than the next."""
    simulated = SimulatedAnalysis(SLOW)
    even = {0.1: 66, 0.25: 9}
    assert "Fail" not in timed_on(simulated, 7, {1.0: 66, 2.5: 9}, of_stable=even)
    assert "Fail" not in timed_on(simulated, 2, even, of_stable=even)
    assert "Pass" in timed_on(simulated, 40, even, of_stable=even)


def test_it_is_if_these_are_few() -> None:
    simulated = SimulatedAnalysis(SLOW)
    few = {0.1: 2, 0.25: 1}
    assert "Fail" not in timed_on(simulated, 12, {1.0: 2, 2.5: 1}, of_stable=few)
    assert "may still be warming up" in simulated.progress.checks[0].message


def knowing(bounds: dict[float, float]) -> SimulatedAnalysis:
    """Of stable's last hour, which shares of its requests took longer than each bound."""
    simulated = SimulatedAnalysis(SLOW)
    [check] = simulated.analysis.checks
    known = CheckBaseline(reads=reads(check), bounds=[*bounds], shares=[*bounds.values()])
    baseline = Baseline(measured_at=SINCE, checks=[known])
    simulated.progress = replace(simulated.progress, baseline=baseline)
    return simulated


def test_it_is_said_and_waited_for_although_pods_of_stable_start_meanwhile() -> None:
    simulated = knowing({0.1: 0.0133, 0.25: 0.001})
    of_stable = {0.1: 50, 0.25: 1, 1.0: 20, 2.5: 4}
    assert "Fail" not in timed_on(simulated, 6, TEN_TIMES, of_stable=of_stable)
    message = simulated.progress.checks[0].message
    assert message.startswith("100% of the requests of pods that began to serve 1m15s ago took")
    assert "took more than 200ms. They may still be warming up" in message


def test_what_is_slow_does_not_change_with_a_few_requests_of_stable() -> None:
    """Of which 5.4% took longer than 250 ms in its last hour, and now 5.7% and now 4.3%."""
    simulated = knowing({0.1: 0.24, 0.25: 0.054, 0.5: 0.013})
    told = []
    for look in range(18):
        more = int(look % 12 < 8)
        of_stable = {0.1: 52, 0.25: 15 - more, 0.5: 2 + more, 1.0: 1}
        [verdict] = timed_on(simulated, 1, {1.0: 60, 2.5: 15}, of_stable=of_stable)
        assert verdict != "Fail"
        told.append(simulated.progress.checks[0].message)
    assert all(each.startswith("20% of the requests of pods that began to") for each in told[4:])


def test_one_that_levels_off_in_the_next_look_took_until_this_one() -> None:
    served = Served(error_rate())
    while "They may still" not in served.look(new=10).message:
        assert served.seconds < 300
    found = served.look(new=0)
    took = spoken(served.seconds - 2 * INTERVAL)
    assert found.message.startswith(f"The candidate's pods levelled off {took} after")


@pytest.mark.parametrize(("failed", "verdict"), [(0, "Inconclusive"), (40, "Fail")])
def test_a_look_after_a_gap_tells_whether_a_pod_has_levelled_off(failed: int, verdict: str) -> None:
    """As if Prometheus was down for more than five minutes."""
    served = Served(error_rate())
    served.looks(4, new=10)
    served.serve({"new": 10 * failed}, each=1500, of_stable=28500)
    found = served.simulated.look(330)
    assert found.verdict == verdict
    assert found.message.startswith("The candidate's pods levelled off 45s") == (not failed)


@pytest.mark.parametrize("answers", [True, False])
@pytest.mark.parametrize(("failed", "verdict"), [(0, "Inconclusive"), (10, "Fail")])
def test_looks_without_samples_end_no_wait(failed: int, verdict: str, answers: bool) -> None:
    """As if Prometheus scraped nothing for six minutes, or did not answer."""
    served = Served(error_rate())
    served.looks(4, new=10)
    told = []
    for _ in range(24):
        served.simulated.at += INTERVAL
        measured = served.simulated.measurement()
        if not answers:
            down = dict.fromkeys(measured.candidate, QueryError("Prometheus is down."))
            measured = replace(measured, candidate=down, stable=down)
        found = served.simulated.judge(measured)
        assert found.verdict in ("Inconclusive", "NoData", "Error")
        told.append(found.message)
    if answers:
        assert told[-1].startswith("The newest sample of model_requests_total from the candidate")
    assert served.look(new=failed).verdict == verdict


def test_one_that_levels_off_little_by_little_is_not_blamed() -> None:
    """Its share of slow requests falls to a quarter, and then to a quarter of that."""
    simulated = SimulatedAnalysis(SLOW)
    for slow in [75] * 6 + [45] * 3 + [30] * 3 + [15] * 3:
        assert timed_on(simulated, 1, {0.1: 75 - slow, 1.0: slow}) != ["Fail"]
    assert "Pass" in timed_on(simulated, 40, USUAL)


def test_one_whose_share_fell_soon_is_not_blamed_for_what_is_left_of_its_start() -> None:
    """40% of its requests fail for 45 s, and 12% of those of the next 105."""
    served = Served(error_rate())
    assert "Fail" not in served.looks(3, new=30)
    assert "levelled off 30s after" in served.look(new=9).message
    waits = []
    for _ in range(6):
        found = served.look(new=9)
        assert found.verdict != "Fail"
        waits += [found.message] * ("may still be warming up" in found.message)
    assert all("the check waits until 5m after their first request" in each for each in waits)
    assert "Fail" not in served.looks(20, new=0)


def test_one_whose_share_falls_and_stays_is_blamed_five_minutes_after_its_first_request() -> None:
    simulated = SimulatedAnalysis(SLOW)
    verdicts = timed_on(simulated, 6, TEN_TIMES) + timed_on(simulated, 20, {0.1: 50, 1.0: 25})
    assert verdicts.index("Fail") * INTERVAL <= 330


def test_of_a_second_start_its_own_time_is_told_and_the_longer_one_is_kept() -> None:
    served = Served(error_rate())
    served.looks(6, new=8)
    served.looks(30, new=0)
    served.look(new=0, newer=0, newest=0)
    served.looks(3, new=0, newer=12, newest=12)
    found = served.look(new=0, newer=0, newest=0)
    assert found.message.startswith("The candidate's pods levelled off 45s after")
    starts = found.state.starts
    assert starts and starts.took == 75


def test_one_that_stays_so_slow_is_blamed_five_minutes_after_its_first_request() -> None:
    verdicts = timed(30, TEN_TIMES)
    assert verdicts.index("Fail") * INTERVAL == 315


def test_slow_pods_in_the_place_of_others_are_not_waited_for_once_more() -> None:
    """As if an autoscaler replaced one every four minutes."""
    simulated = SimulatedAnalysis(SLOW)
    found = [timed_on(simulated, 16, TEN_TIMES, f"new-{number}") for number in range(4)]
    verdicts = [verdict for each in found for verdict in each]
    assert verdicts.index("Fail") * INTERVAL <= 330


def test_one_that_takes_half_as_long_again_is_blamed_at_once() -> None:
    verdicts = timed(10, HALF_AS_LONG_AGAIN)
    assert verdicts.index("Fail") * INTERVAL < 120


def test_what_is_waited_for_is_what_the_reference_says() -> None:
    told = ErrorRate.model_fields["warm_up"].description or ""
    assert f"{spoken(LONGEST)} after their first request" in told
    assert f"as they receive in {spoken(COST)}." in told
