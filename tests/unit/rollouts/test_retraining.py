"""The whole operator, an alarm that stays, and the Job that it starts."""

import json
from itertools import pairwise
from math import inf
from typing import Any, Final

from serinus.cluster import Cluster
from serinus.metrics.queries import ArmQuery, CounterQuery, QueryResult, Series
from tests.campaign.history import Snapshot
from tests.campaign.memory.cluster import MemoryCluster
from tests.campaign.memory.jobs import ENDLESS, NO_POD
from tests.campaign.memory.world import World, run
from tests.campaign.stage import children_refused, spec
from tests.campaign.table import GONE, serves
from tests.campaign.wire import Fault, refusal
from tests.support.inprocess import Operator, Traffic
from tests.support.registry import CHAMPION, version
from tests.support.rollouts import ERRORS, healthy, rolls_out
from tests.support.rollouts import spec as rollout_spec

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
        "retrain": {"alarms": ["errorRate"], "job": JOB, **retrain},
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
        assert "Version v2, from Job fraud-" in new["message"]
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


def test_a_step_does_not_say_that_it_waits_for_one_that_is_refused() -> None:
    async def course(world: World) -> None:
        check = {"spec": {"containers": [{"name": "main", "image": "check:1"}]}}
        rollout = {"steps": [{"setWeight": 20}, {"job": {"template": check}}]}
        await alarm(world, monitored("v1", rollout, after="1m"))
        world.jobs.how = ENDLESS
        quota = refusal(403, "Forbidden", "exceeded quota: gpus")
        world.fault(
            Fault(
                "no Job trains",
                lambda request: request.writes and "train:1" in json.dumps(request.body),
                lambda _: quota,
            ),
            "children",
        )
        await world.until(outcome("Running"))
        await world.apply(monitored("v2", rollout, after="1m"))
        last = await world.until(lambda s: "Waiting for Job" in s.status["message"], HOUR)
        assert runs(last)[0]["outcome"] == "Running"
        await world.wait(60)
        assert "Waiting for Job" in world.history.snapshots[-1].status["message"]
        failed = await world.until(outcome("Failed"), HOUR)
        assert "exceeded quota: gpus" in runs(failed)[0]["message"]

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


class Predicting(Traffic):
    """Traffic of which a share is predicted to be fraud."""

    fraud: list[tuple[float, float]]
    """From when on, Unix seconds, which share."""

    def _answer(self, asked: ArmQuery) -> QueryResult:
        query = asked.query
        if not isinstance(query, CounterQuery) or query.metric != "model_predictions_total":
            return ()
        end = self.clock()
        moments = [end - age for age in range(int(asked.window), -1, -10)]
        pod = {"pod": f"{asked.arm.workload}-x-yyyyy", "instance": "10.0.0.1:80"}
        bad = tuple((at, round(self.rate * self._until(at))) for at in moments)
        good = tuple((at, round(self.rate * (at - self.started)) - n) for at, n in bad)
        return Series({**pod, "class": "fraud"}, bad), Series({**pod, "class": "fine"}, good)

    def _until(self, at: float) -> float:
        spans = pairwise([*self.fraud, (inf, 0.0)])
        return sum(share * max(min(at, end) - start, 0) for (start, share), (end, _) in spans)


