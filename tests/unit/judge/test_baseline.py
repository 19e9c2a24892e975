"""What stable's history changes in how evidence grows."""

import math

import pytest

from serinus.api.baseline import INDEPENDENT, Baseline, CheckBaseline, Dispersion
from serinus.api.status import CheckState
from serinus.judge import Progress
from serinus.judge.analysis import reads
from serinus.judge.evidence.comparison import Policy, Scale, among_pods, begun, compare
from serinus.judge.evidence.kernel import WORSE, NullHypothesis
from serinus.judge.findings.rates import Forecast, Variation
from tests.support.simulated_analysis import SimulatedAnalysis, error_rate, latency, requests

POLICY = Policy(NullHypothesis(1.0, 0.0), NullHypothesis(1.5, 0.0))
BURSTS = Dispersion(name="errors", over_time=5.0)
UNLIKE = Dispersion(name="errors", between_pods=0.2)


def fresh() -> CheckState:
    return compare(CheckState(), [begun("errors")], WORSE)


def knowing(simulated: SimulatedAnalysis, **known: object) -> SimulatedAnalysis:
    """Stable's history told this of the first check."""
    check = CheckBaseline(reads=reads(simulated.analysis.checks[0]), **known)
    simulated.progress = Progress(baseline=Baseline(measured_at=0.0, checks=[check]))
    return simulated


def serving(**known: object) -> SimulatedAnalysis:
    simulated = SimulatedAnalysis(error_rate(absoluteTolerance="0%", warmUp="0s"))
    simulated.errors((0, 0), (0, 0))
    simulated.scrape()
    return knowing(simulated, **known)


def test_events_and_requests_count_so_many_times_less_as_they_come_at_once() -> None:
    known = fresh().comparisons[0]
    whole = Scale(POLICY, 1000.0, 19000.0).gains(known, 30.0, 190.0)
    fifth = Scale(POLICY, 1000.0, 19000.0, BURSTS).gains(known, 30.0, 190.0)
    assert fifth.above == pytest.approx([gain / 5 for gain in whole.above])
    assert fifth.not_above == pytest.approx([gain / 5 for gain in whole.not_above])
    counts_of_a_fifth = Scale(POLICY, 200.0, 3800.0).gains(known, 6.0, 38.0)
    assert fifth.above == pytest.approx(counts_of_a_fifth.above)


def test_the_law_of_independent_requests_is_not_used_where_events_come_in_bursts() -> None:
    known = fresh().comparisons[0]
    plain = Scale(POLICY, 1000.0, 19000.0, BURSTS).weigh(known, 30.0, 190.0)
    assert Scale(POLICY, 1000.0, 19000.0, BURSTS).weigh(known, 30.0, 190.0, 5.0) == plain


def test_pods_that_differ_widen_the_tolerance_less_the_more_there_are() -> None:
    ratios = [
        among_pods(NullHypothesis(1.1, 0.0), UNLIKE, pods).ratio
        for pods in ((1, 3), (3, 3), (3, 30))
    ]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] == pytest.approx(math.exp(2.58 * 0.2 * math.sqrt(4 / 3)))
    wider = NullHypothesis(2.0, 0.0)
    assert among_pods(wider, UNLIKE, (1, 3)) == wider, "which covers what pods may differ by"
    assert among_pods(NullHypothesis(1.1, 0.0), INDEPENDENT, (1, 1)) == NullHypothesis(1.1, 0.0)
    assert among_pods(NullHypothesis(0.0, 0.05), UNLIKE, (1, 1)).ratio == 0, (
        "a limit knows no stable"
    )


def test_a_candidate_whose_errors_come_in_bursts_as_stables_do_is_not_rolled_back() -> None:
    """21 errors of 150 are four accidents of five."""
    innocent, rolled_back = serving(dispersions=[BURSTS]), serving()
    for simulated in (innocent, rolled_back):
        for _ in range(3):
            simulated.errors((7, 50), (50, 950))
            simulated.look()
    assert rolled_back.progress.checks[0].verdict == "Fail"
    found = innocent.progress.checks[0]
    assert found.verdict == "Inconclusive"
    assert "bursts" not in found.message, "the message before the rollout has said it"


def test_with_bursts_a_bad_candidate_is_found_after_more_requests() -> None:
    simulated = serving(dispersions=[BURSTS])
    found = simulated.until("Fail", lambda: simulated.errors((20, 100), (100, 1900)), looks=12)
    assert "all looks and checks included. Stable's errors came in bursts" in found.message


