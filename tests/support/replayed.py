"""A real rollout, as its recording tells it: the status after each look."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from math import inf
from pathlib import Path
from typing import Any

from serinus.api.status import Status
from serinus.cli.files import manifest_of, read_recording
from serinus.cli.record import timeline_of
from serinus.metrics.recorded import Recorded
from serinus.simulation.replay import Replay

LOAN = Path(__file__).parents[2] / "examples" / "recordings" / "loan.json.gz"


@dataclass(frozen=True)
class Found:
    """A recorded rollout."""

    replay: Replay
    """Judges it again."""
    manifest: dict[str, Any]
    """The ModelDeployment at the end of the recording."""
    status: Status
    """The manifest's."""


def recorded(recording: Path = LOAN) -> Found:
    """Read a recording of a rollout."""
    found = read_recording(str(recording))
    real = manifest_of(found.model_deployment, str(recording))
    timeline = timeline_of(real, str(recording))
    replay = Replay(
        real.owner,
        real.spec,
        timeline,
        promoted=False,
        end=min(timeline.until or inf, found.until),
        source=Recorded(found),
    )
    return Found(replay, found.model_deployment, real.status)


def replayed(recording: Path = LOAN) -> Iterator[dict[str, Any]]:
    """The object after each pass of the rollout, and after its end."""
    return iter(deepcopy(_states(recording)))


@cache
def _states(recording: Path) -> list[dict[str, Any]]:
    """Judged once: several modules need them when they are collected."""
    return list(_judged(recording))


def _judged(recording: Path) -> Iterator[dict[str, Any]]:
    found = recorded(recording)
    log = found.replay.begin()
    version = 0
    while (now := found.replay.next_pass(log)) is not None:
        list(found.replay.go_on(log, now))
        version += 1
        yield {
            **found.manifest,
            "metadata": {**found.manifest["metadata"], "resourceVersion": str(version)},
            "status": log.rollout.status.in_full(),
        }
