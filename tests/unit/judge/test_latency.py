"""latency, from samples to sentences."""

from collections.abc import Mapping
from dataclasses import replace
from math import inf

from serinus.judge.evidence.kernel import log_sum
from tests.support.simulated_analysis import SimulatedAnalysis, buckets, error_rate, latency

BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0)
FAST = {0.05: 400, 0.1: 300, 0.25: 200, 0.5: 70, 1.0: 25, inf: 5}
"""A thousand requests of stable."""
SLOW = {0.05: 250, 0.1: 300, 0.25: 250, 0.5: 130, 1.0: 50, inf: 20}


def serving(**settings: object) -> SimulatedAnalysis:
    """Both arms are up, were scraped before the weight took effect, and stable has served."""
    simulated = SimulatedAnalysis(latency(**settings))
    simulated.durations(dict.fromkeys(BOUNDS, 0), dict.fromkeys(BOUNDS, 0))
    simulated.scrape()
    simulated.look()
    simulated.durations({}, times(FAST, 2))
    simulated.look()
    return simulated


def times(counts: Mapping[float, int], factor: int) -> dict[float, int]:
    return {bound: factor * count for bound, count in counts.items()}


def test_a_slower_candidate_is_failed_and_the_bound_is_named_with_both_shares() -> None:
    simulated = serving()
    found = simulated.until("Fail", lambda: simulated.durations(SLOW, times(FAST, 10)), looks=5)
    assert found.message == (
        "Slower than 250ms: candidate 400/2000 (20%), stable 2000/20000 (10%); worse than "
        "tolerated (1.1 times stable's + 0.5%). "
        "False-alarm risk at most 1% per rollout, all looks and checks included."
    )


def test_a_candidate_that_is_a_little_slower_at_each_bound_is_failed_and_a_bound_is_named() -> None:
    slower = {0.05: 170, 0.1: 165, 0.25: 120, 0.5: 50, 1.0: 22, inf: 8}
    simulated = serving(tolerance=1.0, absoluteTolerance="0%")
    found = simulated.until("Fail", lambda: simulated.durations(slower, times(FAST, 5)), looks=9)
    shown = {each.name: log_sum(each.above) for each in found.state.comparisons}
    assert max(shown, key=lambda name: shown[name]) == "shift"
    assert found.message.startswith("Slower than 250ms: candidate ")


def test_a_slower_candidate_is_found_as_soon_after_both_arms_became_quicker() -> None:
    """Stable's share of slow requests is expected to be that of its last look."""
    before, after = {0.5: 30, 1.0: 50, inf: 20}, {0.05: 70, 0.1: 20, 0.25: 10}
    simulated = serving(tolerance=1.0, absoluteTolerance="0%")
    for _ in range(60):
        simulated.durations(before, times(before, 19))
        simulated.look()
    slower = {0.05: 60, 0.1: 25, 0.25: 15}
    simulated.until("Fail", lambda: simulated.durations(slower, times(after, 19)), looks=9)


def test_what_was_known_before_a_shift_was_seen_goes_on_as_it_was() -> None:
    """Of a rollout under way, whose status has no shift and whose history no shares."""
    simulated = serving()
    [check] = simulated.progress.checks
    kept = [each for each in check.state.comparisons if each.name != "shift"]
    before = check.replace(state=check.state.replace(comparisons=kept))
    simulated.progress = replace(simulated.progress, checks=(before,))
    found = simulated.until("Fail", lambda: simulated.durations(SLOW, times(FAST, 10)), looks=5)
    assert [each.name for each in found.state.comparisons] == [each.name for each in kept]


def test_a_candidate_as_quick_as_stable_passes() -> None:
    simulated = serving()
    found = simulated.until("Pass", lambda: simulated.durations(FAST, times(FAST, 10)), looks=5)
    assert found.message.endswith(
        "at every bound within the margin (1.5 times stable's + 2%); "
        "risk of passing a candidate beyond it at most 5%, for this check and step."
    )


def test_a_quicker_candidate_passes_too() -> None:
    simulated = serving()
    found = simulated.until("Pass", lambda: simulated.durations(FAST, times(SLOW, 10)), looks=5)
    assert ", stable " in found.message


