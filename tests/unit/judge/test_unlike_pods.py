"""A pod of stable that predicts otherwise than its other pods is no difference of the candidate."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import pytest

from serinus.api.baseline import Baseline, CheckBaseline, Dispersion
from serinus.api.status import CheckState, CheckStatus
from serinus.judge.analysis import reads
from serinus.judge.evidence.kernel import NullHypothesis
from serinus.judge.evidence.unlike_pods import (
    ENOUGH,
    MOST_COUNTED,
    Rule,
    compared_pods,
    weighed,
)
from tests.support.simulated_analysis import SimulatedAnalysis, drift

ALIKE = {"cat": 20, "dog": 50, "bird": 30}
OTHER = {"cat": 50, "dog": 20, "bird": 30}
NONE = dict.fromkeys(ALIKE, 0)
PODS = ["stable-0", "stable-1", "stable-2"]
CHANGED = PODS[0]
RULE = Rule(NullHypothesis(1.5, 0.1), 1.0)
AT = 1000.0


def predicted(simulated: SimulatedAnalysis, pod: str, counts: Mapping[str, int]) -> None:
    arm = simulated.candidate if pod == "pod" else simulated.stable
    for name, count in counts.items():
        arm.add(pod, "model_predictions_total", count, **{"class": name})


def judging(pods: list[str] = PODS, **settings: object) -> SimulatedAnalysis:
    simulated = SimulatedAnalysis(drift(**settings))
    for pod in ("pod", *pods):
        predicted(simulated, pod, NONE)
    simulated.scrape()
    simulated.look()
    return simulated


def look(
    simulated: SimulatedAnalysis,
    candidate: Mapping[str, int] = ALIKE,
    changed: Mapping[str, int] = ALIKE,
    pods: list[str] = PODS,
) -> CheckStatus:
    predicted(simulated, "pod", candidate)
    for pod in pods:
        of_pod = changed if pod == CHANGED else ALIKE
        predicted(simulated, pod, {name: 3 * count for name, count in of_pod.items()})
    return simulated.look()


@pytest.mark.parametrize("alike", [0, 40])
@pytest.mark.parametrize("pods", [PODS, PODS[:2]])
def test_a_good_candidate_does_not_fail_by_what_a_pod_of_stable_predicts(
    pods: list[str], alike: int
) -> None:
    simulated = judging(pods)
    for _ in range(alike):
        look(simulated, pods=pods)
    verdicts = [look(simulated, changed=OTHER, pods=pods).verdict for _ in range(40)]
    assert "Fail" not in verdicts
    assert simulated.progress.checks[0].waits_for_stable_pods


def test_the_message_names_the_pod_and_the_class_and_both_shares() -> None:
    simulated = judging()
    for _ in range(20):
        found = look(simulated, changed=OTHER)
    assert found.waits_for_stable_pods == [CHANGED]
    assert (
        "Stable's pod stable-0 has class cat 3000/6000 (50%), its other pods 2400/12000 (20%): "
        "they differ by more than tolerated (1.25 times the others' share + 1%). Nothing is "
        "decided until it recovers or is removed." in found.message
    )


def test_a_bad_candidate_is_not_promoted_beside_it_though_it_is_like_all_of_them_together() -> None:
    simulated = judging()
    like_all = {"cat": 30, "dog": 40, "bird": 30}
    verdicts = {look(simulated, like_all, OTHER).verdict for _ in range(40)}
    assert verdicts == {"Inconclusive"}


def test_a_bad_candidate_fails_as_soon_as_beside_a_single_pod() -> None:
    looks = []
    for pods in (PODS, PODS[:1]):
        simulated = judging(pods)
        looks.append(0)
        while look(simulated, OTHER, pods=pods).verdict != "Fail":
            looks[-1] += 1
    assert looks[0] == looks[1] < 5


@pytest.mark.parametrize("gone", [True, False])
def test_a_good_candidate_passes_once_the_pod_is_gone_or_mended(gone: bool) -> None:
    simulated = judging()
    for _ in range(60):
        found = look(simulated, changed=OTHER)
    assert found.waits_for_stable_pods
    if gone:
        simulated.stable.values.pop(CHANGED)
    verdicts = [look(simulated, pods=PODS[1:] if gone else PODS).verdict for _ in range(60)]
    assert "Fail" not in verdicts
    assert verdicts[-1] == "Pass"


def test_a_bad_candidate_fails_once_the_pod_is_gone() -> None:
    simulated = judging()
    for _ in range(20):
        look(simulated, OTHER, OTHER)
    simulated.stable.values.pop(CHANGED)
    verdicts = [look(simulated, OTHER, pods=PODS[1:]).verdict for _ in range(60)]
    assert "Pass" not in verdicts
    assert verdicts[-1] == "Fail"


def test_a_pod_that_was_suspect_and_is_gone_leaves_no_evidence_behind() -> None:
    simulated = judging(PODS[:2])
    for _ in range(2):
        found = look(simulated, changed=OTHER, pods=PODS[:2])
    assert not found.waits_for_stable_pods
    simulated.stable.values.pop(CHANGED)
    verdicts = [look(simulated, pods=PODS[1:2]).verdict for _ in range(40)]
    assert "Fail" not in verdicts
    assert verdicts[-1] == "Pass"


def test_pods_that_no_look_sees_together_are_compared_all_the_same() -> None:
    simulated = judging(PODS[:2])
    for second in range(1, 400):
        simulated.at += 1
        for number, pod in enumerate(PODS[:2]):
            predicted(simulated, pod, {"cat": 5, "dog": 2} if number else {"cat": 2, "dog": 5})
            if second % 30 == 15 * number:
                simulated.stable.scrape(simulated.at, pod)
        if second % 15 == 0:
            predicted(simulated, "pod", {"cat": 5, "dog": 12})
            simulated.candidate.scrape(simulated.at)
            found = simulated.judge()
            assert found.verdict != "Fail"
    assert found.waits_for_stable_pods


def test_inputs_of_all_pods_that_change_name_none_though_they_are_scraped_one_by_one() -> None:
    simulated = judging()
    begins, ends = simulated.at + 95, simulated.at + 215
    for second in range(1, 400):
        simulated.at += 1
        counts = {"cat": 9, "dog": 1} if begins <= simulated.at < ends else {"cat": 3, "dog": 7}
        for number, pod in enumerate(PODS):
            predicted(simulated, pod, counts)
            if second % 60 == 11 * number:
                simulated.stable.scrape(simulated.at, pod)
        predicted(simulated, "pod", counts)
        if second % 15 == 0:
            simulated.candidate.scrape(simulated.at)
            assert not simulated.judge().waits_for_stable_pods


def test_score_ranges_and_an_index_are_compared_between_pods_too() -> None:
    for settings in ({"scores": "model_prediction_score"}, {"psi": 0.1}):
        simulated = SimulatedAnalysis(drift(**settings))
        bounds = [0.2, 0.4, 0.6, 0.8]
        for looked in range(30):
            for number, pod in enumerate(("pod", *PODS)):
                arm = simulated.stable if number else simulated.candidate
                shares = (10, 20, 30, 40) if pod == CHANGED else (40, 30, 20, 10)
                total = 0
                for bound, share in zip([*bounds, "+Inf"], (*shares, 0), strict=True):
                    total += share * bool(looked)
                    arm.add(pod, "model_prediction_score_bucket", total, le=str(bound))
            found = simulated.look()
            assert found.verdict != "Fail"
        assert found.waits_for_stable_pods == [CHANGED]


def test_alike_pods_leave_nothing_in_the_status() -> None:
    simulated = judging()
    for _ in range(30):
        found = look(simulated)
    assert found.verdict == "Pass"
    assert not any(each.pending or each.share for each in found.state.stable_pods)


def test_pods_are_not_compared_where_they_may_get_other_mixes() -> None:
    simulated = SimulatedAnalysis(drift(), stratify=["route"])
    for looked in range(20):
        for pod, counts in (("pod", ALIKE), ("stable-0", OTHER), ("stable-1", ALIKE)):
            arm = simulated.candidate if pod == "pod" else simulated.stable
            for name, count in counts.items():
                labels = {"class": name, "route": "/a"}
                arm.add(pod, "model_predictions_total", count * bool(looked), **labels)
        found = simulated.look()
    assert not found.state.stable_pods


def test_a_verdict_waits_for_the_first_comparison_and_says_so() -> None:
    simulated = judging(PODS[:2])
    simulated.at += 15
    for _ in range(3):
        predicted(simulated, "pod", OTHER)
        predicted(simulated, PODS[0], {name: 30 * count for name, count in ALIKE.items()})
        predicted(simulated, PODS[1], {"cat": 1, "dog": 2})
        found = simulated.look(seconds=10)
    assert found.verdict == "Inconclusive"
    assert "until stable's pods have been compared with each other." in found.message
    found = simulated.look()
    predicted(simulated, "pod", OTHER)
    predicted(simulated, PODS[0], {name: 30 * count for name, count in ALIKE.items()})
    assert simulated.look().verdict == "Fail"


@pytest.mark.parametrize(
    ("deviation", "cats", "named"),
    [(0.0, 22, False), (0.0, 32, True), (0.2, 32, False), (0.2, 50, True)],
)
def test_pods_may_differ_as_much_as_before_the_rollout_up_to_the_margin(
    deviation: float, cats: int, *, named: bool
) -> None:
    simulated = judging(PODS[:2])
    known = [Dispersion(name=f"class {name}", between_pods=deviation) for name in ALIKE]
    history = CheckBaseline(dispersions=known, reads=reads(simulated.analysis.checks[0]))
    baseline = Baseline(measured_at=AT, checks=[history])
    simulated.progress = replace(simulated.progress, baseline=baseline)
    apart = {"cat": cats, "dog": 50, "bird": 50 - cats}
    for _ in range(100):
        found = look(simulated, changed=apart, pods=PODS[:2])
    assert bool(found.waits_for_stable_pods) == named


def test_a_restart_of_the_operator_changes_nothing() -> None:
    going_on, resumed = judging(), judging()
    for _ in range(8):
        found = look(going_on, changed=OTHER)
        other = look(resumed, changed=OTHER)
        assert found == other
        resumed.resume()


def test_only_as_many_pods_are_compared_as_the_status_has_room_for() -> None:
    there = [f"loan-a7k2m9qx-6d5f8c9b7-x{number:04}" for number in range(40)]
    for names in (2, 20, 127):
        parts = [f"class a class with a longer name {number}" for number in range(names)]
        pods = compared_pods(CheckState(), there, names)
        counted = {"class": 1000.0, **dict.fromkeys(parts, 123456.0)}
        block = {pod: counted if number else {} for number, pod in enumerate(pods)}
        state = weighed(CheckState(), lambda _: RULE, block, AT, AT)
        waiting = [each.pending for each in state.stable_pods if each.pending]
        assert len(waiting) == len(pods) - 1 >= 1
        assert sum(map(len, waiting)) <= MOST_COUNTED
        assert len(json.dumps(waiting)) < 16_000
        assert compared_pods(state, there, names) == pods


def worth(state: CheckState) -> float:
    """Evidence that a pod differs, with what is kept for later, and for pods that may come."""
    kept = 1 / (state.stable_pods_compared + 1)
    for pod in state.stable_pods:
        if pod.share:
            later = 1 / (pod.number * (pod.number + 1)) / (pod.weighings + 1)
            kept += later + sum(math.exp(e) for e in pod.above)
    return kept


def binary(sizes: tuple[int, ...], events: tuple[int, ...]) -> dict[str, dict[str, float]]:
    """Predictions of two classes, by pod."""
    return {
        f"pod-{number}": {"c": float(n), "c a": float(e), "c b": float(n - e)}
        for number, (n, e) in enumerate(zip(sizes, events, strict=True))
    }


def is_alike(sizes: tuple[int, ...], rates: tuple[float, ...]) -> bool:
    """Whether each pod is within what is allowed of the others, in both classes and directions."""
    for pod, rate in enumerate(rates):
        others = [other for other in range(len(sizes)) if other != pod]
        mean = sum(sizes[o] * rates[o] for o in others) / sum(sizes[o] for o in others)
        for one, other in ((rate, mean), (mean, rate), (1 - rate, 1 - mean), (1 - mean, 1 - rate)):
            if one > RULE.allowed.ratio * other + RULE.allowed.offset + 1e-12:
                return False
    return True


@pytest.mark.parametrize("sizes", [(4, 4), (2, 5), (3, 3, 2)])
@pytest.mark.parametrize("seen", [(), ((0.0, 1.0),), ((0.0, 1.0), (0.5, 1.0))])
def test_evidence_that_some_pod_differs_is_worth_at_most_one_if_none_does(
    sizes: tuple[int, ...], seen: tuple[tuple[float, float], ...]
) -> None:
    start, at = CheckState(), AT
    for one, others in seen:
        at += 100
        events = (round(one * 100), *(round(others * 100) for _ in sizes[1:]))
        block = binary((100,) * len(sizes), events)
        start = weighed(start, lambda _: RULE, block, at, AT)
    assert any(each.share for each in start.stable_pods) == bool(seen)
    outcomes = []
    for events in product(*(range(n + 1) for n in sizes)):
        after = weighed(start, lambda _: RULE, binary(sizes, events), at + 100, AT)
        outcomes.append((events, worth(after)))
    grain = [k / 5 for k in range(6)]
    expected = max(
        sum(
            e
            * math.prod(
                math.comb(n, k) * p**k * (1 - p) ** (n - k)
                for n, k, p in zip(sizes, events, rates, strict=True)
            )
            for events, e in outcomes
        )
        for rates in product(grain, repeat=len(sizes))
        if is_alike(sizes, rates)
    )
    assert expected <= worth(start) + 1e-6


def test_a_few_predictions_are_not_compared_before_a_minute_is_over() -> None:
    few = binary((10, 10), (0, 10))
    state = weighed(CheckState(), lambda _: RULE, few, AT + 15, AT)
    assert state.stable_pods_weighed_at is None
    assert weighed(state, lambda _: RULE, few, AT + 60, AT).stable_pods_weighed_at == AT + 60
    enough = binary((round(ENOUGH),) * 2, (0, 10))
    assert weighed(CheckState(), lambda _: RULE, enough, AT, AT).stable_pods_weighed_at == AT


def test_a_pod_that_comes_back_with_another_model_gets_no_candidate_rolled_back() -> None:
    """Until the other pod has been replaced as well; the candidate is then another one indeed."""
    simulated = judging(PODS[:2])
    for _ in range(10):
        look(simulated, pods=PODS[:2])
    simulated.stable.values.pop(PODS[1])
    for _ in range(4):
        look(simulated, pods=PODS[:1])
    told = set()
    for _ in range(60):
        predicted(simulated, "pod", ALIKE)
        predicted(simulated, PODS[0], {name: 3 * count for name, count in ALIKE.items()})
        predicted(simulated, "back", {name: 3 * count for name, count in OTHER.items()})
        found = simulated.look()
        assert found.verdict != "Fail"
        told.update(found.waits_for_stable_pods)
    assert told <= {PODS[0], "back"}
    assert found.waits_for_stable_pods
    simulated.stable.values.pop(PODS[0])
    for _ in range(40):
        predicted(simulated, "pod", ALIKE)
        predicted(simulated, "back", {name: 3 * count for name, count in OTHER.items()})
        found = simulated.look()
    assert found.verdict == "Fail"
