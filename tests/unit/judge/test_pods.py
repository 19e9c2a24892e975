"""A few bad pods of several are named; where none or all are bad, nobody is."""

from random import Random

from serinus.api.status import CheckState, CheckStatus
from serinus.judge.evidence.pods import MOST_PODS, scraped
from serinus.metrics.counters import Growth, Increase
from serinus.metrics.queries import Series
from serinus.simulation.draws import binomial
from tests.support.simulated_analysis import (
    SimulatedAnalysis,
    buckets,
    error_rate,
    feedback,
    latency,
    requests,
)

BAD = "fraud-a7k2m9qx-6d5f8c9b7-x2x9z"


def names(count: int) -> list[str]:
    return [BAD, *(f"fraud-a7k2m9qx-6d5f8c9b7-{n:05}" for n in range(1, count))]


def judging(*pods: str) -> SimulatedAnalysis:
    simulated = SimulatedAnalysis(error_rate(warmUp="0s"), onePodToBlame="Rollback")
    for pod in pods:
        serve(simulated, pod, 0, 0)
    simulated.stable.add("old", "model_requests_total", 0, code="200")
    simulated.scrape()
    return simulated


def serve(simulated: SimulatedAnalysis, pod: str, failed: int, served: int) -> None:
    requests(simulated.candidate, pod, failed, served)


def stable_serves(simulated: SimulatedAnalysis) -> None:
    requests(simulated.stable, "old", 20, 2000)


def failed(pods: list[str], bad: int, *others: int) -> str:
    """What is told once the candidate has failed; so many of 40 requests fail in each pod."""
    simulated = judging(*pods)

    def some_time() -> None:
        stable_serves(simulated)
        for pod in pods:
            serve(simulated, pod, bad if pod == BAD else others[0], 40)

    return simulated.until("Fail", some_time).message


def test_the_one_bad_pod_is_named_with_its_part_of_the_errors() -> None:
    assert failed(names(5), 10, 1) == (
        "Candidate errors 28/400 (7.0%), stable 40/4000 (1.0%); worse than tolerated (1.1 times "
        "stable's + 0.1%). False-alarm risk at most 1% per rollout, all looks and checks included. "
        f"20 of the 28 are in pod {BAD}, one of 5 pods."
    )


def test_pods_that_are_all_bad_are_not_named() -> None:
    assert "in pod" not in failed(names(5), 4, 4)


def test_a_pod_that_may_have_most_errors_by_chance_is_not_named() -> None:
    message = failed(names(2), 4, 3)
    assert message.startswith("Candidate errors 21/240 (8.8%)"), "12 of the 21 are in one pod"
    assert "in pod" not in message


def test_the_only_pod_is_not_named() -> None:
    assert "in pod" not in failed(names(1), 10, 0)


def test_a_pod_that_most_requests_went_to_is_not_blamed_for_having_most_errors() -> None:
    simulated = judging(*names(2))

    def some_time() -> None:
        stable_serves(simulated)
        serve(simulated, BAD, 9, 180)
        serve(simulated, names(2)[1], 0, 3)

    assert "in pod" not in simulated.until("Fail", some_time).message


def test_the_state_keeps_so_many_pods_and_no_more() -> None:
    pods = names(MOST_PODS + 10)
    message = failed(pods, 40, 0)
    assert f"in pod {BAD}, one of the first {MOST_PODS} pods." in message
    simulated = judging(*pods)
    simulated.look()
    stable_serves(simulated)
    for pod in pods:
        serve(simulated, pod, 1, 40)
    state = simulated.look().state
    assert len(state.pods) == MOST_PODS
    assert state.candidate["requests"] == 40 * len(pods)
    assert all(len(each.pods) <= MOST_PODS for each in state.comparisons)


def test_a_limit_names_it_too() -> None:
    simulated = SimulatedAnalysis(
        error_rate(tolerance=50, margin=60, limit="2%"), onePodToBlame="Rollback"
    )
    for pod in names(4):
        serve(simulated, pod, 0, 0)
    simulated.scrape()

    def some_time() -> None:
        stable_serves(simulated)
        for pod in names(4):
            serve(simulated, pod, 10 if pod == BAD else 0, 40)

    message = simulated.until("Fail", some_time).message
    assert "above the limit of 2%" in message
    assert f"in pod {BAD}, one of 4 pods." in message


