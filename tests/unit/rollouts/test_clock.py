"""The operator's clock is set while it acts; Prometheus has another one, which is right."""

import pytest

from tests.support.exhaustive import short
from tests.support.guards import guarded, promoted
from tests.support.inprocess import Operator
from tests.support.rollouts import healthy, spec

HOUR = 3600.0


class Clocks:
    """Of the operator, and of Prometheus, which goes as fast and is right."""

    def __init__(self, operator: Operator, ahead: float = 0.0) -> None:
        self.operator = operator
        self.ahead = 0.0
        """Seconds by which the operator's is ahead."""
        operator.traffic.clock = lambda: operator.now - self.ahead
        self.set(ahead)

    def set(self, seconds: float) -> None:
        """Set the operator's clock forward, or back."""
        self.ahead += seconds
        self.operator.move(seconds)

    def go_wrong(self, seconds: float) -> None:
        """Set the operator's clock. One that is ahead is put right after a minute: until then all
        samples seem to be old."""
        self.set(seconds)
        if seconds > 0:
            self.operator.move(60)
            self.set(-seconds)


async def at_20_percent(operator: Operator) -> str:
    """The candidate, which is measured."""
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2"))
    status = await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    revision: str = status["candidate"]["revision"]
    return revision


SET = pytest.mark.parametrize("seconds", short([-HOUR, -20.0, -2.0, 20.0, HOUR], [-HOUR, HOUR]))


@SET
async def test_a_bad_candidate_is_rolled_back_in_minutes_although_the_clock_is_set(
    operator: Operator, seconds: float
) -> None:
    clocks = Clocks(operator)
    bad = await at_20_percent(operator)
    await operator.until("fraud", lambda s: s["candidate"]["measuredAt"], moving=5)
    clocks.go_wrong(seconds)
    operator.traffic.errors = {f"fraud-{bad}": 0.3}
    began = operator.now
    status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
    assert status["rejected"]["reason"] == "CheckFailed"
    assert operator.now - began < 600


@SET
async def test_a_good_candidate_is_promoted_as_soon_although_the_clock_is_set(
    operator: Operator, seconds: float
) -> None:
    clocks = Clocks(operator)
    await at_20_percent(operator)
    await operator.until("fraud", lambda s: s["candidate"]["measuredAt"], moving=5)
    clocks.go_wrong(seconds)
    began = operator.now
    await operator.until("fraud", healthy("v2"), moving=5, within=60)
    assert operator.now - began < 1800, "a pause of ten minutes, and two looks at each weight"


async def test_a_rollout_that_began_by_a_clock_that_was_ahead_is_judged_once_that_is_right(
    operator: Operator,
) -> None:
    clocks = Clocks(operator, ahead=HOUR)
    bad = await at_20_percent(operator)
    operator.traffic.errors = {f"fraud-{bad}": 0.3}
    await operator.until("fraud", lambda s: "1h old" in s["message"], moving=5)
    clocks.set(-HOUR)
    began = operator.now
    status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
    assert status["rejected"]["reason"] == "CheckFailed"
    assert operator.now - began < 600


@SET
async def test_a_guard_finds_what_goes_bad_although_the_clock_is_set(
    operator: Operator, seconds: float
) -> None:
    clocks = Clocks(operator)
    before, after = await promoted(operator)
    operator.move(600)
    await operator.until("fraud", guarded("v2"), moving=1)
    clocks.go_wrong(seconds / 2)  # not beyond the end of the guard
    operator.traffic.errors = {f"fraud-{after}": 0.3}
    began = operator.now
    status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
    assert status["rejected"]["reason"] == "GuardFailed"
    assert operator.now - began < 600
    await operator.until_split("fraud", {f"fraud-{before}": 100})


async def test_a_guard_ends_in_its_time_although_the_clock_is_set_back(operator: Operator) -> None:
    clocks = Clocks(operator)
    await promoted(operator)
    clocks.set(-HOUR)
    began = operator.now
    status = await operator.until("fraud", healthy("v2"), moving=30)
    assert status["decisions"][0]["reason"] == "GuardEnded"
    assert operator.now - began < 2 * HOUR


async def test_a_guard_by_a_clock_that_is_ahead_compares_nothing_and_ends_once_that_is_right(
    operator: Operator,
) -> None:
    """By that clock all samples are old."""
    clocks = Clocks(operator)
    await promoted(operator)
    clocks.set(HOUR)
    told = "and on: it cannot end"
    await operator.until("fraud", lambda s: told in s["message"], moving=30, within=60)
    clocks.set(-HOUR)
    status = await operator.until("fraud", healthy("v2"), moving=30, within=60)
    assert status["decisions"][0]["reason"] == "GuardEnded"


async def test_a_candidate_that_hangs_loses_its_traffic_although_the_clock_is_set_back(
    operator: Operator,
) -> None:
    clocks = Clocks(operator)
    candidate = await at_20_percent(operator)
    await operator.until("fraud", lambda s: s["candidate"]["measuredAt"], moving=5)
    operator.traffic.hanging = f"fraud-{candidate}"
    await operator.until("fraud", lambda s: s["candidate"]["silence"]["since"], moving=5)
    clocks.set(-HOUR)
    began = operator.now
    await operator.until("fraud", lambda s: s["candidate"]["withdrawn"], moving=5)
    assert operator.now - began < 900


async def test_a_candidate_whose_metrics_cannot_be_judged_loses_its_traffic_although_the_clock_is_set_back(  # noqa: E501
    operator: Operator,
) -> None:
    clocks = Clocks(operator)
    candidate = await at_20_percent(operator)
    operator.traffic.uncountable = f"fraud-{candidate}"
    await operator.until("fraud", lambda s: "ownMetrics" in str(s["candidate"]["checks"]), moving=5)
    clocks.set(-HOUR)
    began = operator.now
    await operator.until("fraud", lambda s: s["candidate"]["withdrawn"], moving=5)
    assert operator.now - began < 600
