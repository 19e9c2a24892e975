"""What every quantity of stable that is monitored says."""

import json
from abc import ABC, abstractmethod
from functools import partial
from typing import Any, ClassVar, Final, Literal

from serinus.api.isolation import Part, isolated
from serinus.api.monitoring import Monitor
from serinus.api.reasons import Reason
from serinus.api.status import Monitored
from serinus.judge.drift import DriftState, Limited, LimitState, Rarity, Watched, unreadable
from serinus.metrics.queries import Measurement

ConditionState = tuple[Literal["True", "False", "Unknown"], Reason, str]
State = DriftState | LimitState
"""What is kept in memory only."""

NOT_MEASURED: Final[ConditionState] = ("Unknown", Reason.NO_DATA, "Not measured yet.")


def as_told(value: Any) -> str:
    """JSON for the value of a variable, in which the kubelet replaces $(NAME), and others what is
    in braces."""
    return json.dumps(value).replace("$", r"\u0024").replace("{{", r"\u007b\u007b")


class Quantity(ABC):
    """A quantity with its settings: what is measured for it, and how it is reported. What is known
    of it is `Distributions` or a `MonitoredShare`, as `watched` has it."""

    name: ClassVar[str]
    """Where it is named after `Monitoring of`."""
    field: ClassVar[str]
    """Of `Monitored`, with what is known."""
    condition: ClassVar[str]
    """True while something is amiss."""
    amiss: ClassVar[Reason]

    def __init__(self, settings: Monitor) -> None:
        self._settings = settings

    @property
    @abstractmethod
    def watched(self) -> Watched | Limited:
        """What is compared with what."""

    def basis(self, revision: str) -> str:
        """A hash of the settings, and of the stable revision if it matters; if it changes,
        monitoring starts again."""
        return self._settings.digest

    @classmethod
    def known(cls, monitored: Monitored) -> Any:
        """What the status says of it; None: nothing."""
        return getattr(monitored, cls.field)

    @classmethod
    def with_known(cls, monitored: Monitored, found: Any) -> Monitored:
        """The status with what is known of it."""
        return monitored.replace(**{cls.field: found})

    @abstractmethod
    def begun(self, basis: str) -> Any:
        """What is known before the first look."""

    def look(
        self,
        monitored: Monitored,
        state: State | None,
        measurement: Measurement,
        rarity: Rarity,
        revision: str,
    ) -> tuple[Monitored, State]:
        """The status after a look at the stable revision, and what is kept in memory then."""
        known, basis, at = self.known(monitored), self.basis(revision), measurement.at
        if known is None or known.basis != basis:
            known, state = self.begun(basis), None
        watched: Any = self.watched
        if state is None or state.since > at:  # the clock was set back
            state = watched.counting(at)
        found, after = isolated(
            Part.MONITORING,
            partial(watched.watch, known, state, measurement.stable, at, rarity),
            lambda fault: (known.replace(unknown=unreadable(f"{fault.message}.")), state),
            self.name,
        )
        return self.with_known(monitored, found), after

    @abstractmethod
    def amiss_since(self, known: Any) -> float | None:
        """Since when something is amiss, Unix seconds; None: nothing is."""

    @abstractmethod
    def evidence(self, known: Any) -> dict[str, Any]:
        """What is amiss, by how much and compared with what, as JSON."""

    @abstractmethod
    def reported(self, known: Any) -> ConditionState:
        """The state of its condition."""
