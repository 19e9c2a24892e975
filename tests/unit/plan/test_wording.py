"""What several checks found alike is said once, after all of their names."""

import pytest

from serinus.api.status import CheckState, CheckStatus
from serinus.plan.wording import ARE, messages_of, named
from tests.support.simulated_rollout import B, serving


def found_by(name: str, message: str) -> CheckStatus:
    return CheckStatus(
        name=name,
        kind="errorRate",
        mode="Enforce",
        verdict="NoData",
        message=message,
        state=CheckState(),
    )


def test_a_message_that_checks_share_is_said_once() -> None:
    lacks = "Prometheus has no requests_total."
    found = [found_by("errors", lacks), found_by("drift", "No classes."), found_by("slow", lacks)]
    assert messages_of(found) == f"errors and slow: {lacks} drift: No classes."
    assert (
        messages_of(found, "Check") == f"Checks errors and slow: {lacks} Check drift: No classes."
    )
    assert messages_of([]) == ""


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a"], "pod a is"),
        (["a", "b"], "pods a and b are"),
        (["a", "b", "c"], "pods a, b and c are"),
    ],
)
def test_one_is_and_several_are(names: list[str], told: str) -> None:
    assert named("pod", names, ARE) == told


@pytest.mark.parametrize(
    ("verdict", "reason"), [("NoData", "NoData"), ("Error", "MetricsUnavailable")]
)
def test_what_no_check_can_read_is_said_once_in_a_hold_and_its_condition(
    verdict: str, reason: str
) -> None:
    lacks = "Prometheus has no requests_total from the candidate pods."
    rollout = serving().given(steps=[{"setWeight": 5}]).apply(B)
    rollout.judged(verdict, lacks)  # type: ignore[arg-type]
    assert rollout.reason == reason
    assert len(rollout.status.candidate.deciding if rollout.status.candidate else []) > 1
    assert rollout.status.message.count(lacks) == 1
    [metrics] = [each for each in rollout.status.conditions if each.type == "MetricsAvailable"]
    assert metrics.message.count(lacks) == 1
