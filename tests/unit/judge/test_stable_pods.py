"""A pod of stable that is worse than its other pods keeps a rollout from going on."""

import math
import re
from itertools import product

import pytest

from serinus.api.status import CheckState, CheckStatus
from serinus.judge.evidence.kernel import NullHypothesis
from serinus.judge.evidence.look import EffectiveWeight
from serinus.judge.evidence.pods import MOST_PODS
from serinus.judge.evidence.stable_pods import RISK, by_pod, weighed
from serinus.metrics.counters import Growth, Increase
from serinus.metrics.queries import Series
from tests.support.simulated_analysis import SimulatedAnalysis, error_rate, feedback, requests

PODS = [f"stable-{number}" for number in range(5)]
SICK = PODS[0]
MARGIN = NullHypothesis(1.5, 0.1)
AT = 1000.0


def judging(candidate: tuple[str, ...] = ("pod",), **analysis: object) -> SimulatedAnalysis:
    simulated = SimulatedAnalysis(error_rate(), **analysis)
    for pod in PODS:
        requests(simulated.stable, pod, 0, 0)
    for pod in candidate:
        requests(simulated.candidate, pod, 0, 0)
    simulated.scrape()
    simulated.look()
    return simulated


def look(
    simulated: SimulatedAnalysis, candidate: int, sick: int = 1, pods: list[str] = PODS
) -> CheckStatus:
    """Of a hundred requests of each pod so many fail, of those that are well one."""
    requests(simulated.candidate, "pod", candidate, 100)
    for pod in pods:
        requests(simulated.stable, pod, sick if pod == SICK else 1, 100)
    return simulated.look()


def test_a_bad_candidate_does_not_pass_beside_a_sick_pod_which_is_named() -> None:
    simulated = judging()
    for _ in range(40):
        found = look(simulated, 12, sick=60)
    assert found.verdict == "Inconclusive"
    assert found.waits_for_stable_pods == [SICK]
    assert (
        "Stable's pod stable-0 has errors 2400/4000 (60%), its other pods 160/16000 (1.0%): beyond "
        "the margin (1.5 times theirs + 0.5%). It may hide a bad candidate, so nothing passes "
        "until it recovers or is removed." in found.message
    )


def test_it_would_have_passed_by_the_rate_that_the_pod_lifts() -> None:
    simulated = judging()
    for _ in range(40):
        found = look(simulated, 12, sick=60)
    assert "within the margin (1.5 times stable's + 0.5%)" in found.message


def test_the_candidate_is_judged_by_what_is_counted_after_the_pod_is_mended() -> None:
    simulated = judging()
    for _ in range(40):
        look(simulated, 12, sick=60)
    verdicts: list[str] = []
    while len(verdicts) < 100 and "Fail" not in verdicts:
        verdicts.append(look(simulated, 12).verdict)
    assert "Pass" not in verdicts
    assert verdicts[-1] == "Fail"


def test_a_good_candidate_passes_once_the_pod_is_mended() -> None:
    simulated = judging()
    for _ in range(20):
        found = look(simulated, 1, sick=60)
    assert found.waits_for_stable_pods
    for _ in range(60):
        found = look(simulated, 1)
    assert not found.waits_for_stable_pods
    assert found.verdict == "Pass"


def test_the_check_starts_a_step_anew_once_the_pod_is_gone() -> None:
    simulated = judging()
    for _ in range(20):
        look(simulated, 1, sick=60)
    simulated.stable.values.pop(SICK)
    found = look(simulated, 1, pods=PODS[1:])
    since = simulated.at
    while found.waits_for_stable_pods:
        found = look(simulated, 1, pods=PODS[1:])
    assert simulated.at - since <= 120
    assert found.verdict == "Inconclusive"
    assert found.state.own_requests == 0


def test_what_is_left_after_a_pod_is_mended_is_told_by_what_is_counted_since() -> None:
    simulated = judging()
    simulated.weight = EffectiveWeight(0.1, simulated.at)
    for _ in range(20):
        look(simulated, 1, sick=60)
    for _ in range(20):
        found = look(simulated, 1)
    told = re.search(r"Passes after about ([\d,]+) more candidate requests \((\d+)m", found.message)
    assert told is not None
    expected, minutes = int(told[1].replace(",", "")), int(told[2])
    assert minutes == pytest.approx(expected / 100 * 15 / 60, abs=1)
    looks = 0
    while look(simulated, 1).verdict != "Pass" and looks < 100:
        looks += 1
    assert expected / 100 == pytest.approx(looks, rel=0.25)


