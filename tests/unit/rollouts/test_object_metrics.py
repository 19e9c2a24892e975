"""What the operator exports about an object through a rollout."""

import asyncio
import time
from collections.abc import Callable

from tests.support.inprocess import Operator
from tests.support.rollouts import healthy, spec

PROMOTED = 'serinus_rollouts_total{outcome="promoted",reason="Promoted"}'
CHECK_FAILED = 'serinus_rollouts_total{outcome="rolled_back",reason="CheckFailed"}'
REJECTED = 'serinus_rejected{reason="CheckFailed"}'


def series(operator: Operator) -> dict[str, float]:
    """By metric and labels, without the names of the object."""
    assert operator.app
    names = f'name="fraud",namespace="{operator.namespace}"'
    found = {}
    for line in operator.app.metrics.exposition().decode().splitlines():
        if names in line:
            labelled, value = line.replace(f"{names},", "").replace(names, "").rsplit(" ", 1)
            found[labelled] = float(value)
    return found


async def until(operator: Operator, holds: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    """The series once the next scrape would find this: a pass exports after its status write."""
    deadline = time.monotonic() + 30
    while not holds(found := series(operator)):
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.03)
    return found


async def test_a_status_that_was_never_refused_is_counted_from_zero(operator: Operator) -> None:
    assert operator.app
    exposed = operator.app.metrics.exposition().decode()
    assert 'serinus_refused_writes_total{kind="ModelDeployment"} 0.0' in exposed


async def test_a_rollback_is_counted_once_and_ends_with_its_object(operator: Operator) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    before = await until(operator, lambda s: s.get(PROMOTED) == 1)
    assert before[CHECK_FAILED] == 0, "or the first rollback were no increase"

    await operator.apply("fraud", **spec("v2"))
    status = await operator.until("fraud", lambda s: s["candidate"]["effectiveSince"])
    during = await until(operator, lambda s: any("serinus_check_verdict" in key for key in s))
    assert during['serinus_candidate_weight_percent{weight="wanted"}'] == 20
    assert during['serinus_candidate_weight_percent{weight="actual"}'] == 20
    assert during['serinus_condition{condition="Available",reason="StableServes",status="True"}']

    operator.traffic.errors = {f"fraud-{status['candidate']['revision']}": 0.05}
    await operator.until("fraud", lambda s: s["rejected"], moving=5)
    after = await until(operator, lambda s: s.get(REJECTED) == 1)
    assert after[CHECK_FAILED] == 1
    gone = ("serinus_check_verdict", "serinus_candidate_weight", "serinus_hold")
    assert not [key for key in after if key.startswith(gone)]

    await operator.stop()
    assert not [key for key in series(operator) if "rollouts" in key], "it no longer leads"
    operator.app = None
    await operator.start()
    again = await until(operator, lambda s: s.get(REJECTED) == 1)
    assert again[CHECK_FAILED] == 0, "a leader counts what it decides itself"

    await operator.cluster.delete(await operator.get("fraud"))
    await until(operator, lambda s: not s)
