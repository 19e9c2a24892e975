"""A Job that trains because an alarm stays: when it starts, what its end is, what comes of it."""

import json
from typing import Any

import pytest

from serinus.api.monitoring import ErrorLimit, FeatureDrift
from serinus.api.reasons import Reason
from serinus.api.status import (
    Distributions,
    FeatureReference,
    FeatureStatus,
    Monitored,
    MonitoredShare,
    Retraining,
    RetrainingRun,
    Unknown,
)
from serinus.manifests.task import Task, TaskEnd
from tests.support.simulated_rollout import A, B, C, SimulatedRollout, serving

HOUR = 3600.0
DAY = 24 * HOUR
TEMPLATE = {"spec": {"containers": [{"name": "main", "image": "train:1"}]}}
LIMIT = {"limit": "1%"}
ABOVE = "Errors 49/1000 (4.9%) in the last 5m: above the limit of 1%."
FAILED = TaskEnd(succeeded=False, message="container main: Error with exit code 1: no data", code=1)
STEPS = [{"setWeight": 20}]


def with_an_alarm(**retrain: Any) -> SimulatedRollout:
    """A serves, and its errors have been above the limit for no time yet."""
    settings = {"alarms": ["errorRate"], "job": {"template": TEMPLATE}, **retrain}
    monitoring = {"errorRate": LIMIT, "retrain": settings}
    stable = serving(monitoring=monitoring, rollout={"steps": STEPS})
    stable.world.task_end = None
    return raised(stable)


def raised(rollout: SimulatedRollout) -> SimulatedRollout:
    share = MonitoredShare(
        basis=ErrorLimit(limit="1%").digest,
        above_limit=True,
        since=rollout.rollout.now,
        message=ABOVE,
        share=0.049,
    )
    return known(rollout, Monitored(error_rate=share))


def known(rollout: SimulatedRollout, monitored: Monitored) -> SimulatedRollout:
    rollout.rollout.status = rollout.status.replace(monitoring=monitored)
    return rollout.settle()


def training(**retrain: Any) -> SimulatedRollout:
    """Its Job runs."""
    rollout = with_an_alarm(**retrain).after(HOUR)
    assert last(rollout).outcome == "Running"
    return rollout


def history(rollout: SimulatedRollout) -> list[RetrainingRun]:
    return (rollout.status.retraining or Retraining()).history


def last(rollout: SimulatedRollout) -> RetrainingRun:
    return history(rollout)[0]


def waiting(rollout: SimulatedRollout) -> str:
    return (rollout.status.retraining or Retraining()).waiting


def tasks(rollout: SimulatedRollout) -> list[Task]:
    assert rollout.plan and rollout.plan.wanted
    return [each for each in rollout.plan.wanted.tasks if each.retrains]


def ends(rollout: SimulatedRollout, end: TaskEnd | None) -> SimulatedRollout:
    rollout.world.task_end = end
    rollout.settle()
    rollout.world.task_end = None
    return rollout


def left(said: str) -> TaskEnd:
    return TaskEnd(succeeded=True, said=said)


def told(rollout: SimulatedRollout) -> list[str]:
    about = (Reason(each) for each in rollout.reasons)
    return [each.value for each in about if each.meaning.retrains]


def test_it_starts_once_the_alarm_has_stood_for_an_hour() -> None:
    rollout = with_an_alarm().after(HOUR - 1)
    assert history(rollout) == []
    assert waiting(rollout) == (
        "A Job is started at 1970-01-01T01:16Z if the alarm persists: the alarm must last 1h."
    )
    rollout.after(1)
    [task], run = tasks(rollout), last(rollout)
    assert (task.name, task.revision, task.timeout) == (run.job, A, DAY)
    assert (run.revision, run.outcome, run.alarms[0].quantity) == (A, "Running", "errorRate")
    assert waiting(rollout) == ""
    assert told(rollout) == ["RetrainingStarted"]
    assert rollout.rollout.new_decisions[-1].message == (
        f"Job {run.job} is started, since an alarm has lasted 1h. {ABOVE}"
    )