def test_a_slow_pod_is_named() -> None:
    simulated = SimulatedAnalysis(latency(), onePodToBlame="Rollback")
    for pod in names(4):
        buckets(simulated.candidate, pod, "model_request_duration_seconds", {0.1: 0, 1.0: 0})
    simulated.scrape()

    def some_time() -> None:
        buckets(simulated.stable, "old", "model_request_duration_seconds", {0.1: 1900, 1.0: 100})
        for pod in names(4):
            slow = 30 if pod == BAD else 2
            buckets(
                simulated.candidate,
                pod,
                "model_request_duration_seconds",
                {0.1: 40 - slow, 1.0: slow},
            )

    message = simulated.until("Fail", some_time).message
    assert f"in pod {BAD}, one of 4 pods." in message


def test_a_pod_whose_answers_users_dislike_is_named() -> None:
    simulated = SimulatedAnalysis(feedback(), onePodToBlame="Rollback")
    for pod in names(4):
        simulated.candidate.add(pod, "model_feedback_total", 0, outcome="correct")
    simulated.scrape()

    def some_time() -> None:
        simulated.stable.add("old", "model_feedback_total", 190, outcome="correct")
        simulated.stable.add("old", "model_feedback_total", 10, outcome="incorrect")
        for pod in names(4):
            wrong = 8 if pod == BAD else 0
            simulated.candidate.add(pod, "model_feedback_total", 10 - wrong, outcome="correct")
            simulated.candidate.add(pod, "model_feedback_total", wrong, outcome="incorrect")

    assert f"in pod {BAD}, one of 4 pods." in simulated.until("Fail", some_time).message


def holding(pods: list[str], what: str = "Hold") -> SimulatedAnalysis:
    simulated = SimulatedAnalysis(error_rate(warmUp="0s"), onePodToBlame=what)
    for pod in pods:
        serve(simulated, pod, 0, 0)
    simulated.stable.add("old", "model_requests_total", 0, code="200")
    simulated.scrape()
    simulated.look()
    return simulated


def with_bad(simulated: SimulatedAnalysis, bad: int, failing: int = 20) -> CheckStatus:
    """The first so many of five pods fail so many of 40 requests, the others none."""
    stable_serves(simulated)
    for number, pod in enumerate(names(5)):
        serve(simulated, pod, failing if number < bad else 0, 40)
    return simulated.look()


def test_two_bad_pods_of_five_are_named_and_replaced_and_not_held_for() -> None:
    for what, verdict in (("Replace", "Inconclusive"), ("Hold", "Fail"), ("Rollback", "Fail")):
        simulated = holding(names(5), what)
        for _ in range(3):
            found = with_bad(simulated, 2)
        assert found.verdict == verdict
        assert f"in pods {' and '.join(names(2))}, 2 of 5 pods." in found.message
    assert found.state.pods_to_blame == names(2)


def test_most_pods_are_never_the_bad_ones_among_good_ones() -> None:
    simulated = holding(names(5), "Replace")
    for _ in range(3):
        found = with_bad(simulated, 3)
    assert (found.verdict, found.state.pods_to_blame) == ("Fail", [])


def test_pods_that_have_left_are_not_the_good_ones_among_bad_ones() -> None:
    """They were drained, and those that came are bad, all of them."""
    for what in ("Replace", "Hold"):
        simulated = holding(names(6), what)
        for _ in range(3):
            look_at(simulated, names(6), bad=0, others=0)
        came = names(6)[:3] if what == "Replace" else [BAD]
        for pod in {*names(6)} - {*came}:
            simulated.candidate.values.pop(pod)
        for _ in range(12):
            look_at(simulated, came, bad=0, others=0)
        for _ in range(6):
            found = look_at(simulated, came, bad=20, others=20)
        assert (found.verdict, found.waits_for_own_pods) == ("Fail", [])


def test_of_a_candidate_that_is_bad_in_all_pods_few_are_replaced_by_chance() -> None:
    """And then not for long."""
    held = 0
    for seed in range(60):
        rng, simulated = Random(seed), holding(names(4), "Replace")
        for _ in range(12):
            stable_serves(simulated)
            for pod in names(4):
                serve(simulated, pod, binomial(rng, 10, 0.3), 10)
            found = simulated.look()
            held += bool(found.waits_for_own_pods)
        assert found.verdict == "Fail"
    assert held <= 6


def test_it_starts_again_once_all_that_were_named_are_gone() -> None:
    simulated = holding(names(5), "Replace")
    for _ in range(3):
        found = with_bad(simulated, 2)
    simulated.candidate.values.pop(BAD)

    def look(pods: list[str]) -> CheckStatus:
        stable_serves(simulated)
        for pod in pods:
            serve(simulated, pod, 0, 40)
        return simulated.look()

    for _ in range(10):
        found = look(names(5)[1:])
    assert found.waits_for_own_pods == names(2)
    simulated.candidate.values.pop(names(5)[1])
    for _ in range(10):
        found = look(names(5)[2:])
    assert not found.waits_for_own_pods


