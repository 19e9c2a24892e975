"""How long clients still reach a candidate once Prometheus shows that it is bad."""

from tests.bench.reaction import measure
from tests.stage.stage import Stage


def test_a_breach_ends_the_candidates_traffic_within_an_interval_and_a_second(
    product: Stage, namespace: str
) -> None:
    reactions = measure(product, namespace, interval="1s", count=3)
    assert max(reaction.seconds for reaction in reactions) <= 2.0
