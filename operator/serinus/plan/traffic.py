"""The traffic that a status asks for."""

from serinus.api.status import Status
from serinus.manifests.traffic import Traffic


def asked(status: Status) -> Traffic | None:
    """None before the first revision."""
    stable, candidate = status.stable, status.candidate
    if stable is None:
        return Traffic(None, candidate.revision, 100) if candidate else None
    if candidate is None:
        return Traffic(stable.revision, None, 0)
    return Traffic(stable.revision, candidate.revision, int(candidate.weight.wanted))