def test_the_block_that_the_bounds_are_chosen_by_is_not_weighed() -> None:
    simulated = SimulatedAnalysis(latency())
    simulated.durations(dict.fromkeys(BOUNDS, 0), dict.fromkeys(BOUNDS, 0))
    simulated.scrape()
    first = simulated.look()
    assert first.message == (
        "The bucket bounds to compare at are not known yet: stable has served no requests, or few "
        "that are all in one bucket, or all are above the last bound (then export higher bounds)."
    )
    simulated.durations(times(SLOW, 10), times(FAST, 10))
    chosen = simulated.look()
    assert chosen.verdict == "Inconclusive"
    assert chosen.message == "The candidate pods have served no requests yet."
    assert chosen.state.peak == 0
    assert [each.name for each in chosen.state.comparisons] == [
        *(f"slower than {bound}" for bound in BOUNDS),
        "shift",
    ]
    simulated.durations(times(SLOW, 10), times(FAST, 10))
    assert simulated.look().verdict == "Inconclusive"
    simulated.durations(times(SLOW, 10), times(FAST, 10))
    assert simulated.look().verdict == "Fail"


def test_a_bound_that_nobody_or_everybody_exceeds_is_not_compared() -> None:
    simulated = SimulatedAnalysis(latency())
    simulated.durations(
        dict.fromkeys((0.001, *BOUNDS, 60.0), 0), dict.fromkeys((0.001, *BOUNDS), 0)
    )
    simulated.scrape()
    simulated.look()
    simulated.durations({0.001: 0, **FAST}, {0.001: 0, 0.05: 0, 0.1: 90, 0.25: 10})
    found = simulated.look()
    assert [each.name for each in found.state.comparisons] == ["slower than 0.1"]


def test_a_bound_that_some_pod_does_not_have_is_not_compared() -> None:
    simulated = SimulatedAnalysis(latency())
    simulated.durations(dict.fromkeys(BOUNDS, 0), dict.fromkeys((0.05, 0.3), 0))
    simulated.scrape()
    simulated.look()
    simulated.durations(FAST, {0.05: 300, 0.3: 500, inf: 200})
    assert [each.name for each in simulated.look().state.comparisons] == ["slower than 0.05"]


def test_a_bound_that_is_lost_on_the_way_is_given_up_and_the_others_go_on() -> None:
    simulated = serving()
    buckets(simulated.candidate, "new", "model_request_duration_seconds", {0.05: 0, 0.5: 0})
    simulated.look()
    buckets(simulated.candidate, "new", "model_request_duration_seconds", {0.05: 300, 0.5: 700})
    simulated.durations(FAST, FAST)
    kept = [each.name for each in simulated.look().state.comparisons]
    assert kept == ["slower than 0.05", "slower than 0.5", "slower than 1.0", "shift"]


def test_histograms_without_a_bound_in_common_have_no_verdict() -> None:
    simulated = SimulatedAnalysis(latency())
    simulated.durations({0.1: 0}, {0.3: 0})
    simulated.scrape()
    simulated.look()
    simulated.durations({0.1: 500, inf: 500}, {0.3: 5000, inf: 5000})
    found = simulated.look()
    assert found.verdict == "Error"
    assert found.message == (
        "Candidate and stable have no bucket bound of model_request_duration_seconds_bucket in "
        "common: export it with the same buckets from both."
    )


def test_a_limit_fails_a_candidate_that_is_no_slower_than_stable() -> None:
    simulated = serving(limit={"bound": "500ms", "share": "1%"})
    found = simulated.until("Fail", lambda: simulated.durations(FAST, times(FAST, 10)), looks=9)
    assert found.message.startswith("Slower than 500ms: candidate ")
    assert "; above the limit of 1%." in found.message


def test_a_limit_between_two_buckets_is_counted_from_the_next_and_says_so() -> None:
    simulated = serving(limit={"bound": "300ms", "share": "1%"})
    found = simulated.until("Fail", lambda: simulated.durations(FAST, times(FAST, 10)), looks=9)
    assert found.message.startswith("Slower than 500ms: candidate ")


