"""The result of stable's history before a rollout: how its counts differ from independent ones."""

from typing import Annotated, Final

from pydantic import Field

from serinus.api.base import KeptField, StatusType, Timestamp

MOST_CHOSEN: Final = 2
"""Labels by which requests are divided if the analysis names none."""
MOST_STRATA: Final = 20
"""Combinations of label values; among more, hardly one has requests of both arms in a block."""
LONGEST_STRATUM: Final = 100
"""Characters; the end of a longer one is cut off."""


class Dispersion(StatusType):
    """How much more than by chance a quantity of stable varied; both values are conservative."""

    name: Annotated[str, Field(max_length=128)] = Field(
        default="", description="Name of the comparison."
    )
    over_time: Annotated[float, Field(ge=1)] = Field(
        default=1.0,
        description="Variance of the counts from minute to minute, as a multiple of that of "
        "independent requests.",
    )
    between_pods: Annotated[float, Field(ge=0)] = Field(
        default=0.0,
        description="Standard deviation of the rates of pods, relative to their mean.",
    )


INDEPENDENT: Final = Dispersion()
"""Independent requests on pods that do not differ."""


class Slower(StatusType):
    """How many of stable's requests were slower than a bucket bound."""

    bound: float = Field(description="The bound, in the unit of the histogram.")
    share: Annotated[float, Field(ge=0, le=1)] = Field(description="Share of slower requests.")


class CheckBaseline(StatusType):
    """The history of stable as used by a check."""

    reads: Annotated[str, Field(max_length=16)] = Field(
        default="",
        description="Hash of the counters that the check reads.",
    )
    bounds: Annotated[list[float], Field(max_length=16)] = Field(
        default_factory=list,
        description="Bucket bounds at which latencies are compared, in the unit of the histogram.",
    )
    shares: Annotated[list[float], Field(max_length=16)] = Field(
        default_factory=list,
        description="Shares of stable's requests that took longer, by bucket bound.",
    )
    slower: Annotated[list[Slower], Field(max_length=64)] = Field(
        default_factory=list,
        description="Distribution of stable's latencies, if p99 is to be turned into shares.",
    )
    dispersions: Annotated[list[Dispersion], Field(max_length=128)] = Field(
        default_factory=list,
        description="Quantities that varied more than by chance; all others count as independent.",
    )
    warm_up: Annotated[float, Field(ge=0)] | None = Field(
        default=None,
        description="Seconds for which pods of stable that started in that hour were slow, or "
        "failed; unset: none was.",
    )
    stratify: Annotated[
        list[Annotated[str, Field(max_length=128)]], Field(max_length=MOST_CHOSEN)
    ] = Field(
        default_factory=list,
        description="Labels that were chosen, within whose values the check compares.",
    )
    strata: Annotated[
        list[Annotated[str, Field(max_length=LONGEST_STRATUM)]], Field(max_length=MOST_STRATA)
    ] = Field(default_factory=list, description="Their values in stable's last hour.")

    def of(self, name: str) -> Dispersion:
        """The dispersion of a comparison."""
        return next((each for each in self.dispersions if each.name == name), INDEPENDENT)


NO_HISTORY: Final = CheckBaseline()
"""No history: requests are assumed to be independent."""


class Baseline(StatusType):
    """The result of an hour of stable's history."""

    measured_at: Timestamp = Field(description="Time at which it was read.")
    message: Annotated[str, Field(max_length=1024)] = Field(
        default="", description="Human-readable result."
    )
    weights: Annotated[list[int], Field(max_length=8)] = Field(
        default_factory=list,
        description="Weights of the steps that were chosen, in percent; empty if the spec has "
        "steps, or if stable's last hour had too few requests to choose them.",
    )
    slowest_step: KeptField[float | None] = Field(
        default=None, description="Seconds that the slowest step is expected to take."
    )
    checks: KeptField[Annotated[list[CheckBaseline], Field(max_length=17)]] = Field(
        default_factory=list, description="The history as used by each check."
    )

    def of(self, reads: str) -> CheckBaseline:
        """The history for a check that reads these counters. Several may, of which each has noted
        what it needs itself: one without p99 no distribution, one without a limit no dispersion of
        that."""
        first, *others = [each for each in self.checks if each.reads == reads] or [NO_HISTORY]
        if not others:
            return first
        dispersions = {d.name: d for each in (*others, first) for d in each.dispersions}
        slower = next((each.slower for each in (first, *others) if each.slower), [])
        return first.replace(slower=slower, dispersions=list(dispersions.values()))
