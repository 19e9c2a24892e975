"""The whole operator, an alarm that stays, and the Job that it starts."""

import json
from typing import Any, Final

from tests.campaign.history import Snapshot
from tests.campaign.memory.jobs import NO_POD
from tests.campaign.memory.world import World, run
from tests.campaign.stage import children_refused, spec
from tests.campaign.table import GONE, serves

HOUR: Final = 3600.0
JOB: Final = {"template": {"spec": {"containers": [{"name": "main", "image": "train:1"}]}}}
BAD: Final = 0.2
"""Share of the requests that fail, with a limit of 5%."""


def monitored(
    version: str, rollout: dict[str, Any] | None = None, **retrain: Any
) -> dict[str, Any]:
    wanted = spec(version)
    monitoring = {
        "errorRate": {"limit": "5%"},
        "retrain": {"job": JOB, **retrain},
    }
    return {**wanted, "rollout": {**wanted["rollout"], **(rollout or {})}, "monitoring": monitoring}


def runs(s: Snapshot) -> list[dict[str, Any]]:
    """The retrainings, newest first."""
    found: list[dict[str, Any]] = (s.status.get("retraining") or {}).get("history") or []
    return found


def outcome(wanted: str, number: int = 1) -> Any:
    """That so many have begun, and of the last one's end."""

    def holds(s: Snapshot) -> bool:
        found = runs(s)
        return len(found) == number and found[0]["outcome"] == wanted

    return holds


def waiting(s: Snapshot) -> str:
    return str((s.status.get("retraining") or {}).get("waiting", ""))


def told(world: World) -> list[str]:
    return [each.reason for each in world.history.told]


def jobs(world: World) -> list[str]:
    """Names of the Jobs that were ever created."""
    made = [w for w in world.history.writes if (w.kind, w.verb, w.status) == ("Job", "POST", 201)]
    return [each.name for each in made]


async def alarm(world: World, wanted: dict[str, Any]) -> Snapshot:
    """v1 serves, and its errors are above the limit."""
    await world.apply(wanted)
    await world.until(serves("v1").holds)
    world.model("v1", errors=BAD)
    return await world.until(is_above, HOUR)


def is_above(s: Snapshot) -> bool:
    found = {each["type"]: each["status"] for each in s.status.get("conditions") or []}
    return found.get("ErrorsAboveLimit") == "True"


def test_an_alarm_that_stays_starts_a_job_whose_version_is_promoted_and_ends_the_alarm() -> None:
    async def course(world: World) -> None:
        world.jobs.said = '{"version": "v2", "accuracy": 0.93}'
        begun = await alarm(world, monitored("v1"))
        assert waiting(begun).startswith("A Job is started at ")
        last = await world.until(outcome("Running"), 2 * HOUR)
        assert last.at - begun.at <= HOUR + 60
        [job] = world.api.all("Job")
        [container] = job["spec"]["template"]["spec"]["containers"]
        env = {each["name"]: each["value"] for each in container["env"]}
        assert env["MODEL_DEPLOYMENT"] == "fraud" and env["MODEL_VERSION"] == "v1"
        cause = json.loads(env["RETRAINING"])
        assert cause["version"] == "v1" and cause["revision"] == env["STABLE_REVISION"]
        [one] = cause["alarms"]
        assert (one["quantity"], one["limit"]) == ("errorRate", 0.05)
        assert 0.15 < one["share"] < 0.25
        await world.until(outcome("Succeeded"))
        await world.apply(monitored("v2"))
        await world.until(serves("v2").holds, HOUR)
        last = await world.until(lambda s: runs(s)[0]["new"]["outcome"] == "Promoted")
        new = runs(last)[0]["new"]
        assert new["version"] == "v2"
        assert "Version v2, which came of Job fraud-" in new["message"]
        assert new["message"].endswith(" after the alarm.")
        await world.until(lambda s: not is_above(s), HOUR)
        await world.wait(HOUR)
        assert len(jobs(world)) == 1

    run(course)


async def training(world: World, **retrain: Any) -> Snapshot:
    """Its Job has been started, and not yet ended."""
    await alarm(world, monitored("v1", **{"after": "1m", **retrain}))
    return await world.until(outcome("Running"))


