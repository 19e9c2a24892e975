"""What happened, in order."""

from serinus.api.status import Alarm, Decision, NewVersion, Retraining, RetrainingRun, Status
from serinus.views.history import moments

RUN = RetrainingRun(
    job="loan-1",
    since=200.0,
    revision="b4",
    alarms=[Alarm(quantity="featureDrift", since=100.0, message="income drifted")],
    outcome="Succeeded",
    message="It took 100 s.",
    ended=300.0,
    new=NewVersion(revision="b5", version="5", outcome="Promoted", since=310.0, ended=400.0),
)


def decision(at: float, reason: str) -> Decision:
    return Decision(at=at, reason=reason, revision="b5", message="")


def test_an_alarm_its_job_and_the_rollout_are_listed_in_order_and_nothing_twice() -> None:
    decisions = [decision(400.0, "Promoted"), decision(310.0, "RolloutStarted")]
    found = moments(Status(decisions=decisions, retraining=Retraining(history=[RUN])))
    assert [(each.at, each.what) for each in found] == [
        (100.0, "Alarm"),
        (200.0, "RetrainingStarted"),
        (300.0, "RetrainingSucceeded"),
        (310.0, "RolloutStarted"),
        (400.0, "Promoted"),
    ]


def test_what_one_pass_decided_is_listed_in_its_order() -> None:
    made = ["Undone", "RolloutStarted", "Promoted"]
    newest_first = [decision(400.0, reason) for reason in reversed(made)]
    assert [each.what for each in moments(Status(decisions=newest_first))] == made


def test_what_came_of_a_job_is_listed_when_its_decisions_are_no_longer_kept() -> None:
    found = moments(Status(retraining=Retraining(history=[RUN])))
    assert [each.what for each in found] == [
        "Alarm",
        "RetrainingStarted",
        "RetrainingSucceeded",
        "Promoted",
    ]
