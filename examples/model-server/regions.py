"""Where applications come from: the real ones of Boston, and how those of other regions differ.

The other regions are made up. What is real is what they do to a model: the bank decides about each
applicant as it did, and the numbers in the application mean something else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from loans import FEATURES, Application


@dataclass(frozen=True)
class Region:
    """How its applications differ from those of Boston: factors, and what is added."""

    times: Mapping[str, float] = field(default_factory=dict)
    plus: Mapping[str, float] = field(default_factory=dict)

    def of(self, application: Application) -> Application:
        """The same applicant, there."""
        values = tuple(
            value * self.times.get(feature, 1) + self.plus.get(feature, 0)
            for feature, value in zip(FEATURES, application.values, strict=True)
        )
        return replace(application, values=values)


BOSTON: Final = Region()
WEST: Final = Region(
    times={"income": 1.25, "coapplicant_income": 1.25, "price": 1.25, "loan_amount": 1.25},
    # offices there count taxes and insurance as obligations
    plus={"obligation_ratio": 22, "industry_unemployment": 6},
)
NORTH: Final = Region(
    times={"income": 0.5, "coapplicant_income": 0.5, "price": 0.5, "loan_amount": 0.5}
)
SITUATIONS: Final[Mapping[str, Sequence[Region]]] = MappingProxyType(
    {
        "boston": (BOSTON,),
        "west": (BOSTON, WEST),
        "north": (NORTH, WEST),
    }
)
"""Where the bank does business, by name; each region has as many applicants."""


def applications_in(situation: str, applications: Sequence[Application]) -> list[Application]:
    """The same applicants, some of them in other regions, always the same. KeyError if the
    situation is unknown."""
    regions = SITUATIONS[situation]
    return [
        regions[number % len(regions)].of(application)
        for number, application in enumerate(applications)
    ]
