"""Checks in audit mode are judged like any other, and no other check is judged otherwise."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from serinus.api.analysis import Analysis
from serinus.api.baseline import Baseline
from serinus.judge import asks_of_history, learn
from serinus.judge.analysis import budget_of, overall
from serinus.judge.evidence.look import EffectiveWeight
from serinus.metrics.queries import CounterQuery, History, QueryError
from tests.support.simulated_analysis import (
    SINCE,
    SimulatedAnalysis,
    error_rate,
    feedback,
    latency,
    requests,
    traffic_share,
)
from tests.support.simulated_pods import Pods

STRANGE = "queue_length"


def audited(check: Mapping[str, object]) -> dict[str, object]:
    return {**check, "mode": "Audit"}


def of(*checks: Mapping[str, object]) -> Analysis:
    return Analysis.model_validate({"checks": list(checks)})


def strange(**settings: object) -> dict[str, object]:
    """An audit of what is no counter of requests."""
    counted = {"requests": {"metric": STRANGE}, **settings}
    return audited({"name": "strange", "errorRate": counted})


def a_gauge(look: int, pods: Pods) -> None:
    pods.add("pod", STRANGE, 500 if look % 2 else -490, code="500")


def late(look: int, pods: Pods) -> None:
    if look > 10:
        pods.add("pod", STRANGE, 5, code="200")


def gone(look: int, pods: Pods) -> None:
    if look == 3:
        pods.values["pod"] = {k: v for k, v in pods.values["pod"].items() if k[0] != STRANGE}
    elif look < 3:
        pods.add("pod", STRANGE, 5, code="200")


def nothing(look: int, pods: Pods) -> None:
    """Exports none."""


@pytest.mark.parametrize("serve", [a_gauge, late, gone, nothing], ids=lambda f: f.__name__)
@pytest.mark.parametrize("bad", [10, 90], ids=["good", "bad"])
def test_whatever_an_audit_reads_the_others_are_judged_as_without_it(
    serve: Callable[[int, Pods], None], bad: int
) -> None:
    alone = SimulatedAnalysis(error_rate(), latency())
    beside = SimulatedAnalysis(error_rate(), strange(), latency())
    for look in range(20):
        for each in (alone, beside):
            each.errors(candidate=(bad, 1000), stable=(10, 1000))
            each.durations({0.1: 990, 1.0: 10}, {0.1: 990, 1.0: 10})
            for pods in (each.candidate, each.stable):
                serve(look, pods)
            each.look()
        errors, _, slow = beside.progress.checks
        assert (errors, slow) == alone.progress.checks
        assert beside.progress.counted == alone.progress.counted
        assert beside.progress.silence == alone.progress.silence


def test_an_error_of_an_audit_is_its_own() -> None:
    it = SimulatedAnalysis(error_rate(), audited(latency()))
    it.errors((1, 1000), (1, 1000))
    it.durations({1.0: 1000}, {1.0: 1000})
    it.look()
    it.errors((1, 1000), (1, 1000))
    it.at += 15
    it.scrape()
    found = it.measurement()
    down = QueryError("It took too long.")
    candidate, stable = (
        {q: down if "duration" in getattr(q, "metric", "") else a for q, a in arm.items()}
        for arm in (found.candidate, found.stable)
    )
    broken = replace(found, candidate=candidate, stable=stable)
    it.judge(broken)
    errors, slow = it.progress.checks
    assert (errors.verdict, slow.verdict) == ("Inconclusive", "Error")
    assert overall([errors, slow]) == "Inconclusive"


def test_it_fails_as_it_would_if_it_decided_and_stays_failed() -> None:
    enforced = SimulatedAnalysis(error_rate(), latency())
    it = SimulatedAnalysis(error_rate(), audited(latency()))
    for _ in range(12):
        for each in (enforced, it):
            each.errors((1, 1000), (1, 1000))
            each.durations({0.1: 500, 1.0: 500}, {0.1: 990, 1.0: 10})
            each.look()
    found, known = it.progress.checks[1], enforced.progress.checks[1]
    assert found.verdict == known.verdict == "Fail"
    assert found.message == known.message
    assert found.has_failed and not found.rolls_back
    it.durations({0.1: 100_000}, {0.1: 90_000, 1.0: 10_000})
    it.look()
    assert it.progress.checks[1].message == known.message


def test_it_takes_no_share_of_the_budget_and_has_the_one_that_it_would_have() -> None:
    both = of(error_rate(), feedback(), audited(latency()), audited({**error_rate(), "name": "2"}))
    assert budget_of(both, both.checks[0]) == budget_of(
        of(error_rate(), feedback()), both.checks[0]
    )
    slow = both.checks[2]
    assert budget_of(both, slow) == budget_of(of(error_rate(), feedback(), latency()), slow)


def test_only_an_audit_that_counts_answers_does_not_make_a_candidate_silent_or_not() -> None:
    for checks, silent in (
        ([audited(error_rate())], False),
        ([error_rate(), strange()], True),
    ):
        it = SimulatedAnalysis(*checks)
        it.weight = EffectiveWeight(0.2, SINCE)
        for _ in range(12):
            requests(it.stable, "pod", 0, 1000)
            it.stable.add("pod", STRANGE, 100, code="200")
            it.candidate.add("pod", STRANGE, 25, code="200")
            it.look()
        assert (it.progress.silence is not None) is silent, checks


def test_after_a_restart_of_the_operator_nothing_is_counted_twice() -> None:
    it = SimulatedAnalysis(error_rate(), audited({**error_rate(limit="30%"), "name": "too"}))
    for look in range(6):
        it.errors((2, 100), (20, 1000))
        it.look()
        if look == 3:
            it.resume()
    errors, too = it.progress.checks
    assert too.state.candidate == errors.state.candidate


def test_a_check_goes_on_with_its_evidence_in_the_other_mode() -> None:
    usual, it = (SimulatedAnalysis(error_rate(), latency()) for _ in range(2))
    for mode in (latency(), audited(latency()), latency(), audited(latency())):
        it.analysis = of(error_rate(), mode)
        for _ in range(3):
            for each in (usual, it):
                each.errors((2, 100), (20, 1000))
                each.durations({1.0: 100}, {1.0: 1000})
                each.look()
        slow, same = it.progress.checks[1], usual.progress.checks[1]
        assert slow == same.replace(mode=mode.get("mode", "Enforce"))


@pytest.mark.parametrize("becomes", ["Enforce", "Audit"])
def test_a_check_in_another_mode_counts_nothing_twice_where_the_others_are_behind(
    becomes: str,
) -> None:
    """A series that has gone holds what is counted with it for some minutes."""
    behind = strange() if becomes == "Audit" else {**strange(), "mode": "Enforce"}
    before, after = (error_rate(), audited(error_rate()))[:: 1 if becomes == "Audit" else -1]
    it = SimulatedAnalysis(before, behind)
    for look in range(12):
        if look == 9:
            it.analysis = of(after, behind)
        it.errors((1, 100), (10, 1000))
        for pods in (it.candidate, it.stable):
            gone(look, pods)
        it.look()
    errors = it.progress.checks[0]
    assert errors.mode == becomes
    assert 1000 < errors.state.candidate["requests"] <= 1200


def test_a_split_that_is_audited_is_judged_and_holds_nothing() -> None:
    it = SimulatedAnalysis(audited(traffic_share()))
    it.weight = EffectiveWeight(0.05, SINCE)
    for _ in range(60):
        it.errors((0, 500), (0, 500))
        it.look()
    [split] = it.progress.checks
    assert split.verdict == "Fail"
    assert not split.split_is_wrong and overall([split]) == "Pass"


def test_a_history_that_cannot_be_read_is_told_only_where_a_check_decides() -> None:
    down = QueryError("Prometheus is down.")
    for slow, holds in ((latency(), True), (audited(latency()), False)):
        wanted = of(error_rate(), slow)
        stable: dict[CounterQuery, tuple[()] | QueryError] = {
            query: down if "duration" in query.metric else () for query in asks_of_history(wanted)
        }
        found = learn(wanted, History(SINCE, dict(stable)))
        assert isinstance(found, QueryError) is holds
        if isinstance(found, Baseline):
            assert len(found.checks) == 2, "a rollout does not read it again"
