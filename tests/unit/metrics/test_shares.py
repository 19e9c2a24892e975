"""What predictions cannot be sorted by."""

import pytest

from serinus.metrics.counters import Growth, Increase
from serinus.metrics.queries import Series
from serinus.metrics.shares import of_scores


@pytest.mark.parametrize("labels", [{}, {"le": "high"}])
def test_a_series_without_a_bucket_bound_is_refused_in_a_sentence(labels: dict[str, str]) -> None:
    grown = Growth((Increase(Series(labels, ()), "pod@", 0.0, 1.0, 5.0, True),), 1.0)
    with pytest.raises(ValueError, match="no bucket bound in the label le"):
        of_scores((grown, grown), (grown, grown))
