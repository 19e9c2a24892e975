"""A step that runs a Job: when it starts, what its end leads to, and which Job is another one."""

from typing import Any

import pytest

from serinus.api.reasons import About, Reason
from serinus.manifests.task import Task, TaskEnd
from serinus.plan.decide import decide
from serinus.plan.policy import hash_of
from serinus.plan.problems import Problem, Severity
from serinus.plan.situation import SeenPod
from tests.support.simulated_rollout import A, B, C, SimulatedRollout, serving

FAILED = TaskEnd(
    succeeded=False, message="container main: Error with exit code 1: 7 of 90 differ", code=1
)
DAY = 86400.0
LOST = TaskEnd(succeeded=False, message="Evicted: The node was low on memory")


def job(image: str = "checks:1", **settings: Any) -> dict[str, Any]:
    containers = [{"name": "main", "image": image}]
    return {"job": {"template": {"spec": {"containers": containers}}, **settings}}


BEFORE_TRAFFIC = [job(), {"setWeight": 20}]
IN_TRAFFIC = [{"setWeight": 20}, job(), {"setWeight": 50}]


def running(*steps: dict[str, Any], **rollout: Any) -> SimulatedRollout:
    """In the step, while the Job runs."""
    started = serving().given(steps=list(steps), **rollout)
    started.world.task_end = None
    started.apply(B)
    assert tasks(started), started.status.message
    return started


def tasks(rollout: SimulatedRollout) -> list[Task]:
    assert rollout.plan and rollout.plan.wanted
    return list(rollout.plan.wanted.tasks)


def ends(rollout: SimulatedRollout, end: TaskEnd) -> SimulatedRollout:
    rollout.world.task_end = end
    return rollout.settle()


def test_the_candidate_gets_traffic_once_its_job_has_succeeded() -> None:
    rollout = running(*BEFORE_TRAFFIC)
    [task] = tasks(rollout)
    assert (rollout.weight, rollout.reason) == (0, "AwaitingJob")
    assert (task.revision, task.timeout) == (B, 3600.0)
    assert task.template["spec"]["containers"][0]["image"] == "checks:1"
    ends(rollout, TaskEnd(succeeded=True))
    assert (rollout.weight, tasks(rollout)) == (20, [])
    raised = rollout.rollout.new_decisions[-1]
    assert raised.message == f"Weight 0% -> 20%. Job {task.name} has succeeded."


def test_a_job_that_fails_rolls_back_with_its_last_lines() -> None:
    rollout = running(*BEFORE_TRAFFIC)
    [task] = tasks(rollout)
    ends(rollout, FAILED)
    rejected = rollout.status.rejected
    assert rejected and (rejected.revision, rejected.reason) == (B, "JobFailed")
    assert rejected.message == (
        f"Job {task.name} has failed. {FAILED.message}. "
        f"See kubectl logs job/{task.name}, which is kept for a day."
    )
    assert (rollout.weight, tasks(rollout)) == (0, [])
    assert rollout.reasons[-1] == "JobFailed"


def test_it_starts_only_when_the_pods_are_ready() -> None:
    rollout = serving().given(steps=BEFORE_TRAFFIC)
    rollout.world.pods_ready_after = 30.0
    rollout.world.task_end = None
    rollout.apply(B)
    assert (rollout.reason, tasks(rollout)) == ("AwaitingPods", [])
    assert tasks(rollout.after(30))


def test_a_job_in_traffic_spares_no_verdict() -> None:
    rollout = running(*IN_TRAFFIC)
    assert rollout.weight == 20
    ends(rollout, TaskEnd(succeeded=True))
    assert (rollout.weight, rollout.reason) == (20, "NoData")
    rollout.judged("Pass", "0 of 900 errors.")
    assert rollout.weight == 50
    assert (
        "has succeeded. errors, drift and split: 0 of 900"
        in rollout.rollout.new_decisions[-1].message
    )


def test_a_breach_while_it_runs_rolls_back_and_ends_it() -> None:
    rollout = running(*IN_TRAFFIC).judged("Fail")
    assert rollout.status.rejected and rollout.status.rejected.reason == "CheckFailed"
    assert tasks(rollout) == []