def test_a_limit_between_two_buckets_is_passed_by_the_bound_that_was_counted() -> None:
    simulated = serving(limit={"bound": "750ms", "share": "2%"})
    found = simulated.until("Pass", lambda: simulated.durations(FAST, times(FAST, 10)), looks=20)
    assert "and less than 2% slower than 1s" in found.message


def test_a_limit_has_to_be_shown_to_be_kept_before_a_pass() -> None:
    simulated = serving(limit={"bound": "1s", "share": "1%"})
    simulated.durations(FAST, times(FAST, 10))
    assert simulated.look().verdict == "Inconclusive"
    found = simulated.until("Pass", lambda: simulated.durations(FAST, times(FAST, 10)), looks=20)
    assert "and less than 1% slower than 1s" in found.message


def test_a_histogram_in_milliseconds_is_told_and_limited_in_time_all_the_same() -> None:
    settings = {"metric": "took_milliseconds", "unit": "ms"}
    simulated = SimulatedAnalysis(
        latency(histogram=settings, limit={"bound": "500ms", "share": "1%"})
    )
    in_ms = {1000 * bound: count for bound, count in FAST.items()}
    for pods in (simulated.candidate, simulated.stable):
        buckets(pods, "pod", "took_milliseconds", dict.fromkeys(in_ms, 0))
    simulated.scrape()
    found = simulated.look()
    for _ in range(4):
        for pods in (simulated.candidate, simulated.stable):
            buckets(pods, "pod", "took_milliseconds", times(in_ms, 10))
        found = simulated.look()
    assert found.verdict == "Fail"
    assert found.message.startswith("Slower than 500ms: candidate ")


def native(
    simulated: SimulatedAnalysis, candidate: Mapping[float, int], stable: Mapping[float, int]
) -> None:
    """Native histograms, as they are answered."""
    for pods, counts in ((simulated.candidate, candidate), (simulated.stable, stable)):
        total = 0
        for bound, count in sorted({inf: 0, **counts}.items()):
            total += count
            pods.add("pod", "model_request_duration_seconds", total, le=str(bound))


def test_native_histograms_are_compared_where_both_arms_have_them() -> None:
    simulated = serving()
    native(simulated, {}, {})
    simulated.look()
    for _ in range(3):
        native(simulated, {0.3: 500, 0.6: 500}, {0.3: 9000, 0.6: 1000})
        simulated.durations(FAST, times(FAST, 10))
        found = simulated.look()
    assert found.verdict == "Fail"
    assert found.message.startswith("Slower than 300ms: candidate ")


def test_where_one_arm_has_classic_buckets_alone_these_are_compared() -> None:
    simulated = serving()
    native(simulated, {}, {0.3: 9000, 0.6: 1000})
    del simulated.candidate.values["pod"][("model_request_duration_seconds", (("le", "inf"),))]
    found = simulated.until("Fail", lambda: simulated.durations(SLOW, times(FAST, 10)), looks=5)
    assert found.message.startswith("Slower than 250ms: candidate ")


def test_the_bounds_of_a_coarser_native_histogram_are_compared() -> None:
    simulated = SimulatedAnalysis(latency())
    native(simulated, {}, {})
    simulated.scrape()
    simulated.look()
    fine = {0.25: 4000, 0.35: 3000, 0.5: 2000, 0.71: 600, 1.0: 300, 2.0: 100}
    native(simulated, {0.25: 400, 0.5: 500, 1.0: 90, 2.0: 10}, fine)
    chosen = simulated.look()
    names = [each.name for each in chosen.state.comparisons]
    assert names == ["slower than 0.25", "slower than 0.5", "slower than 1.0", "shift"]
    for _ in range(2):
        native(simulated, {0.25: 200, 0.5: 500, 1.0: 250, 2.0: 50}, fine)
        found = simulated.look()
    assert found.verdict == "Fail"


