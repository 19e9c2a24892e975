"""Numbers to draw are those that the verdicts rest on."""

from copy import deepcopy
from typing import Any

import pytest

from serinus.api.status import Timeline
from serinus.views.looks import look_view, weights
from serinus.views.reading import read
from tests.support.replayed import replayed

STATES = list(replayed())
LOOKED = [state for state in STATES if "measuredAt" in state["status"].get("candidate", {})]
TOLD = next(state for state in LOOKED if "Class deny: " in str(state["status"]["candidate"]))
"""After a look whose verdict does not wait to know whether both revisions are asked alike."""


def test_the_rates_are_those_of_the_message() -> None:
    live = read(TOLD)
    look = look_view(live.spec, live.status)
    assert look and live.status.candidate
    (drift,) = [check for check in look.checks if check.name == "drift"]
    (message,) = [c.message for c in live.status.candidate.checks if c.name == "drift"]
    rates = drift.rates[0]
    assert message.startswith(f"{rates.name.capitalize()}:")
    assert drift.rates[1].candidate != drift.rates[1].stable
    for share in (rates.candidate, rates.stable):
        assert f"({100 * share:.{0 if share >= 0.1 else 1}f}%)" in message


@pytest.mark.parametrize("name", ["shift", "psi score"])
def test_what_is_compared_of_all_scores_together_has_no_rate_to_draw(name: str) -> None:
    state = deepcopy(LOOKED[-1])
    for check in state["status"]["candidate"]["checks"]:
        check["state"]["comparisons"].append({"name": name, "above": [-1.0]})
    before, after = (read(each) for each in (LOOKED[-1], state))
    known = look_view(before.spec, before.status)
    look = look_view(after.spec, after.status)
    assert known and look
    assert [check.rates for check in look.checks] == [check.rates for check in known.checks]


def test_there_is_enough_evidence_exactly_where_the_verdict_says_so() -> None:
    for state in LOOKED:
        live = read(state)
        look = look_view(live.spec, live.status)
        assert look and live.status.candidate
        for check, status in zip(look.checks, live.status.candidate.checks, strict=True):
            if check.against is not None and check.towards is not None:
                waits = "The verdict waits for the next looks" in status.message
                assert (check.against >= 1) == (status.verdict == "Fail" or waits)
                assert check.towards >= 1 or status.verdict != "Pass"


def test_without_a_look_there_is_nothing_to_draw() -> None:
    live = read(STATES[0])
    assert look_view(live.spec, live.status) is None
    live = read(LOOKED[-1])
    assert look_view(None, live.status) is None


@pytest.mark.parametrize(
    ("timeline", "found"),
    [
        ({}, [(0, 0, 0), (200, 20, 20)]),
        ({"weights": [{"weight": 20, "since": 50}]}, [(0, 0, 0), (50, 20, 20), (200, 20, 20)]),
        (
            {"weights": [{"weight": 20, "actual": 17, "since": 50, "until": 70}], "until": 100},
            [(0, 0, 0), (50, 20, 17), (70, 20, 0), (100, 0, 0)],
        ),
        (
            {"weights": [{"weight": 0, "mirrored": 30, "since": 50}, {"weight": 20, "since": 90}]},
            [(0, 0, 0), (50, 0, 0, 30), (90, 20, 20), (200, 20, 20)],
        ),
        (
            {"weights": [{"weight": 0, "mirrored": 30, "since": 50, "until": 70}]},
            [(0, 0, 0), (50, 0, 0, 30), (70, 0, 0), (200, 20, 20)],
        ),
        ({"until": 100, "revision": "bzq4bbpv64djv2jt"}, [(0, 0, 0), (100, 100, 100)]),
    ],
)
def test_the_weights_end_with_that_of_now_or_of_the_end(
    timeline: dict[str, Any], found: list[tuple[float, ...]]
) -> None:
    status = read(LOOKED[-1]).status
    begun = Timeline.model_validate({"revision": "new", "stable": "old", "since": 0} | timeline)
    shown = [(w.since, w.wanted, w.actual, w.mirrored) for w in weights(begun, status, 200.0)]
    assert shown == [(*each, 0.0)[:4] for each in found]
