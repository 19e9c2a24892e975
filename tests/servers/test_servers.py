"""What presets read of the real servers is enough to find a candidate that fails or is slow."""

import asyncio
import time
from pathlib import Path

import pytest

from serinus.api.analysis import Analysis
from serinus.api.status import CheckStatus
from serinus.judge import Progress, judge, queries_of
from serinus.metrics.queries import ArmQuery, Measurement
from serinus.prometheus import Config, Prometheus
from tests.servers.environments import REQUIREMENTS
from tests.servers.running import CANDIDATE, STABLE, asked, both, scraped

PATIENCE = 300.0
ERRORS = {"name": "errors", "errorRate": {}}
SLOW = {"name": "slow", "latency": {"warmUp": "0s"}}


@pytest.mark.parametrize("preset", REQUIREMENTS)
async def test_ten_percent_that_raise_are_found(preset: str, tmp_path: Path) -> None:
    found = await judged(preset, "raises", tmp_path)
    assert found["errors"].verdict == "Fail", found["errors"].message
    assert found["slow"].verdict != "Fail", found["slow"].message


@pytest.mark.parametrize("preset", REQUIREMENTS)
async def test_one_that_is_slow_is_found(preset: str, tmp_path: Path) -> None:
    found = await judged(preset, "slow", tmp_path)
    assert found["slow"].verdict == "Fail", found["slow"].message
    assert found["errors"].verdict != "Fail", found["errors"].message


async def test_replicas_of_ray_serve_that_crash_are_found(tmp_path: Path) -> None:
    found = await judged("RayServe", "crashes", tmp_path)
    assert found["errors"].verdict == "Fail", found["errors"].message


async def judged(preset: str, misbehaviour: str, folder: Path) -> dict[str, CheckStatus]:
    """The checks of the preset once one of them has failed the candidate, or none has in time."""
    analysis = Analysis.model_validate({"preset": preset, "checks": [ERRORS, SLOW]})
    with both(preset, misbehaviour, folder) as arms:
        server = scraped(arms, folder)
        server.start()
        try:
            with asked(arms, a_second=15):
                return await _looked_at(analysis, server.url)
        finally:
            server.stop()


async def _looked_at(analysis: Analysis, url: str) -> dict[str, CheckStatus]:
    await asyncio.sleep(15)  # counters that begin at a first event are there before it counts
    since = time.time()
    progress, deadline = Progress(), time.monotonic() + PATIENCE
    queries = queries_of(analysis)
    async with Prometheus(Config(url)) as prometheus:
        while True:
            await asyncio.sleep(2)
            window = time.time() - since + 30
            batch = {
                arm: {query: ArmQuery(arm, query, window) for query in queries}
                for arm in (CANDIDATE, STABLE)
            }
            answers = await prometheus.read(each for arm in batch.values() for each in arm.values())
            candidate, stable = (
                {query: answers[one] for query, one in batch[arm].items()}
                for arm in (CANDIDATE, STABLE)
            )
            progress = judge(analysis, progress, Measurement(time.time(), candidate, stable), since)
            found = {check.name: check for check in progress.checks}
            failed = any(check.verdict == "Fail" for check in found.values())
            if failed or time.monotonic() > deadline:
                return found
