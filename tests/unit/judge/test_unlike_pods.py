"""A pod of stable that predicts otherwise than its other pods is no difference of the candidate."""

from collections.abc import Mapping

import pytest

from serinus.api.status import CheckStatus
from tests.support.simulated_analysis import SimulatedAnalysis, drift

ALIKE = {"cat": 20, "dog": 50, "bird": 30}
OTHER = {"cat": 50, "dog": 20, "bird": 30}
NONE = dict.fromkeys(ALIKE, 0)
PODS = ["stable-0", "stable-1", "stable-2"]
CHANGED = PODS[0]


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
        "decided until it is mended or gone." in found.message
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
    for _ in range(20):
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


def test_strata_and_alike_pods_leave_nothing_in_the_status() -> None:
    simulated = judging()
    for _ in range(30):
        found = look(simulated)
    assert found.verdict == "Pass"
    assert not any(each.pending or each.share for each in found.state.stable_pods)
