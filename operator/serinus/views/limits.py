"""What the checks tolerate."""

from dataclasses import dataclass

from serinus.api.checks.compared import Compared
from serinus.api.spec import Spec


@dataclass(frozen=True, slots=True)
class LimitsView:
    """The two bounds of a comparison: each a multiple of the rate of the other side, or what stands
    for it."""

    tolerance: str
    """Shown to be worse than this: a rollback. `1.1 times + 0.1%`."""
    margin: str
    """Shown to be better than this: a pass."""


def limits(spec: Spec | None) -> dict[str, LimitsView]:
    """Of each check that compares, by its name."""
    checks = spec.rollout.analysis.checks if spec else []
    return {
        each.name: LimitsView(*each.settings.bounds)
        for each in checks
        if isinstance(each.settings, Compared)
    }
