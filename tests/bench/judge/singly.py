"""Rollouts that the operator's own checks decide, one run after another, for what has no
counterpart in numpy: groups against stable's, and stable's pods against each other."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from serinus.api.checks.error_rate import ErrorRate
from serinus.api.checks.fairness import Fairness
from serinus.api.status import CheckState
from serinus.judge.checks.error_rate import ErrorRateCheck
from serinus.judge.checks.fairness import FairnessCheck
from serinus.judge.evidence.comparison import step_entered
from serinus.judge.evidence.look import CheckKind, EffectiveWeight, ErrorBudget, Look
from serinus.judge.evidence.stable_pods import suspects, unknown
from serinus.metrics.counters import Growth, Increase
from serinus.metrics.queries import CounterQuery, Series
from tests.bench.judge.traffic import Floats

BUDGET: Final = ErrorBudget(0.01, 0.05, 0.01, 50)
INTERVAL: Final = 15.0
PER_LOOK: Final = 1500.0
"""Requests of both arms."""
STEPS: Final = (0.05, 0.25, 0.5)
LASTS: Final = 1800.0
FAVOURABLE: Final = [{"label": "class", "value": "approve"}]

Pairs = tuple[float, float]
"""A rate in two groups."""
Counted = Mapping[str, float]
"""By what became of a run; infinite: it never did."""


@dataclass(frozen=True)
class Groups:
    """Two groups of equal size at 5% of the traffic: candidate requests until Fail and Pass."""

    candidate: Pairs
    stable: Pairs
    against: str = "Stable"

    def run(self, rng: Generator) -> Counted:
        """One."""
        check = FairnessCheck(
            Fairness.model_validate({"favourable": FAVOURABLE, "against": self.against})
        )
        whole, _ = check.queries()
        found, state, served = {"Fail": math.inf, "Pass": math.inf}, CheckState(), 0.0
        weight = EffectiveWeight(STEPS[0], since=0.0)
        for at in np.arange(INTERVAL, LASTS, INTERVAL):
            candidate = self._arm(check, at, STEPS[0], self.candidate, rng)
            stable = self._arm(check, at, 1 - STEPS[0], self.stable, rng)
            served += candidate[whole].total
            look = Look(at, candidate, stable, {}, weight=weight)
            verdict, state = _judged(check, state, look)
            if verdict in found:
                found[verdict] = min(found[verdict], served)
            if verdict == "Fail":
                break
        return found

    def _arm(
        self, check: FairnessCheck, at: float, share: float, rates: Pairs, rng: Generator
    ) -> dict[CounterQuery, Growth]:
        whole, favourable = check.queries()
        answers = rng.poisson(PER_LOOK * share / 2, 2)
        favours = rng.binomial(answers, rates)
        names = [{"group": "a"}, {"group": "b"}]
        return {whole: _grown(at, answers, names), favourable: _grown(at, favours, names)}


@dataclass(frozen=True)
class SickPod:
    """Five pods of stable, of which one fails more often: seconds until promotion, until a
    rollback, and until the pod is named."""

    candidate: float
    sick: float
    rate: float = 0.01
    """Of the other four."""
    compared: bool = True
    """Whether a Pass waits for pods of stable."""

    def run(self, rng: Generator) -> Counted:
        """One."""
        check = ErrorRateCheck(ErrorRate())
        found = {"promoted": math.inf, "Fail": math.inf, "named": math.inf}
        state, step, since = CheckState(), 0, 0.0
        for at in np.arange(INTERVAL, LASTS, INTERVAL):
            weight = EffectiveWeight(STEPS[step], since)
            verdict, state = _judged(check, state, self._look(check, at, weight, rng))
            if any(pod.differs for pod in state.stable_pods):
                found["named"] = min(found["named"], at)
            if verdict == "Fail":
                return {**found, "Fail": at}
            waits = self.compared and (suspects(state) or unknown(state))
            if verdict != "Pass" or waits:
                continue
            if step + 1 == len(STEPS):
                return {**found, "promoted": at}
            state, step, since = step_entered(state), step + 1, at
        return found

    def _look(
        self, check: ErrorRateCheck, at: float, weight: EffectiveWeight, rng: Generator
    ) -> Look:
        candidate = self._arm(check, at, weight.share, [self.candidate], rng)
        of_stable = [self.sick, *[self.rate] * 4]
        stable = self._arm(check, at, 1 - weight.share, of_stable, rng)
        return Look(at, candidate, stable, {}, weight=weight)

    def _arm(
        self, check: ErrorRateCheck, at: float, share: float, rates: list[float], rng: Generator
    ) -> dict[CounterQuery, Growth]:
        whole, failed = check.queries()
        requests = rng.poisson(PER_LOOK * share / len(rates), len(rates))
        return {whole: _grown(at, requests), failed: _grown(at, rng.binomial(requests, rates))}


UNFAIR: Final = (0.8, 0.5)
SINGLY: Final[Mapping[str, tuple[Groups | SickPod, int]]] = {
    "80% and 50%, as stable": (Groups(UNFAIR, UNFAIR), 50),
    "80% and 40%": (Groups((0.8, 0.4), UNFAIR), 50),
    "80% and 30%": (Groups((0.8, 0.3), UNFAIR), 50),
    "70% and 70%": (Groups((0.7, 0.7), UNFAIR), 50),
    "80% and 50%, without `against: Stable`": (Groups(UNFAIR, UNFAIR, "OtherGroups"), 50),
    **{
        f"candidate {100 * candidate:g}%, sick pod {100 * sick:g}%{how}": (
            SickPod(candidate, sick, compared=compared),
            100,
        )
        for candidate, sick in ((0.01, 0.01), (0.03, 0.1), (0.03, 0.6))
        for compared, how in ((False, ", not compared"), (True, ""))
    },
}
"""By name, each with its number of runs."""


def of_runs(name: str, rng: Generator, runs: int) -> dict[tuple[str, str], Floats]:
    """By name and what became of the runs."""
    each = [SINGLY[name][0].run(rng) for _ in range(runs)]
    return {(name, what): np.array([run[what] for run in each]) for what in each[0]}


def _judged(check: CheckKind, state: CheckState, look: Look) -> tuple[str, CheckState]:
    found = check.judge(state, look, BUDGET)
    return found.verdict, found.state


def _grown(
    at: float, counts: NDArray[np.int64], labels: Sequence[Mapping[str, str]] | None = None
) -> Growth:
    """By pod, or by series of one pod."""
    return Growth(tuple(_increases(at, counts, labels)), at)


def _increases(
    at: float, counts: NDArray[np.int64], labels: Sequence[Mapping[str, str]] | None
) -> Iterator[Increase]:
    for index, count in enumerate(counts):
        series = Series(labels[index] if labels else {}, ())
        target = "pod@1" if labels else f"pod-{index}@1"
        yield Increase(series, target, at - INTERVAL, at, float(count), True)
