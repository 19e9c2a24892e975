"""What docs/first-rollout.md tells to type on a cluster, typed in its order."""

from pathlib import Path

import pytest

from serinus.metrics.queries import ArmQuery, CounterQuery, QueryResult, Series
from tests.integration.conftest import ROOT
from tests.integration.shell import Shell
from tests.support.documents import typed
from tests.support.inprocess import Operator
from tests.support.rollouts import healthy, rolls_out

PAGE = (ROOT / "docs" / "first-rollout.md").read_text("utf-8").partition("## On a cluster")[2]


@pytest.fixture
def predicting(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> Operator:
    """Its pods predict one class, as far as Prometheus knows."""
    answer = operator.traffic._answer

    def with_class(asked: ArmQuery) -> QueryResult:
        assert isinstance(asked.query, CounterQuery)
        found = answer(asked)
        if "prediction" not in asked.query.metric or not isinstance(found, tuple):
            return found
        scores = asked.query.metric.endswith("_bucket")
        return tuple(Series({**e.labels, "class": "1"}, e.samples) for e in found if not scores)

    monkeypatch.setattr(operator.traffic, "_answer", with_class)
    return operator


async def test_v2_is_promoted_and_v3_is_rolled_back_and_explained(
    predicting: Operator, environment: dict[str, str], tmp_path: Path
) -> None:
    operator = predicting
    shell = Shell.of(environment, operator.namespace, tmp_path, ROOT)
    apply, wait, load, better, promoted, failing, rolled_back, why, *clean_up = typed(PAGE)
    for command in (apply, wait, load, better):
        await shell.succeed(command, operator)
    await operator.until("loan", lambda s: rolls_out("v2")(s) and s["candidate"]["effectiveSince"])
    assert "v2" in await shell.succeed(promoted, operator, moving=5)
    await operator.until("loan", healthy("v2"))

    await shell.succeed(failing, operator)
    status = await operator.until(
        "loan", lambda s: rolls_out("v3")(s) and s["candidate"]["effectiveSince"]
    )
    operator.traffic.errors = {f"loan-{status['candidate']['revision']}": 0.05}
    code, told = await shell.type(rolled_back, operator, moving=5)
    assert (code, "Check errors: Candidate errors" in told) == (1, True), told
    assert "Check errors: Candidate errors" in await shell.succeed(why, operator)
    for command in clean_up:
        await shell.succeed(command, operator)