def test_it_is_not_waited_for_much_longer_than_its_timeout() -> None:
    rollout = running(job(timeout="10m", retries=0))
    assert not held(rollout.after(600)), "the Job ends by its own deadline first"
    assert rollout.plan and rollout.plan.wake_in == 600.0
    rollout.after(600)
    assert "could not say whether the model is good: it has not ended within 10m" in held(rollout)
    assert tasks(rollout) == [], "what still runs of it is deleted"


def test_a_clock_that_is_ahead_for_minutes_ends_no_job() -> None:
    """It may have run for hours, and `onUnfinished: Rollback` would blame the model."""
    rollout = running(job(timeout="10m", retries=0))
    [task] = tasks(rollout)
    for _ in range(2):
        rollout.after(DAY).after(540)
        assert tasks(rollout) == [task]
        assert tasks(rollout.after(-DAY)) == [task]


def test_it_is_the_same_job_at_every_pass_and_another_one_in_another_rollout() -> None:
    rollout = running(*BEFORE_TRAFFIC)
    first = tasks(rollout)
    assert tasks(rollout.after(60)) == first
    ends(rollout, FAILED)
    rollout.world.task_end = None
    again = tasks(rollout.after(60).order(f"retry/{B}"))
    assert [each.revision for each in again] == [B]
    assert again != first
    assert [each.revision for each in tasks(rollout.apply(C))] == [C]


@pytest.mark.parametrize("other", [job("checks:2"), job(timeout="2h")], ids=["image", "timeout"])
def test_another_job_in_the_spec_is_started_anew(other: dict[str, Any]) -> None:
    rollout = running(*BEFORE_TRAFFIC)
    first = tasks(rollout)
    anew = tasks(rollout.given(steps=[other, {"setWeight": 20}]).after(5))
    assert len(anew) == 1
    assert anew[0].name != first[0].name


@pytest.mark.parametrize("ended", [TaskEnd(succeeded=True), None], ids=["succeeded", "skipped"])
def test_a_step_to_which_an_edit_leads_back_has_a_job_of_its_own(ended: TaskEnd | None) -> None:
    """Not the one that it had hours ago, which is long deleted."""
    checked = job(timeout="30m")
    rollout = running({"setWeight": 20}, checked, {"setWeight": 40}, {"pause": {}})
    [first] = tasks(rollout)
    if ended:
        ends(rollout, ended).judged("Pass")
    else:
        rollout.order(f"advance/{B}")
    assert (rollout.weight, tasks(rollout)) == (40, [])
    rollout.world.task_end = None
    rollout.judged("Pass").after(7200)
    rollout.given(steps=[{"setWeight": 20}, checked, {"setWeight": 80}]).settle()
    assert (rollout.weight, rollout.status.rejected) == (20, None)
    [again] = tasks(rollout)
    assert (again.name != first.name, again.over) == (True, False)


@pytest.mark.parametrize("later", [{"approval": {}}, {"pause": {}}, job("checks:2")])
def test_an_edit_that_lowers_the_weight_leads_past_no_job(later: dict[str, Any]) -> None:
    """Only commands skip one."""
    rollout = serving().given(steps=[{"setWeight": 20}, {"setWeight": 50}])
    rollout.world.task_end = None
    rollout.apply(B)
    assert rollout.weight == 20
    rollout.given(steps=[{"setWeight": 10}, job(), later, {"setWeight": 50}]).settle()
    assert (rollout.weight, rollout.reason) == (10, "AwaitingJob")
    [task] = tasks(rollout)
    assert task.template["spec"]["containers"][0]["image"] == "checks:1"


def test_a_second_job_is_another_one_than_the_first() -> None:
    rollout = running(job(), job())
    first = tasks(rollout)
    second = tasks(rollout.order(f"advance/{B}"))
    assert second[0].name != first[0].name
    ends(rollout, TaskEnd(succeeded=True))
    assert rollout.reasons[-2:] == ["Promoting", "Promoted"]


def test_a_paused_rollout_starts_none_and_lets_the_running_one_end() -> None:
    rollout = serving().given(steps=BEFORE_TRAFFIC, paused=True)
    rollout.world.task_end = None
    rollout.apply(B)
    assert (rollout.reason, tasks(rollout)) == ("PausedBySpec", [])

    rollout = running(*BEFORE_TRAFFIC)
    begun = tasks(rollout)
    rollout.given(paused=True).settle()
    assert (rollout.reason, tasks(rollout)) == ("PausedBySpec", begun)
    ends(rollout, TaskEnd(succeeded=True))
    assert (rollout.reason, rollout.weight) == ("PausedBySpec", 0)
    assert rollout.given(paused=False).settle().weight == 20


