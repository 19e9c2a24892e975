"""For how long what the candidate exports could not be judged, from look to look.

Looks since the last sample that was counted are judged again: those between the first and the last
that told so change nothing. `within`: seconds after a look that told so in which the next has to,
or the time begins anew. Times are Unix seconds.
"""

from serinus.api.status import OwnMetrics


def lasting(known: OwnMetrics | None, at: float, within: float) -> OwnMetrics:
    """After a look that tells so."""
    if known is None or at < known.since or at > known.until + within:
        return OwnMetrics(since=at, until=at)
    return known.replace(until=max(at, known.until))


def untold(
    known: OwnMetrics | None, at: float, within: float, *, goes_on: bool
) -> OwnMetrics | None:
    """After a look that does not tell. `goes_on`: it counts as time all the same."""
    if known is None or at <= known.until:
        return known
    if at > known.until + within:
        return None
    return known.replace(until=at) if goes_on else known
