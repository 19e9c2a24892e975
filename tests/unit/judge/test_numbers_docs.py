"""docs/checks: what people's numbers come to in shares."""

import math
import re
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import NormalDist

import pytest
import yaml

from serinus.api.analysis import Analysis

PAGES = Path(__file__).parents[3] / "docs" / "checks"
TEXT = "\n".join(
    (PAGES / f"{name}.md").read_text() for name in ("index", "latency", "predictionDrift")
)
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def rows(head: str) -> list[list[float]]:
    """The numbers of the table with this head, row by row."""
    lines = TEXT[TEXT.index(head) :].splitlines()[2:]
    table = lines[: next(n for n, line in enumerate(lines) if not line.startswith("|"))]
    return [[float(each) for each in NUMBER.findall(line)] for line in table]


def psi(stable: list[float], candidate: list[float]) -> float:
    return math.fsum((q - p) * math.log(q / p) for p, q in zip(stable, candidate, strict=True) if p)


def of_one(p: float, q: float) -> float:
    """Of a share, and of all others together."""
    return psi([p, 1 - p], [q, 1 - q])


def furthest(p: float, most: float, end: float) -> float:
    """How far a share may be towards an end, within a PSI."""
    inside, outside = p, end
    for _ in range(100):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if of_one(p, middle) < most else (inside, middle)
    return inside


def within(ratio: float) -> float:
    return 2 * math.log(ratio) * (ratio - 1) / (ratio + 1)


def test_a_ratio_of_quantiles_is_one_of_shares() -> None:
    usual = NormalDist()
    found = rows("| p99 is longer by")
    assert len(found) == 3
    for by, pareto, lognormal, exponential in ([row[0], *row[-3:]] for row in found):
        slower = 1 - usual.cdf(usual.inv_cdf(0.99) - math.log(by))
        assert pareto == pytest.approx(by**2, abs=0.06)
        assert lognormal == pytest.approx(slower / 0.01, abs=0.06)
        assert exponential == pytest.approx(0.01 ** (1 / by - 1), abs=0.06)


def test_shares_within_a_ratio_bound_the_psi() -> None:
    found = rows("| every share within")
    assert len(found) == 5
    for ratio, most in ((row[0], row[-1]) for row in found):
        assert most == pytest.approx(within(ratio), abs=0.0006)


def test_a_psi_bounds_each_share() -> None:
    found = rows("| of stable | PSI at most")
    assert len(found) == 4
    for share, *bounds in found:
        wanted = [
            furthest(share / 100, most, end) for most in (0.1, 0.25) for end in (1e-9, 1 - 1e-9)
        ]
        assert [each / 100 for each in bounds] == pytest.approx(wanted, abs=0.0006)


def test_both_bounds_hold_for_any_distribution() -> None:
    rng = Random(5)
    for _ in range(2000):
        size = rng.randrange(2, 12)
        cuts = [0.0, *sorted(rng.random() for _ in range(size - 1)), 1.0]
        stable = [max(b - a, 1e-6) for a, b in pairwise(cuts)]
        moved = [p * math.exp(rng.uniform(-1, 1)) for p in stable]
        stable, moved = ([p / math.fsum(all_) for p in all_] for all_ in (stable, moved))
        ratio = max(max(q / p, p / q) for p, q in zip(stable, moved, strict=True))
        whole = psi(stable, moved)
        assert whole <= within(ratio) + 1e-9
        first = rng.randrange(size)
        last = rng.randrange(first, size)
        p, q = (math.fsum(all_[first : last + 1]) for all_ in (stable, moved))
        if p < 1 - 1e-9:
            assert of_one(p, q) <= whole + 1e-9


def test_what_is_written_for_a_number_is_valid() -> None:
    cells = re.findall(r"^\| .* \| `(\w+: \{[^…\n]*\})`", TEXT, re.MULTILINE)
    assert len(cells) == 6
    for number, cell in enumerate(cells):
        check = {"name": f"check-{number}", **yaml.safe_load(cell)}
        assert Analysis.model_validate({"checks": [check]}).checks
