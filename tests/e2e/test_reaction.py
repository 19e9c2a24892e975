"""How long clients still reach a candidate once Prometheus shows that it is bad."""

from tests.bench.reaction import measure
from tests.stage.stage import Stage


def test_a_breach_ends_the_candidates_traffic_within_an_interval_and_a_second(
    product: Stage, namespace: str
) -> None:
    reactions = measure(product, namespace, interval=1, count=3)
    told = "; ".join(map(str, reactions))
    seconds = sorted(reaction.seconds for reaction in reactions)
    # a busy machine may hold one of them up, but not by more than another interval
    assert seconds[1] <= 2.0, told
    assert seconds[-1] <= 3.0, told
