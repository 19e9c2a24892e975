"""For how long what the candidate exports could not be judged, from look to look.

Looks since the last sample that was counted are judged again: those between the first and the last
that told so change nothing. `within`: seconds after a look that told so in which the next has to,
or the time between is left out: nobody knows what was exported meanwhile. Times are Unix seconds.
"""

from serinus.api.status import OwnMetrics


def lasting(known: OwnMetrics | None, at: float, within: float) -> OwnMetrics:
    """After a look that tells so."""
    if known is None or at < known.since:
        return OwnMetrics(since=at, until=at)
    if at > known.until + within:
        return _without_the_gap(known, at)
    return known.replace(until=max(at, known.until))


def untold(known: OwnMetrics | None, at: float, within: float) -> OwnMetrics | None:
    """After a look that does not tell."""
    if known is None or at <= known.until + within:
        return known
    return _without_the_gap(known, at)


def _without_the_gap(known: OwnMetrics, at: float) -> OwnMetrics:
    return known.replace(since=known.since + at - known.until, until=at)
