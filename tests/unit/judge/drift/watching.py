"""Simulated monitoring: stable serves, Prometheus scrapes, the monitor looks."""

import random
from collections.abc import Mapping

from serinus.api.monitoring import FeatureDrift
from serinus.api.status import Distributions, FeatureStatus
from serinus.judge.drift import DriftState, Rarity, feature_queries, given
from serinus.metrics.counters import covered_until
from serinus.metrics.queries import Query, QueryResult
from serinus.plan.monitored.features import Features
from tests.support.simulated_pods import Pods

INTERVAL = 60.0
RARITY = Rarity(every=365 * 86400.0, interval=INTERVAL)
BOUNDS = ("2000", "4000", "8000", "+Inf")
USUAL = (0.1, 0.4, 0.4, 0.1)
"""Shares of the ranges that end at these bounds."""
GIVEN = {
    "feature": "income",
    "buckets": [
        {"upTo": 2000, "share": "10%"},
        {"upTo": 4000, "share": "40%"},
        {"upTo": 8000, "share": "40%"},
    ],
}


class Watching:
    """Holds pods, clock, and what is known between looks."""

    def __init__(self, seed: int = 0, **settings: object) -> None:
        self.settings = FeatureDrift.model_validate(settings)
        self.pods = Pods()
        self.at = 1_000_000.0
        self.watch = DriftState(self.at, self.at)
        reference = given(self.settings.reference.given or ())
        self.known = Distributions(basis="", reference=reference)
        self.random = random.Random(seed)
        self.broken: Mapping[Query, QueryResult] = {}

    def incomes(self, counts: Mapping[str, int], pod: str = "pod") -> None:
        """Stable is asked about so many incomes in the range that ends at each bound."""
        total = 0
        for bound in BOUNDS:
            total += counts.get(bound, 0)
            labels = {"feature": "income", "le": bound}
            self.pods.add(pod, "model_feature_value_bucket", total, **labels)

    def draw(self, shares: tuple[float, ...] = USUAL, values: int = 200) -> None:
        """So many incomes of a world with these shares."""
        drawn = self.random.choices(BOUNDS, shares, k=values)
        self.incomes({bound: drawn.count(bound) for bound in BOUNDS})

    def categories(self, feature: str, counts: Mapping[str, int]) -> None:
        """Stable is asked about so many values of each category."""
        for category, count in counts.items():
            labels = {"feature": feature, "category": category}
            self.pods.add("pod", "model_feature_category_total", count, **labels)

    def look(self, seconds: float = INTERVAL) -> Distributions:
        """Some time later: scrape, and look."""
        self.at += seconds
        self.pods.scrape(self.at)
        start = covered_until(self.watch.counted, self.watch.since) - 60
        queries = feature_queries(self.settings)
        answers: dict[Query, QueryResult] = {
            query: self.pods.answer(query, start, self.at) for query in queries
        }
        answers |= self.broken
        watched = Features(self.settings).watched
        self.known, self.watch = watched.watch(self.known, self.watch, answers, self.at, RARITY)
        return self.known

    def looks(
        self, number: int, shares: tuple[float, ...] = USUAL, values: int = 200
    ) -> Distributions:
        """So many looks at a world."""
        for _ in range(number):
            self.draw(shares, values)
            self.look()
        return self.known

    def restart(self) -> None:
        """The operator dies; its successor has the status."""
        self.watch = DriftState(self.at, self.at)
        self.known = Distributions.model_validate(self.known.to_json())

    def feature(self, name: str = "income") -> FeatureStatus:
        """What is told of a feature."""
        return next(each for each in self.known.features if each.feature == name)


def watching_given(seed: int = 0, **settings: object) -> Watching:
    """A watch with the usual world as its reference, one look old."""
    watching = Watching(seed, reference={"given": [GIVEN]}, **settings)
    watching.draw()
    watching.look()
    return watching
