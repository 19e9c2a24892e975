"""Inputs that a candidate has not counted because it failed the requests."""

import collections
from random import Random

import pytest

from serinus.api.monitoring import FeatureDrift
from serinus.judge import EffectiveWeight
from serinus.judge.inputs.unanswered import Answers, uncounted
from serinus.simulation.draws import binomial
from tests.support.exhaustive import short
from tests.support.simulated_analysis import (
    SINCE,
    SimulatedAnalysis,
    drift,
    error_rate,
    requests,
)

REQUESTS = 60, 240
"""Of candidate and stable, in a look."""
ONCE_HELD = (3, 5, 51)


@pytest.mark.parametrize(
    ("values", "answers", "missing"),
    [
        ((90, 1000), Answers(100, 10, 1000), 10),  # all that failed
        ((100, 1000), Answers(100, 10, 1000), 0),  # they were counted all the same
        ((180, 2000), Answers(100, 10, 1000), 20),  # two values a request
        ((45, 500), Answers(100, 10, 1000), 5),  # every second request has one
        ((50, 1000), Answers(100, 10, 1000), 50 / 9),  # no more than failed
        ((50, 1000), Answers(100, 0, 1000), 0),
        ((1, 1000), Answers(100, 100, 1000), 99),
        ((1, 1000), Answers(100, 200, 1000), 99),
        ((90, 900), Answers(100, 10, 1000), 0),  # stable fails as many
        ((90, 1000), Answers(0, 0, 1000), 0),
        ((90, 1000), Answers(100, 10, 0), 0),
        ((90, 0), Answers(100, 10, 1000), 0),
    ],
)
def test_what_is_missing_is_what_stable_counts_for_a_request_and_what_failed_at_the_most(
    values: tuple[float, float], answers: Answers, missing: float
) -> None:
    assert values[0] * uncounted(values, answers) == pytest.approx(missing)


class Failing(SimulatedAnalysis):
    """A candidate that fails on inputs of one kind, `debt`, or on some of the others."""

    def __init__(self, seed: int, *checks: dict[str, object], answered_only: bool = True) -> None:
        super().__init__(*(checks or (error_rate(absoluteMargin="0.5%"), drift())))
        self.weight = EffectiveWeight(0.2, SINCE)
        self.features = FeatureDrift()
        self.draws = Random(seed)
        self.answered_only = answered_only
        self.asked = REQUESTS
        self.behind = False
        self.waiting: list[tuple[int, int]] = []

    def ask(
        self,
        debt: tuple[float, float] = (0.048, 0.048),
        fails: tuple[float, float] = (1.0, 0.0),
        of_stable: tuple[float, float] = (0.0, 0.0),
    ) -> str:
        """A look at arms that are asked for so much debt; each fails these shares of debt and of
        the others. Its verdict, or that the arms are held."""
        values: list[dict[float, int]] = []
        classes: list[dict[str, int]] = []
        for pods, n, share, (of_debt, of_others) in zip(
            (self.candidate, self.stable), self.asked, debt, (fails, of_stable), strict=True
        ):
            indebted = binomial(self.draws, n, share)
            failed = binomial(self.draws, indebted, of_debt)
            others = binomial(self.draws, n - indebted, of_others)
            self.waiting.append((failed + others, n))
            if not self.behind or len(self.waiting) > len(REQUESTS):
                requests(pods, "pod", *self.waiting.pop(0))
            left_out = (failed, others) if self.answered_only else (0, 0)
            values.append({0: indebted - left_out[0], 1: n - indebted - left_out[1]})
            answered = n - failed - others
            denied = binomial(self.draws, answered, 0.3)
            classes.append({"deny": denied, "approve": answered - denied})
        self.feature("net_worth", *values)
        self.classes(*classes)
        verdict = self.look(5).verdict
        inputs = self.progress.inputs
        held = inputs and inputs.unlike and not inputs.unlike.in_doubt
        return verdict if verdict == "Fail" else "held" if held else verdict

    def until_decided(self, looks: int, **asked: tuple[float, float]) -> tuple[str, int]:
        """Whether it fails or the arms are held, and the number of looks until then."""
        for look in range(1, looks + 1):
            if (found := self.ask(**asked)) in ("Fail", "held"):
                return found, look
        return "open", looks