def test_pods_that_differ_by_less_than_the_margin_hold_nothing() -> None:
    simulated = judging()
    for _ in range(40):
        found = look(simulated, 1, sick=2)
    assert found.verdict == "Pass"


def test_a_bad_candidate_still_fails_beside_a_sick_pod() -> None:
    simulated = judging()
    for _ in range(10):
        found = look(simulated, 60, sick=60)
    assert found.verdict == "Fail"


@pytest.mark.parametrize("apart", [3.0, 11.0])
def test_an_outage_of_all_pods_blames_none_of_them_though_they_are_scraped_one_by_one(
    apart: float,
) -> None:
    """All requests fail for a minute; each pod answers ten a second."""
    simulated = judging()
    begins, ends = simulated.at + 95, simulated.at + 155
    for second in range(1, 300):
        simulated.at += 1
        down = begins <= simulated.at < ends
        for number, pod in enumerate(PODS):
            requests(simulated.stable, pod, 10 if down else 0, 10)
            if second % 60 == number * apart:
                simulated.stable.scrape(simulated.at, pod)
        requests(simulated.candidate, "pod", 10 if down else 0, 10)
        if second % 15 == 0:
            simulated.candidate.scrape(simulated.at)
            assert not simulated.judge().waits_for_stable_pods


def test_pods_that_no_look_sees_together_are_compared_all_the_same() -> None:
    simulated = judging()
    for second in range(1, 400):
        simulated.at += 1
        for number, pod in enumerate(PODS):
            requests(simulated.stable, pod, 5 if pod == SICK else 0, 10)
            if second % 15 == 3 * number:
                simulated.stable.scrape(simulated.at, pod)
        requests(simulated.candidate, "pod", 0, 5)
        simulated.candidate.scrape(simulated.at)
        found = simulated.judge()
    assert found.waits_for_stable_pods == [SICK]


def test_a_candidate_does_not_pass_before_a_sick_pod_can_be_named() -> None:
    simulated = judging()
    found = look(simulated, 3, sick=100)
    assert not found.waits_for_stable_pods
    assert found.verdict == "Inconclusive"
    assert (
        "Stable's pod stable-0 has errors 100/100 (100%), its other pods 4/400 (1.0%): nothing "
        "passes until that is clear." in found.message
    )


def test_a_pod_that_turns_sick_after_an_hour_is_named_within_three_minutes() -> None:
    simulated = judging()
    for _ in range(240):
        found = look(simulated, 1)
    assert found.verdict == "Pass"
    verdicts = []
    while not found.waits_for_stable_pods:
        found = look(simulated, 1, sick=60)
        verdicts.append(found.verdict)
    assert len(verdicts) <= 12
    assert "Pass" not in verdicts


def test_an_idle_pod_does_not_keep_the_others_from_being_compared() -> None:
    simulated = judging()
    requests(simulated.stable, "idle", 0, 0)
    for _ in range(40):
        found = look(simulated, 1, sick=60)
    assert found.waits_for_stable_pods == [SICK]


def test_feedback_finds_a_sick_pod_too() -> None:
    simulated = SimulatedAnalysis(feedback())
    for looked in range(30):
        for pods, name, bad in (
            (simulated.candidate, "pod", 3),
            *((simulated.stable, pod, 28 if pod == SICK else 3) for pod in PODS),
        ):
            times = 1 if looked else 0
            pods.add(name, "model_feedback_total", times * bad, outcome="incorrect")
            pods.add(name, "model_feedback_total", times * (30 - bad), outcome="correct")
        if not looked:
            simulated.scrape()
        found = simulated.look()
    assert found.waits_for_stable_pods == [SICK]


def worth(state: CheckState) -> float:
    """Evidence that a pod differs, with what is kept for later, and for pods that may come."""
    kept = 1 / (state.stable_pods_compared + 1)
    for pod in state.stable_pods:
        later = 1 / (pod.number * (pod.number + 1)) / (pod.weighings + 1)
        kept += later + sum(math.exp(e) for e in pod.above)
    return kept


