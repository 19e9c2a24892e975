"""The whole operator, an alarm that stays, and what it starts instead of a Job."""

import json
from typing import Any, Final

import pytest

from serinus.api.task_kinds import TaskKind
from tests.campaign.history import Snapshot
from tests.campaign.memory.jobs import ENDLESS
from tests.campaign.memory.policy import reviews_tasks
from tests.campaign.memory.world import World, run
from tests.campaign.stage import spec
from tests.campaign.table import serves
from tests.support.exhaustive import short
from tests.support.task_kinds import ACCOUNT, PIPELINE_RUN, TASK_KINDS, WORKFLOW, task_of
from tests.unit.rollouts.test_retraining import BAD, HOUR, alarm, outcome, runs, told, waiting

DAY: Final = 24 * HOUR


def monitored(version: str, kind: TaskKind = WORKFLOW, **more: Any) -> dict[str, Any]:
    task = task_of(kind, **{k: more.pop(k) for k in ("timeout", "spec") if k in more})
    retrain = {"alarms": ["errorRate"], "after": "1m", "task": task, **more}
    monitoring = {"errorRate": {"limit": "5%"}, "retrain": retrain}
    return {**spec(version), "monitoring": monitoring}


def made(world: World, kind: TaskKind = WORKFLOW) -> list[str]:
    """Names of the objects that were ever created."""
    posts = (w for w in world.history.writes if (w.kind, w.verb) == (kind.kind, "POST"))
    return [each.name for each in posts if each.status == 201]


def kept_by_a_finalizer(manifest: dict[str, Any]) -> None:
    if manifest["kind"] == WORKFLOW.kind:
        manifest["metadata"]["finalizers"] = ["company/artifacts"]


def is_reviewed(s: Snapshot) -> bool:
    return not waiting(s).startswith("spec.monitoring.retrain.task is not run")


@pytest.mark.parametrize("kind", short(TASK_KINDS, [PIPELINE_RUN]))
def test_it_runs_under_its_account_is_told_the_cause_and_its_version_is_promoted(
    kind: TaskKind,
) -> None:
    async def course(world: World) -> None:
        await alarm(world, monitored("v1", kind))
        begun = await world.until(outcome("Running"))
        await world.until(lambda _: bool(world.api.all(kind.kind)))
        [live] = world.api.all(kind.kind)
        assert runs(begun)[0]["job"] == live["metadata"]["name"]
        assert (runs(begun)[0]["apiVersion"], runs(begun)[0]["kind"]) == (
            *(kind.api_version, kind.kind),
        )
        place = live["spec"]
        for key in kind.service_account.split(".")[1:]:
            place = place[key]
        assert place == ACCOUNT
        [reference] = live["metadata"]["ownerReferences"]
        assert (reference["kind"], reference["controller"]) == ("ModelDeployment", True)
        annotations = live["metadata"]["annotations"]
        cause = json.loads(annotations["serinus.dev/retraining"])
        assert (cause["version"], cause["alarms"][0]["quantity"]) == ("v1", "errorRate")
        assert annotations["serinus.dev/model-version"] == "v1"
        await world.until(outcome("Succeeded"))
        seldom = monitored("v2", kind)
        seldom["monitoring"]["interval"] = "10m"  # of a day that passes below
        await world.apply(seldom)
        await world.until(serves("v2").holds, HOUR)
        last = await world.until(lambda s: runs(s)[0]["new"]["outcome"] == "Promoted")
        assert f"from {kind.kind} fraud-" in runs(last)[0]["new"]["message"]
        assert made(world, kind) == [live["metadata"]["name"]]
        await world.wait(DAY)
        assert world.api.all(kind.kind) == [], "it is kept for a day"

    run(course)


@pytest.mark.parametrize("kind", TASK_KINDS)
def test_one_that_fails_is_told_kept_and_not_repeated_before_the_cooldown(kind: TaskKind) -> None:
    async def course(world: World) -> None:
        world.tasks.how = "fails"
        await alarm(world, monitored("v1", kind, cooldown="1h"))
        failed = await world.until(outcome("Failed"))
        assert "has failed: step train: no data. Another" in runs(failed)[0]["message"]
        await world.wait(HOUR - 120)
        assert len(made(world, kind)) == 1 == len(world.api.all(kind.kind))
        assert told(world).count("RetrainingFailed") == 1
        await world.until(outcome("Running", 2))
        await world.until(lambda _: len(set(made(world, kind))) == 2)

    run(course)


def test_one_that_never_ends_is_deleted_when_its_time_is_up() -> None:
    async def course(world: World) -> None:
        world.tasks.how = ENDLESS
        begun = await alarm(world, monitored("v1", timeout="2h"))
        failed = await world.until(outcome("Failed"), 3 * HOUR)
        assert "it has not ended within 2h (task.timeout)" in runs(failed)[0]["message"]
        assert 2 * HOUR <= failed.at - begun.at <= 2 * HOUR + 900
        await world.until(lambda _: not world.api.all("Workflow"))
        await world.wait(HOUR)
        assert len(made(world)) == 1

    run(course)


def test_one_that_a_person_deletes_is_told_and_not_created_again() -> None:
    async def course(world: World) -> None:
        await alarm(world, monitored("v1"))
        await world.until(lambda _: bool(world.api.all("Workflow")))
        await world.wait(5)
        world.api.drop(world.api.all("Workflow")[0])
        failed = await world.until(outcome("Failed"), 600)
        assert "it was deleted before its end was seen" in runs(failed)[0]["message"]
        assert len(made(world)) == 1

    run(course)


