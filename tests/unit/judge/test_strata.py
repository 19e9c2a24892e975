"""analysis.stratify: evidence within each route, from samples to sentences."""

from collections.abc import Callable, Mapping
from math import inf

import pytest

from serinus.judge import EffectiveWeight, as_asked
from tests.support.simulated_analysis import (
    SINCE,
    SimulatedAnalysis,
    drift,
    error_rate,
    fairness,
    feedback,
    latency,
    traffic_share,
)
from tests.support.simulated_pods import Pods

Block = Mapping[str, tuple[int, int]]
"""By route, events and all requests."""
Check = Mapping[str, object]
Serve = Callable[[SimulatedAnalysis, Block, Block], None]
"""Candidate and stable serve."""

OTHER_MIX: tuple[Block, Block] = (
    {"/fast": (1, 100), "/slow": (10, 100)},
    {"/fast": (32, 3200), "/slow": (80, 800)},
)
"""Of candidate and stable: alike on each route, 5.5% and 2.8% in all."""
WORSE: tuple[Block, Block] = (
    {"/fast": (6, 200), "/slow": (6, 20)},
    {"/fast": (20, 2000), "/slow": (200, 2000)},
)
"""Three times as bad on each route, and 5.5% in all."""
BY_ROUTE = {"stratify": ["route"]}


def count(pods: Pods, metric: str, block: Block, label: str, bad: str, good: str) -> None:
    for route, (events, served) in block.items():
        pods.add("pod", metric, events, **{label: bad, "route": route})
        pods.add("pod", metric, served - events, **{label: good, "route": route})


def serve_requests(simulated: SimulatedAnalysis, candidate: Block, stable: Block) -> None:
    for pods, block in ((simulated.candidate, candidate), (simulated.stable, stable)):
        count(pods, "model_requests_total", block, "code", "500", "200")


def serve_feedback(simulated: SimulatedAnalysis, candidate: Block, stable: Block) -> None:
    for pods, block in ((simulated.candidate, candidate), (simulated.stable, stable)):
        count(pods, "model_feedback_total", block, "outcome", "bad", "good")


def serve_classes(simulated: SimulatedAnalysis, candidate: Block, stable: Block) -> None:
    for pods, block in ((simulated.candidate, candidate), (simulated.stable, stable)):
        count(pods, "model_predictions_total", block, "class", "refuse", "approve")


def serve_scores(simulated: SimulatedAnalysis, candidate: Block, stable: Block) -> None:
    serve_buckets(simulated, "model_prediction_score", candidate, stable)


def serve_durations(simulated: SimulatedAnalysis, candidate: Block, stable: Block) -> None:
    serve_buckets(simulated, "model_request_duration_seconds", candidate, stable)


def serve_buckets(
    simulated: SimulatedAnalysis, histogram: str, candidate: Block, stable: Block
) -> None:
    for pods, block in ((simulated.candidate, candidate), (simulated.stable, stable)):
        for route, (above, served) in block.items():
            for bound, up_to in {0.1: 0, 0.5: served - above, 1.0: served, inf: served}.items():
                le = "+Inf" if bound == inf else str(bound)
                pods.add("pod", f"{histogram}_bucket", up_to, le=le, route=route)


KINDS = {
    "errorRate": (error_rate(), serve_requests),
    "feedback": (feedback(), serve_feedback),
    "latency": (latency(), serve_durations),
    "predictionDrift, classes": (
        drift(classes={"metric": "model_predictions_total"}, margin=3),
        serve_classes,
    ),
    "predictionDrift, scores": (drift(scores="model_prediction_score", margin=3), serve_scores),
}
every_kind = pytest.mark.parametrize(("check", "serve"), KINDS.values(), ids=KINDS)


def serving(check: Check, serve: Serve, **analysis: object) -> SimulatedAnalysis:
    """Both arms are up, and export each route."""
    simulated = SimulatedAnalysis(check, **analysis)
    nothing = {"/fast": (0, 0), "/slow": (0, 0)}
    serve(simulated, nothing, nothing)
    simulated.scrape()
    simulated.look()
    return simulated


@every_kind
def test_another_mix_of_routes_is_no_evidence(check: Check, serve: Serve) -> None:
    pooled = serving(check, serve)
    pooled.until("Fail", lambda: serve(pooled, *OTHER_MIX))
    divided = serving(check, serve, **BY_ROUTE)
    found = divided.until("Pass", lambda: serve(divided, *OTHER_MIX))
    assert ", compared within each route" in found.message
    for _ in range(60):
        serve(divided, *OTHER_MIX)
        assert divided.look().verdict == "Pass"


@every_kind
def test_a_candidate_that_is_worse_on_each_route_is_found_behind_a_better_mix(
    check: Check, serve: Serve
) -> None:
    divided = serving(check, serve, **BY_ROUTE)
    divided.until("Fail", lambda: serve(divided, *WORSE))


def errors_by_route(**settings: object) -> SimulatedAnalysis:
    return serving(error_rate(**settings), serve_requests, **BY_ROUTE)


def test_the_message_has_the_totals_and_says_that_routes_are_compared() -> None:
    simulated = errors_by_route()
    found = simulated.until("Fail", lambda: serve_requests(simulated, *WORSE))
    assert found.message == (
        "Candidate errors 36/660 (5.5%), stable 660/12000 (5.5%), compared within each route; "
        "worse than tolerated (1.1 times stable's + 0.1%). "
        "False-alarm risk at most 1% per rollout, all looks and checks included. "
        "The candidate serves a different mix of requests: 91% are of /fast, and 50% of stable's; "
        "that is not evidence."
    )