@pytest.mark.parametrize("ahead_when", ["the alarm began", "stable was promoted"])
def test_a_clock_that_was_ahead_delays_none(ahead_when: str) -> None:
    rollout = serving(**with_an_alarm().spec)
    rollout.world.task_end = None
    rollout.after(20 * HOUR)
    if ahead_when == "the alarm began":
        raised(rollout).after(-20 * HOUR)
    else:
        raised(promoted(rollout.apply(B)).after(-20 * HOUR))
    assert last(rollout.after(HOUR)).outcome == "Running"


def test_an_alarm_that_ends_by_itself_starts_none() -> None:
    rollout = with_an_alarm().after(HOUR - 1)
    known(rollout, Monitored(error_rate=MonitoredShare(basis=ErrorLimit(limit="1%").digest)))
    rollout.after(DAY)
    assert (history(rollout), waiting(rollout)) == ([], "")


def test_what_is_over_while_the_job_trains_does_not_stop_it() -> None:
    rollout = training()
    known(rollout, Monitored(error_rate=MonitoredShare(basis=ErrorLimit(limit="1%").digest)))
    assert last(rollout.after(HOUR)).outcome == "Running"
    assert json.loads(tasks(rollout)[0].retrains)["alarms"][0]["message"] == ABOVE
    assert last(ends(rollout, left(""))).outcome == "Succeeded"


def test_the_job_is_told_what_by_how_much_since_when_and_the_reference() -> None:
    income_given = {"feature": "income", "buckets": [{"upTo": 2000, "share": "6.2%"}]}
    drift = {"reference": {"given": [income_given]}}
    settings = {"alarms": ["featureDrift"], "job": {"template": TEMPLATE}}
    monitoring = {"featureDrift": drift, "retrain": settings}
    rollout = serving(monitoring=monitoring)
    rollout.world.task_end = None
    income = FeatureStatus(
        feature="income",
        drifted=True,
        since=rollout.rollout.now,
        message="income: up to 2000 604/1007 (60%)",
        part="up to 2000",
        share=0.6,
        expected=0.062,
    )
    references = [
        FeatureReference(feature="income", bounds=[2000.0], shares=[0.062, 0.938]),
        FeatureReference(feature="age", bounds=[30.0], shares=[0.5, 0.5]),
    ]
    found = Distributions(
        basis=FeatureDrift.model_validate(drift).digest, features=[income], reference=references
    )
    rollout = known(rollout, Monitored().replace(**dict(found))).after(HOUR)
    [task] = tasks(rollout)
    assert json.loads(task.retrains) == {
        "revision": A,
        "since": "1970-01-01T00:16:40.000Z",
        "alarms": [
            {
                "quantity": "featureDrift",
                "since": "1970-01-01T00:16:40.000Z",
                "message": "income: up to 2000 604/1007 (60%)",
                "drifted": [
                    {
                        "feature": "income",
                        "since": "1970-01-01T00:16:40.000Z",
                        "part": "up to 2000",
                        "share": 0.6,
                        "expected": 0.062,
                    }
                ],
                "reference": [references[0].to_json()],
            }
        ],
    }


def test_what_looks_like_a_variable_of_the_pod_is_told_as_it_is() -> None:
    rollout = with_an_alarm()
    share = rollout.status.monitoring.error_rate  # type: ignore[union-attr]
    said = share.replace(message="$(TOKEN) is above the limit.")  # type: ignore[union-attr]
    [task] = tasks(known(rollout, Monitored(error_rate=said)).after(HOUR))
    assert "$" not in task.retrains
    assert json.loads(task.retrains)["alarms"][0]["message"] == said.message


