"""Medians and chances, each with its interval."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Median:
    """Candidate requests until a decision; infinite: never."""

    middle: float
    low: float
    high: float
    """Ends of the 95% interval of the order statistics."""
    runs: int

    @classmethod
    def of(cls, requests: NDArray[np.float64]) -> "Median":
        """Of runs, the undecided ones infinite."""
        found, runs = np.sort(requests), len(requests)
        half = round(1.96 * math.sqrt(runs) / 2)
        low, high = (max(0, min(runs - 1, runs // 2 + by)) for by in (-half, half))
        return cls(float(found[runs // 2]), float(found[low]), float(found[high]), runs)

    def __str__(self) -> str:
        if math.isinf(self.middle):
            return "never"
        high = "..." if math.isinf(self.high) else f"{self.high:,.0f}"
        return f"{self.middle:,.0f} ({self.low:,.0f} to {high})"


@dataclass(frozen=True)
class Chance:
    """How often something happens."""

    share: float
    upper: float
    """Upper 95% bound."""
    runs: int

    @classmethod
    def of(cls, happened: int, runs: int) -> "Chance":
        """By Wilson's interval."""
        z = NormalDist().inv_cdf(0.95)
        share, weight = happened / runs, z * z / runs
        spread = z * math.sqrt(share * (1 - share) / runs + weight / (4 * runs))
        return cls(share, (share + weight / 2 + spread) / (1 + weight), runs)

    @classmethod
    def of_weights(cls, weights: NDArray[np.float64]) -> "Chance":
        """The mean of what importance sampling found, by its standard error."""
        z, runs = NormalDist().inv_cdf(0.95), len(weights)
        mean = float(weights.mean())
        return cls(mean, mean + z * float(weights.std()) / math.sqrt(runs), runs)

    def __str__(self) -> str:
        return f"{100 * self.share:.2f}% (<= {100 * self.upper:.2f}%)"
