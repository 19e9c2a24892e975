"""The last retraining, the alarm that started it, and what came of it."""

from collections.abc import Iterator

from serinus.api.base import rfc3339
from serinus.api.status import Retraining, RetrainingRun


def retraining_lines(retraining: Retraining | None) -> tuple[str, ...]:
    """In sentences; empty: there was none, and none is to come."""
    if retraining is None:
        return ()
    last = retraining.history[:1]
    lines = (line for run in last for line in _of(run))
    return tuple(filter(None, (*lines, retraining.waiting)))


def _of(run: RetrainingRun) -> Iterator[str]:
    causes = " and ".join(f"{each.quantity} since {_at(each.since)}" for each in run.alarms)
    yield f"{run.outcome}: {run.named}, started at {_at(run.since)} for {causes}."
    yield from (each.message for each in run.alarms)
    yield run.message
    if run.new is None:
        yield "It has produced no new version yet." if run.outcome == "Succeeded" else ""
    else:
        rolls_out = f"The rollout of revision {run.new.revision} began at {_at(run.new.since)}."
        yield run.new.message or rolls_out


def _at(moment: float) -> str:
    return f"{rfc3339(moment)[:16]}Z"