def test_one_that_fails_rolls_a_paused_rollout_back() -> None:
    rollout = running(*BEFORE_TRAFFIC)
    ends(rollout.given(paused=True).settle(), FAILED)
    assert rollout.status.rejected and rollout.status.rejected.reason == "JobFailed"


@pytest.mark.parametrize("command", ["abort", "promote", "advance"])
def test_a_command_ends_it(command: str) -> None:
    rollout = running(*BEFORE_TRAFFIC).order(f"{command}/{B}")
    assert tasks(rollout) == []


def test_one_that_fails_takes_no_traffic_from_the_only_revision_that_serves() -> None:
    rollout = running(*IN_TRAFFIC)
    rollout.world.broken = {A}
    rollout.settle()
    ends(rollout, FAILED)
    assert rollout.status.candidate and rollout.status.candidate.revision == B
    assert (rollout.reason, rollout.status.rejected) == ("JobFailed", None)


def test_what_is_withdrawn_runs_none_and_starts_another_when_it_resumes() -> None:
    rollout = running(*IN_TRAFFIC, analysis={"maxStepDuration": "10h"})
    first = tasks(rollout)
    pods = tuple(SeenPod(f"p{n}", B, 1000.0, 0, images={"m": f"m@sha256:{n}"}) for n in (1, 2))
    rollout.world.pods_seen = pods
    rollout.world.mixed = {B: "Its pods run different images."}
    rollout.settle().judged("Fail")
    assert rollout.status.candidate and rollout.status.candidate.stage == "Withdrawn"
    assert tasks(rollout) == []
    rollout.world.mixed = {}
    rollout.after(5)
    [again] = tasks(rollout)
    assert again.name != first[0].name


def test_one_that_has_succeeded_and_is_deleted_is_neither_missed_nor_run_again() -> None:
    """Clusters have policies that delete Jobs some time after their end."""
    steps = [{"setWeight": 20}, job(timeout="5m"), {"setWeight": 50}]
    rollout = ends(running(*steps), TaskEnd(succeeded=True))
    [task] = tasks(rollout)
    rollout.world.task_end = None
    rollout.judged("Inconclusive").after(900)
    assert (rollout.weight, rollout.status.rejected) == (20, None)
    assert rollout.reason == "AwaitingVerdict"
    [kept] = tasks(rollout)
    assert (kept.name, kept.over) == (task.name, True)
    assert rollout.judged("Pass").weight == 50


def test_one_that_has_succeeded_in_a_paused_rollout_is_not_run_again_afterwards() -> None:
    rollout = running(*BEFORE_TRAFFIC)
    ends(rollout.given(paused=True).settle(), TaskEnd(succeeded=True))
    rollout.world.task_end = None
    assert rollout.given(paused=False).after(7200).weight == 20


def test_one_that_fails_beside_pods_of_two_images_is_held_against_nobody() -> None:
    rollout = running(*IN_TRAFFIC)
    rollout.world.mixed = {B: "Its pods run different images."}
    ends(rollout.settle(), FAILED)
    assert (rollout.weight, rollout.status.rejected) == (0, None)
    assert rollout.status.candidate and rollout.status.candidate.stage == "Withdrawn"
    assert "7 of 90 differ" in rollout.status.message
    rollout.world.mixed, rollout.world.task_end = {}, None
    assert (rollout.after(5).weight, len(tasks(rollout))) == (20, 1)
    ends(rollout, FAILED)
    assert rollout.status.rejected and rollout.status.rejected.reason == "JobFailed"


def test_before_any_traffic_it_is_held_until_they_are_alike_and_starts_again() -> None:
    rollout = running(*BEFORE_TRAFFIC)
    first = tasks(rollout)
    rollout.world.mixed = {B: "Its pods run different images."}
    ends(rollout.settle(), FAILED)
    assert (rollout.reason, rollout.status.rejected) == ("ImagesDiffer", None)
    rollout.world.mixed, rollout.world.task_end = {}, None
    [again] = tasks(rollout.after(5))
    assert again.name != first[0].name
    assert ends(rollout, TaskEnd(succeeded=True)).weight == 20


