"""The whole operator, an alarm that stays, and the Job that it starts."""

import json
from typing import Any, Final

from tests.campaign.history import Snapshot
from tests.campaign.memory.jobs import JOB_TAKES, NO_POD, UNPULLED
from tests.campaign.memory.world import World, run
from tests.campaign.stage import children_refused, spec
from tests.campaign.table import serves

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
