"""What a gateway counts, where the pods tell more: it shows none of them, so what one of several
has done, or some at their start, would be held against the revision."""

from collections.abc import Iterable
from dataclasses import dataclass

from serinus.api.checks import Check
from serinus.api.status import CheckState, CheckStatus
from serinus.judge.evidence import comparison
from serinus.judge.evidence.look import ErrorBudget
from serinus.judge.findings.gateway import WaitsForPods


@dataclass(frozen=True, slots=True)
class OfPods:
    """What a check that reads the pods has."""

    found: CheckStatus
    """After this look."""
    before: CheckStatus | None
    """After the last one; None: there was none."""
    budget: ErrorBudget


def unless_pods_tell_more(
    check: Check, before: CheckStatus | None, found: CheckStatus, of_pods: Iterable[OfPods]
) -> CheckStatus:
    """What a check found that has not failed so far. Of those that read the pods, the ones of its
    kind count.

    While one of them waits for some pods, what the gateway counts is dropped. A Fail waits as long
    as one of them begins to fail: that says whether it is some pods, or fails itself.
    """
    if check.settings.backend is None or found.verdict == "Error":
        return found
    for each in of_pods:
        if each.found.kind != check.kind:
            continue
        message = WaitsForPods(each.found.name).message
        waits = found.replace(verdict="Inconclusive", message=message)
        if before is not None and each.before is not None and _waits_for_pods(each.before.state):
            # known before this look, so no weight was laid on it, however long that lasts
            anew = comparison.begun_anew(before.state)
            return waits.replace(state=anew.replace(step_requests=found.state.step_requests))
        if _waits_for_pods(each.found.state):
            return waits.replace(state=comparison.begun_anew(found.state))
        if found.verdict == "Fail" and comparison.begins_to_fail(each.found.state, each.budget):
            return waits if not each.found.has_failed else found
    return found


def _waits_for_pods(state: CheckState) -> bool:
    return state.waits_for_a_start or bool(state.pods_to_blame)
