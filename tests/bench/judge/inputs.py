"""The comparison of what the arms are asked, as a rule that holds a rollout."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from serinus.api.monitoring import FeatureDrift
from serinus.api.status import Inputs
from serinus.judge.drift import feature_queries
from serinus.judge.inputs import compare_inputs
from serinus.metrics.counters import Growth, Increase, Reading
from serinus.metrics.queries import CounterQuery, Series
from tests.bench.judge.rules import Flags, Rule
from tests.bench.judge.traffic import Block, Floats, Rollouts

SETTINGS = FeatureDrift()
RISKS = 0.01, 0.05


class Asked:
    """Whether each run is held now. Requests have one feature, with values up to each bound."""

    def __init__(self, bounds: Sequence[float], runs: int) -> None:
        self._series = [
            Series({"feature": "f", "le": "+Inf" if bound == math.inf else str(bound)}, ())
            for bound in bounds
        ]
        self._known: list[Inputs | None] = [None] * runs

    def look(self, block: Block) -> Flags:
        arms = zip(block.candidate, block.stable, strict=True)
        self._known = [
            compare_inputs(
                known,
                SETTINGS,
                (self._arm(candidate, block.at), self._arm(stable, block.at)),
                block.at,
                RISKS,
            )
            for known, (candidate, stable) in zip(self._known, arms, strict=True)
        ]
        return np.array([bool(known and known.unlike) for known in self._known])

    def _arm(self, counts: Floats, at: float) -> Mapping[CounterQuery, Reading]:
        histogram, categories = feature_queries(SETTINGS)
        increases = tuple(
            Increase(series, "pod", at, at, float(total), True)
            for series, total in zip(self._series, counts.cumsum(), strict=True)
        )
        return {histogram: Growth(increases, at), categories: Growth((), at)}


def asked(bounds: Sequence[float]) -> Callable[[Rollouts], Rule]:
    """The rule for rollouts."""
    return lambda rollouts: Asked(bounds, rollouts.runs)