async def test_a_recorded_reference_is_recorded_anew_of_the_version_that_came_of_it(
    cluster: Cluster, namespace: str
) -> None:
    operator = Operator(cluster, namespace)
    operator.traffic = world = Predicting(lambda: operator.now, operator.now - 120)
    world.fraud = [(world.started, 0.005)]
    monitoring = {
        "predictionDrift": {"reference": {"recordFor": "5m"}},
        "retrain": {"alarms": ["predictionDrift"], "after": "10m", "job": JOB},
    }

    def wanted(version: str) -> dict[str, Any]:
        return rollout_spec(version, rollout={"steps": []}, monitoring=monitoring)

    def found(status: dict[str, Any]) -> tuple[str, str]:
        each = next(c for c in status["conditions"] if c["type"] == "PredictionsDrifted")
        return each["status"], each["reason"]

    def last(status: dict[str, Any]) -> dict[str, Any]:
        runs: list[dict[str, Any]] = status["retraining"]["history"]
        return dict(enumerate(runs))[0]

    async with operator:
        await operator.apply("fraud", **wanted("v1"))
        await operator.until("fraud", healthy("v1"))
        await operator.until("fraud", lambda s: found(s)[0] == "False", moving=60)
        world.fraud.append((operator.now, 0.1))
        await operator.until("fraud", lambda s: found(s)[0] == "True", moving=60)
        status = await operator.until("fraud", lambda s: bool(last(s)), moving=60)
        [alarm] = last(status)["alarms"]
        assert alarm["quantity"] == "predictionDrift"
        await operator.until("fraud", lambda s: last(s)["outcome"] == "Succeeded", within=300)
        await operator.apply("fraud", **wanted("v2"))
        status = await operator.until("fraud", lambda s: last(s)["new"]["outcome"] == "Promoted")
        assert found(status) == ("Unknown", "RecordingReference")
        await operator.until("fraud", lambda s: found(s) == ("False", "WithinReference"), moving=60)


async def test_a_version_that_the_job_registers_is_followed_rolled_out_and_told_as_its_own(
    memory: MemoryCluster, operator: Operator
) -> None:
    """Another version that somebody registers meanwhile is not."""
    monitoring = {
        "errorRate": {"limit": "5%"},
        "retrain": {"alarms": ["errorRate"], "after": "1m", "job": JOB},
    }
    wanted = {
        **rollout_spec("v1", rollout={"steps": [{"setWeight": 20}], "analysis": ERRORS}),
        "model": CHAMPION,
        "monitoring": monitoring,
    }

    def last(status: dict[str, Any]) -> dict[str, Any]:
        found: list[dict[str, Any]] = status["retraining"]["history"]
        return dict(enumerate(found))[0]

    operator.traffic.errors["fraud"] = 0.2
    operator.registry.names(version("4"))
    await operator.apply("fraud", **wanted)
    status = await operator.until("fraud", healthy("4"))
    memory.jobs.said = '{"version": "6"}'
    await operator.until("fraud", lambda s: bool(last(s)), moving=60)
    operator.registry.names(version("5"))
    await operator.until("fraud", rolls_out("5"))
    await operator.until("fraud", lambda s: last(s)["outcome"] == "Succeeded", within=300)
    assert "new" not in last((await operator.get("fraud"))["status"])
    operator.traffic.errors = {f"fraud-{status['stable']['revision']}": 0.2}
    operator.registry.names(version("6"))
    await operator.until("fraud", rolls_out("6"))
    status = await operator.until("fraud", healthy("6"), moving=5, within=120)
    new = last(status)["new"]
    assert (new["version"], new["outcome"]) == ("6", "Promoted")
    assert new["revision"] == status["stable"]["revision"]


async def test_a_clock_that_was_ahead_when_a_job_ended_does_not_delay_the_next_one(
    operator: Operator,
) -> None:
    """The cooldown counts from what was written in the future."""
    ahead, steps = 0.0, rollout_spec("v1", rollout={"steps": []})
    operator.traffic.clock = lambda: operator.now - ahead
    operator.traffic.errors["fraud"] = 0.2
    monitoring = {
        "errorRate": {"limit": "5%"},
        "retrain": {"alarms": ["errorRate"], "after": "1m", "cooldown": "1h", "job": JOB},
    }
    await operator.apply("fraud", **{**steps, "monitoring": monitoring})
    await operator.until("fraud", healthy("v1"))
    await operator.until("fraud", lambda s: bool(s["retraining"]["history"]), moving=60)
    ahead = 20 * HOUR
    operator.move(ahead)
    await operator.until(
        "fraud", lambda s: s["retraining"]["history"][0]["outcome"] == "Succeeded", within=300
    )
    operator.move(-ahead)
    ahead, began = 0.0, operator.now
    await operator.until("fraud", lambda s: len(s["retraining"]["history"]) == 2, moving=60)
    assert operator.now - began < 3 * HOUR
