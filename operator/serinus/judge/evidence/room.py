"""How much evidence the status has room for, over all checks of an analysis together.

Each compared quantity takes some 450 bytes, which are written at each look, and an object may have
1.5 MB at most.
"""

from collections.abc import Iterable
from typing import Final

from serinus.api.status import CheckState, CheckStatus
from serinus.judge.evidence.own_metrics import lasting
from serinus.judge.findings.room import NoRoom

MOST_COMPARED: Final = 640
"""Classes, ranges, bounds and pairs of groups, of all checks: some 300 kB. One check has at most
168."""


def within_room(
    checks: Iterable[CheckStatus],
    before: Iterable[CheckStatus],
    at: float,
    told_within: float,
    beside: Iterable[CheckStatus] = (),
) -> tuple[CheckStatus, ...]:
    """The checks in their order; those for whose evidence there is no room have an Error, and
    without their evidence they start again. `before`: the checks before the look; `told_within`: as
    of own metrics; `beside`: others, whose evidence is kept first."""
    found, taken = tuple(checks), _compared(beside)
    wanted = taken + _compared(found)
    if wanted <= MOST_COMPARED:
        return found
    of_stable = sum(bool(each.stable) for check in found for each in check.state.comparisons)
    begun = {each.name: each.own_metrics for each in before}
    left, kept = MOST_COMPARED - taken, {}
    for check in sorted(found, key=lambda each: not each.has_failed):
        compared = len(check.state.comparisons)
        if compared <= left:
            left -= compared
            kept[check.name] = check
        else:
            own = lasting(begun.get(check.name), at, told_within)
            kept[check.name] = check.replace(
                verdict="Error",
                message=NoRoom(wanted, MOST_COMPARED).message,
                own_metrics=own if taken + of_stable <= MOST_COMPARED else None,
                state=CheckState(policy=check.state.policy, budget=check.state.budget),
            )
    return tuple(kept[check.name] for check in found)


def _compared(checks: Iterable[CheckStatus]) -> int:
    return sum(len(each.state.comparisons) for each in checks)