def test_pods_that_export_no_histogram_are_no_data_and_the_message_names_it() -> None:
    simulated = SimulatedAnalysis(latency())
    simulated.at += 120
    found = simulated.look()
    assert found.verdict == "NoData"
    assert "no model_request_duration_seconds_bucket from the candidate pods" in found.message


def test_a_restart_that_only_some_buckets_show_makes_no_count_negative() -> None:
    simulated = serving()
    simulated.durations(FAST, FAST)
    simulated.look()
    simulated.candidate.restart("pod")
    simulated.durations({0.05: 500, 0.1: 10, **dict.fromkeys(BOUNDS[2:], 0)}, FAST)
    for each in simulated.look().state.comparisons:
        assert 0 <= each.candidate <= 1510


def in_one_bucket(bucket: float, stable: int, candidate: int) -> SimulatedAnalysis:
    """Both arms are up, and all requests so far fell into the same bucket."""
    simulated = SimulatedAnalysis(latency())
    simulated.durations(dict.fromkeys(BOUNDS, 0), dict.fromkeys(BOUNDS, 0))
    simulated.scrape()
    for _ in range(20):
        simulated.durations({bucket: candidate}, {bucket: stable})
        simulated.look()
    return simulated


def test_where_all_requests_fall_into_the_first_bucket_the_candidates_there_are_a_pass() -> None:
    simulated = in_one_bucket(0.05, stable=100, candidate=100)
    found = simulated.look()
    assert found.verdict == "Pass"
    assert found.message.endswith(
        "at every bound within the margin (1.5 times stable's + 2%); "
        "risk of passing a candidate beyond it at most 5%, for this check and step. "
        "All of stable's requests are in one bucket; only finer buckets would show a slower "
        "candidate within it."
    )


def test_so_they_are_where_few_come_at_a_time() -> None:
    assert in_one_bucket(0.25, stable=25, candidate=100).look().verdict == "Pass"


def test_a_candidate_beyond_the_one_bucket_that_stable_needs_is_failed() -> None:
    simulated = in_one_bucket(0.05, stable=200, candidate=20)
    found = simulated.until("Fail", lambda: simulated.durations({0.1: 20}, {0.05: 200}), looks=5)
    assert "Slower than 50ms" in found.message


def test_a_few_requests_in_one_bucket_do_not_choose_the_bounds() -> None:
    simulated = SimulatedAnalysis(latency())
    simulated.durations(dict.fromkeys(BOUNDS, 0), dict.fromkeys(BOUNDS, 0))
    simulated.scrape()
    simulated.durations({0.05: 5}, {0.05: 20})
    simulated.look()
    simulated.durations(FAST, times(FAST, 10))
    found = simulated.look()
    assert len(found.state.comparisons) > 3


def test_where_all_are_beyond_the_last_bound_nothing_can_be_compared_and_that_is_said() -> None:
    simulated = in_one_bucket(inf, stable=200, candidate=200)
    found = simulated.look()
    assert found.verdict == "Inconclusive"
    assert "all are above the last bound (then export higher bounds)" in found.message


def test_durations_without_bucket_bounds_are_an_error_and_end_no_other_check() -> None:
    simulated = SimulatedAnalysis(latency(), error_rate())
    for pods in (simulated.candidate, simulated.stable):
        pods.add("pod", "model_request_duration_seconds_bucket", 0)
    simulated.errors((0, 0), (0, 0))
    simulated.look()
    for pods in (simulated.candidate, simulated.stable):
        pods.add("pod", "model_request_duration_seconds_bucket", 50)
    simulated.errors((0, 50), (0, 50))
    simulated.look()
    slow, errors = simulated.progress.checks
    assert slow.verdict == "Error"
    assert "without a bucket bound in the label le" in slow.message
    assert errors.message.startswith("Candidate errors 0/50")


def test_a_label_le_of_a_counter_is_like_any_other() -> None:
    simulated = SimulatedAnalysis(error_rate())
    for pods in (simulated.candidate, simulated.stable):
        pods.add("pod", "model_requests_total", 0, code="200", le="high")
    simulated.look()
    simulated.candidate.add("pod", "model_requests_total", 50, code="200", le="high")
    assert simulated.look().message.startswith("Candidate errors 0/50")