def chance(sizes: tuple[int, ...], events: tuple[int, ...], rates: tuple[float, ...]) -> float:
    return math.prod(
        math.comb(n, e) * p**e * (1 - p) ** (n - e)
        for n, e, p in zip(sizes, events, rates, strict=True)
    )


def is_alike(sizes: tuple[int, ...], rates: tuple[float, ...]) -> bool:
    """Whether each pod is within the margin of the others."""
    for pod, rate in enumerate(rates):
        others = [other for other in range(len(sizes)) if other != pod]
        served = sum(sizes[other] for other in others)
        mean = sum(sizes[other] * rates[other] for other in others) / served
        if rate > MARGIN.ratio * mean + MARGIN.offset + 1e-12:
            return False
    return True


@pytest.mark.parametrize("sizes", [(3, 3), (2, 4), (2, 2, 2), (1, 3, 2)])
def test_evidence_that_some_pod_differs_is_worth_at_most_one_if_none_does(
    sizes: tuple[int, ...],
) -> None:
    names = PODS[: len(sizes)]
    nobody = dict.fromkeys(names, (1.0, 1.0))
    for start in (CheckState(), weighed(CheckState(), MARGIN, nobody, 1.0, AT, AT)):
        assert worth_expected(start, names, sizes) <= worth(start) + 1e-6
        assert start.stable_pods or worth(start) == 1


def worth_expected(start: CheckState, names: list[str], sizes: tuple[int, ...]) -> float:
    """The greatest over all rates of which none is beyond the margin."""
    outcomes = []
    for events in product(*(range(n + 1) for n in sizes)):
        counts = zip(map(float, sizes), map(float, events), strict=True)
        block = dict(zip(names, counts, strict=True))
        outcomes.append((events, worth(weighed(start, MARGIN, block, 1.0, AT, AT))))
    grain = [k / 5 for k in range(6)]
    return max(
        sum(chance(sizes, events, rates) * e for events, e in outcomes)
        for rates in product(grain, repeat=len(sizes))
        if is_alike(sizes, rates)
    )


def test_all_pods_that_ever_come_keep_to_the_risk_together() -> None:
    state = CheckState()
    for number in range(200):
        block = {f"pod-{number}": (1.0, 0.0), f"pod-{number + 1}": (1.0, 0.0)}
        state = weighed(state, MARGIN, block, 1.0, AT, AT)
    assert state.stable_pods_compared == 201
    assert sum(1 / (k * (k + 1)) for k in range(1, 202)) < 1
    assert RISK < 0.01


def test_no_more_pods_are_compared_than_the_status_has_room_for() -> None:
    block = {f"pod-{number}": (1.0, 0.0) for number in range(40)}
    state = weighed(CheckState(), MARGIN, block, 1.0, AT, AT)
    assert len(weighed(state, MARGIN, block, 1.0, AT, AT).stable_pods) == MOST_PODS


def test_two_ports_of_a_pod_are_one_pod() -> None:
    served = [("a@1", 3.0), ("a@2", 4.0), ("b@1", 5.0)]
    growth = Growth(
        tuple(Increase(Series({}, ()), target, 0.0, 60.0, n, True) for target, n in served)
    )
    assert by_pod(growth, {"a@2": 2.0}) == {"a": (7.0, 2.0), "b": (5.0, 0.0)}


def test_a_sick_pod_that_is_gone_holds_nothing_where_one_pod_is_left() -> None:
    two = PODS[:2]
    simulated = judging()
    for pod in PODS[2:]:
        simulated.stable.values.pop(pod)
    for _ in range(30):
        found = look(simulated, 1, sick=60, pods=two)
    assert found.waits_for_stable_pods == [SICK]
    simulated.stable.values.pop(SICK)
    for _ in range(80):
        found = look(simulated, 1, pods=two[1:])
    assert (found.verdict, found.state.stable_pods) == ("Pass", [])


def test_a_pod_that_left_before_the_first_look_keeps_nobody_waiting() -> None:
    simulated = SimulatedAnalysis(error_rate())
    for pod in PODS[:2]:
        requests(simulated.stable, pod, 0, 100)
    requests(simulated.candidate, "pod", 0, 0)
    simulated.at -= 70
    simulated.scrape()
    simulated.stable.values.pop(PODS[0])
    simulated.at += 70
    simulated.scrape()
    for _ in range(60):
        found = look(simulated, 1, pods=PODS[1:2])
    assert found.verdict == "Pass"