def test_what_is_told_fits_into_a_variable_whatever_the_features_are_called() -> None:
    settings = {"alarms": ["featureDrift"], "job": {"template": TEMPLATE}}
    rollout = serving(monitoring={"featureDrift": {}, "retrain": settings})
    rollout.world.task_end = None
    names = [f"{'$' * 90}{number}" for number in range(20)]
    now = rollout.rollout.now
    shares = {f"{'$' * 80}{number}": 0.05 for number in range(20)}
    found = Distributions(
        basis=f"{FeatureDrift().digest}-{A}",
        features=[FeatureStatus(feature=name, drifted=True, since=now) for name in names],
        reference=[FeatureReference(feature=name, categories=shares) for name in names],
    )
    [task] = tasks(known(rollout, Monitored().replace(**dict(found))).after(HOUR))
    assert json.loads(task.retrains)["alarms"][0]["reference"]
    assert len(task.retrains) < 64_000


def test_only_the_alarms_that_are_named_start_one() -> None:
    rollout = with_an_alarm(alarms=["feedback"]).after(DAY)
    assert (history(rollout), waiting(rollout)) == ([], "")


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"rollout": {"steps": STEPS, "paused": True}}, "while spec.rollout.paused is true"),
        ({"replicas": 0}, "while spec.replicas is 0"),
    ],
)
def test_nothing_starts_while_a_person_has_stopped_it(spec: dict[str, Any], why: str) -> None:
    rollout = with_an_alarm()
    before = dict(rollout.spec)
    rollout.spec = {**rollout.spec, **spec}
    rollout.after(DAY)
    assert history(rollout) == []
    assert waiting(rollout) == f"No training is started {why}."
    rollout.spec = before
    assert last(rollout.settle()).outcome == "Running"


def test_nothing_starts_while_the_spec_is_invalid() -> None:
    rollout = with_an_alarm()
    rollout.problems = ("spec.x: is wrong",)
    rollout.after(DAY)
    assert (history(rollout), waiting(rollout)) == (
        [],
        "No training is started while the spec is invalid.",
    )


def test_nothing_starts_during_a_rollout() -> None:
    rollout = with_an_alarm()
    rollout.apply(B).after(DAY)
    assert history(rollout) == []
    assert waiting(rollout) == "No training is started during a rollout or a guard."


def test_nothing_starts_while_the_spec_has_a_revision_that_cannot_be_rolled_out() -> None:
    rollout = with_an_alarm()
    rollout.incompatibility = "the port has another name"
    rollout.apply(B).after(DAY)
    assert history(rollout) == []
    assert waiting(rollout).startswith("No training is started while the spec has a revision that")


def test_nothing_starts_while_it_cannot_be_read_whether_the_alarm_stands() -> None:
    rollout = with_an_alarm()
    share = rollout.status.monitoring.error_rate  # type: ignore[union-attr]
    unknown = Unknown(reason="MetricsUnavailable", message="Prometheus is down.")
    known(rollout, Monitored(error_rate=share.replace(unknown=unknown))).after(DAY)  # type: ignore[union-attr]
    assert history(rollout) == []
    assert "while it is unknown whether the alarm persists" in waiting(rollout)


def test_an_alarm_of_a_former_revision_stands_anew_for_the_new_one() -> None:
    """A limit is that of every revision, and its alarm stays until the new one is shown better."""
    rollout = with_an_alarm().after(HOUR / 2).apply(B)
    rollout.judged("Pass").settle()
    assert rollout.status.stable and rollout.status.stable.revision == B
    rollout.after(HOUR - 1)
    assert history(rollout) == []
    assert last(rollout.after(1)).revision == B


def test_one_that_fails_is_told_and_not_repeated_before_the_cooldown() -> None:
    rollout = ends(training(), FAILED)
    run = last(rollout)
    assert (run.outcome, tasks(rollout)) == ("Failed", [])
    assert run.message == (
        f"Job {run.job} has failed: container main: Error with exit code 1: no data. Another may "
        "start after 24h."
    )
    assert told(rollout) == ["RetrainingStarted", "RetrainingFailed"]
    rollout.after(DAY - 1)
    assert len(history(rollout)) == 1
    assert waiting(rollout).endswith("24h must pass after the end of the last one (cooldown).")
    rollout.after(1)
    assert [each.outcome for each in history(rollout)] == ["Running", "Failed"]
    assert last(rollout).job != run.job


