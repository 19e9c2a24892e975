"""Whether a matcher can name an error, by what a real Prometheus has scraped."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from serinus.api.analysis import Analysis
from serinus.api.status import CheckStatus
from serinus.judge import CannotFail, EffectiveWeight, Progress, judge, learn, queries_of
from serinus.metrics.queries import Arm, ArmQuery, History, Measurement, Query, QueryResult
from serinus.prometheus import Config, Prometheus
from tests.support.real_prometheus import PATIENCE, Pods, Server, pod, serving

CANDIDATE, STABLE = Arm("team", "fraud-2"), Arm("team", "fraud-1")
EXPORTED = """# TYPE flask_http_request_total counter
flask_http_request_total{{method="POST",status="200"}} {good}
flask_http_request_total{{method="POST",status="404"}} 3
"""


@pytest.mark.parametrize(
    ("matcher", "wrong"),
    [
        ({"label": "status", "value": "5xx"}, "the values of status are 200, 404."),
        ({"label": "code", "operator": "=~", "value": "5.."}, "it has no label code;"),
        ({"label": "status", "operator": "=~", "value": "5..|408|429"}, ""),
    ],
)
async def test_a_matcher_that_can_name_nothing_is_told_from_errors_that_never_happened(
    matcher: Mapping[str, str], wrong: str, tmp_path: Path
) -> None:
    errors = {"requests": {"metric": "flask_http_request_total"}, "errors": [matcher]}
    analysis = Analysis.model_validate({"checks": [{"name": "errors", "errorRate": errors}]})
    pods = Pods()
    _count(pods, 100)
    with serving(pods):
        server = Server(tmp_path, pods)
        server.start()
        try:
            [check], history = await _looked(server, pods, analysis)
        finally:
            server.stop()
    found = learn(analysis, history)
    if wrong:
        assert (check.verdict, wrong in check.message) == ("Error", True), check.message
        assert 'Set {label: status, operator: "=~", value: "5..|408|429"}' in check.message
        assert isinstance(found, CannotFail)
        assert found.messages == {"errors": check.message}
    else:
        assert check.verdict in ("Inconclusive", "Pass"), check.message
        assert not isinstance(found, CannotFail)


async def _looked(
    server: Server, pods: Pods, analysis: Analysis
) -> tuple[tuple[CheckStatus, ...], History]:
    """The checks after both arms have counted something, and stable's history."""
    progress, since, counted = Progress(), time.time(), 100
    deadline = time.monotonic() + PATIENCE
    while True:
        counted += 50
        _count(pods, counted)
        time.sleep(1.5)
        now = time.time()
        measured = await _measured(server, analysis, now)
        progress = judge(analysis, progress, measured, since, EffectiveWeight(0.5, since))
        check = progress.checks[0]
        if check.verdict == "Error" or check.state.candidate.get("requests"):
            return progress.checks, History(now, measured.stable)  # type: ignore[arg-type]
        assert time.monotonic() < deadline, progress.checks


def _count(pods: Pods, good: int) -> None:
    for arm in (CANDIDATE, STABLE):
        pods.set_text(arm.namespace, pod(arm), EXPORTED.format(good=good))


async def _measured(server: Server, analysis: Analysis, now: float) -> Measurement:
    arms: dict[Arm, dict[Query, QueryResult]] = {CANDIDATE: {}, STABLE: {}}
    asked: list[Any] = [ArmQuery(arm, one, 60.0) for one in queries_of(analysis) for arm in arms]
    async with Prometheus(Config(server.url)) as prometheus:
        answers = await prometheus.read(asked)
    for one in asked:
        arms[one.arm][one.query] = answers[one]
    return Measurement(now, arms[CANDIDATE], arms[STABLE])
