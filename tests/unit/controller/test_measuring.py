"""Measurements are judged without stopping everything else."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from serinus.api.status import Candidate, Status, Weight
from serinus.controller import measuring
from serinus.controller.object_state import ObjectState
from serinus.controller.sampling import Purpose
from serinus.metrics.queries import Measurement
from serinus.plan.situation import World

LIVE: dict[str, Any] = {"metadata": {"namespace": "shop", "name": "fraud", "uid": "4f7c"}}


def looked_at(moment: float) -> Status:
    weight = Weight(wanted=20, actual=20)
    return Status(
        candidate=Candidate(
            revision="new", number=2, mode="Steps", weight=weight, since=900.0, progress_since=900.0
        ).replace(analysis_since=1000.0, measured_at=moment)
    )


async def judge_measured(status: Status, measurement: Measurement) -> Status:
    taken = {Purpose.ROLLOUT: measurement}
    sampler: Any = SimpleNamespace(take=lambda _, purpose=Purpose.ROLLOUT: taken.get(purpose))
    observed: Any = SimpleNamespace(
        key=("shop", "fraud"),
        live=LIVE,
        desired=SimpleNamespace(spec=None),
        state=ObjectState.begin(LIVE),
    )
    return await measuring.judge_measured(sampler, observed, status, World())


async def test_a_lease_is_renewed_while_what_an_outage_missed_is_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each look of the outage is judged, which takes seconds."""
    renewed, found = threading.Event(), looked_at(4600.0)

    def judged(*_: object) -> Status:
        assert renewed.wait(5), "nothing else could run"
        return found

    monkeypatch.setattr(measuring, "judged", judged)
    judging = asyncio.create_task(judge_measured(looked_at(1000.0), Measurement(4600.0, {})))
    await asyncio.sleep(0)
    renewed.set()
    assert await judging is found


async def test_a_usual_look_needs_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    def judged(_: object, status: Status, *__: object) -> Status:
        threads.append(threading.get_ident())
        return status

    monkeypatch.setattr(measuring, "judged", judged)
    await judge_measured(looked_at(1000.0), Measurement(1015.0, {}))
    assert threads == [threading.get_ident()]
