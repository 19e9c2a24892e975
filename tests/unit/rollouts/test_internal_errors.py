"""Our own code raises in the middle of a rollout: somebody is told, and a candidate that nobody can
judge loses its traffic."""

import asyncio
import statistics
import sys
import time

from serinus.controller.judging import SWITCH
from serinus.controller.last_resort import FAILING_FOR
from serinus.metrics.queries import ArmQuery, CounterQuery, QueryResult, Series
from tests.campaign.raising import planted, targets
from tests.support.inprocess import Manifest, Operator, Traffic
from tests.support.rollouts import ERRORS, PATIENT, healthy, in_mid_rollout, spec

NAMED = {each.name: each for each in targets()}


def conditions(status: Manifest) -> list[Manifest]:
    """The condition InternalError, if there is one."""
    return [each for each in status["conditions"] if each["type"] == "InternalError"]


def is_told(status: Manifest) -> bool:
    return [each["status"] for each in conditions(status)] == ["True"]


async def test_a_candidate_whose_passes_fail_loses_its_traffic(operator: Operator) -> None:
    status = await in_mid_rollout(operator)
    stable = f"fraud-{status['stable']['revision']}"
    with planted(NAMED["plan.decide.decide"], []):
        operator.move(15)
        [told] = conditions(await operator.until("fraud", is_told))
        assert "The whole pass: An internal error of Serinus (PlantedError" in told["message"]
        assert (await operator.until_announced("InternalError"))["type"] == "Warning"
        operator.move(FAILING_FOR)
        await operator.until_split("fraud", {stable: 100}, within=30)
    # the code is mended: it goes on once it has been looked at again
    await operator.until("fraud", healthy("v2"), moving=5, within=120)


async def test_without_a_gateway_the_service_selects_stable_alone(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1", traffic={}))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", traffic={}))
    status = await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] > 0)
    stable = status["stable"]["revision"]
    with planted(NAMED["plan.decide.decide"], []):
        operator.move(15)
        await operator.until("fraud", is_told)
        operator.move(FAILING_FOR)
        deadline = time.monotonic() + 30
        while True:
            service = await operator.cluster.get("Service", operator.namespace, "fraud")
            if service["spec"]["selector"].get("serinus.dev/revision") == stable:
                break
            assert time.monotonic() < deadline, service["spec"]["selector"]
            await asyncio.sleep(0.1)
    await operator.until("fraud", healthy("v2"), moving=5, within=120)


async def test_a_candidate_that_a_broken_check_cannot_judge_is_withdrawn_and_not_rejected(
    operator: Operator,
) -> None:
    status = await in_mid_rollout(operator)
    candidate, stable = status["candidate"]["revision"], status["stable"]["revision"]
    with planted(NAMED["judge.checks.event_share.EventShare.judge"], []):
        status = await operator.until(
            "fraud", lambda s: s["candidate"]["hold"]["reason"] == "InternalError", moving=5
        )
        await operator.until_split("fraud", {f"fraud-{stable}": 100})
    assert "rejected" not in status and is_told(status)
    assert "Check errors: An internal error of Serinus" in status["message"]
    await operator.command("fraud", f"advance/{candidate}")
    status = await operator.until("fraud", healthy("v2"), moving=5, within=120)
    assert not conditions(status)


async def test_a_rollback_that_cannot_be_carried_out_leaves_no_traffic_with_the_candidate(
    operator: Operator,
) -> None:
    """It is decided and written, and then the manifests cannot be made."""
    status = await in_mid_rollout(operator)
    bad, stable = status["candidate"]["revision"], status["stable"]["revision"]
    operator.traffic.errors = {f"fraud-{bad}": 0.3}
    with planted(NAMED["manifests.children.children"], []):
        await operator.until("fraud", lambda s: s["rejected"], moving=5)
        await operator.until_split("fraud", {f"fraud-{stable}": 100}, within=30)


class Crowded(Traffic):
    """One tenant's pods export thousands of categories."""

    crowd = 20_000

    def _answer(self, asked: ArmQuery) -> QueryResult:
        crowded = asked.arm.workload.startswith("crowd-") and isinstance(asked.query, CounterQuery)
        if not crowded or asked.query.metric != "model_feature_category_total":  # type: ignore[union-attr]
            return super()._answer(asked)
        now = self.clock()
        labels = {"pod": f"{asked.arm.workload}-x-yyyy0", "instance": "10.0.0.0:80"}
        samples = tuple((now - ago, 1000.0 - ago) for ago in (45.0, 30.0, 15.0))
        return tuple(
            Series({**labels, "feature": f"f{n % 20}", "category": f"c{n}"}, samples)
            for n in range(self.crowd)
        )


async def test_a_tenant_with_thousands_of_series_delays_no_rollback_of_others(
    operator: Operator,
) -> None:
    """Looks of the tenant that are judged on the event loop would hold all others up for seconds
    each."""
    sys.setswitchinterval(SWITCH)  # as in a process of its own
    operator.traffic = Crowded(operator.traffic.clock, operator.traffic.started)
    await operator.stop()
    async with operator:
        alone = await rolled_back(operator, "alone")
        await operator.apply("crowd", **spec("v1", rollout=ONE_STEP))
        await operator.until("crowd", healthy("v1"))
        await operator.apply("crowd", **spec("v2", rollout=ONE_STEP))
        await operator.until("crowd", lambda s: s["candidate"]["measuredAt"], moving=5, within=60)
        beside = await rolled_back(operator, "beside")
    print(f"alone {alone}, beside a tenant with {Crowded.crowd} series an arm {beside}")
    # wide, since tests run beside each other here: tests/campaign/tenants.py measures the delay
    assert statistics.median(beside) < 2 * statistics.median(alone) + 1


ONE_STEP = {"steps": [{"setWeight": 20}], "analysis": ERRORS, **PATIENT}
TENANTS = 10


async def rolled_back(operator: Operator, of: str) -> list[float]:
    """Ten rollouts that go bad, with a look a second: the seconds until each is rolled back."""
    names = [f"{of}{number}" for number in range(TENANTS)]
    for name in names:
        await operator.apply(name, **spec("v1", rollout=ONE_STEP))
    for name in names:
        await operator.until(name, healthy("v1"), within=60)
    for name in names:
        await operator.apply(name, **spec("v2", rollout=ONE_STEP))
    for name in names:
        status = await operator.until(
            name, lambda s: s["candidate"]["weight"]["actual"] == 20, within=60
        )
        operator.traffic.errors[f"{name}-{status['candidate']['revision']}"] = 0.5
    took: list[float] = []
    left = set(names)
    began = looked = time.monotonic()
    while left:
        now = time.monotonic()
        assert now < began + 120, f"not rolled back: {left}"
        if now >= looked + 1:
            operator.move(15)
            looked = now
        for name in sorted(left):
            if "rejected" in ((await operator.get(name)).get("status") or {}):
                left.discard(name)
                took.append(round(time.monotonic() - began, 2))
        await asyncio.sleep(0.02)
    return took
