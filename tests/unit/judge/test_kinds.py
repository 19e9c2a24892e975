"""The kinds of checks: what the API declares and what judges it belong together."""

from collections.abc import Iterator

from serinus.api.checks import Check, Settings
from serinus.judge.checks import CHECKS


def leaves(of: type[Settings]) -> Iterator[type[Settings]]:
    below = of.__subclasses__()
    for each in below:
        yield from leaves(each)
    if not below:
        yield of


def test_each_kind_that_can_be_written_is_judged() -> None:
    assert set(CHECKS) == set(leaves(Settings))


def test_each_kind_that_is_judged_can_be_written() -> None:
    declared = {str(field.annotation) for field in Check.model_fields.values()}
    for settings in CHECKS:
        assert any(settings.__name__ in each for each in declared)
