"""What a gateway counts, where the pods tell more: it shows none of them, so what one of several
has done, or some at their start, would be held against the revision."""

from collections.abc import Iterable

from serinus.api.checks import Check
from serinus.api.status import CheckState, CheckStatus
from serinus.judge.evidence import comparison
from serinus.judge.evidence.look import ErrorBudget
from serinus.judge.findings.gateway import WaitsForPods


def unless_pods_tell_more(
    check: Check, found: CheckStatus, of_pods: Iterable[tuple[CheckStatus, ErrorBudget]]
) -> CheckStatus:
    """What a check found that has not failed so far. `of_pods`: what those that read the pods found
    in this look, with their budgets; those of its kind count.

    While one of them waits for some pods, what the gateway counts is dropped. A Fail waits as long
    as one of them begins to fail: that says whether it is some pods, or fails itself.
    """
    if check.settings.backend is None or found.verdict == "Error":
        return found
    for each, budget in of_pods:
        if each.kind != check.kind:
            continue
        waits = found.replace(verdict="Inconclusive", message=WaitsForPods(each.name).message)
        if _waits_for_pods(each.state):
            return waits.replace(state=comparison.begun_anew(found.state))
        if found.verdict == "Fail" and comparison.begins_to_fail(each.state, budget):
            return waits if not each.has_failed else found
    return found


def _waits_for_pods(state: CheckState) -> bool:
    starts = state.starts is not None and state.starts.waits_since is not None
    return starts or bool(state.pods_to_blame)