@pytest.mark.parametrize("seed", short(range(100), ONCE_HELD))
def test_a_candidate_that_counts_the_inputs_of_what_it_answers_is_rolled_back_as_soon(
    seed: int,
) -> None:
    """As one that counts them as they arrive, in the same look."""
    found, other = (Failing(seed, answered_only=each).until_decided(40) for each in (True, False))
    assert found == other and found[0] == "Fail"


@pytest.mark.parametrize("seed", short(range(100), ONCE_HELD))
def test_so_is_one_whose_requests_are_counted_a_look_later(seed: int) -> None:
    """By a gateway, which is scraped at another time."""
    asked = Failing(seed)
    asked.behind = True
    verdict, looks = asked.until_decided(40)
    assert (verdict, looks <= 9) == ("Fail", True)


@pytest.mark.parametrize("seed", range(3))
def test_one_that_has_failed_and_then_does_again_is_rolled_back_too(seed: int) -> None:
    """As is one that breaks late: what its looks had shown before is no reason to wait."""
    asked = Failing(seed)
    for _ in range(30):
        assert asked.ask(fails=(0.0, 0.0)) not in ("Fail", "held")
    verdict, looks = asked.until_decided(40)
    assert (verdict, looks <= 8) == ("Fail", True)


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("debt", [0.2, 0.5])
def test_so_is_one_that_begins_to_fail_on_much_of_what_it_is_asked(
    debt: float, behind: bool
) -> None:
    """Of its requests lately it has failed few then, and in the look nearly as many as it will."""
    asked = Failing(0)
    asked.behind = behind
    for _ in range(30):
        assert asked.ask((debt, debt), fails=(0.0, 0.0)) not in ("Fail", "held")
    verdict, looks = asked.until_decided(40, debt=(debt, debt))
    assert (verdict, looks <= 4) == ("Fail", True)


@pytest.mark.parametrize("seed", range(3))
def test_so_is_one_that_fails_all_that_it_is_asked_in_most_looks(seed: int) -> None:
    """It is asked once in each, and counts no inputs then."""
    asked = Failing(seed)
    asked.asked = (1, 19)
    verdict, looks = asked.until_decided(40, debt=(0.6, 0.6))
    assert (verdict, looks <= 25) == ("Fail", True)


@pytest.mark.parametrize("answered_only", [True, False])
def test_arms_that_are_asked_differently_are_held_though_both_fail_on_what_is_hard(
    answered_only: bool,
) -> None:
    """The candidate has three times as much of it, so it fails more often, and is not worse."""
    asked = {"debt": (0.5, 0.1), "fails": (0.1, 0.0), "of_stable": (0.1, 0.0)}
    found = collections.Counter(
        Failing(seed, answered_only=answered_only).until_decided(40, **asked)[0]
        for seed in range(10)
    )
    assert found == {"held": 10}


def test_where_failed_requests_are_counted_what_the_candidate_lacks_is_no_failure() -> None:
    """5% of its requests fail for another cause, and it is asked for no debt."""
    asked = {"debt": (0.0, 0.2), "fails": (0.0, 0.05)}
    found = collections.Counter(
        Failing(seed, answered_only=False).until_decided(40, **asked)[0] for seed in range(10)
    )
    assert found == {"held": 10}


def test_without_a_check_that_counts_failures_what_is_missing_is_a_difference() -> None:
    asked = {"debt": (0.2, 0.2)}
    assert Failing(0, drift()).until_decided(40, **asked)[0] == "held"
