"""Whether both arms are asked alike, from samples to sentences."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from serinus.api.isolation import Part, collected
from serinus.api.monitoring import FeatureDrift
from serinus.api.quantities import fraction
from serinus.api.status import CheckStatus, Inputs
from serinus.judge import overall
from serinus.judge.drift import feature_queries
from serinus.judge.inputs import compare_inputs
from serinus.metrics.counters import Growth, Increase, Reading
from serinus.metrics.queries import CounterQuery, QueryError, Series
from tests.support.exhaustive import short
from tests.support.simulated_analysis import (
    SimulatedAnalysis,
    buckets,
    drift,
    error_rate,
    requests,
)
from tests.unit.judge.enumeration import Counts, Law, chances, outcomes, shares

USUAL = (0.1, 0.4, 0.4, 0.1)
OTHERS = (0.5, 0.4, 0.1, 0.0)
RICHER = (0.25, 0.4, 0.3, 0.05)
TOLERATED = (0.14, 0.46, 0.33, 0.07)
"""Others, but by no more than is tolerated."""
STABLES = {"deny": 285, "approve": 1140}
BOUNDS = (2000, 4000, 8000, math.inf)
RISKS = 0.01, 0.05
FEW = 8
"""Looks."""


class Asked(SimulatedAnalysis):
    """Arms whose requests have an income, and sometimes an age."""

    def __init__(self, seed: int = 0, *checks: Mapping[str, object], **monitored: object) -> None:
        super().__init__(*(checks or [error_rate()]))
        self.features = FeatureDrift.model_validate(monitored)
        self.draws = np.random.default_rng(seed)

    def ask(
        self,
        candidate: tuple[float, ...] = USUAL,
        stable: tuple[float, ...] = USUAL,
        *,
        rows: int = 1,
        failing: int = 0,
    ) -> CheckStatus:
        """Some time later 75 and 1425 requests came, each with so many equal rows."""
        incomes = [
            dict(zip(BOUNDS, map(int, self.draws.multinomial(n // rows, p) * rows), strict=True))
            for n, p in ((75, candidate), (1425, stable))
        ]
        self.feature("income", *incomes)
        ages = [{30: n // 2, math.inf: n - n // 2} for n in (75, 1425)]
        self.feature("age", *ages)
        self.errors((failing, 75), (0, 1425))
        return self.look()

    @property
    def held(self) -> str | None:
        """Why the rollout is held."""
        inputs = self.progress.inputs
        return inputs.unlike.message if inputs and inputs.unlike else None

    def until_held(self, looks: int = FEW, failing: int = 0) -> str:
        """Ask the candidate differently."""
        for _ in range(looks):
            self.ask(OTHERS, failing=failing)
            if self.held:
                return self.held
        raise AssertionError("not held")


def test_arms_that_are_asked_differently_are_held_with_the_feature_and_its_figures() -> None:
    message = Asked().until_held()
    assert message.startswith("Feature income, ")
    assert "beyond the tolerance (1.25 times the other revision's share + 2%)" in message
    assert "False-alarm risk at most 1% per rollout" in message
    assert "sticky sessions" in message


@pytest.mark.parametrize(("served", "counts"), [(75, True), (0, False)])
def test_time_goes_on_if_a_candidate_that_was_unlike_has_requests_and_no_values(
    served: int, counts: bool
) -> None:
    """As if each of them failed before its features are counted."""
    asked = Asked()
    asked.until_held()
    held_at = asked.at
    for _ in range(3):
        requests(asked.candidate, "pod", served, served)
        requests(asked.stable, "pod", 0, 1425)
        asked.look()
    inputs = asked.progress.inputs
    assert inputs and inputs.unlike and inputs.looked_at == (asked.at if counts else held_at)


def test_a_pod_that_starts_while_the_arms_are_held_is_not_blamed_for_it_afterwards() -> None:
    asked = Asked()
    asked.until_held()
    for _ in range(10):
        asked.ask()
    requests(asked.candidate, "newer", 0, 0)
    asked.scrape()
    held = []
    for _ in range(9):
        requests(asked.candidate, "newer", 10, 75)
        assert asked.ask().verdict != "Fail"
        held.append(asked.held is not None)
    assert held[0]
    assert not held[-1]
    assert "may still be warming up" in asked.progress.checks[0].message


def test_a_category_is_named_too() -> None:
    asked = Asked()
    for _ in range(FEW):
        for pods, counts in (
            (asked.candidate, {"home": 20, "car": 55}),
            (asked.stable, {"home": 1140, "car": 285}),
        ):
            for category, count in counts.items():
                labels = {"feature": "purpose", "category": category}
                pods.add("pod", "model_feature_category_total", count, **labels)
        asked.ask()
    assert asked.held and asked.held.startswith("Feature purpose, category ")


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("seed", short(range(20), range(5)))
def test_arms_that_are_asked_alike_are_not_held(seed: int, rows: int) -> None:
    asked = Asked(seed)
    for _ in range(40):
        asked.ask(rows=rows)
        assert asked.held is None
    assert overall(asked.progress.checks) == "Pass"


def test_inputs_that_change_for_both_arms_hold_nothing() -> None:
    asked = Asked()
    for shares_ in (USUAL, OTHERS, USUAL):
        for _ in range(10):
            asked.ask(shares_, shares_)
            assert asked.held is None


def test_a_difference_that_begins_late_is_found_in_few_looks() -> None:
    asked = Asked()
    for _ in range(200):
        asked.ask()
    asked.until_held()


def test_it_ends_when_the_arms_are_asked_alike_and_a_new_one_is_found() -> None:
    asked = Asked()
    asked.until_held()
    for _ in range(50):
        asked.ask(OTHERS)
        assert asked.held, "it goes on"
    looks = 0
    while asked.held:
        asked.ask()
        looks += 1
    assert looks <= 40
    for _ in range(10):
        asked.ask()
        assert asked.held is None
    asked.until_held(2 * FEW)


def test_while_they_are_asked_differently_nothing_counts_for_or_against_the_candidate() -> None:
    asked = Asked()
    asked.until_held(failing=10)
    held = asked.ask(OTHERS, failing=75)
    assert held.verdict == "Inconclusive"
    assert held.message.startswith("Not judged while the revisions receive different inputs")
    while asked.held:
        asked.ask(failing=75)
    after = asked.ask()
    assert after.verdict == "Inconclusive" and "stable 0/" in after.message
    assert sum(after.state.candidate.values()) <= 2 * 75, "nothing that was counted before"
    for _ in range(200):
        after = asked.ask()
    assert after.verdict == "Pass"


def test_a_bad_candidate_is_rolled_back_once_the_arms_are_asked_alike_again() -> None:
    asked = Asked()
    asked.until_held()
    while asked.held:
        assert not asked.ask(failing=10).rolls_back
    assert any(asked.ask(failing=10).rolls_back for _ in range(5))


@pytest.mark.parametrize("before", [0, 5, 20])
@pytest.mark.parametrize("seed", short(range(10), range(3)))
def test_predictions_that_differ_as_the_inputs_do_roll_nobody_back(seed: int, before: int) -> None:
    asked = Asked(seed, drift(classes={"metric": "model_predictions_total"}))
    for look in range(before + 2 * FEW):
        others = look >= before
        asked.classes({"deny": 60 if others else 15, "approve": 15 if others else 60}, STABLES)
        assert not asked.ask(OTHERS if others else USUAL).rolls_back
        if asked.held:
            break
    assert asked.held


def test_predictions_that_differ_more_clearly_than_the_inputs_are_rarely_blamed_on_the_model() -> (
    None
):
    blamed = sum(_blamed(seed, before) for seed in range(10) for before in (0, 5, 20))
    assert blamed <= 4


def _blamed(seed: int, before: int) -> bool:
    """Whether the candidate is rolled back before it is held, once its requests are a little
    richer."""
    asked = Asked(seed, drift(classes={"metric": "model_predictions_total"}))
    for look in range(before + 3 * FEW):
        denied = int(asked.draws.binomial(75, 0.2 if look < before else 0.5))
        asked.classes({"deny": denied, "approve": 75 - denied}, STABLES)
        if asked.ask(USUAL if look < before else RICHER).rolls_back:
            return True
        if asked.held:
            return False
    raise AssertionError("not held")


class Answers(Asked):
    """Predictions of the candidate that differ by more than tolerated."""

    def __init__(self, seed: int, denied: float = 0.32, **settings: object) -> None:
        classes = {"metric": "model_predictions_total"}
        super().__init__(seed, error_rate(), {**drift(classes=classes), **settings})
        self.denied = denied

    def answer(self, asked: tuple[float, ...], *, failing: int = 0) -> bool:
        """Whether it is rolled back."""
        denied = int(self.draws.binomial(75, self.denied))
        self.classes({"deny": denied, "approve": 75 - denied}, STABLES)
        self.ask(asked, failing=failing)
        return any(each.rolls_back for each in self.progress.checks)

    def is_blamed(self, looks: int = 60) -> bool:
        """Whether it is rolled back before it is held, asked a little differently."""
        for _ in range(looks):
            if self.answer(TOLERATED):
                return True
            if self.held:
                break
        return False

    def until_in_doubt(self) -> None:
        """The same, held."""
        assert not self.is_blamed()
        assert self.held
        assert "Answers differ by more than tolerated" in self.held


def test_predictions_that_may_follow_inputs_within_the_tolerance_are_rarely_blamed() -> None:
    assert sum(Answers(seed, denied=0.3).is_blamed() for seed in range(10)) <= 2


@pytest.mark.parametrize("seed", [0, 2])
def test_predictions_that_are_audited_fail_as_if_they_decided(seed: int) -> None:
    assert not Answers(seed).is_blamed()
    audited = Answers(seed, mode="Audit")
    for _ in range(60):
        audited.answer(TOLERATED)
    assert not any(each.has_failed for each in audited.audited.checks)


def test_a_candidate_that_fails_is_rolled_back_while_only_its_predictions_are_in_doubt() -> None:
    answers = Answers(0)
    answers.until_in_doubt()
    assert any(answers.answer(TOLERATED, failing=75) for _ in range(4))


def test_once_its_inputs_are_shown_to_be_tolerated_its_predictions_are_its_own() -> None:
    answers = Answers(0)
    answers.until_in_doubt()
    looks = next(n for n in range(100) if not answers.answer(USUAL) and not answers.held)
    assert looks <= 40
    assert any(answers.answer(TOLERATED) for _ in range(60))
    assert not answers.held


def test_what_cannot_be_compared_with_what_is_remembered_is_compared_anew() -> None:
    """Shares that a newer version wrote are not read, and their counts are left."""
    answers = Answers(0)
    answers.until_in_doubt()
    inputs = answers.progress.inputs
    assert inputs
    left = [each.replace(shares=each.shares[:1]) for each in inputs.features]
    answers.progress = replace(answers.progress, inputs=inputs.replace(features=left))
    with collected() as faults:
        answers.answer(TOLERATED)
        assert not answers.held, "nobody knows whether they differ"
        for _ in range(FEW):
            answers.answer(TOLERATED)
    assert [each.part for each in faults.raised] == [Part.INPUTS]
    assert answers.progress.inputs
    again = [len(each.shares) for each in answers.progress.inputs.features]
    assert again == [len(each.shares) for each in inputs.features]


@pytest.mark.parametrize("kind", ["predictions", "errors"])
@pytest.mark.parametrize("before", [0, 20])
@pytest.mark.parametrize("faulty", [1, 2, 4])
def test_one_look_that_cannot_compare_blames_nobody_for_how_it_is_asked(
    kind: str, before: int, faulty: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`faulty` looks after what the candidate is asked has changed, and with it its answers."""
    follows = kind == "predictions"
    asked = Asked(0, *([drift(classes={"metric": "model_predictions_total"})] if follows else []))
    for look in range(before + 3 * FEW):
        others = look >= before
        asked.classes({"deny": 60 if others else 15, "approve": 15 if others else 60}, STABLES)
        with collected(), monkeypatch.context() as patched:
            if look == before + faulty:
                patched.setattr("serinus.judge.analysis.compare_inputs", _raising)
            check = asked.ask(
                OTHERS if others else USUAL, failing=0 if follows or not others else 30
            )
        assert not check.rolls_back
    assert asked.held


