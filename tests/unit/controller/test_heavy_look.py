"""What one object has to judge delays no other: looks of 40,000 series in the real judge."""

from serinus.controller.judging import HEAVY
from serinus.metrics.batches import MOST_SERIES
from tests.campaign.tenants import TOLERATED, as_in_the_operator, delays_beside


async def test_others_are_delayed_by_less_than_100_ms() -> None:
    with as_in_the_operator():
        found = await delays_beside(MOST_SERIES)
    assert found.series > HEAVY
    assert len(found.delays) >= 10, "passes waited for the look"
    assert found.median < TOLERATED
