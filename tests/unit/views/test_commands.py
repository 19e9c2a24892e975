"""Which revision a command names, and when there is none."""

from typing import Any

import pytest

from serinus.api.status import Decision, ObeyedCommand, Status
from serinus.views.commands import Answer, NothingToDoError, answer, revision_for
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


def test_the_answer_is_that_to_this_command() -> None:
    outcome = "abort/new/2: nothing would serve"
    echo = ObeyedCommand(command="abort/new/2", outcome=outcome, at=1.0)
    refused = Decision(at=1.0, reason="CommandRefused", revision="new", message=outcome)
    status = Status(command=echo, decisions=[refused])
    assert answer(status, "abort/new/1") is None
    assert answer(status, "abort/new/2") == Answer(False, outcome)
    assert answer(Status(command=echo), "abort/new/2") == Answer(True, outcome)