def test_no_more_than_so_many_start_in_seven_days() -> None:
    rollout = ends(training(cooldown="1h"), FAILED).after(HOUR)
    ends(rollout, FAILED).after(2 * HOUR)
    assert len(history(rollout)) == 2
    assert waiting(rollout) == (
        "A Job is started at 1970-01-08T01:16Z if the alarm persists: at most 2 in seven days "
        "(maxPerWeek)."
    )
    rollout.after(7 * DAY - 3 * HOUR - 1)
    assert len(history(rollout)) == 2
    assert len(history(rollout.after(1))) == 3


def test_a_job_that_never_ends_is_given_up_and_the_setting_is_named() -> None:
    late = TaskEnd(succeeded=False, message="DeadlineExceeded: Job was active longer than 24h")
    rollout = ends(training(), late)
    assert "it has not ended within 24h (job.timeout). DeadlineExceeded" in last(rollout).message
    rollout = training().after(DAY).after(599)
    assert last(rollout).outcome == "Running"
    assert last(rollout.after(1)).outcome == "Failed"
    assert "it has not ended within 24h (job.timeout)." in last(rollout).message


def test_one_that_runs_is_given_up_by_the_present_timeout() -> None:
    rollout = training().after(2 * HOUR)
    retrain = rollout.spec["monitoring"]["retrain"]
    job = {"template": TEMPLATE, "timeout": "1h"}
    rollout.spec["monitoring"] = {"errorRate": LIMIT, "retrain": {**retrain, "job": job}}
    assert last(rollout.settle()).outcome == "Running"
    assert "it has not ended within 1h (job.timeout)" in last(rollout.after(600)).message


def test_a_clock_that_is_ahead_for_minutes_ends_nothing_that_trains() -> None:
    rollout = training()
    for _ in range(2):
        rollout.after(3 * DAY).after(540)
        assert last(rollout).outcome == "Running"
        assert last(rollout.after(-3 * DAY)).late_since is None
    rollout.after(DAY - HOUR)
    assert last(rollout).outcome == "Running"


def test_one_without_a_container_that_runs_is_told_once_and_waited_for() -> None:
    rollout = training()
    rollout.world.idle = "its pod has not started"
    rollout.settle().after(600)
    assert last(rollout).outcome == "Running"
    assert last(rollout).message == (
        f"No container of Job {last(rollout).job} has run for 10m (progressDeadline): its pod has "
        "not started."
    )
    rollout.after(HOUR)
    assert told(rollout) == ["RetrainingStarted", "RetrainingDelayed"]
    rollout.world.idle = ""
    assert last(rollout.settle()).message == ""
    assert last(ends(rollout, left(""))).outcome == "Succeeded"


def test_its_job_is_not_created_again_once_it_was_there() -> None:
    rollout = training()
    assert [task.over for task in tasks(rollout)] == [True]
    assert [task.over for task in tasks(ends(rollout, left("")))] == [True]


def test_it_is_stopped_if_the_setting_is_removed() -> None:
    rollout = training()
    rollout.spec = {**rollout.spec, "monitoring": {"errorRate": LIMIT}}
    rollout.settle()
    assert (last(rollout).outcome, tasks(rollout)) == ("Stopped", [])
    assert told(rollout)[-1] == "RetrainingStopped"


def test_another_rollout_does_not_stop_it() -> None:
    rollout = training().apply(B)
    rollout.judged("Pass").settle()
    assert rollout.status.stable and rollout.status.stable.revision == B
    assert last(rollout).outcome == "Running"
    assert len(tasks(rollout)) == 1


def promoted(rollout: SimulatedRollout) -> SimulatedRollout:
    return rollout.judged("Pass").settle()