def test_two_labels_are_named_together() -> None:
    simulated = SimulatedAnalysis(error_rate(), stratify=["route", "tenant"])
    for pods in (simulated.candidate, simulated.stable):
        pods.add("pod", "model_requests_total", 10, code="200", route="/a", tenant="x")
    simulated.scrape()
    simulated.look()
    for pods in (simulated.candidate, simulated.stable):
        pods.add("pod", "model_requests_total", 10, code="200", route="/a", tenant="x")
    assert "compared within each combination of route and tenant" in simulated.look().message


def test_a_pass_is_forecast_by_what_was_shown_within_the_routes() -> None:
    simulated = errors_by_route()
    serve_requests(simulated, {"/fast": (1, 40)}, {"/fast": (40, 1600)})
    found = simulated.look()
    assert found.verdict == "Inconclusive"
    assert "Passes after about" in found.message


def test_nothing_is_forecast_while_a_candidate_looks_worse() -> None:
    simulated = errors_by_route()
    serve_requests(simulated, {"/fast": (3, 20)}, {"/fast": (40, 1600)})
    found = simulated.look()
    assert found.message.endswith("neither shown worse than tolerated nor within the margin.")


def test_with_the_same_mix_the_evidence_is_the_same_as_without_strata() -> None:
    candidate, stable = {"/a": (3, 60), "/b": (9, 90)}, {"/a": (20, 1200), "/b": (90, 1800)}
    found = []
    for analysis in ({}, BY_ROUTE):
        simulated = serving(error_rate(), serve_requests, **analysis)
        serve_requests(simulated, {"/a": (0, 0), "/b": (0, 0)}, {"/a": (0, 0), "/b": (0, 0)})
        simulated.look()
        serve_requests(simulated, candidate, stable)
        found.append(simulated.look().state)
    pooled, divided = found
    assert divided.peak == pytest.approx(pooled.peak, abs=1e-4)
    assert divided.comparisons[0].not_above == pytest.approx(
        pooled.comparisons[0].not_above, abs=1e-4
    )


def test_a_route_that_one_revision_alone_serves_is_no_evidence() -> None:
    simulated = errors_by_route()
    before = simulated.look().state
    serve_requests(simulated, {"/new": (100, 100)}, {"/old": (0, 10_000)})
    after = simulated.look().state
    known, then = after.comparisons[0], before.comparisons[0]
    assert known.not_above == pytest.approx(then.not_above, abs=1e-5)
    assert after.peak == pytest.approx(before.peak, abs=1e-5)
    assert (known.candidate, after.candidate["requests"]) == (100, 100)


def test_a_limit_counts_all_routes_together() -> None:
    simulated = errors_by_route(limit="5%")
    found = simulated.until(
        "Fail", lambda: serve_requests(simulated, {"/new": (30, 100)}, {"/old": (10, 1000)})
    )
    assert "above the limit of 5%" in found.message


@every_kind
def test_a_series_without_the_label_is_an_error_with_the_remedy(check: Check, serve: Serve) -> None:
    simulated = serving(check, serve, stratify=["tenant"])
    serve(simulated, *OTHER_MIX)
    found = simulated.look()
    assert found.verdict == "Error"
    assert found.message.endswith(
        " of the candidate pods has series without the label tenant: export it with every request "
        "of both revisions, exclude these series by a matcher, or remove tenant from "
        "analysis.stratify."
    )


def test_a_failure_that_is_counted_without_its_route_keeps_the_check_from_passing() -> None:
    simulated = errors_by_route()
    simulated.candidate.add("pod", "model_requests_total", 1, code="500")
    for _ in range(50):
        serve_requests(simulated, {"/a": (0, 100)}, {"/a": (10, 1000)})
        assert simulated.look().verdict == "Error"


def test_too_many_values_are_an_error_with_the_remedy() -> None:
    simulated = errors_by_route()
    serve_requests(simulated, {}, {f"/user/{n}": (0, 10) for n in range(21)})
    found = simulated.look()
    assert (found.verdict, found.message) == (
        "Error",
        "The label route has 23 values, but at most 20 can be compared: export coarser ones, "
        "exclude some by a matcher, or remove a label from analysis.stratify.",
    )


@pytest.mark.parametrize(
    "check", [traffic_share(), fairness(favourable=[{"label": "class", "value": "approve"}])]
)
def test_checks_that_do_not_compare_the_requests_of_both_revisions_need_no_label(
    check: Check,
) -> None:
    simulated = SimulatedAnalysis(check, **BY_ROUTE)
    simulated.weight = EffectiveWeight(0.05, SINCE)
    simulated.errors((0, 0), (0, 0))
    simulated.groups(north=(1, 2), south=(1, 2))
    simulated.scrape()
    simulated.errors((0, 75), (0, 1425))
    assert simulated.look().verdict != "Error"


def test_evidence_of_other_strata_does_not_count() -> None:
    simulated = serving(error_rate(), serve_requests)
    simulated.until("Fail", lambda: serve_requests(simulated, *OTHER_MIX))
    by_route = simulated.analysis.replace(stratify=["route"])
    (check,) = as_asked(by_route, simulated.progress.checks)
    assert (check.verdict, check.state.comparisons) == ("NoData", [])


def test_a_bad_pod_is_named_whatever_the_routes() -> None:
    simulated = serving(error_rate(), serve_requests, onePodToBlame="Rollback", **BY_ROUTE)

    def serve() -> None:
        for pod, failed in (("one", 12), ("two", 0), ("three", 0)):
            for route in ("/a", "/b"):
                labels = {"route": route}
                simulated.candidate.add(pod, "model_requests_total", failed, code="500", **labels)
                simulated.candidate.add(pod, "model_requests_total", 60, code="200", **labels)
        serve_requests(simulated, {}, {"/a": (30, 3000), "/b": (30, 3000)})

    assert "are in pod one, one of " in simulated.until("Fail", serve).message
