"""Cells of the table that a test in tests/e2e plays on the real cluster, with real pods, a real
gateway, a real Prometheus and clients.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

_MEASURED: Final = "measured in a step"

PLAYED: Final[Mapping[tuple[str, str], str]] = {
    (_MEASURED, "other spec"): (
        "test_supersede::"
        "test_a_third_version_replaces_a_measured_second_one_and_takes_all_of_its_traffic"
    ),
    (_MEASURED, "scale to 6"): (
        "test_autoscaling::"
        "test_a_surge_in_mid_canary_scales_both_revisions_in_their_shares_and_down_again"
    ),
    (_MEASURED, "abort"): (
        "test_without_gateway::"
        "test_an_abort_takes_the_candidate_out_of_the_service_before_its_pods_end"
    ),
    (_MEASURED, "delete"): "test_lifecycle::test_deleted_in_mid_rollout_nothing_of_it_is_left",
    (_MEASURED, "operator killed"): (
        "test_killed::test_a_rollout_whose_operator_was_killed_ends_as_an_undisturbed_one[mid-step]"
    ),
    (_MEASURED, "Prometheus down"): (
        "test_prometheus_outage::"
        "test_an_outage_holds_the_rollout_says_since_when_and_why_and_then_it_goes_on"
    ),
    (_MEASURED, "candidate fails"): (
        "test_story::test_a_model_that_fails_on_some_inputs_is_rolled_back_by_its_errors"
    ),
    (_MEASURED, "candidate hangs"): (
        "test_hanging_candidate::"
        "test_a_candidate_that_hangs_loses_its_traffic_and_resumes_once_it_answers"
    ),
    (_MEASURED, "candidate dies of memory"): (
        "test_crash_loop::test_a_model_that_is_killed_for_memory_is_rolled_back_with_that_reason"
    ),
    (_MEASURED, "gateway's controller stopped"): (
        "test_gateway_controller_down::"
        "test_the_pods_that_the_proxies_still_lead_to_stay_and_the_status_says_why"
    ),
    ("in a pause", "advance"): ("test_examples::test_06_by_hand_waits_until_someone_says_go_on"),
    ("promoting", "operator killed"): (
        "test_killed::"
        "test_a_rollout_whose_operator_was_killed_ends_as_an_undisturbed_one[mid-promotion]"
    ),
}
"""By state and event, the test's module and name; one without parameters stands for all."""


def results(reports: Iterable[Path]) -> Mapping[str, bool]:
    """Whether each test of the end-to-end layer passed when it ran last; empty if it never did."""
    found: dict[str, bool] = {}
    there = [report for report in reports if report.exists()]
    for case in (case for report in there for case in ElementTree.parse(report).iter("testcase")):
        module = case.get("classname", "").rpartition(".")[2]
        name = case.get("name", "")
        passed = not any(case.find(each) is not None for each in ("failure", "error", "skipped"))
        for key in {f"{module}::{name}", f"{module}::{name.partition('[')[0]}"}:
            found[key] = found.get(key, True) and passed
    return found