def test_the_version_that_came_of_it_is_followed_until_it_is_stable() -> None:
    rollout = ends(training(), left("")).after(60).apply(B)
    new = last(rollout).new
    assert new and (new.revision, new.outcome) == (B, "RollingOut")
    promoted(rollout.after(600))
    new = last(rollout).new
    assert new and new.outcome == "Promoted"
    job = last(rollout).job
    assert new.message == f"Revision {B}, from Job {job}, is stable 1h11m after the alarm."
    assert told(rollout)[-2:] == ["RetrainingSucceeded", "Retrained"]


def test_the_version_that_came_of_it_may_be_rejected_and_tried_again() -> None:
    rollout = ends(training(), left("")).apply(B).judged("Fail", "30/1000 errors.")
    new = last(rollout).new
    assert new and new.outcome == "Rejected"
    assert "was rejected. Check" in new.message and "30/1000 errors." in new.message
    assert told(rollout)[-1] == "RetrainedInVain"
    new = last(rollout.order(f"retry/{B}")).new
    assert new and (new.outcome, new.message) == ("RollingOut", "")
    new = last(promoted(rollout)).new
    assert new and new.outcome == "Promoted"


def test_another_spec_before_a_verdict_is_told_as_such() -> None:
    rollout = ends(training(), left("")).apply(B).apply(C)
    new = last(rollout).new
    assert new and (new.revision, new.outcome) == (B, "Cancelled")


def test_what_the_job_says_it_has_made_is_awaited() -> None:
    rollout = ends(training(), left('{"version": "42"}')).apply(B)
    assert (last(rollout).made, last(rollout).new) == ("42", None)


@pytest.mark.parametrize(
    ("said", "made"),
    [
        ('{"version": 7}', "7"),
        ('{"version": true}', None),
        ("[1]", None),
        ("done", None),
        ('{"version": ""}', None),
        (r'{"version": "\ud800"}', None),
        (r'{"version": "\u001b[2J"}', None),
    ],
)
def test_only_text_or_a_number_is_a_version(said: str, made: str | None) -> None:
    assert last(ends(training(), left(said))).made == made


def test_an_undo_to_what_came_of_it_leaves_its_outcome() -> None:
    rollout = promoted(ends(training(), left("")).after(60).apply(B))
    came = last(rollout).new
    promoted(rollout.after(HOUR).apply(C))
    seen = len(rollout.rollout.new_decisions)
    rollout.world.broken = {B}
    rollout.after(60).order(f"undo/{B}")
    assert rollout.status.candidate, "its pods are awaited"
    assert came and came.outcome == "Promoted" and last(rollout).new == came
    rollout.world.broken = set()
    rollout.after(60)
    assert rollout.status.stable and rollout.status.stable.revision == B
    assert last(rollout).new == came
    assert not [each for each in rollout.rollout.new_decisions[seen:] if "Retrained" in each.reason]


def test_what_came_of_it_is_told_once_though_it_is_rolled_out_again_later() -> None:
    rollout = promoted(ends(training(), left("")).after(60).apply(B))
    came = last(rollout).new
    promoted(rollout.after(60).apply(C))
    promoted(rollout.after(60).apply(B))
    assert rollout.status.stable and rollout.status.stable.revision == B
    assert last(rollout).new == came
    assert told(rollout).count("Retrained") == 1


def test_a_clock_that_was_ahead_when_its_rollout_began_hides_no_rejection() -> None:
    rollout = ends(training(), left("")).after(60).apply(B).after(-600)
    new = last(rollout.judged("Fail", "30/1000 errors.")).new
    assert new and new.outcome == "Rejected"
    assert "30/1000 errors." in new.message


def test_an_undo_is_not_what_came_of_it() -> None:
    rollout = promoted(serving(rollout={"steps": STEPS}).apply(B))
    rollout.spec = {**rollout.spec, **with_an_alarm().spec}
    rollout.world.task_end = None
    raised(rollout).after(HOUR)
    ends(rollout, left("")).order(f"undo/{A}")
    assert last(rollout).new is None
