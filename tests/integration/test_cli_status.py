"""`serinus status` against a real API server, as it is typed."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.inprocess import Operator
from tests.integration.test_rollouts import healthy, rolls_out, spec


@pytest.fixture
def environment(kubeconfig: Path) -> dict[str, str]:
    return {**os.environ, "KUBECONFIG": str(kubeconfig)}


async def serinus(environment: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    """Its exit code, and what it prints to both outputs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "serinus.cli", "status", *arguments),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_a_rollout_is_seen_by_all_of_its_forms(
    operator: Operator, environment: dict[str, str]
) -> None:
    there = ("-n", operator.namespace)
    code, out, err = await serinus(environment, *there)
    assert (code, out, "No ModelDeployments" in err) == (0, "", True)
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    await operator.apply("fraud", **spec("v2"))
    await operator.until("fraud", rolls_out("v2"))
    await operator.until("fraud", lambda s: s["candidate"]["weight"]["actual"] == 20)
    _, out, _ = await serinus(environment, *there)
    assert out.splitlines()[1].split()[:5] == ["fraud", "Progressing", "v1", "v2", "20%"]
    _, out, _ = await serinus(environment, "fraud", *there)
    assert f"{operator.namespace}/fraud: Progressing" in out and "RolloutStarted" in out
    _, out, _ = await serinus(environment, "fraud", *there, "-o", "json")
    found: dict[str, Any] = json.loads(out)
    assert (found["candidate"]["weight"], found["stable"]["weight"]) == (20, 80)


async def test_what_is_not_there_is_said(operator: Operator, environment: dict[str, str]) -> None:
    code, _, err = await serinus(environment, "fraud", "-n", operator.namespace)
    assert code == 2
    assert '"fraud" not found' in err
    code, _, err = await serinus({**environment, "KUBECONFIG": "/nowhere"}, "fraud")
    assert code == 2
    assert "no kubeconfig at /nowhere" in err


async def test_each_change_is_shown_with_watch(
    operator: Operator, environment: dict[str, str]
) -> None:
    await operator.apply("fraud", **spec("v1"))
    await operator.until("fraud", healthy("v1"))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "serinus.cli", "status", "-n", operator.namespace, "--watch"),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout

    async def until(words: str) -> None:
        assert process.stdout
        async with asyncio.timeout(30):
            while words not in (await process.stdout.readline()).decode():
                pass

    try:
        await until("Healthy")
        await operator.apply("fraud", **spec("v2"))
        await until("Progressing")
    finally:
        process.kill()
        await process.wait()
