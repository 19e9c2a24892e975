"""Labels that were chosen by stable's history: what the candidate's requests make of them."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from serinus.api.baseline import Baseline, CheckBaseline
from serinus.api.status import CheckState, Comparison
from serinus.judge import as_asked
from serinus.judge.analysis import reads
from serinus.judge.evidence.pods import share_to_expect, with_events
from tests.support.simulated_analysis import SINCE, SimulatedAnalysis, drift, error_rate
from tests.support.simulated_pods import Pods

Block = Mapping[str, tuple[int, int]]
"""By route, errors and all requests."""
OTHER_MIX: tuple[Block, Block] = (
    {"/fast": (1, 100), "/slow": (10, 100)},
    {"/fast": (32, 3200), "/slow": (80, 800)},
)
"""Of candidate and stable: alike on each route, 5.5% and 2.8% in all."""
SAME_MIX: tuple[Block, Block] = (
    {"/fast": (2, 160), "/slow": (4, 40)},
    {"/fast": (32, 3200), "/slow": (80, 800)},
)


def count(pods: Pods, block: Block, label: str = "route") -> None:
    for route, (errors, served) in block.items():
        for code, n in (("500", errors), ("200", served - errors)):
            labels = {"code": code, label: route}
            pods.add("pod", "model_requests_total", n, **labels)


def by_route(candidate: Block | None = None, label: str = "route") -> SimulatedAnalysis:
    """Its history has chosen the label route. Both arms are up, and export what they will serve."""
    simulated = SimulatedAnalysis(error_rate())
    [check] = simulated.analysis.checks
    known = CheckBaseline(reads=reads(check), stratify=["route"], strata=["/fast", "/slow"])
    baseline = Baseline(measured_at=SINCE, checks=[known])
    simulated.progress = replace(simulated.progress, baseline=baseline)
    count(simulated.stable, dict.fromkeys(("/fast", "/slow"), (0, 0)))
    count(simulated.candidate, dict.fromkeys(candidate or ("/fast", "/slow"), (0, 0)), label)
    simulated.scrape()
    simulated.look()
    return simulated


def serve(simulated: SimulatedAnalysis, candidate: Block, stable: Block) -> None:
    count(simulated.candidate, candidate)
    count(simulated.stable, stable)


def test_another_mix_is_no_evidence_and_is_told() -> None:
    simulated = by_route()
    found = simulated.until("Pass", lambda: serve(simulated, *OTHER_MIX))
    assert ", compared within each route" in found.message
    assert found.message.endswith(
        "The candidate serves a different mix of requests: 50% are of /slow, and 20% of stable's; "
        "that is not evidence."
    )


def test_nothing_is_told_of_a_mix_that_is_the_same() -> None:
    simulated = by_route()
    found = simulated.until("Pass", lambda: serve(simulated, *SAME_MIX))
    assert "mix" not in found.message


def test_a_value_that_only_the_candidate_has_lets_all_be_compared_together() -> None:
    simulated = by_route()
    serve(simulated, *SAME_MIX)
    assert simulated.look().state.comparisons[0].candidate
    serve(simulated, {**SAME_MIX[0], "/new": (0, 50)}, SAME_MIX[1])
    dropped = simulated.look()
    assert dropped.verdict == "Inconclusive"
    assert dropped.state.comparisons[0].candidate == 0
    assert dropped.message.endswith(
        "All requests are compared together, since 11% of the candidate's requests are of a route "
        "that stable does not serve, such as /new."
    )
    bad = {**SAME_MIX[0], "/new": (50, 50)}
    found = simulated.until("Fail", lambda: serve(simulated, bad, SAME_MIX[1]))
    assert "compared within" not in found.message
    assert "All requests are compared together" in found.message


def test_a_few_requests_with_another_value_change_nothing() -> None:
    simulated = by_route()
    serve(simulated, {"/fast": (10, 4000), "/slow": (80, 1000), "/odd": (1, 5)}, SAME_MIX[1])
    assert "compared within each route" in simulated.look().message
    serve(simulated, {"/odd": (1, 1)}, SAME_MIX[1])
    assert "All requests are compared together" in simulated.look().message


def test_a_value_of_stables_last_hour_need_not_be_there_now() -> None:
    simulated = by_route()
    simulated.stable = Pods()
    count(simulated.stable, {"/fast": (0, 0)})
    for _ in range(2):
        serve(simulated, {"/slow": (0, 10)}, {"/fast": (10, 1000)})
        found = simulated.look()
    assert "All requests are compared together" not in found.message


def test_requests_of_which_stable_has_no_counterpart_do_not_hold_for_ever() -> None:
    simulated = by_route()
    found = simulated.until(
        "Pass", lambda: serve(simulated, {"/slow": (0, 100)}, {"/fast": (10, 1000)})
    )
    assert "All requests are compared together, since 100% of the cand" in found.message


@pytest.mark.parametrize("label", ["handler", "path"])
def test_a_candidate_without_the_label_is_compared_as_a_whole(label: str) -> None:
    simulated = by_route(label=label)

    def served() -> None:
        count(simulated.candidate, SAME_MIX[0], label)
        count(simulated.stable, SAME_MIX[1])

    found = simulated.until("Pass", served)
    assert found.message.endswith(
        "All requests are compared together, since model_requests_total of the candidate pods has "
        "series without the label route."
    )


def test_failures_without_the_label_are_counted() -> None:
    simulated = by_route()

    def served() -> None:
        serve(simulated, {"/fast": (0, 100)}, {"/fast": (10, 1000)})
        simulated.candidate.add("pod", "model_requests_total", 20, code="500")

    simulated.until("Fail", served)


def test_more_values_than_can_be_compared_are_compared_as_a_whole() -> None:
    simulated = by_route()
    many = {f"/user/{n}": (0, 10) for n in range(25)}
    found = simulated.until("Pass", lambda: serve(simulated, many, many))
    assert found.message.endswith(
        "All requests are compared together, since the label route has 27 values."
    )


def test_the_choice_and_what_became_of_it_survive_a_restart() -> None:
    simulated = by_route()
    serve(simulated, *SAME_MIX)
    simulated.look()
    simulated.resume()
    serve(simulated, *SAME_MIX)
    assert "compared within each route" in simulated.look().message
    serve(simulated, {**SAME_MIX[0], "/new": (0, 50)}, SAME_MIX[1])
    simulated.look()
    simulated.resume()
    serve(simulated, *SAME_MIX)
    assert "All requests are compared together" in simulated.look().message


def test_evidence_within_chosen_labels_is_kept_while_the_analysis_stays_as_it_is() -> None:
    simulated = by_route()
    serve(simulated, *SAME_MIX)
    simulated.look()
    checks, baseline = simulated.progress.checks, simulated.progress.baseline
    assert as_asked(simulated.analysis, checks, baseline) == list(checks)
    [anew] = as_asked(simulated.analysis.replace(stratify=[]), checks, baseline)
    assert (anew.verdict, anew.state.comparisons) == ("NoData", [])


def test_a_baseline_of_an_earlier_version_has_chosen_nothing() -> None:
    simulated = SimulatedAnalysis(error_rate())
    [check] = simulated.analysis.checks
    known = Baseline.model_validate({"measuredAt": SINCE, "checks": [{"reads": reads(check)}]})
    simulated.progress = replace(simulated.progress, baseline=known)
    serve(simulated, *SAME_MIX)
    simulated.look()
    serve(simulated, *SAME_MIX)
    assert "compared within" not in simulated.look().message


def test_a_check_that_counts_by_a_chosen_label_compares_the_whole() -> None:
    """Two checks may read one counter, each by another label."""
    simulated = SimulatedAnalysis(
        drift(classes={"metric": "model_predictions_total"}, classLabel="lang")
    )
    [check] = simulated.analysis.checks
    known = CheckBaseline(reads=reads(check), stratify=["lang"], strata=["de", "en"])
    baseline = Baseline(measured_at=SINCE, checks=[known])
    simulated.progress = replace(simulated.progress, baseline=baseline)
    for _ in range(3):
        for pods in (simulated.candidate, simulated.stable):
            for lang in ("de", "en"):
                pods.add("pod", "model_predictions_total", 50, lang=lang)
        found = simulated.look()
    assert "compared within" not in found.message


def test_stables_pods_are_compared_though_labels_were_chosen() -> None:
    simulated = by_route()
    for pod in ("two", "three"):
        simulated.stable.add(pod, "model_requests_total", 0, code="200", route="/fast")
    simulated.look()
    for _ in range(10):
        count(simulated.candidate, {"/fast": (1, 100)})
        for pod, failed in (("pod", 100), ("two", 2), ("three", 2)):
            labels = {"route": "/fast"}
            simulated.stable.add(pod, "model_requests_total", failed, code="500", **labels)
            simulated.stable.add(pod, "model_requests_total", 400, code="200", **labels)
        found = simulated.look()
    assert "Stable's pod pod has errors " in found.message


def test_one_bad_pod_is_told_from_the_others_that_have_another_mix_than_stable() -> None:
    """Of the others more fail than of stable's, as of all that have so much of the bad route."""
    simulated, pods = by_route(), ("bad", "one", "two", "three")
    assert simulated.analysis.one_pod_to_blame == "Replace"
    for step in range(60):
        for route, (served, share) in {"/fast": (150, 0.005), "/slow": (150, 0.08)}.items():
            for pod in pods:
                n = served if step else 0
                failed = round(n * (share + 0.2 * (pod == "bad")))
                for code, amount in (("500", failed), ("200", n - failed)):
                    labels = {"code": code, "route": route}
                    simulated.candidate.add(pod, "model_requests_total", amount, **labels)
        count(simulated.stable, {"/fast": (16, 3200), "/slow": (64, 800)})
        found = simulated.look()
        if found.verdict == "Fail" or found.waits_for_own_pods:
            break  # once its start has been waited for
    assert (found.verdict, found.waits_for_own_pods) == ("Inconclusive", ["bad"])


def test_a_look_without_requests_of_stables_on_a_route_expects_the_share_of_all() -> None:
    served = CheckState(candidate={"requests": 20.0}, stable={"requests": 100.0})
    known = Comparison(name="errors", stable=10.0)
    assert share_to_expect(known, 20.0, 100.0) == 0.1
    strata = [((10.0, 0.0), (0.0, 0.0)), ((10.0, 100.0), (0.0, 10.0))]
    mixed = with_events(known, {}, served, strata)
    assert share_to_expect(mixed, 20.0, 100.0) == pytest.approx(0.1)
    half = [((15.0, 50.0), (0.0, 10.0)), ((5.0, 50.0), (0.0, 0.0))]
    assert share_to_expect(with_events(known, {}, served, half), 20.0, 100.0) == 0.15
