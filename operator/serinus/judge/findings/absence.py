"""Counts that no verdict can rest on: counters that do not increase, pods without samples, and
decreases that are not explained yet."""

from dataclasses import dataclass

from serinus.api.quantities import spoken


@dataclass(frozen=True, slots=True)
class StandsStill:
    """An arm counts nothing although the other one serves its share of the traffic."""

    arm: str
    other: str
    counted: float
    """By the other arm."""
    expected: float
    """Of the arm that counts nothing."""

    @property
    def message(self) -> str:
        return (
            f"The {self.arm} pods counted nothing while the {self.other} pods counted "
            f"{self.counted:.0f}; about {self.expected:.0f} were expected. If that lasts, check "
            "that they answer requests and export current metrics."
        )


@dataclass(frozen=True, slots=True)
class PodsUnreported:
    """Some ready pods of an arm have no samples in Prometheus."""

    arm: str
    reporting: tuple[str, ...]
    """Names of the pods that have samples."""
    ready: int
    since: float
    """Seconds, at least."""

    @property
    def message(self) -> str:
        some = ", ".join(self.reporting[:3]) + (" and others" if len(self.reporting) > 3 else "")
        return (
            f"For more than {spoken(self.since)}, Prometheus has had samples of only "
            f"{len(self.reporting)} of {self.ready} ready {self.arm} pods: {some}. Check that the "
            "others are scraped and have served a request."
        )


@dataclass(frozen=True, slots=True)
class UnexplainedFall:
    """Counters decreased, and only the next scrapes show why."""

    @property
    def message(self) -> str:
        return (
            "A counter has just decreased. The verdict waits for the next scrapes, which show "
            "whether its process restarted or several processes share one port."
        )