def test_a_pod_that_alone_counts_failures_is_gone_when_it_is_not_scraped() -> None:
    """Its series are read for as long as a window reaches back."""

    def increase(target: str, end: float) -> Increase:
        return Increase(Series({}, ()), target, 0.0, end, 1.0, known=True)

    whole = Growth((increase(BAD, 100.0), increase("good", 400.0)))
    assert scraped(whole, Growth((increase(BAD, 100.0),))) == {"good"}


def test_a_status_of_an_earlier_version_names_one_pod() -> None:
    assert CheckState.model_validate({"podToBlame": BAD}).pods_to_blame == [BAD]
    assert CheckState.model_validate({"podToBlame": ""}).pods_to_blame == []


def look_at(simulated: SimulatedAnalysis, pods: list[str], bad: int, others: int) -> CheckStatus:
    """Of the 40 requests of each pod so many fail."""
    stable_serves(simulated)
    for pod in pods:
        serve(simulated, pod, bad if pod == BAD else others, 40)
    return simulated.look()


def test_one_bad_pod_of_several_holds_where_that_is_asked_for() -> None:
    simulated = holding(names(5))
    for _ in range(20):
        found = look_at(simulated, names(5), bad=20, others=0)
    assert found.verdict == "Inconclusive"
    assert found.waits_for_own_pods == [BAD]
    assert f"are in pod {BAD}, one of 5 pods." in found.message


def test_while_it_holds_the_other_pods_may_fail_by_chance() -> None:
    rolled_back = 0
    for seed in range(60):
        rng, simulated = Random(seed), holding(names(3))
        for _ in range(12):
            stable_serves(simulated)
            for pod in names(3):
                serve(simulated, pod, binomial(rng, 100, 0.5 if pod == BAD else 0.01), 100)
            found = simulated.look()
        rolled_back += found.verdict == "Fail"
    assert rolled_back <= 1


def test_a_pod_that_is_well_again_is_still_held_for() -> None:
    simulated = holding(names(5))
    for _ in range(5):
        look_at(simulated, names(5), bad=20, others=0)
    for _ in range(60):
        found = look_at(simulated, names(5), bad=0, others=0)
    assert found.waits_for_own_pods == [BAD]


def test_once_the_pod_is_gone_the_check_starts_again_and_may_pass() -> None:
    simulated = holding(names(5))
    for _ in range(5):
        look_at(simulated, names(5), bad=20, others=0)
    simulated.candidate.values.pop(BAD)

    def the_others_serve() -> None:
        stable_serves(simulated)
        for pod in names(5)[1:]:
            serve(simulated, pod, 0, 40)

    found = simulated.until("Pass", the_others_serve)
    assert not found.waits_for_own_pods


def test_if_the_other_pods_turn_bad_as_well_the_candidate_fails() -> None:
    simulated = holding(names(5))
    for _ in range(5):
        look_at(simulated, names(5), bad=20, others=0)
    found = look_at(simulated, names(5), bad=20, others=0)
    assert found.waits_for_own_pods == [BAD]
    for _ in range(5):
        found = look_at(simulated, names(5), bad=20, others=20)
    assert found.verdict == "Fail"


def test_a_candidate_that_is_bad_in_all_pods_fails_where_one_pod_would_hold() -> None:
    simulated = holding(names(5))
    for _ in range(2):
        found = look_at(simulated, names(5), bad=20, others=20)
    assert found.verdict == "Fail"
    assert not found.state.pods_to_blame


def test_a_slow_pod_holds_as_well() -> None:
    simulated = SimulatedAnalysis(latency(), onePodToBlame="Hold")
    for looked in range(12):
        for pod in names(4):
            slow = 300 if pod == BAD else 3
            counts = {0.1: 300 - slow, 1.0: slow} if looked else {0.1: 0, 1.0: 0}
            buckets(simulated.candidate, pod, "model_request_duration_seconds", counts)
        stable = {0.1: 2970, 1.0: 30} if looked else {0.1: 0, 1.0: 0}
        buckets(simulated.stable, "old", "model_request_duration_seconds", stable)
        if not looked:
            simulated.scrape()
        found = simulated.look()
    assert found.waits_for_own_pods == [BAD]
