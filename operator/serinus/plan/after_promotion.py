"""Rules about a guard after promotion."""

from collections.abc import Iterator
from dataclasses import replace

from serinus.api.quantities import spoken
from serinus.api.reasons import Reason
from serinus.api.status import Candidate
from serinus.plan.guarding import end, may_end, take_back, taking_back, weight_in
from serinus.plan.images import in_doubt
from serinus.plan.pod_budget import too_many_restarts
from serinus.plan.progress import failed_checks, pods_needed, pods_ready
from serinus.plan.silence import too_long_silent
from serinus.plan.situation import Situation


def keep_to_the_guard_of_the_spec(s: Situation) -> Situation | None:
    """It may be edited or removed while it runs."""
    guard, guarding = s.desired.spec.rollout.guard, s.candidate.guarding
    if guarding is None or guarding.taking_back:
        return None
    if guard is None:
        return end(s, "spec.rollout.guard was removed.") if may_end(s) else None
    until = guarding.since + guard.seconds
    if until != guarding.until:
        return s.to_candidate(guarding=guarding.replace(until=until))
    weight, wanted = s.candidate.weight, weight_in(guard)
    if weight.wanted == wanted:
        return None
    message = f"The holdback in the spec changed: weight {weight.wanted:g}% -> {wanted}%."
    changed = replace(s, world=replace(s.world, split_in_effect=False)).to_candidate(
        weight=weight.replace(wanted=wanted), effective_since=None
    )
    return changed.because(Reason.WEIGHT_CHANGED, s.candidate.revision, message)


def take_back_what_is_shown_worse(s: Situation) -> Situation | None:
    """Behind a gateway the pods of the previous revision are there, so it serves at once."""
    if taking_back(s) or not (why := next(_faults(s), None)):
        return None
    return take_back(s, Reason.GUARD_FAILED, why)


def _faults(s: Situation) -> Iterator[str]:
    if (found := failed_checks(s)) and not in_doubt(s):
        yield found
    if found := too_many_restarts(s):
        yield found
    if found := too_long_silent(s):
        yield f"{found}."


def end_the_guard_when_its_time_is_over(s: Situation) -> Situation | None:
    """Nothing was shown against the promoted revision, and it can serve all traffic. A guard that
    could not read its metrics says so: it has shown nothing."""
    guarding = s.candidate.guarding
    if guarding is None or guarding.taking_back or s.now < guarding.until:
        return None
    if pods_ready(s) < pods_needed(s) or _is_still_to_be_read(s.candidate, guarding.until):
        return None
    lasted = spoken(s.now - guarding.since)
    evidence = " ".join(f"{each.name}: {each.message}" for each in s.candidate.deciding)
    why = f"nothing was shown against it in {lasted}."
    if s.candidate.errors_in_a_row:
        why = f"its {lasted} are over, though metrics could not be read at the end."
    return end(s, f"{why} {evidence}".strip())


def _is_still_to_be_read(candidate: Candidate, until: float) -> bool:
    """Whether no look has been at the whole time yet, as when the operator was down at its end. If
    metrics cannot be read, nothing is waited for."""
    return not candidate.errors_in_a_row and (candidate.measured_at or 0.0) < until