def test_a_restart_in_its_middle_starts_no_other() -> None:
    async def course(world: World) -> None:
        await alarm(world, monitored("v1"))
        await world.until(lambda _: bool(world.api.all("Workflow")))
        await world.kill()
        await world.wait(20)
        await world.mend()
        await world.until(outcome("Succeeded"))
        assert len(made(world)) == 1

    run(course)


def test_a_kind_that_is_no_longer_allowed_ends_it_and_what_is_there_is_left() -> None:
    async def course(world: World) -> None:
        world.tasks.how = ENDLESS
        await alarm(world, monitored("v1"))
        await world.until(lambda _: bool(world.api.all("Workflow")))
        await world.wait(5)
        await world.kill()
        world.task_kinds = (PIPELINE_RUN,)
        await world.mend()
        stopped = await world.until(outcome("Stopped"))
        assert (
            "Workflow of argoproj.io/v1alpha1 may no longer be run" in (runs(stopped)[0]["message"])
        )
        await world.kill()
        world.task_kinds = TASK_KINDS
        await world.mend()
        await world.wait(60)
        assert len(world.api.all("Workflow")) == 1, "also once it is allowed again"

    run(course)


def test_one_that_is_no_longer_wanted_is_deleted() -> None:
    async def course(world: World) -> None:
        await alarm(world, monitored("v1"))
        await world.until(lambda _: bool(world.api.all("Workflow")))
        await world.wait(5)
        await world.apply({**spec("v1"), "monitoring": {"errorRate": {"limit": "5%"}}})
        await world.until(outcome("Stopped"))
        await world.until(lambda _: not world.api.all("Workflow"))

    run(course)


def test_a_kind_that_is_not_allowed_is_refused_at_once_and_a_rollout_goes_on() -> None:
    async def course(world: World) -> None:
        await world.kill()
        world.task_kinds = (PIPELINE_RUN,)
        await world.mend()
        await world.apply(monitored("v1"))
        refused = await world.until(lambda s: bool(waiting(s)))
        assert waiting(refused).startswith(
            "spec.monitoring.retrain.task is not run: Workflow of argoproj.io/v1alpha1 is not "
            "allowed. Allowed kinds: PipelineRun of tekton.dev/v1. Use job, or have the "
        )
        await world.until(serves("v1").holds)
        await world.apply(monitored("v2"))
        await world.until(serves("v2").holds, HOUR)
        world.model("v2", errors=BAD)
        await world.wait(2 * HOUR)
        assert made(world) == []
        assert told(world).count("RetrainingRefused") == 1

    run(course)


def test_what_was_written_before_the_policy_was_in_force_is_not_run_until_it_is_written_anew() -> (
    None
):
    async def course(world: World) -> None:
        world.api.refuse.remove(reviews_tasks)
        await world.apply(monitored("v1"))
        await world.until(serves("v1").holds)
        refused = await world.until(lambda s: bool(waiting(s)))
        assert "Install templates/retraining.yaml of the chart" in waiting(refused)
        world.api.refuse.append(reviews_tasks)
        world.model("v1", errors=BAD)
        await world.wait(2 * HOUR)
        await world.kill()
        await world.mend()
        await world.wait(HOUR)
        assert made(world) == [], "nobody has reviewed its writer"
        await world.apply({**spec("v1"), "monitoring": {"errorRate": {"limit": "5%"}}})
        await world.wait(60)
        await world.apply(monitored("v1"))
        await world.until(outcome("Running"), HOUR)
        assert len(made(world)) <= 1

    run(course)


def test_none_starts_while_the_policy_is_gone() -> None:
    async def course(world: World) -> None:
        await world.apply(monitored("v1"))
        await world.until(serves("v1").holds)
        await world.until(lambda s: bool((s.status.get("retraining") or {}).get("review")))
        world.api.refuse.remove(reviews_tasks)
        await world.wait(900)
        world.model("v1", errors=BAD)
        await world.wait(HOUR)
        assert made(world) == []
        world.api.refuse.append(reviews_tasks)
        await world.until(outcome("Running"), HOUR)

    run(course)


def test_none_starts_during_a_rollout() -> None:
    async def course(world: World) -> None:
        steps = {"steps": [{"setWeight": 20}, {"pause": {}}]}
        await world.apply({**monitored("v1"), "rollout": {**spec("v1")["rollout"], **steps}})
        await world.until(serves("v1").holds)
        await world.apply({**monitored("v2"), "rollout": {**spec("v2")["rollout"], **steps}})
        await world.wait(120)
        world.model("v1", errors=BAD)
        last = await world.until(lambda s: bool(waiting(s)), HOUR)
        assert "during a rollout or a guard" in waiting(last)
        await world.wait(1200)  # twenty times as long as the alarm has to stay
        assert made(world) == []

    run(course)


def test_one_whose_finalizer_keeps_it_is_deleted_once_and_costs_no_passes() -> None:
    """As that of Tekton Chains, or of the artifacts of a Workflow."""

    async def course(world: World) -> None:
        world.webhook(kept_by_a_finalizer)
        world.tasks.how = ENDLESS
        await alarm(world, monitored("v1", timeout="5m"))
        await world.until(outcome("Failed"), HOUR)
        await world.wait(60)
        [live] = world.api.all("Workflow")
        assert "deletionTimestamp" in live["metadata"]
        deletions = [w for w in world.history.writes if (w.kind, w.verb) == ("Workflow", "DELETE")]
        assert len(deletions) == 1

    run(course)