def test_why_no_job_can_be_created_is_said() -> None:
    rollout = running(*BEFORE_TRAFFIC)
    situation = rollout.rollout.situation()
    why = "Job x cannot be written: 403"
    refused = situation.world.with_problems(
        Problem(Reason.AWAITING_JOB, Severity.REPAIR, About.TASK, why)
    )
    plan = decide(situation.desired, situation.status, refused, situation.now)
    assert plan.status.candidate and plan.status.candidate.hold
    assert plan.status.candidate.hold.reason == "AwaitingJob"
    assert plan.status.candidate.hold.message == "Job x cannot be written: 403"
    over = decide(situation.desired, situation.status, refused, situation.now + 3600)
    late = decide(situation.desired, over.status, refused, situation.now + 4200)
    assert late.status.candidate and late.status.candidate.task
    assert "within 1h. Job x cannot be" in late.status.candidate.task.unfinished


def held(rollout: SimulatedRollout) -> str:
    """Why it waits for a person since no Job could say; empty: it does not."""
    candidate = rollout.status.candidate
    assert candidate and rollout.status.rejected is None
    hold = candidate.hold
    return hold.message if hold and hold.reason == "ValidationUnfinished" else ""


def could_not_say(rollout: SimulatedRollout, end: TaskEnd | None = LOST) -> SimulatedRollout:
    """The Job that runs ends so, and nothing of the next one is known yet."""
    ends(rollout, end) if end else None
    rollout.world.task_end = None
    return rollout


