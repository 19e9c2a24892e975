"""What stable's history told before a rollout: how far its counts are from independent."""

from typing import Annotated, Final

from pydantic import Field

from serinus.api.base import Moment, StatusType


class Dispersion(StatusType):
    """How much more than by chance a quantity of stable's varied; both figures are cautious."""

    name: Annotated[str, Field(max_length=128)] = Field(
        default="", description="Of the comparison."
    )
    over_time: Annotated[float, Field(ge=1)] = Field(
        default=1.0,
        description="Variance of its counts from minute to minute, as a multiple of what "
        "independent requests have.",
    )
    between_pods: Annotated[float, Field(ge=0)] = Field(
        default=0.0,
        description="Standard deviation of the rates of pods, relative to their mean.",
    )


INDEPENDENT: Final = Dispersion()
"""Requests that have nothing to do with each other, on pods that are alike."""


class CheckBaseline(StatusType):
    """What a check goes by from its first look on."""

    reads: Annotated[str, Field(max_length=16)] = Field(
        default="",
        description="Digest of the counters that the check reads; of others it tells nothing.",
    )
    bounds: Annotated[list[float], Field(max_length=16)] = Field(
        default_factory=list,
        description="Bucket bounds to compare latencies at, in the histogram's unit.",
    )
    dispersions: Annotated[list[Dispersion], Field(max_length=128)] = Field(
        default_factory=list,
        description="Quantities that varied more than by chance; all others are independent.",
    )

    def of(self, name: str) -> Dispersion:
        """How the quantity of a comparison varied."""
        return next((each for each in self.dispersions if each.name == name), INDEPENDENT)


NO_HISTORY: Final = CheckBaseline()
"""Nothing is known, and requests are taken for independent."""


class Baseline(StatusType):
    """What an hour of stable's history told."""

    measured_at: Moment = Field(description="When it was read.")
    message: Annotated[str, Field(max_length=1024)] = Field(
        default="", description="What it showed, in sentences."
    )
    checks: Annotated[list[CheckBaseline], Field(max_length=16)] = Field(
        default_factory=list, description="For each check what it goes by."
    )

    def of(self, reads: str) -> CheckBaseline:
        """What a check goes by that reads these counters."""
        return next((each for each in self.checks if each.reads == reads), NO_HISTORY)
