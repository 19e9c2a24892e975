"""All checks together: questions, budgets, state, steps."""

import math
import time
from collections.abc import Callable, Mapping
from functools import partial

import pytest

from serinus.api.analysis import Analysis
from serinus.api.status import CheckStatus, Verdict
from serinus.judge import (
    EffectiveWeight,
    Progress,
    as_asked,
    enter_step,
    judge,
    overall,
    queries_of,
)
from serinus.metrics.queries import CounterQuery, ExpressionQuery, Measurement
from tests.support.simulated_analysis import (
    SINCE,
    SimulatedAnalysis,
    drift,
    error_rate,
    latency,
    requests,
)

PSI: dict[str, object] = {"name": "psi", "threshold": {"query": "max(psi{$arm})", "max": 1}}


def serving() -> SimulatedAnalysis:
    """The default checks; both arms are up and were scraped before the weight took effect."""
    simulated = SimulatedAnalysis()
    simulated.errors((0, 0), (0, 0))
    simulated.classes({"cat": 0, "dog": 0, "bird": 0}, {"cat": 0, "dog": 0, "bird": 0})
    simulated.scores(dict.fromkeys(SCORES, 0), dict.fromkeys(SCORES, 0))
    simulated.scrape()
    return simulated


SCORES = {(index + 1) / 20: 5 for index in range(19)}


def serve(simulated: SimulatedAnalysis, errors: int = 1, cats: int = 30) -> None:
    """Some 100 candidate requests."""
    simulated.errors((errors, 95), (19, 1805))
    simulated.classes(
        {"cat": cats, "dog": 30, "bird": 65 - cats}, {"cat": 570, "dog": 570, "bird": 665}
    )
    simulated.scores(SCORES, {bound: 19 * count for bound, count in SCORES.items()})


def test_wholes_are_asked_before_their_parts_and_nothing_is_asked_twice() -> None:
    checks = [error_rate(), {**error_rate(tolerance=1.3), "name": "again"}, drift(), PSI]
    asked = queries_of(Analysis.model_validate({"checks": checks}))
    assert len(asked) == len(set(asked)) == 5
    parts = [isinstance(query, CounterQuery) and query.part for query in asked]
    assert parts == sorted(parts)
    assert sum(isinstance(query, ExpressionQuery) for query in asked) == 1


def test_a_good_candidate_passes_the_default_checks_within_1400_requests() -> None:
    simulated = serving()
    for _ in range(14):
        serve(simulated)
        simulated.look()
    assert [check.verdict for check in simulated.progress.checks] == ["Pass", "Pass"]


def test_a_measurement_that_was_counted_already_changes_no_digit() -> None:
    simulated = serving()
    serve(simulated)
    simulated.look()
    serve(simulated)
    simulated.look()
    known, measured = simulated.progress, simulated.measurement()
    again = judge(simulated.analysis, known, measured, SINCE, simulated.weight)
    assert again == simulated.progress


def test_an_operator_that_was_away_counts_all_that_it_missed_once() -> None:
    simulated = serving()
    serve(simulated)
    simulated.look()
    for _ in range(8):
        serve(simulated)
        simulated.at += 15
        simulated.scrape()
    simulated.look()
    errors = simulated.progress.checks[0].state
    assert errors.candidate == {"requests": 9 * 95}
    assert errors.stable == {"requests": 9 * 1805}


@pytest.mark.parametrize("away", [3, 10, 40])
def test_what_an_operator_missed_is_judged_as_it_would_have_judged_it(away: int) -> None:
    """Pods are scraped at different moments, and the candidate fails for a while."""
    present, absent = Staggered(), Staggered()
    for simulated in (present, absent):
        simulated.go_on(4)
        simulated.go_on(away, looks=simulated is present, errors=2)
        simulated.go_on(1)
    assert absent.progress.checks == present.progress.checks
    assert absent.progress.counted == present.progress.counted


def test_what_a_candidate_did_while_nobody_looked_fails_it_at_the_first_look() -> None:
    simulated = Staggered()
    simulated.go_on(4)
    simulated.go_on(4, looks=False, errors=20)
    simulated.go_on(20, looks=False)
    assert simulated.judge().verdict == "Fail"


def test_a_candidate_that_answered_while_nobody_looked_was_not_silent() -> None:
    simulated = Staggered()
    simulated.weight = EffectiveWeight(0.5, SINCE)
    simulated.go_on(4)
    simulated.go_on(4, looks=False)
    for _ in range(4):
        simulated.at += 15
        requests(simulated.stable, "stable-0", 0, 1000)
        simulated.stable.scrape(simulated.at, "stable-0")
    simulated.judge()
    assert simulated.progress.silence is None