def test_a_single_pod_that_is_worse_within_what_pods_differ_proves_nothing() -> None:
    innocent, rolled_back = serving(dispersions=[UNLIKE]), serving()
    for simulated in (innocent, rolled_back):
        for _ in range(30):
            simulated.errors((30, 1000), (400, 19000))
            simulated.look()
    assert rolled_back.progress.checks[0].verdict == "Fail"
    found = innocent.progress.checks[0]
    assert found.verdict != "Fail"
    assert "only pod" not in found.message, "the message before the rollout has said it"


def test_where_pods_that_differ_keep_it_from_failing_and_passing_the_message_says_so() -> None:
    simulated = serving(dispersions=[UNLIKE])
    for _ in range(30):
        simulated.errors((39, 1000), (400, 19000))
        simulated.look()
    found = simulated.progress.checks[0]
    assert found.verdict == "Inconclusive"
    assert found.message.endswith(
        "At these rates it neither fails nor passes. Stable's only pod does not show how pods "
        "differ; 20% in errors (standard deviation) is assumed, so at least 2.075 times stable's "
        "is tolerated for 1 candidate pod; 5 or more pods of stable or 3 or more of the candidate "
        "would show smaller differences."
    )


def test_pods_that_were_not_scraped_since_the_last_look_are_told_as_well() -> None:
    simulated = serving(dispersions=[UNLIKE])
    pods = [f"stable-{number}" for number in range(3)]
    for _ in range(4):
        for pod in pods:
            requests(simulated.stable, pod, 40, 2000)
            requests(simulated.candidate, "pod", 3, 100)
            simulated.at += 15
            simulated.stable.scrape(simulated.at, pod)
            simulated.candidate.scrape(simulated.at)
            found = simulated.judge()
    assert "Stable's few pods (3) may differ by 20% in errors" in found.message


def test_bounds_from_the_history_are_compared_from_the_first_request_on() -> None:
    fast, slow = {0.1: 900, 0.5: 90, 1.0: 10}, {0.1: 300, 0.5: 500, 1.0: 200}
    simulated = SimulatedAnalysis(latency())
    simulated.durations(dict.fromkeys(fast, 0), dict.fromkeys(fast, 0))
    simulated.scrape()
    knowing(simulated, bounds=[0.1, 0.5])
    simulated.durations(slow, fast)
    first = simulated.look()
    assert [each.name for each in first.state.comparisons] == [
        "slower than 0.1",
        "slower than 0.5",
        "shift",
    ]
    simulated.durations(slow, fast)
    assert simulated.look().verdict == "Fail"


def test_shares_from_the_history_make_the_first_look_worth_more() -> None:
    fast, slow = {0.1: 900, 0.5: 90, 1.0: 10}, {0.1: 80, 0.5: 17, 1.0: 3}

    def shown(**known: list[float]) -> float:
        simulated = SimulatedAnalysis(latency())
        simulated.durations(dict.fromkeys(fast, 0), dict.fromkeys(fast, 0))
        simulated.scrape()
        knowing(simulated, bounds=[0.1, 0.5], **known)
        simulated.durations(slow, fast)
        return simulated.look().state.peak

    assert shown(shares=[0.1, 0.01]) > shown() > 0


def test_bounds_that_the_candidate_has_not_are_chosen_anew_as_without_a_history() -> None:
    fast = {0.1: 900, 0.5: 90, 1.0: 10}
    simulated = SimulatedAnalysis(latency())
    simulated.durations(dict.fromkeys(fast, 0), dict.fromkeys(fast, 0))
    simulated.scrape()
    knowing(simulated, bounds=[0.3, 0.7])
    simulated.durations(fast, fast)
    names = [each.name for each in simulated.look().state.comparisons]
    assert names == ["slower than 0.1", "slower than 0.5", "shift"]


def test_what_was_learned_of_other_counters_is_not_used() -> None:
    simulated = serving(dispersions=[BURSTS])
    assert simulated.progress.baseline
    [known] = simulated.progress.baseline.checks
    other = Baseline(measured_at=0.0, checks=[known.replace(reads="another")])
    simulated.progress = Progress(baseline=other)
    for _ in range(3):
        simulated.errors((7, 50), (50, 950))
        found = simulated.look()
    assert found.verdict == "Fail"


@pytest.mark.parametrize(("per_second", "told"), [(10.0, False), (0.5, True), (None, False)])
def test_what_slows_a_check_down_is_said_again_where_it_takes_long(
    per_second: float | None, told: bool
) -> None:
    bursts = Variation("errors", BURSTS)
    assert bool(bursts.beside(Forecast(2000.0, None, per_second))) is told