def _raising(*_: object) -> None:
    raise KeyError("a share")


@pytest.mark.parametrize("every", [2, 3])
def test_comparisons_that_fail_again_and_again_keep_no_verdict_waiting(
    every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked()
    for look in range(60):
        with collected(), monkeypatch.context() as patched:
            if look % every == 0:
                patched.setattr("serinus.judge.analysis.compare_inputs", _raising)
            if asked.ask(failing=15).rolls_back:
                return
    raise AssertionError("it keeps its traffic")


def test_what_looks_have_cost_is_known_after_one_that_could_not_compare(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where stable has no values in the next one."""
    asked = Asked()
    for _ in range(20):
        asked.ask()
    known = asked.progress.inputs
    with collected(), monkeypatch.context() as patched:
        patched.setattr("serinus.judge.analysis.compare_inputs", _raising)
        asked.ask()
    requests(asked.candidate, "pod", 0, 75)
    requests(asked.stable, "pod", 0, 1425)
    asked.look()
    inputs = asked.progress.inputs
    assert known and inputs and (inputs.looks, inputs.evidence) == (known.looks, known.evidence)


@pytest.mark.parametrize("seed", [0, 2])
def test_what_differs_more_while_predictions_are_in_doubt_is_shown_and_blames_nobody(
    seed: int,
) -> None:
    answers = Answers(seed)
    answers.until_in_doubt()
    for _ in range(3 * FEW):
        assert not answers.answer(OTHERS, failing=12)
    assert answers.held and answers.held.startswith("Feature income, ")
    assert "beyond the tolerance" in answers.held


@pytest.mark.parametrize(
    "check", [error_rate(), drift(classes={"metric": "model_predictions_total"})]
)
def test_a_bad_candidate_that_is_asked_alike_is_rolled_back_as_soon_as_without_features(
    check: Mapping[str, object],
) -> None:
    looks = []
    for compared in (True, False):
        asked = Asked(0, check)
        if not compared:
            asked.features = None
        for look in range(40):
            bad = look >= 20
            asked.classes({"deny": 45 if bad else 15, "approve": 30 if bad else 60}, STABLES)
            if asked.ask(failing=15 if bad else 0).rolls_back:
                looks.append(look)
                break
    assert looks[0] <= looks[1] + 1


def test_features_that_stable_exports_only_with_its_first_request_are_compared() -> None:
    asked = Asked()
    asked.look()
    assert asked.progress.inputs is not None, "asked for again"
    asked.until_held()


def test_a_total_failure_waits_for_two_looks_at_most() -> None:
    asked, plain = Asked(), Asked()
    plain.features = None
    rolled_back = [
        next(n for n in range(10) if each.ask(failing=75).rolls_back) for each in (asked, plain)
    ]
    assert rolled_back[0] <= rolled_back[1] + 2


def test_a_candidate_without_inputs_is_judged_all_the_same() -> None:
    asked = Asked()
    for _ in range(3):
        asked.feature("income", {}, {2000: 700, math.inf: 725})
        asked.errors((75, 75), (0, 1425))
        found = asked.look()
    assert found.rolls_back


def test_a_candidate_whose_inputs_are_no_longer_counted_is_judged_again() -> None:
    asked = Asked()
    asked.ask()
    found = None
    for _ in range(12):
        asked.errors((75, 75), (0, 1425))
        found = asked.look()
    assert found and found.rolls_back


def test_without_features_nothing_is_known_and_nothing_held() -> None:
    asked = Asked()
    for _ in range(3):
        asked.errors((0, 75), (0, 1425))
        asked.look()
    assert asked.progress.inputs is None


def test_what_is_known_survives_a_restart() -> None:
    asked = Asked()
    asked.until_held()
    asked.resume()
    asked.ask(OTHERS)
    assert asked.held


def test_a_given_reference_names_the_features_to_compare() -> None:
    age = {"feature": "age", "buckets": [{"upTo": 30, "share": "50%"}]}
    asked = Asked(reference={"given": [age]})
    for _ in range(2 * FEW):
        asked.ask(OTHERS)
        assert asked.held is None


def test_other_settings_end_a_hold() -> None:
    asked = Asked()
    asked.until_held()
    asked.features = FeatureDrift(tolerance=50)
    asked.ask(OTHERS)
    assert asked.held is None


def test_an_answer_that_cannot_be_read_changes_nothing() -> None:
    known = Inputs(policy=FeatureDrift().digest, looks=3)
    histogram, categories = feature_queries(FeatureDrift())
    broken: Mapping[CounterQuery, Reading] = {histogram: QueryError("busy"), categories: Growth()}
    assert compare_inputs(known, FeatureDrift(), (broken, broken), 1.0, RISKS) == known


# exact: all that a look can bring, under every law within the tolerance

SETTINGS = FeatureDrift(tolerance=1.5, absolute_tolerance="10%")
SORTS, SIZES = 3, (2, 3)
HISTORIES: list[list[Counts]] = [
    [],
    [((0, 1, 1), (1, 1, 1))],
    [((2, 0, 0), (0, 1, 2)), ((2, 0, 0), (0, 0, 3))],
    [((0, 0, 2), (3, 0, 0))] * 4,
]


def _arm(counts: tuple[int, ...], at: float) -> Mapping[CounterQuery, Reading]:
    histogram, categories = feature_queries(SETTINGS)
    increases = []
    for bound, total in zip(("1", "2", "+Inf"), np.cumsum(counts), strict=True):
        series = Series({"feature": "f", "le": bound}, ())
        increases.append(Increase(series, "pod", at - 1, at, float(total), True))
    return {histogram: Growth(tuple(increases), at), categories: Growth((), at)}


def _after(known: Inputs | None, counts: Counts, at: float) -> Inputs:
    arms = _arm(counts[0], at), _arm(counts[1], at)
    found = compare_inputs(known, SETTINGS, arms, at, (1e-9, 0.05))
    assert found is not None
    return found


def _begun(history: list[Counts]) -> Inputs:
    known = _after(None, ((1, 1, 1), (4, 4, 4)), 0.0)
    for number, counts in enumerate(history, start=1):
        known = _after(known, counts, float(number))
    return known


def _within(law: Law) -> bool:
    ratio, offset = SETTINGS.tolerance, fraction(SETTINGS.absolute_tolerance)
    sets = ((0,), (1,), (2,), (0, 1), (1, 2))
    rates = [[sum(arm[sort] for sort in sorts) for arm in law] for sorts in sets]
    return all(
        one <= ratio * other + offset + 1e-9 for pair in rates for one, other in (pair, pair[::-1])
    )


@pytest.mark.parametrize("history", HISTORIES)
def test_evidence_of_arms_within_the_tolerance_gains_no_more_than_the_weight_laid(
    history: list[Counts],
) -> None:
    known = _begun(history)
    laws: list[Law] = [(one, other) for one in shares(SORTS, 10) for other in shares(SORTS, 10)]
    laws = [law for law in laws if _within(law)]
    look = known.looks + 1
    after = [_after(known, counts, 99.0).evidence for counts in outcomes(SIZES, SORTS)]
    expected = chances(laws, SIZES, SORTS) @ np.array(after)
    assert len(laws) > 50
    assert expected.max() <= known.evidence + 1 / (look * (look + 1)) + 1e-9


def test_the_weights_of_all_looks_are_one_and_no_look_gains_more_than_its_cap() -> None:
    known, before = _begun([]), 0.0
    for look in range(1, 40):
        known = _after(known, ((2, 0, 0), (0, 0, 3)), float(look))
        most = math.exp(2) * (before + 1 / (look * (look + 1)))
        before = known.evidence
        assert before <= most + 1e-9


def test_a_feature_that_never_varies_hides_no_difference_of_another() -> None:
    asked = Asked()

    def ask(candidate: tuple[float, ...]) -> None:
        asked.feature("constant", {10: 75, math.inf: 0}, {10: 1425, math.inf: 0})
        asked.ask(candidate)

    for _ in range(4):
        ask(USUAL)
    for _ in range(FEW):
        ask(OTHERS)
    assert asked.held and asked.held.startswith("Feature income")


def test_a_pod_is_blamed_only_by_a_check_that_fails() -> None:
    asked = Asked()
    for _ in range(FEW):
        for number in range(4):
            requests(asked.candidate, f"c{number}", 0 if number else 60, 100)
            requests(asked.stable, f"s{number}", 1, 400)
        found = asked.ask(OTHERS)
        assert not found.waits_for_own_pods


@pytest.mark.parametrize("missing_from", [0, 1])
def test_a_numeric_feature_that_is_missing_in_every_request_stops_nothing(
    missing_from: int,
) -> None:
    """A feature store that is down: its histogram is exported and does not grow, and all values are
    in the category missing."""
    judging = Asked()
    for number in range(6):
        value = 0 if number >= missing_from else 75
        judging.feature("age", {10: value}, {10: value})
        for pods in (judging.candidate, judging.stable):
            labels = {"feature": "age", "category": "missing"}
            pods.add("pod", "model_feature_category_total", 0 if value else 75, **labels)
        judging.errors((75, 75), (0, 1425))
        found = judging.look()
    assert found.verdict == "Fail"


RENAMED = (
    "Features exported only by stable: age and only by the candidate: age_years. They are not "
    "compared, so a difference in them would not be noticed; check that the new version receives "
    "the inputs that it reads."
)


def asked_for(
    candidate: tuple[str, ...], stable: tuple[str, ...], looks: int = 3, values: int = 75
) -> Asked:
    """Each arm exports these features, of which it is asked so many values at each look."""
    it = Asked()
    for _ in range(looks):
        for pods, names, number in (
            (it.candidate, candidate, values),
            (it.stable, stable, 19 * values),
        ):
            for name in names:
                buckets(pods, "pod", "model_feature_value", {1: number}, feature=name)
        it.errors((0, values), (0, 19 * values))
        it.look()
    return it


def unmatched(it: Asked) -> str:
    return it.progress.inputs.unmatched if it.progress.inputs else ""


def test_features_that_were_renamed_are_named() -> None:
    assert unmatched(asked_for(("income", "age_years"), ("income", "age"))) == RENAMED
    assert asked_for(("income", "age_years"), ("income", "age")).held is None


def test_a_candidate_that_exports_no_feature_at_all_is_named_too() -> None:
    assert "only by stable: age and income." in unmatched(asked_for((), ("income", "age")))


def test_features_that_both_export_are_no_news() -> None:
    assert unmatched(asked_for(("income", "age"), ("income", "age"))) == ""


def test_a_feature_that_is_rare_may_come_yet() -> None:
    """Series appear with the first value."""
    assert unmatched(asked_for(("income",), ("income", "age"), looks=1, values=5)) == ""


def test_only_the_features_of_a_given_reference_are_missed() -> None:
    given = [{"feature": "income", "buckets": [{"upTo": 1, "share": "50%"}]}]
    it = asked_for(("income", "age_years"), ("income", "age"))
    it.features = FeatureDrift.model_validate({"reference": {"given": given}})
    it.errors((0, 75), (0, 1425))
    it.look()
    assert unmatched(it) == ""
