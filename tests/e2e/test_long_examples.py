"""The numbered examples whose judgement takes minutes, driven to where their comments say they go.

`make test` has their first weight (`test_examples.py`); a rollout that is promoted by what its
clients do is in `test_story.py`, and one that is rolled back in `test_judged_examples.py`.
"""

import pytest

from tests.stage.examples import LONG, judged, verdicts
from tests.stage.stage import Stage

pytestmark = [pytest.mark.live, pytest.mark.quiet]


def test_02_canary_rolls_v2_out(product: Stage) -> None:
    with judged(product, {"02-canary": LONG["02-canary"]}) as applied:
        example = applied["02-canary"]
        example.deployed.until_healthy("v2", within=300.0)
        clients = example.load.stop()
        assert not clients.unexplained, example.load.unexplained_at
        assert not +clients.model_failures


def test_05_threshold_holds_a_value_of_any_query_against_its_bounds(product: Stage) -> None:
    with judged(product, {"05-threshold": LONG["05-threshold"]}) as applied:
        status = applied["05-threshold"].deployed.until(
            "approved is shown to be within bounds",
            lambda s: verdicts(s).get("approved") == "Pass",
        )
        assert status["candidate"]["weight"]["wanted"] == 5
