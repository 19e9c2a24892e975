"""A check whose matcher can select nothing promotes nobody."""

from typing import Any

from tests.support.inprocess import Manifest, Operator
from tests.support.rollouts import PATIENT, STEPS, healthy, spec


def _checked(value: str, operator: str = "=") -> dict[str, Any]:
    """A rollout judged by the errors that such a code names."""
    errors = [{"label": "code", "operator": operator, "value": value}]
    checks = [{"name": "errors", "errorRate": {"errors": errors}}]
    return {"steps": STEPS, "analysis": {"checks": checks}, **PATIENT}


def _is_held(status: Manifest) -> bool:
    hold = status["candidate"].get("hold") or {}
    return bool(hold.get("reason") == "MetricsUnavailable" and "The matcher" in hold["message"])


async def test_a_candidate_gets_no_traffic_until_the_matcher_can_name_an_error(
    operator: Operator,
) -> None:
    rollout = _checked("5xx")
    await operator.apply("fraud", **spec("v1", rollout=rollout))
    stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    await operator.apply("fraud", **spec("v2", rollout=rollout))
    status = await operator.until("fraud", _is_held, moving=5.0)
    assert status["candidate"]["hold"]["message"] == (
        'Held until metrics can be read. Check errors: The matcher code="5xx" can select nothing '
        "of model_requests_total of the stable pods: the values of code are 200. Set "
        '{label: code, operator: "=~", value: "5..|408|429"} instead.'
    )
    verdicts = {check["name"]: check["verdict"] for check in status["candidate"]["checks"]}
    assert verdicts == {"errors": "Error", "split": "NoData"}
    assert not status["candidate"]["weight"]["actual"]
    assert status["stable"]["revision"] == stable
    operator.traffic.errors = {f"fraud-{status['candidate']['revision']}": 0.1}
    await operator.apply("fraud", **spec("v2", rollout=_checked("5..", "=~")))
    status = await operator.until("fraud", lambda s: s["rejected"], moving=5.0)
    assert status["rejected"]["reason"] == "CheckFailed"


async def test_an_edit_of_the_matcher_in_mid_rollout_holds_it_with_an_error(
    operator: Operator,
) -> None:
    await operator.apply("fraud", **spec("v1", rollout=_checked("5..", "=~")))
    stable = (await operator.until("fraud", healthy("v1")))["stable"]["revision"]
    await operator.apply("fraud", **spec("v2", rollout=_checked("5..", "=~")))
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"], moving=1.0)
    await operator.apply("fraud", **spec("v2", rollout=_checked("5xx")))
    status = await operator.until("fraud", _is_held, moving=5.0)
    assert status["stable"]["revision"] == stable
    weight = status["candidate"]["weight"]["actual"]
    for _ in range(20):
        status = await operator.until("fraud", _is_held, moving=5.0)
    assert status["candidate"]["weight"]["actual"] == weight
