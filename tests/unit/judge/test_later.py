"""feedback of which nobody has said how late it comes: it is found, and nothing counts before."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from serinus.api.status import CheckState
from serinus.judge import EffectiveWeight, enter_step
from serinus.judge.evidence import later
from serinus.metrics.queries import Measurement, QueryError
from tests.support.simulated_analysis import INTERVAL, SINCE, SimulatedAnalysis, feedback

RUNS = 200
A_TENTH = EffectiveWeight(0.1, SINCE)


def judging() -> SimulatedAnalysis:
    """A tenth of the traffic is the candidate's."""
    simulated = SimulatedAnalysis(feedback(after=None))
    simulated.weight = A_TENTH
    simulated.feedback((0, 0), (0, 0))
    simulated.scrape()
    return simulated


def measured_with_late_feedback(simulated: SimulatedAnalysis) -> Measurement:
    """What the next look reads: of the candidate a third of what is to come."""
    simulated.feedback((3, 9), (27, 270))
    simulated.at += INTERVAL
    simulated.scrape()
    return simulated.measurement()


def test_complaints_that_come_first_are_no_evidence_against_a_good_candidate() -> None:
    simulated = judging()
    for _ in range(20):
        simulated.feedback((3, 9), (27, 270))
        assert simulated.look().verdict in {"Inconclusive", "NoData"}
    found = simulated.until("Pass", lambda: simulated.feedback((3, 30), (27, 270)))
    assert found.state.peak == 0
    assert found.state.counts_after is not None
    assert found.state.counts_after > 20 * INTERVAL


def test_praise_that_comes_first_passes_no_bad_candidate() -> None:
    simulated = judging()
    told = []
    for _ in range(40):
        simulated.feedback((0, 24), (27, 270))
        found = simulated.look()
        assert found.verdict == "Inconclusive"
        told.append(found.message)
    assert told[1] == (
        "Feedback does not count yet: in the last 25s the candidate has received 48 outcomes; 60 "
        "are expected from stable's outcomes and the weight. It counts once nearly as many arrive. "
        "If the candidate's users give feedback less often, set feedback.after."
    )
    assert any("has received fewer outcomes than expected from" in each for each in told)
    simulated.until("Fail", lambda: simulated.feedback((6, 30), (27, 270)))


@pytest.mark.parametrize("arm", ["candidate", "stable"])
def test_what_comes_of_one_arm_while_the_other_cannot_be_read_does_not_have_it_count(
    arm: str,
) -> None:
    simulated = judging()
    for looks in range(60):
        measured = measured_with_late_feedback(simulated)
        if 1 <= looks < 30:
            unread: Any = {arm: dict.fromkeys(measured.stable, QueryError("timed out"))}
            measured = replace(measured, **unread)
        assert simulated.judge(measured).verdict != "Fail"
        assert simulated.progress.checks[0].state.counts_after is None
    simulated.until("Pass", lambda: simulated.feedback((3, 30), (27, 270)))


def test_a_clock_that_was_ahead_does_not_have_it_count_hours_later() -> None:
    simulated = judging()
    for looks in range(60):
        measured = measured_with_late_feedback(simulated)
        ahead = 86400 if 5 <= looks < 9 else 0
        simulated.judge(replace(measured, at=measured.at + ahead))
    found = simulated.until("Pass", lambda: simulated.feedback((3, 30), (27, 270)))
    assert found.state.counts_after is not None
    assert 900 < found.state.counts_after < 1800


def test_what_was_found_holds_for_the_next_weight() -> None:
    simulated = judging()
    simulated.until("Pass", lambda: simulated.feedback((3, 30), (27, 270)))
    found = simulated.progress.checks[0].state.counts_after
    simulated.weight = EffectiveWeight(0.5, simulated.at)
    simulated.progress = replace(
        simulated.progress, checks=tuple(enter_step(simulated.progress.checks, again=False))
    )
    simulated.feedback((15, 42), (15, 258))
    told = simulated.look()
    assert told.message.startswith("Feedback counts from ")
    assert told.state.counts_after == found
    simulated.until("Pass", lambda: simulated.feedback((15, 150), (15, 150)))


def test_no_feedback_at_all_is_told_as_such() -> None:
    simulated = judging()
    for _ in range(20):
        found = simulated.look()
    assert (found.verdict, found.message) == (
        "NoData",
        "The candidate has received no feedback yet.",
    )


@pytest.mark.parametrize(("received", "verdict"), [(0, "NoData"), (1, "Inconclusive")])
def test_a_candidate_is_missing_nothing_while_it_is_found_how_late_feedback_comes(
    received: int, verdict: str
) -> None:
    simulated = judging()
    simulated.feedback((0, 30), (27, 270))
    simulated.look()
    for _ in range(9):
        simulated.feedback((0, 0), (27, 270))
        simulated.look()
    for outcomes in (received, 0, 0):
        simulated.feedback((0, outcomes), (27, 270))
        found = simulated.look()
    assert found.verdict == verdict
    assert f"the candidate has received {received} outcomes; " in found.message


def test_it_counts_when_nearly_all_has_come_and_not_long_after() -> None:
    """Outcomes come after 5 to 15 minutes, one a second with a twentieth of the traffic."""
    rng = np.random.default_rng(1)
    weight = EffectiveWeight(0.05, since=0.0)
    found = []
    for _ in range(RUNS):
        state, age = CheckState(), 0.0
        while state.counts_after is None:
            age += INTERVAL
            come = min(max((age - 300) / 600, 0.0), 1.0)
            counts = rng.poisson([come * INTERVAL, 19 * INTERVAL])
            state = later.counted(state, weight, age, *map(float, counts))
        found.append(state.counts_after)
    early, half, late = np.quantile(found, [0.01, 0.5, 0.95])
    assert early > 800
    assert 900 < half < 1300
    assert late < 1800