class Staggered(SimulatedAnalysis):
    """Pods that are scraped every 15 s at moments of their own."""

    def __init__(self) -> None:
        super().__init__(error_rate())
        self.pods = {
            **{f"candidate-{n}": (self.candidate, n) for n in range(2)},
            **{f"stable-{n}": (self.stable, 3 * n) for n in range(3)},
        }
        for name, (arm, _) in self.pods.items():
            requests(arm, name, 0, 0)
        self.scrape()

    def go_on(self, intervals: int, *, looks: bool = True, errors: int = 0) -> None:
        """Each pod serves forty requests an interval, of which so many of the candidate fail."""
        for _ in range(intervals):
            for second in range(15):
                self.at += 1
                for name, (arm, offset) in self.pods.items():
                    if second == offset:
                        requests(arm, name, errors if arm is self.candidate else 1, 40)
                        arm.scrape(self.at, name)
            if looks:
                self.judge()


def test_a_new_step_has_to_pass_anew_and_keeps_the_evidence_against_the_candidate() -> None:
    simulated = serving()
    simulated.until("Pass", lambda: serve(simulated))
    assert overall(simulated.progress.checks) == "Pass"
    before = simulated.progress.checks
    entered = tuple(enter_step(before, again=False))
    assert {check.verdict for check in entered} == {"Inconclusive"}
    assert [c.state.comparisons[0].above for c in entered] == [
        c.state.comparisons[0].above for c in before
    ]
    for check in entered:
        for each in check.state.comparisons:
            for evidence in (each.not_above, each.not_below):
                assert sum(map(math.exp, evidence)) in (0, pytest.approx(1))
    simulated.progress = Progress(simulated.progress.counted, entered)
    serve(simulated)
    simulated.look()
    assert {check.verdict for check in simulated.progress.checks} == {"Inconclusive"}
    assert simulated.progress.checks[0].state.step_requests == 95


def test_what_a_candidate_did_well_before_is_no_credit_once_it_breaks() -> None:
    simulated = serving()
    for _ in range(100):
        serve(simulated)
        simulated.look()
    simulated.until("Fail", lambda: serve(simulated, errors=8), looks=8)


def test_a_failed_check_stays_failed_when_a_step_is_entered() -> None:
    failed = CheckStatus(name="errors", kind="errorRate", verdict="Fail", message="It was bad.")
    assert enter_step([failed], again=False) == [failed]


def test_only_the_check_whose_policy_changed_starts_anew() -> None:
    simulated = serving()
    serve(simulated)
    simulated.look()
    errors, drift_ = simulated.progress.checks
    changed = simulated.analysis.model_dump(by_alias=True)
    changed["checks"][0]["errorRate"]["tolerance"] = 1.2
    simulated.analysis = Analysis.model_validate(changed)
    serve(simulated)
    simulated.look()
    assert simulated.progress.checks[0].state.candidate == {"requests": 95}
    assert (
        simulated.progress.checks[1].state.candidate["class"] == 2 * drift_.state.candidate["class"]
    )
    assert errors.state.policy != simulated.progress.checks[0].state.policy


def test_a_check_that_was_not_asked_about_yet_is_not_measured() -> None:
    simulated = serving()
    unasked = Measurement(simulated.at, {}, {})
    progress = judge(simulated.analysis, simulated.progress, unasked, SINCE)
    assert [(c.verdict, c.message) for c in progress.checks] == [
        ("NoData", "Not measured yet.")
    ] * 2


def test_thresholds_take_nothing_of_the_budget_and_checks_share_it_by_weight() -> None:
    def fails_after(*checks: Mapping[str, object]) -> float:
        simulated = SimulatedAnalysis(*checks)
        simulated.errors((0, 0), (0, 0))
        simulated.scrape()
        found = simulated.until("Fail", lambda: simulated.errors((1, 20), (4, 380)))
        return found.state.candidate["requests"]

    alone = fails_after(error_rate())
    assert fails_after(error_rate(), PSI) == alone
    small = fails_after({**error_rate(), "weight": 1}, {**drift(), "weight": 99})
    large = fails_after({**error_rate(), "weight": 99}, {**drift(), "weight": 1})
    assert small > large == alone


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "Pass"),
        (["Pass", "Inconclusive"], "Inconclusive"),
        (["Inconclusive", "NoData"], "NoData"),
        (["NoData", "Error", "Pass"], "Error"),
        (["Error", "Fail"], "Fail"),
    ],
)
def test_the_gravest_verdict_decides(verdicts: list[Verdict], expected: Verdict) -> None:
    checks = [CheckStatus(name="c", kind="errorRate", verdict=verdict) for verdict in verdicts]
    assert overall(checks) == expected


def test_the_state_of_the_default_checks_stays_small() -> None:
    simulated = serving()
    for _ in range(20):
        serve(simulated)
        simulated.look()
    checks = simulated.progress.checks
    stored = sum(len(each.model_dump_json(by_alias=True, exclude_none=True)) for each in checks)
    assert stored < 16_000


