"""Counts that no verdict can stand on: counters that stand still, pods that report nothing, falls
that are not explained yet."""

from dataclasses import dataclass

from serinus.api.quantities import spoken


@dataclass(frozen=True, slots=True)
class StandsStill:
    """An arm counts nothing though the other's share of the traffic came."""

    arm: str
    other: str
    counted: float
    """By the other."""
    expected: float
    """Of the arm that stands still."""

    @property
    def message(self) -> str:
        return (
            f"The {self.arm} pods have counted nothing while {self.other} counted "
            f"{self.counted:.0f}, where about {self.expected:.0f} were to be expected of them: do "
            "they answer, and are the metrics that they export up to date?"
        )


@dataclass(frozen=True, slots=True)
class PodsUnreported:
    """An arm has more ready pods than Prometheus has samples of."""

    arm: str
    reporting: tuple[str, ...]
    """By name."""
    ready: int
    since: float
    """For so many seconds at least."""

    @property
    def message(self) -> str:
        some = ", ".join(self.reporting[:3]) + (" and others" if len(self.reporting) > 3 else "")
        return (
            f"{len(self.reporting)} of {self.ready} ready {self.arm} pods report to Prometheus, "
            f"for more than {spoken(self.since)}: {some}. The others must be scraped, and have "
            "served a request."
        )


@dataclass(frozen=True, slots=True)
class UnexplainedFall:
    """Counters fell in a way that the next scrapes explain."""

    @property
    def message(self) -> str:
        return (
            "Counters have just fallen. The verdict waits for the next scrapes, which tell whether "
            "their process has restarted or several processes answer on its port."
        )
