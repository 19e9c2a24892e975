"""How long clients still reach a candidate once Prometheus shows that it is bad."""

import pytest

from tests.bench.reaction import measure
from tests.stage.stage import Stage

pytestmark = [pytest.mark.live, pytest.mark.alone]


def test_a_breach_ends_the_candidates_traffic_within_an_interval_and_a_second(
    product: Stage, namespace: str
) -> None:
    reactions = measure(product, namespace, interval=1, count=3)
    told = "; ".join(map(str, reactions))
    assert all(reaction.seconds <= 2.0 for reaction in reactions), told