def test_an_evaluation_of_four_checks_costs_less_than_fifty_thousand_multiplications() -> None:
    checks = [
        error_rate(),
        {**error_rate(limit="5%"), "name": "limited"},
        drift(classes={"metric": "model_predictions_total"}),
        PSI,
    ]
    simulated = SimulatedAnalysis(*checks)
    simulated.errors((0, 0), (0, 0))
    simulated.classes({"cat": 0, "dog": 0, "bird": 0}, {"cat": 0, "dog": 0, "bird": 0})
    simulated.scrape()
    for _ in range(4):
        serve(simulated)
        simulated.look()
    measurement = simulated.measurement()
    evaluation = partial(judge, simulated.analysis, simulated.progress, measurement, SINCE)
    ratios = [  # each of two neighbours, since the speed of a machine may double at any moment
        _cost(evaluation) / _cost(lambda: sum(number * number for number in range(50_000)))
        for _ in range(200)
    ]
    assert min(ratios) < 1


def _cost(work: Callable[[], object]) -> float:
    """CPU seconds."""
    started = time.process_time()
    work()
    return time.process_time() - started


def test_what_a_check_found_is_known_as_long_as_its_settings_are_the_same() -> None:
    mild, strict = (
        Analysis.model_validate({"checks": [error_rate(tolerance=bound)]}) for bound in (1.3, 1.2)
    )
    [new] = as_asked(mild, [])
    assert (new.verdict, new.message) == ("NoData", "Not measured yet.")
    passed = new.replace(verdict="Pass", message="As good as stable.")
    assert as_asked(mild, [passed]) == [passed]
    [anew] = as_asked(strict, [passed])
    assert anew.verdict == "NoData"


ERRORS = error_rate()
TWICE = {**ERRORS, "name": "again"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"minRequests": 5000}),
        ({}, {"falsePassBudget": "0.01%"}),
        ({}, {"falseRollbackBudget": "0.1%"}),
        ({}, {"checks": [ERRORS, {**TWICE, "weight": 9}]}),
    ],
)
def test_a_verdict_reached_by_other_settings_of_the_analysis_waits_for_the_next_look(
    before: dict[str, object], after: dict[str, object]
) -> None:
    simulated = SimulatedAnalysis(ERRORS, TWICE, **before)
    simulated.errors((0, 0), (0, 0))
    simulated.scrape()
    simulated.until("Pass", lambda: simulated.errors((1, 95), (19, 1805)))
    found = list(simulated.progress.checks)
    assert as_asked(simulated.analysis, found) == found
    edited = Analysis.model_validate({"checks": [ERRORS, TWICE], **before, **after})
    waiting = as_asked(edited, found)
    assert {check.verdict for check in waiting} == {"NoData"}
    assert as_asked(edited, waiting) == waiting
    assert [check.state for check in waiting] == [check.state for check in found]


def test_more_requests_that_are_asked_for_are_waited_for_and_what_was_counted_counts() -> None:
    simulated = SimulatedAnalysis(ERRORS)
    simulated.errors((0, 0), (0, 0))
    simulated.scrape()

    def serve_some() -> None:
        simulated.errors((1, 95), (19, 1805))

    simulated.until("Pass", serve_some)
    served = simulated.progress.checks[0].state.step_requests
    simulated.analysis = Analysis.model_validate(
        {"checks": [ERRORS], "minRequests": int(served) + 200}
    )
    serve_some()
    simulated.look()
    assert overall(simulated.progress.checks) == "Inconclusive"
    simulated.until("Pass", serve_some)
    assert simulated.progress.checks[0].state.step_requests == served + 285


def test_settings_that_a_check_does_not_depend_on_leave_its_verdict_alone() -> None:
    simulated = SimulatedAnalysis(PSI)
    [found] = as_asked(simulated.analysis, [])
    passed = found.replace(verdict="Pass", message="It is in bounds.")
    edited = Analysis.model_validate({"checks": [PSI], "minRequests": 5000})
    assert as_asked(edited, [passed]) == [passed]


def test_a_verdict_of_an_operator_that_noted_no_settings_of_the_analysis_stands() -> None:
    simulated = SimulatedAnalysis(ERRORS)
    [new] = as_asked(simulated.analysis, [])
    passed = new.replace(verdict="Pass", state=new.state.replace(budget=""))
    assert as_asked(simulated.analysis, [passed]) == [passed]


@pytest.mark.parametrize(
    "checks", [(latency(), error_rate()), (latency(),), (drift(), error_rate())]
)
def test_a_good_candidate_with_few_requests_is_not_silent(
    checks: tuple[Mapping[str, object], ...],
) -> None:
    """Of 3 requests to stable in a look, 12 buckets of durations and 90 predictions are counted."""
    judging = SimulatedAnalysis(*checks)
    judging.weight = EffectiveWeight(0.5, SINCE)
    for _ in range(6):
        judging.errors((0, 0), (0, 3))
        judging.durations({}, {0.1: 3, 0.2: 0, 0.5: 0})
        judging.classes({}, {"deny": 90})
        judging.look()
    silence = judging.progress.silence
    assert silence is None or (silence.expected <= 18 and silence.since is None)