def test_one_that_fails_is_told_kept_and_not_repeated_before_the_cooldown() -> None:
    async def course(world: World) -> None:
        world.jobs.how = "rejects"
        await training(world, cooldown="1h")
        failed = await world.until(outcome("Failed"))
        assert (
            "Error with exit code 1: 7 of 90 differ. Another may start"
            in (runs(failed)[0]["message"])
        )
        await world.wait(HOUR - 120)
        assert len(jobs(world)) == 1
        assert told(world).count("RetrainingFailed") == 1
        assert [each["metadata"]["name"] for each in world.api.all("Job")] == jobs(world)
        await world.until(outcome("Running", 2))
        assert len(set(jobs(world))) == 2

    run(course)


def test_one_that_its_operator_did_not_live_to_create_is_created_once() -> None:
    async def course(world: World) -> None:
        await alarm(world, monitored("v1", after="1m"))
        world.fault(children_refused(500, "Job"), "children")
        begun = await world.until(outcome("Running"))
        await world.kill()
        assert jobs(world) == []
        await world.mend()
        await world.until(outcome("Succeeded"))
        assert jobs(world) == [runs(begun)[0]["job"]]
        assert told(world).count("RetrainingStarted") <= 1

    run(course)


def test_one_that_a_person_deletes_is_told_and_not_created_again() -> None:
    async def course(world: World) -> None:
        await training(world)
        await world.wait(20)
        [job] = world.api.all("Job")
        await world.user.delete(job)
        failed = await world.until(outcome("Failed"))
        assert "it was deleted before its end was seen" in runs(failed)[0]["message"]
        await world.wait(HOUR)
        assert len(jobs(world)) == 1

    run(course)


def test_one_that_a_quota_refuses_is_told_with_its_cause_and_given_up() -> None:
    async def course(world: World) -> None:
        await alarm(world, monitored("v1", after="1m"))
        world.fault(children_refused(403, "Job"), "children")
        failed = await world.until(outcome("Failed"), HOUR)
        message = runs(failed)[0]["message"]
        assert "could not be created within 10m (progressDeadline). Job fraud-" in message
        assert "Forbidden by the campaign" in message
        tried = [each for each in world.history.writes if each.kind == "Job"]
        assert len(tried) < 60
        await world.wait(HOUR)
        assert len([each for each in world.history.writes if each.kind == "Job"]) == len(tried)

    run(course)


def test_one_that_gets_no_pod_is_told_and_waited_for() -> None:
    async def course(world: World) -> None:
        world.jobs.how = NO_POD
        await training(world)
        await world.until(lambda s: bool(runs(s)[0]["message"]), HOUR)
        assert told(world).count("RetrainingDelayed") == 1
        world.jobs_are("succeeds")
        await world.until(outcome("Succeeded"))
        assert len(jobs(world)) == 1

    run(course)


def test_one_that_does_not_end_in_time_is_ended_and_the_setting_is_named() -> None:
    async def course(world: World) -> None:
        await training(world, job={**JOB, "timeout": "30s"})
        failed = await world.until(outcome("Failed"))
        assert "it has not ended within 30s (job.timeout)" in runs(failed)[0]["message"]

    run(course)


def test_one_whose_node_is_lost_goes_on_and_so_does_one_whose_alarm_is_over() -> None:
    async def course(world: World) -> None:
        await training(world)
        await world.wait(20)
        world.model("v1", errors=0.0)
        await world.lose_nodes_of_jobs()
        await world.until(outcome("Succeeded"))
        assert len(jobs(world)) == 1
        await world.until(lambda s: not is_above(s), HOUR)
        await world.wait(HOUR)
        assert len(jobs(world)) == 1

    run(course)


def test_what_came_of_it_is_told_if_it_is_rejected() -> None:
    async def course(world: World) -> None:
        await training(world)
        await world.until(outcome("Succeeded"))
        world.model("v2", errors=0.9)
        await world.apply(monitored("v2", after="1m"))
        last = await world.until(lambda s: runs(s)[0].get("new", {}).get("ended"), HOUR)
        new = runs(last)[0]["new"]
        assert (new["version"], new["outcome"]) == ("v2", "Rejected")
        assert "was rejected. " in new["message"]
        await world.wait(5)
        assert told(world).count("RetrainedInVain") == 1
        await world.wait(HOUR)
        assert len(jobs(world)) == 1

    run(course)


def test_it_ends_with_its_owner() -> None:
    async def course(world: World) -> None:
        await training(world)
        await world.wait(20)
        await world.delete()
        await world.until(GONE.holds)
        assert world.api.all("Job") == []

    run(course)
