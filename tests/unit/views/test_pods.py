"""The state of a pod in one word, as `serinus get` lists it."""

from typing import Any

import pytest

from serinus.views.pods import pods

READY = {"type": "Ready", "status": "True"}
NOT_READY = {"type": "Ready", "status": "False"}
GATED = {**NOT_READY, "reason": "ReadinessGatesNotReady"}
CONTAINERS_READY = {"type": "ContainersReady", "status": "True"}
WAITS = {"name": "model", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
ENDED = {"name": "model", "state": {"terminated": {"reason": "Completed", "exitCode": 0}}}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({"phase": "Running", "conditions": [READY]}, "Ready"),
        ({"phase": "Running", "conditions": [NOT_READY]}, "NotReady"),
        ({"phase": "Running", "conditions": [NOT_READY, CONTAINERS_READY]}, "NodeNotReady"),
        ({"phase": "Running", "conditions": [GATED, CONTAINERS_READY]}, "NotReady"),
        ({"phase": "Running", "containerStatuses": [WAITS]}, "CrashLoopBackOff"),
        ({"phase": "Failed", "reason": "Evicted", "containerStatuses": [ENDED]}, "Evicted"),
        ({"phase": "Failed", "reason": "OutOfmemory"}, "OutOfmemory"),
        ({"phase": "Succeeded", "containerStatuses": [ENDED]}, "Succeeded"),
        ({}, "Pending"),
    ],
)
def test_a_pod_is_ready_or_says_why_not(status: dict[str, Any], state: str) -> None:
    [found] = pods([{"metadata": {"name": "loan-1"}, "status": status}])
    assert found.state == state
    going = {"name": "loan-1", "deletionTimestamp": "2026-11-26T08:00:00Z"}
    [found] = pods([{"metadata": going, "status": status}])
    assert found.state == "Terminating"
