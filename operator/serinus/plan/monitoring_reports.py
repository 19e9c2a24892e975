"""How what is monitored of the stable revision is reported: conditions and events."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from serinus.api.reasons import Reason
from serinus.api.status import Monitored
from serinus.plan.monitored import quantities_of
from serinus.plan.situation import Situation


@dataclass(frozen=True, slots=True)
class Report:
    """A condition about what is monitored: True while something is amiss."""

    condition: str
    status: Literal["True", "False", "Unknown"]
    reason: Reason
    message: str


def reports(s: Situation) -> Iterator[Report]:
    """One for each quantity that is monitored."""
    monitored, stable = s.status.monitoring or Monitored(), s.status.stable
    # others take what serves to be meant
    of = f"Revision {stable.revision} (the previous one): " if s.promoted and stable else ""
    for each in quantities_of(s.desired.spec.monitoring).values():
        status, reason, message = each.reported(each.known(monitored))
        yield Report(each.condition, status, reason, f"{of}{message}")


def announce(s: Situation, before: str | None, found: Report) -> Situation:
    """An event when something begins to be amiss and when that ends; `before` is the previous state
    of the condition."""
    began = found.status == "True" and before != "True"
    ended = found.status == "False" and before == "True"
    if s.status.stable is None or not (began or ended):
        return s
    return s.because(found.reason, s.status.stable.revision, found.message)
