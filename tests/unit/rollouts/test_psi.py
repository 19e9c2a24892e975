"""A population stability index as the tolerance."""

from collections.abc import Mapping

import pytest

from serinus.metrics.queries import ArmQuery, CounterQuery, QueryResult, Series
from tests.support.inprocess import Operator
from tests.support.rollouts import healthy, spec

CLASSES = {f"c{number}": 0.1 for number in range(10)}
DRIFT = {"checks": [{"name": "drift", "predictionDrift": {"psi": 0.05}}]}


ByWorkload = dict[str, Mapping[str, float]]


@pytest.fixture
def predicted(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> ByWorkload:
    """By workload, the shares of its classes; of all others CLASSES."""
    answer, by_workload = operator.traffic._answer, ByWorkload()

    def by_class(asked: ArmQuery) -> QueryResult:
        found = answer(asked)
        assert isinstance(asked.query, CounterQuery)
        if asked.query.metric != "model_predictions_total" or not isinstance(found, tuple):
            return ()
        shares = by_workload.get(asked.arm.workload, CLASSES)
        return tuple(
            Series({**each.labels, "class": name}, tuple((at, n * share) for at, n in each.samples))
            for each in found
            for name, share in shares.items()
        )

    monkeypatch.setattr(operator.traffic, "_answer", by_class)
    return by_workload


async def test_many_small_shifts_are_rolled_back_and_the_status_says_what_is_tolerated(
    operator: Operator, predicted: ByWorkload
) -> None:
    rollout = {**spec("v1")["rollout"], "analysis": DRIFT}
    await operator.apply("fraud", **spec("v1", rollout=rollout))
    await operator.until("fraud", healthy("v1"))

    await operator.apply("fraud", **spec("v2", rollout=rollout))
    status = await operator.until("fraud", lambda s: s["candidate"]["baseline"]["message"])
    said = "within a PSI of 0.05 a share of 10% may become 4.4% to 18% if that is the only change."
    assert f"Check drift: {said}" in status["candidate"]["baseline"]["message"]

    odd, even = list(CLASSES)[::2], list(CLASSES)[1::2]
    shifted = {**dict.fromkeys(odd, 0.143), **dict.fromkeys(even, 0.057)}
    predicted[f"fraud-{status['candidate']['revision']}"] = shifted
    status = await operator.until("fraud", lambda s: s["rejected"], moving=5)
    [failed] = [each for each in status["decisions"] if each["reason"] == "CheckFailed"]
    assert "the greatest part of a PSI of about 0.2 (tolerated 0.05: " in failed["message"]


async def test_what_predicts_the_same_is_promoted(
    operator: Operator, predicted: ByWorkload
) -> None:
    assert not predicted
    rollout = {**spec("v1")["rollout"], "analysis": DRIFT}
    await operator.apply("fraud", **spec("v1", rollout=rollout))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2", rollout=rollout))
    await operator.until("fraud", healthy("v2"), moving=5)
