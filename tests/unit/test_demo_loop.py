"""What `make demo-loop` tells, and what it holds to be promised."""

import io
from collections import Counter
from dataclasses import replace

from tests.demo.loop.screen import LONGEST, Screen
from tests.demo.loop.story import Act, Summary
from tests.stage.load import Clients, Seen

GOOD = Act(
    situation="west",
    alarm=35,
    trained=59,
    decided=137,
    version="2",
    reason="Promoted",
    evidence="Revision is promoted.",
    tags={"serinus.outcome": "promoted"},
    wrong_before=0.23,
    wrong_after=0.09,
)
BAD = replace(
    GOOD,
    version="3",
    reason="CheckFailed",
    evidence="Check feedback: worse than tolerated.",
    tags={"serinus.outcome": "rolledBack"},
    wrong_before=0.08,
    wrong_after=0.25,
)
KEPT = Summary((GOOD, BAD), Clients(sent=10), 340)


def test_a_story_that_went_as_told_breaks_no_promise() -> None:
    assert KEPT.broken_promises() == []


def test_each_promise_can_be_broken() -> None:
    broken = [
        replace(KEPT, acts=(replace(GOOD, reason="CheckFailed"), BAD)),
        replace(KEPT, acts=(GOOD, replace(BAD, reason="Promoted"))),
        replace(KEPT, acts=(GOOD, replace(BAD, evidence="Check errors: worse."))),
        replace(KEPT, acts=(replace(GOOD, tags={}), BAD)),
        replace(KEPT, acts=(replace(GOOD, wrong_after=0.23), BAD)),
        replace(KEPT, acts=(replace(GOOD, wrong_after=None), BAD)),
        replace(KEPT, acts=(GOOD, replace(BAD, wrong_after=0.08))),
        replace(KEPT, clients=Clients(sent=10, not_sent=1)),
        replace(KEPT, clients=Clients(sent=10, other_failures=Counter({"reset": 1}))),
        replace(KEPT, clients=Clients(sent=10, model_failures=Counter({"2": 1}))),
    ]
    assert [len(each.broken_promises()) for each in broken] == [1] * len(broken)


def test_what_clients_report_of_each_version_adds_up() -> None:
    told = [{"1": {"true_positive": 3, "false_negative": 1}}, {"1": {"true_negative": 4}, "2": {}}]
    report = {
        "sent": 4,
        "not_sent": 0,
        "versions": {},
        "model_failures": {},
        "infrastructure_failures": {},
    }
    one, other = (Clients.read({**report, "outcomes": each}) for each in told)
    assert (one + other).wrong("1") == 1 / 8
    assert (one + other).wrong("2") is None


def test_an_event_has_the_seconds_since_the_start_and_clients_are_told_now_and_then() -> None:
    out = io.StringIO()
    screen = Screen(out)
    clients = Clients(60, versions={"1": Seen(Counter({"200": 60}), 0, 1)}, outcomes={})
    screen.act("Act 1")
    screen.event(screen.started + 12.34, "Drifted")
    screen.event(screen.started + 200, "word " * 100)
    screen.moment(clients)
    screen.moment(clients)
    lines = out.getvalue().splitlines()
    assert lines[:3] == ["", "Act 1", "   12.3 s  Drifted"]
    assert sum(len(line) for line in lines[3:-1]) < LONGEST + 60
    assert lines[-1].endswith("clients: version 1 60/s; 0 failed")
    assert lines == screen.lines
