"""The judge's bench can be run: `make bench-judge` itself takes too long for each change."""

import pytest

from tests.bench.judge.__main__ import TRIALS, run
from tests.bench.judge.singly import SINGLY
from tests.bench.judge.trials import RARE

OF_EACH_KIND = {type(trial): name for name, (trial, _) in TRIALS.items() if "24 h" not in name}
"""One trial of each kind."""


@pytest.mark.parametrize("name", [*OF_EACH_KIND.values(), next(iter(RARE)), next(iter(SINGLY))])
def test_a_trial_of_each_kind_has_a_figure_for_each_of_its_runs(name: str) -> None:
    found = run((name, 0, 2))
    assert found
    assert {len(figures) for figures in found.values()} == {2}
