"""Whether the candidate is silent: stable's requests grow, and of the candidate's share none is
counted.

Readiness tells nothing of a model that hangs, nor do counters of requests that never end. Stable
tells, which is asked by the same clients at the same time.
"""

from collections.abc import Mapping
from typing import Final

from serinus.api.status import Silence
from serinus.judge.evidence.look import EffectiveWeight
from serinus.metrics.counters import Growth, Reading
from serinus.metrics.queries import CounterQuery

EXPECTED: Final = 20.0
"""Requests that a candidate must have been expected to serve. Of so many that are routed one by
one, none comes to it with a chance of 2e-9."""


def listen(
    known: Silence | None,
    candidate: Mapping[CounterQuery, Reading],
    stable: Mapping[CounterQuery, Reading],
    at: float,
    weight: EffectiveWeight | None,
    after: float,
) -> Silence | None:
    """What is known of the silence after a look; None: there is none, or it cannot be known.

    `after` is for how many seconds it has to last. Stable's newest sample may be half as old, and
    the look before: where nothing is scraped or read, nobody is silent, and where what was counted
    waits, nobody is either. And the arms are scraped at different moments, so that the first look
    after a gap proves nothing.
    """
    if weight is None or weight.share >= 1:
        return None
    arms = [
        (candidate[key], reading)
        for key, reading in stable.items()
        if not key.part and key in candidate
    ]
    readable = [(c, s) for c, s in arms if isinstance(c, Growth) and isinstance(s, Growth)]
    newest = max((s.newest for _, s in readable if s.newest is not None), default=None)
    if newest is None or at - newest > after / 2 or any(c.total or c.waits for c, _ in readable):
        return None
    answered = max(s.total for _, s in readable)
    before = known if known and at - known.until <= after / 2 else Silence(until=at)
    if not (before.stable or answered):
        return None
    expected = before.expected + answered * weight.share / (1 - weight.share)
    since = at if before.since is None and expected >= EXPECTED else before.since
    return Silence(stable=before.stable + answered, expected=expected, since=since, until=at)
