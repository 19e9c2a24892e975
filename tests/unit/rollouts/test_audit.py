"""Checks in audit mode."""

import io
from collections.abc import AsyncIterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml

from serinus.cli.__main__ import main
from serinus.cluster import Cluster
from serinus.metrics.queries import ArmQuery, CounterQuery, QueryError, QueryResult
from tests.support.inprocess import Manifest, Operator, Traffic
from tests.support.rollouts import healthy, spec

SLOW = "model_request_duration_seconds"
FAILURES = "gateway_failures_total"
AUDIT = {
    "interval": "5s",
    "checks": [
        {"name": "errors", "errorRate": {}},
        {"name": "strict", "mode": "Audit", "errorRate": {"failures": FAILURES}},
        {"name": "slow", "mode": "Audit", "latency": {}},
        {"name": "memory", "mode": "Audit", "threshold": {"query": "max(m{$arm})", "max": 1}},
    ],
}


class Failures(Traffic):
    """Of the candidate's requests more fail by a counter that only an audit reads; another metric
    cannot be read at all."""

    failing = ""
    """A workload."""

    def _answer(self, asked: ArmQuery) -> QueryResult:
        query = asked.query
        if not isinstance(query, CounterQuery):
            return QueryError("The query took too long.")
        if query.metric.startswith(SLOW):
            return QueryError("The query took too long.")
        reads_failures = query.metric == FAILURES
        self.errors = {self.failing: 0.2} if self.failing and reads_failures else {}
        return super()._answer(asked)


@pytest.fixture
async def operator(cluster: Cluster, namespace: str) -> AsyncIterator[Operator]:
    """The operator, whose Prometheus knows these failures too."""
    running = Operator(cluster, namespace)
    running.traffic = Failures(lambda: running.now, running.now - 120)
    async with running:
        yield running


def versions(version: str) -> dict[str, Any]:
    steps = [{"setWeight": 20}, {"pause": {"duration": "10m"}}, {"setWeight": 50}]
    return spec(version, rollout={"steps": steps, "analysis": AUDIT, "progressDeadline": "2h"})


def failed(status: Manifest) -> bool:
    return any("firstFail" in check for check in status["candidate"]["checks"])


async def test_a_rollout_whose_audits_fail_and_cannot_be_read_is_promoted_and_says_so(
    operator: Operator, tmp_path: Path
) -> None:
    traffic = operator.traffic
    assert isinstance(traffic, Failures)
    await operator.apply("fraud", **versions("v1"))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **versions("v2"))
    status = await operator.until("fraud", lambda s: "candidate" in s)
    revision = status["candidate"]["revision"]
    traffic.failing = f"fraud-{revision}"
    status = await operator.until("fraud", failed, moving=5)
    verdicts = {each["name"]: each["verdict"] for each in status["candidate"]["checks"]}
    assert verdicts["strict"] == "Fail"
    assert verdicts["slow"] == verdicts["memory"] == "Error"
    assert status["candidate"]["weight"]["wanted"] == 20
    told = {each["type"]: each["status"] for each in status["conditions"]}
    assert told["MetricsAvailable"] == "True"
    shown = tmp_path / "fraud.yaml"
    shown.write_text(yaml.safe_dump(await operator.get("fraud")))
    assert "strict (audit)" in printed("get", "-f", str(shown))
    assert "strict (audit): Fail. Would have rolled back at 20%" in printed(
        "explain", "-f", str(shown)
    )

    event = await operator.until_announced("AuditFailed")
    assert event["type"] == "Normal"
    assert "Check strict (audit) would have rolled back: Candidate errors" in event["note"]
    status = await operator.until("fraud", healthy("v2"), moving=5)
    assert "rejected" not in status
    last = status["decisions"][0]
    assert last["reason"] == "Promoted"
    assert "Check strict (audit) would have rolled back at 20%, after " in last["message"]
    assert "Check slow (audit) had not passed: Error." in last["message"]
    await operator.until_split("fraud", {f"fraud-{revision}": 100})
    shown.write_text(yaml.safe_dump(await operator.get("fraud")))
    assert "AuditFailed" in printed("explain", "-f", str(shown))


def printed(*arguments: str) -> str:
    """What the command says."""
    out = io.StringIO()
    with redirect_stdout(out):
        assert main([*arguments]) == 0
    return out.getvalue()
