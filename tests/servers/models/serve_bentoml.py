"""BentoML's service of the scorecard: `bentoml serve serve_bentoml:Scorecard`."""

import bentoml

from scorecard import score


@bentoml.service(workers=1)
class Scorecard:
    @bentoml.api
    def predict(self, income: float, debt: float, age: float) -> float:
        return score({"income": income, "debt": debt, "age": age})
