"""What is shown of the last retraining: its alarm, its end, and what came of it."""

from serinus.api.status import Alarm, NewVersion, Retraining, RetrainingRun, Status
from serinus.cli.text import as_text
from serinus.views.retraining import retraining_lines
from serinus.views.rollout import rollout_view

AT = 1_795_757_000.0
ALARM = Alarm(quantity="featureDrift", since=AT, message="income: up to 2000 60%.")
RUN = RetrainingRun(job="loan-1", since=AT + 3600, revision="a", alarms=[ALARM])


def lines(run: RetrainingRun, waiting: str = "") -> tuple[str, ...]:
    return retraining_lines(Retraining(history=[run], waiting=waiting))


def test_nothing_is_said_without_one() -> None:
    assert retraining_lines(None) == ()
    assert retraining_lines(Retraining()) == ()


def test_one_that_runs_is_shown_with_the_alarm_that_started_it() -> None:
    assert lines(RUN) == (
        "Running: Job loan-1, started at 2026-11-27T06:23Z for featureDrift since "
        "2026-11-27T05:23Z.",
        "income: up to 2000 60%.",
    )


def test_one_that_has_succeeded_is_shown_with_what_came_of_it() -> None:
    done = RUN.replace(outcome="Succeeded", message="Job loan-1 has succeeded.")
    assert lines(done)[2:] == ("Job loan-1 has succeeded.", "It has produced no new version yet.")
    new = NewVersion(revision="b", since=AT + 7200)
    assert lines(done.replace(new=new))[-1] == (
        "The rollout of revision b began at 2026-11-27T07:23Z."
    )
    stable = new.replace(outcome="Promoted", message="Version 43 is stable.")
    assert lines(done.replace(new=stable))[-1] == "Version 43 is stable."


def test_only_the_last_is_shown_and_why_no_other_starts() -> None:
    failed = RUN.replace(outcome="Failed", message="Job loan-1 has failed.")
    two = Retraining(history=[failed, RUN.replace(job="loan-0")], waiting="No training is started.")
    assert retraining_lines(two)[-2:] == ("Job loan-1 has failed.", "No training is started.")
    text = as_text("shop/loan", rollout_view(None, Status(retraining=two), AT), AT)
    assert "\n\nRETRAINING\n  Failed: Job loan-1, started at" in text
    assert "loan-0" not in text
