"""A step is passed on its own requests: on none that were served at the weight before."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from serinus.api.status import CheckState
from serinus.judge import EffectiveWeight, enter_step
from tests.support.simulated_analysis import (
    SimulatedAnalysis,
    drift,
    error_rate,
    fairness,
    latency,
    requests,
)
from tests.support.simulated_pods import Pods

CANDIDATE, STABLE = ("c-0", "c-1"), ("s-0", "s-1", "s-2")
RAISED = 600.0
"""Seconds after the start at which the weight goes from 25% to 50%."""


class Staggered:
    """Pods that serve, each of which is scraped at moments of its own, and looks every 15 s."""

    def __init__(self, every: float) -> None:
        self.analysis = SimulatedAnalysis(error_rate(), minRequests=1_000_000)
        self._started, self._every = self.analysis.at, every
        self._weight = 25
        self.served = 0
        """Candidate's requests since the weight last changed."""
        for pods, names in self._arms():
            for pod in names:
                requests(pods, pod, 0, 0)
            pods.scrape(self.analysis.at, *names)

    def enter(self, weight: int) -> None:
        """The weight takes effect."""
        analysis, self._weight, self.served = self.analysis, weight, 0
        analysis.weight = EffectiveWeight(weight / 100, since=analysis.at)
        entered = tuple(enter_step(analysis.progress.checks, again=False))
        analysis.progress = replace(analysis.progress, checks=entered)

    def go_on(self, until: float) -> CheckState:
        """Serve, scrape and look until so many seconds after the start."""
        analysis = self.analysis
        while analysis.at < self._started + until:
            analysis.at += 1
            self._serve()
            if (analysis.at - self._started) % 15 == 0:
                analysis.judge()
                assert self.state.own_requests <= self.served
        return self.state

    @property
    def state(self) -> CheckState:
        """What is known."""
        return self.analysis.progress.checks[0].state

    def _serve(self) -> None:
        """A second of it: six hundred requests, of which none fails."""
        self.served += 6 * self._weight
        shares = (self._weight, 100 - self._weight)
        for (pods, names), share in zip(self._arms(), shares, strict=True):
            for number, pod in enumerate(names):
                requests(pods, pod, 0, 6 * share // len(names))
                offset = (7 + 11 * number) % self._every
                if (self.analysis.at - self._started) % self._every == offset:
                    pods.scrape(self.analysis.at, pod)

    def _arms(self) -> Iterable[tuple[Pods, tuple[str, ...]]]:
        return (self.analysis.candidate, CANDIDATE), (self.analysis.stable, STABLE)


@pytest.mark.parametrize("every", [5, 15, 30, 60])
def test_whenever_pods_are_scraped_no_request_of_the_step_before_counts(every: float) -> None:
    pods = Staggered(every)
    pods.enter(25)
    pods.go_on(RAISED + 8)
    pods.enter(50)
    state = pods.go_on(RAISED + 300)
    assert 0 < pods.served - state.own_requests <= 2 * every * 300


def test_while_the_weight_is_not_in_effect_nobody_passes_and_bad_ones_fail() -> None:
    for errors, verdict in ((0, "Inconclusive"), (30, "Fail")):
        analysis = SimulatedAnalysis(error_rate(warmUp="0s"))
        analysis.errors((0, 0), (0, 0))
        analysis.look()
        analysis.weight = None
        for _ in range(20):
            analysis.errors((errors, 300), (0, 900))
            found = analysis.look()
        assert (found.verdict, found.state.own_requests) == (verdict, 0)


def in_the_next_step(analysis: SimulatedAnalysis, serve: Callable[[bool], None]) -> str:
    """What is said of a Pass after a first step that was worse, but not shown to be."""
    serve(False)
    analysis.scrape()
    for worse in (False, True):
        serve(worse)
        assert analysis.look().verdict != "Fail"
    analysis.progress = replace(
        analysis.progress, checks=tuple(enter_step(analysis.progress.checks, again=False))
    )
    return analysis.until("Pass", lambda: serve(False)).message


def test_a_pass_tells_the_counts_of_its_own_step() -> None:
    errors = SimulatedAnalysis(error_rate())
    message = in_the_next_step(
        errors, lambda worse: errors.errors((3 if worse else 0, 100), (10 if worse else 0, 1000))
    )
    assert message.startswith("Candidate errors 0/1400 (0%), stable 0/14000 (0%); within")

    slow = SimulatedAnalysis(latency())
    message = in_the_next_step(
        slow,
        lambda worse: slow.durations(
            {0.1: 55 if worse else 80, 0.2: 20, 0.4: 0}, {0.1: 800, 0.2: 200, 0.4: 0}
        ),
    )
    assert message.startswith("Slower than 100ms: candidate 40/200 (20%), stable 400/2000 (20%),")

    drifting = SimulatedAnalysis(drift(classes={"metric": "model_predictions_total"}))
    message = in_the_next_step(
        drifting,
        lambda worse: drifting.classes({"a": 60 if worse else 50, "b": 50}, {"a": 500, "b": 500}),
    )
    assert message.startswith("Class a: candidate 150/300 (50%), stable 1500/3000 (50%),")

    fair = SimulatedAnalysis(fairness(favourable=[{"label": "class", "value": "approve"}]))
    message = in_the_next_step(
        fair, lambda worse: fair.groups(north=(55 if worse else 50, 100), south=(50, 100))
    )
    assert message.startswith("Favourable answers: north 100/200 (50%), south 100/200 (50%),")
