"""Which revision a command names, and when there is none."""

from typing import Any

import pytest

from serinus.api.stages import Stage
from serinus.api.status import Approved, Decision, Hold, ObeyedCommand, Status
from serinus.views.commands import (
    Answer,
    NothingToDoError,
    answer,
    revision_for,
    step_to_approve,
)
from serinus.views.reading import Live, read
from tests.support.simulated_rollout import TEMPLATE
from tests.unit.views.test_outcome import CANDIDATE, REJECTED, STABLE

ROLLS: dict[str, Any] = {"stable": STABLE, "candidate": CANDIDATE, "former": ["older"]}


@pytest.mark.parametrize(
    ("verb", "status", "revision"),
    [
        ("promote", ROLLS, "new"),
        ("advance", ROLLS, "new"),
        ("abort", ROLLS, "new"),
        ("retry", {"stable": STABLE, "rejected": REJECTED}, "new"),
        ("undo", {"stable": STABLE, "former": ["older", "oldest"]}, "older"),
    ],
)
def test_a_command_names_the_revision_that_is_meant(
    verb: str, status: dict[str, Any], revision: str
) -> None:
    assert revision_for(verb, Status(**status)) == revision


@pytest.mark.parametrize(
    ("verb", "status", "remedy"),
    [
        ("promote", {"stable": STABLE}, "change the spec to start one"),
        ("abort", {"stable": STABLE, "rejected": REJECTED}, "use retry to try revision new again"),
        ("retry", {"stable": STABLE}, "the one in the spec is stable"),
        ("retry", {}, "check that one is running"),
        ("undo", {}, "check that one is running"),
        ("retry", ROLLS, "is still being rolled out"),
        ("undo", ROLLS, "use abort"),
        ("undo", {"stable": STABLE}, "no revision was stable before"),
    ],
)
def test_a_command_about_nothing_is_refused_with_the_remedy(
    verb: str, status: dict[str, Any], remedy: str
) -> None:
    with pytest.raises(NothingToDoError, match=remedy):
        revision_for(verb, Status(**status))


def test_a_revision_to_return_to_may_be_named_during_a_rollout() -> None:
    assert revision_for("undo", Status(**ROLLS), "oldest") == "oldest"


def live(**candidate: Any) -> Live:
    steps = [{"setWeight": 5}, {"approval": {}}, {"pause": {}}]
    status = Status(stable=STABLE, candidate=CANDIDATE.replace(**candidate))
    spec = {"template": TEMPLATE, "rollout": {"steps": steps}}
    return read({"spec": spec, "status": status.to_json()})


def approved(digest: str) -> Approved:
    return Approved(step=1, by="ann", at=1.0, digest=digest)


def test_a_step_is_approved_while_it_waits_for_that() -> None:
    assert step_to_approve(live(step=1)) == 2
    assert step_to_approve(live(step=1, approved=approved("another"))) == 2


@pytest.mark.parametrize(
    ("found", "remedy"),
    [
        (live(step=0), "no approval is awaited now$"),
        (
            live(step=2, hold=Hold(reason="AwaitingCommand", message="", since=1.0)),
            "at a pause of its steps; use advance",
        ),
        (live(step=1, stage=Stage.PROMOTING), "no approval is awaited now$"),
    ],
)
def test_an_approval_of_nothing_is_refused_with_the_remedy(found: Live, remedy: str) -> None:
    with pytest.raises(NothingToDoError, match=remedy):
        step_to_approve(found)


def test_an_approval_is_not_given_twice() -> None:
    found = live(step=1, approved=approved(live().digest))
    with pytest.raises(NothingToDoError, match="ann has approved step 2"):
        step_to_approve(found)


def test_a_command_that_is_too_long_to_be_recorded_is_answered() -> None:
    command = f"approve/new/2/digest/1/{'a' * 300}"
    echo = ObeyedCommand(command=command[:256], outcome="done", at=1.0)
    assert answer(Status(command=echo), command) == Answer(True, "done")


def test_the_answer_is_that_to_this_command() -> None:
    outcome = "abort/new/2: nothing would serve"
    echo = ObeyedCommand(command="abort/new/2", outcome=outcome, at=1.0)
    refused = Decision(at=1.0, reason="CommandRefused", revision="new", message=outcome)
    status = Status(command=echo, decisions=[refused])
    assert answer(status, "abort/new/1") is None
    assert answer(status, "abort/new/2") == Answer(False, outcome)
    assert answer(Status(command=echo), "abort/new/2") == Answer(True, outcome)