ENDS = {
    "another exit code": TaskEnd(succeeded=False, message="Error with exit code 3", code=3),
    "killed for memory": TaskEnd(succeeded=False, message="OOMKilled at its limit of 1Gi"),
    "its node is lost": LOST,
    "too late": TaskEnd(succeeded=False, message="DeadlineExceeded: Job was active longer"),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_one_that_could_not_say_is_started_again_and_then_a_person_is_asked(end: TaskEnd) -> None:
    rollout, names = running(*BEFORE_TRAFFIC), []
    for pause in (30, 60):
        names += [task.name for task in tasks(rollout)]
        could_not_say(rollout, end)
        assert (rollout.reason, tasks(rollout)) == ("AwaitingJob", [])
        assert rollout.plan and rollout.plan.wake_in == pause
        rollout.after(pause)
    names += [task.name for task in tasks(rollout)]
    assert len(set(names)) == 3
    could_not_say(rollout, end)
    assert f"Job {names[2]} could not say whether the model is good: it failed" in held(rollout)
    assert held(rollout).endswith(f"{end.message} (3 attempts).")
    assert rollout.reasons.count("JobUnfinished") == 2
    assert (rollout.weight, tasks(rollout.after(7200))) == (0, [])
    assert rollout.status.phase == "Degraded"


def test_one_that_could_not_say_and_then_can_gives_the_candidate_traffic() -> None:
    rollout = could_not_say(running(*BEFORE_TRAFFIC)).after(30)
    assert ends(rollout, TaskEnd(succeeded=True)).weight == 20


def test_one_that_could_not_say_and_then_rejects_rolls_back() -> None:
    rollout = ends(could_not_say(running(*BEFORE_TRAFFIC)).after(30), FAILED)
    assert rollout.status.rejected and rollout.status.rejected.reason == "JobFailed"


def test_a_paused_rollout_starts_no_job_again() -> None:
    rollout = could_not_say(running(*BEFORE_TRAFFIC)).given(paused=True).after(3600)
    assert (rollout.reason, tasks(rollout)) == ("PausedBySpec", [])
    assert len(tasks(rollout.given(paused=False).settle())) == 1


def test_whoever_wants_to_is_rolled_back_when_no_job_could_say() -> None:
    rollout = running(job(retries=0, onUnfinished="Rollback"), {"setWeight": 20})
    could_not_say(rollout)
    rejected = rollout.status.rejected
    assert rejected and rejected.reason == "ValidationUnfinished"
    assert "The node was low on memory" in rejected.message


@pytest.mark.parametrize("rejects", [[3], [1, 3], []])
def test_the_exit_codes_that_reject_a_model_are_said_in_the_spec(rejects: list[int]) -> None:
    rollout = running(job(rejects=rejects, retries=0))
    could_not_say(rollout, ENDS["another exit code"])
    assert bool(rollout.status.rejected) == (3 in rejects)


def test_one_that_does_not_begin_is_named_with_its_cause_and_started_again() -> None:
    why = "container main: ImagePullBackOff: Back-off pulling image checks:9"
    rollout = running(*BEFORE_TRAFFIC, progressDeadline="5m")
    rollout.world.idle = why
    first = tasks(rollout.after(1).after(299))
    assert len(first) == 1
    again = tasks(rollout.after(1).after(30))
    assert again[0].name != first[0].name
    assert (
        f"has had no running container for 5m (progressDeadline): {why}"
        in rollout.status.decisions[0].message
    )
    rollout.after(300).after(60).after(300)
    assert why in held(rollout)


def test_one_that_runs_may_take_longer_than_pods_may_take_to_start() -> None:
    rollout = running(*BEFORE_TRAFFIC, progressDeadline="5m").after(3000)
    assert len(tasks(rollout)) == 1
    assert rollout.reasons[-1] == "RolloutStarted"


def test_one_whose_pod_is_lost_has_as_long_to_run_again_as_it_had_to_begin() -> None:
    rollout = running(*BEFORE_TRAFFIC, progressDeadline="5m").after(1000)
    [first] = tasks(rollout)
    rollout.world.idle = "it has no pod"
    [same] = tasks(rollout.after(1).after(298))
    assert same.name == first.name
    rollout.world.idle = ""
    [same] = tasks(rollout.after(1).after(1000))
    assert same.name == first.name
    rollout.world.idle = "it has no pod"
    rollout.after(1).after(301)
    assert "has had no running container for 5m" in rollout.status.decisions[0].message


@pytest.mark.parametrize("command", ["retry", "retry again"])
def test_a_person_has_it_run_again(command: str) -> None:
    rollout = could_not_say(running(job(retries=0), {"setWeight": 20}))
    rollout.order(f"{command.partition(' ')[0]}/{B}")
    assert len(tasks(rollout)) == 1
    assert rollout.reason == "AwaitingJob"
    assert ends(rollout, TaskEnd(succeeded=True)).weight == 20


def test_a_retry_is_refused_while_it_runs() -> None:
    rollout = running(*BEFORE_TRAFFIC)
    before = tasks(rollout)
    assert tasks(rollout.order(f"retry/{B}")) == before
    assert rollout.status.command and "still being rolled out" in rollout.status.command.outcome


def test_more_retries_in_the_spec_start_it_again() -> None:
    rollout = could_not_say(running(job(retries=0), {"setWeight": 20}))
    rollout.given(steps=[job(retries=1), {"setWeight": 20}]).after(30)
    [task] = tasks(rollout)
    assert rollout.status.candidate and rollout.status.candidate.task
    assert (rollout.status.candidate.task.attempt, task.name) == (
        2,
        rollout.status.candidate.task.name,
    )


def test_a_command_skips_one_that_could_not_say() -> None:
    rollout = could_not_say(running(job(retries=0), {"setWeight": 20}))
    assert held(rollout)
    assert rollout.order(f"advance/{B}").weight == 20


LIMITS = ["result.accuracy >= result.stable.accuracy - 0.005"]
GOOD = '{"accuracy": 0.92, "stable": {"accuracy": 0.921}}'
WORSE = '{"accuracy": 0.914, "stable": {"accuracy": 0.921}}'


def limited(said: str, *limits: str) -> SimulatedRollout:
    """A Job with limits has succeeded, and left this."""
    rollout = running(job(limits=list(limits) or LIMITS), {"setWeight": 20})
    return ends(rollout, TaskEnd(succeeded=True, said=said))


LIMITED = job(limits=["result.accuracy >= 0.8"])


@pytest.mark.parametrize(
    ("end", "skipped"),
    [
        (None, [1]),
        (TaskEnd(succeeded=True, said="no JSON"), [1]),
        (TaskEnd(succeeded=True, said='{"accuracy": 0.9}'), []),
    ],
)
def test_whether_a_command_skipped_one_is_remembered(
    end: TaskEnd | None, skipped: list[int]
) -> None:
    rollout = running({"setWeight": 20}, LIMITED, {"pause": {}}, {"setWeight": 50}, {"pause": {}})
    if end is not None:
        ends(rollout, end)
    rollout.order(f"advance/{B}")
    assert rollout.status.candidate and rollout.status.candidate.step == (2 if skipped else 4)
    assert rollout.status.candidate.skipped == skipped, rollout.status.message
    rollout.given(steps=[LIMITED, {"setWeight": 60}]).settle()
    assert rollout.status.candidate.skipped == [], "it runs now"


def test_what_it_leaves_is_in_the_decision_and_in_the_status() -> None:
    rollout = limited(GOOD)
    assert rollout.weight == 20
    raised = rollout.status.decisions[0]
    assert "has succeeded: accuracy 0.92, stable.accuracy 0.921." in raised.message
    assert rollout.status.candidate
    [result] = rollout.status.candidate.results
    assert (result.step, result.said) == (0, GOOD)


def test_text_that_it_leaves_is_shown_as_it_is() -> None:
    rollout = ends(running(*BEFORE_TRAFFIC), TaskEnd(succeeded=True, said="all\n90 agree"))
    assert rollout.weight == 20
    assert "has succeeded: all 90 agree." in rollout.status.decisions[0].message


def test_what_is_too_long_for_the_status_is_cut_and_passes_no_limit() -> None:
    long = '{"accuracy": 1.0, "stable": {"accuracy": 0.9}, "x": "' + 2000 * "x" + '"}'
    assert "it is longer than 2048 characters" in held(limited(long))


def test_a_limit_that_is_not_met_rejects_the_model_with_its_values() -> None:
    rollout = limited(WORSE)
    rejected = rollout.status.rejected
    assert rejected and rejected.reason == "JobFailed"
    assert (
        f"{LIMITS[0]} is not met: result.accuracy is 0.914, result.stable.accuracy is 0.921. "
        "See kubectl logs job/"
    ) in rejected.message
    assert rollout.weight == 0


@pytest.mark.parametrize(
    ("said", "limit", "why"),
    [
        ('{"accuracy": 0.9}', LIMITS[0], "stable is missing"),
        ('{"accuracy": "high"}', "result.accuracy > 0.9", "cannot be judged"),
        ('{"accuracy": 0.9}', "result.accuracy", "neither true nor false"),
        ("", "result.accuracy > 0.9", "It wrote no result"),
        ("accuracy 0.9", "result.accuracy > 0.9", "not JSON at line 1"),
        ('{"accuracy": NaN}', "result.accuracy > 0.9", "NaN is no number"),
        ('{"by": {"class": {"a": 1}}}', "size(result.by) > 0", "nested more than one level"),
    ],
)
def test_what_cannot_be_compared_is_no_pass(said: str, limit: str, why: str) -> None:
    rollout = limited(said, limit)
    assert why in held(rollout)
    assert rollout.weight == 0
    assert rollout.status.candidate and rollout.status.candidate.task
    assert rollout.status.candidate.task.attempt == 1, "the same Job would say the same again"


def test_one_limit_that_is_not_met_decides_beside_one_that_cannot_be_compared() -> None:
    rollout = limited(WORSE, LIMITS[0], "result.recall > 0.5")
    assert rollout.status.rejected and "is not met" in rollout.status.rejected.message


def test_an_edit_of_the_limits_judges_what_is_there_and_runs_nothing() -> None:
    rollout = limited(WORSE, "result.recall > 0.5")
    before = rollout.status.candidate and rollout.status.candidate.task
    rollout.world.task_end = None
    rollout.given(steps=[job(limits=["result.accuracy > 0.9"]), {"setWeight": 20}]).settle()
    assert rollout.weight == 20
    assert before and before.name in rollout.status.decisions[0].message


def test_one_that_succeeded_and_says_too_little_runs_again_by_command() -> None:
    rollout = limited("")
    first = rollout.status.candidate and rollout.status.candidate.task
    rollout.world.task_end = None
    [again] = tasks(rollout.after(60).order(f"retry/{B}"))
    assert first and again.name != first.name
    assert ends(rollout, TaskEnd(succeeded=True, said=GOOD)).weight == 20


def test_an_object_of_the_version_before_goes_on_with_its_job() -> None:
    rollout = running(*BEFORE_TRAFFIC)
    assert rollout.status.candidate and rollout.status.candidate.task
    old = {"template": BEFORE_TRAFFIC[0]["job"]["template"], "timeout": "1h"}
    assert rollout.status.candidate.task.step == hash_of([0, old])
