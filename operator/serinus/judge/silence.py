"""Whether the candidate is silent: stable counts requests, and the candidate counts none of its
share.

A model that hangs may be ready, and requests that never complete are not counted. Stable, which
serves the same clients at the same time, reveals it.
"""

from collections.abc import Collection, Mapping

from serinus.api.status import Silence
from serinus.judge.evidence.look import ENOUGH_EXPECTED, EffectiveWeight
from serinus.metrics.counters import Growth, Reading
from serinus.metrics.queries import CounterQuery


def listen(
    known: Silence | None,
    candidate: Mapping[CounterQuery, Reading],
    stable: Mapping[CounterQuery, Reading],
    at: float,
    weight: EffectiveWeight | None,
    after: float,
    of_requests: Collection[CounterQuery] = (),
    told_later: Collection[CounterQuery] = (),
) -> Silence | None:
    """The silence after a look; None: there is none, or it is not known.

    `of_requests`: the counters that grow by 1 with each request. `told_later`: those that may grow
    long after it, so that stable's do not tell that anything is asked now. `after`: seconds that it
    has to last. Stable's last answers may be at most half as old: where nothing is scraped, read or
    asked, or counts are still held back, silence does not go on. The arms are scraped at different
    moments, so the first look after a gap proves nothing, nor do requests that come in batches if
    the candidate's share of a batch was counted a look before stable's.
    """
    if weight is None or weight.share >= 1:
        return None
    readable = {
        key: (own, reading)
        for key, reading in stable.items()
        if not key.part and isinstance(own := candidate.get(key), Growth)
        if isinstance(reading, Growth)
    }
    if not readable or any(c.total or c.waits for c, _ in readable.values()):
        return None
    of_stable = {key: s for key, (_, s) in readable.items() if key not in told_later}
    answered = _answered(of_stable, of_requests)
    # not later than now, or a clock that was set back would hide it for the same time
    goes_on = known is not None and 0 <= at - known.until <= after / 2
    before = known if known and goes_on else Silence(until=at)
    if not (before.stable or answered):
        return None
    expected = before.expected + weight.expected("candidate", answered)
    # at a weight above 50%, stable's share of the requests is the smaller one, and says less
    enough = min(expected, before.stable + answered) >= ENOUGH_EXPECTED
    since = at if before.since is None and enough else before.since
    until = at if answered else before.until
    return Silence(stable=before.stable + answered, expected=expected, since=since, until=until)


def _answered(
    stable: Mapping[CounterQuery, Growth], of_requests: Collection[CounterQuery]
) -> float:
    """Stable's requests: by their counters, or else by the counter that grew least, since a request
    may have many predictions."""
    grown = {query: events for query, growth in stable.items() if (events := growth.events)}
    own = [events for query, events in grown.items() if query in of_requests]
    return min(own or grown.values(), default=0.0)
