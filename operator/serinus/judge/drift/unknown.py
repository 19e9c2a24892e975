"""Why nothing is known of stable at a look, for any quantity."""

from serinus.api.reasons import Reason
from serinus.api.status import Unknown


def unreadable(message: str) -> Unknown:
    """A query failed, or what it says cannot be used."""
    return Unknown(reason=Reason.METRICS_UNAVAILABLE, message=message[:1024])


def not_exported(*metrics: str) -> Unknown:
    """There are no recent samples; one of the metrics would do."""
    which = "one of them" if len(metrics) > 1 else "it"
    message = (
        f"Prometheus has no recent samples of {' or '.join(metrics)} from the stable pods: check "
        f"that they export {which} and are scraped."
    )
    return Unknown(reason=Reason.NO_DATA, message=message)
