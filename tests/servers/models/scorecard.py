"""A small model as each server runs it: a logistic regression, and what a release may break in it.

MISBEHAVIOUR is `raises` (every tenth request), `slow` or empty. It runs in the environment of a
server, which has nothing of this project.
"""

import math
import os
import time
from itertools import count

_WEIGHTS = {"income": -0.8, "debt": 1.4, "age": -0.02}
_requests = count(1)


def score(features: dict[str, float], misbehaviour: str | None = None) -> float:
    """The probability of a default."""
    does = os.environ.get("MISBEHAVIOUR", "") if misbehaviour is None else misbehaviour
    if does == "slow":
        time.sleep(0.15)
    if does == "raises" and next(_requests) % 10 == 0:
        raise RuntimeError("the scorecard has no bin for this value")
    if does == "crashes" and next(_requests) % 25 == 0:
        os._exit(1)
    logit = 0.3 + sum(weight * features.get(name, 0.0) for name, weight in _WEIGHTS.items())
    return 1 / (1 + math.exp(-logit))
