"""A real rollout, as its recording tells it: the status after each look."""

from collections.abc import Iterator
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

from serinus.cli.files import manifest_of, read_recording
from serinus.cli.record import timeline_of
from serinus.metrics.recorded import Recorded
from serinus.metrics.requests import HistoryRequest
from serinus.plan.analysis import baseline_from
from serinus.simulation.replay import Replay

LOAN = Path(__file__).parents[2] / "examples" / "recordings" / "loan.json.gz"


def replayed(recording: Path = LOAN) -> Iterator[dict[str, Any]]:
    """The object after each look of the rollout, and after its end."""
    found = read_recording(str(recording))
    real, timeline = manifest_of(found.model_deployment, str(recording)), None
    timeline = timeline_of(real, str(recording))
    end = min(timeline.until or inf, found.until)
    replay = Replay(real.owner, real.spec, timeline, False, end, Recorded(found))
    log = replay._begun()
    rollout = log.rollout
    version = 0
    while rollout.status.candidate is not None:
        rollout.now = min(rollout.wakes_at(), log.look)
        if rollout.now > end + 60:
            return
        request = log.request if rollout.now == log.look else None
        if isinstance(request, HistoryRequest):
            log.learn(baseline_from(replay.spec, request.read(replay.source, rollout.now)))
        elif request:
            log.judge(replace(request.read(replay.source, rollout.now), at=rollout.now))
        log.settle()
        version += 1
        written = found.model_deployment
        yield {
            **written,
            "metadata": {**written["metadata"], "resourceVersion": str(version)},
            "status": rollout.status.to_json(),
        }
