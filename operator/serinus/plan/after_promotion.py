"""Rules about a guard after promotion."""

from collections.abc import Iterator
from dataclasses import replace
from math import inf

from serinus.api.checks import Check
from serinus.api.quantities import seconds, spoken
from serinus.api.reasons import Reason
from serinus.api.status import Guarding
from serinus.plan.analysis import guard_window
from serinus.plan.guarding import end, may_end, take_back, weight_in
from serinus.plan.images import in_doubt
from serinus.plan.pod_budget import tolerated_restarts, too_many_restarts
from serinus.plan.progress import (
    arms_differ,
    failed_checks,
    overall_verdict,
    pods_needed,
    pods_ready,
    pods_to_mend,
    start_or_stop_the_clock,
)
from serinus.plan.readiness import lost_readiness_too_often
from serinus.plan.replacing import about_replacing
from serinus.plan.silence import too_long_silent
from serinus.plan.situation import Situation
from serinus.plan.wording import listed, messages_of


def keep_to_the_guard_of_the_spec(s: Situation) -> Situation | None:
    """It may be edited or removed while it runs."""
    guard, guarding = s.desired.spec.rollout.guard, s.candidate.guarding
    if guarding is None:
        raise LookupError("no revision is guarded")
    if guard is None:
        return end(s, "spec.rollout.guard was removed.") if may_end(s) else None
    until = guarding.since + guard.seconds
    if until != guarding.until:
        reserved = guard_window(guarding).reserved(s.now)
        moved = guarding.replace(
            until=until, hindered_since=None, reserved=reserved, reserved_since=s.now
        )
        return s.to_candidate(guarding=moved)
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
    why = next(_faults(s), None)
    return take_back(s, Reason.GUARD_FAILED, why) if why else None


def _faults(s: Situation) -> Iterator[str]:
    if (found := failed_checks(s)) and not in_doubt(s):
        yield found
    if not s.serves_alone:
        yield from filter(None, (too_many_restarts(s), lost_readiness_too_often(s)))
    if found := too_long_silent(s):
        yield f"{found}."


def end_the_guard_when_its_time_is_over(s: Situation) -> Situation | None:
    """Nothing was shown against the promoted revision, and it can serve all traffic. A guard that
    cannot say so goes on for as long again; then the previous revision, which can, serves."""
    guarding = s.candidate.guarding
    if guarding is None or not s.reached(guarding.until):
        return None
    lasted = spoken(s.now - guarding.since)
    if hindrance := why_it_goes_on(s):
        if guarding.hindered_since is None:
            return s.to_candidate(guarding=guarding.replace(hindered_since=s.now))
        if s.stable_is_down or not _was_read_since(s) or not s.reached(goes_on_until(s, guarding)):
            return None
        why = f"The guard could not end after {lasted}, though its time is over. {hindrance}"
        return take_back(s, Reason.GUARD_FAILED, why)
    evidence = messages_of(s.candidate.deciding)
    why = f"nothing was shown against it in {lasted}.{_unguarded(s)}"
    left_out = f"{not_compared(s)}{tolerated_restarts(s)}{hindered(s)}"
    return end(s, f"{why}{left_out} {evidence}".strip())


def run_the_clock_of_the_guard(s: Situation) -> Situation | None:
    """The time without metrics is that of the whole guard."""
    return start_or_stop_the_clock(s)


def goes_on_until(s: Situation, guarding: Guarding) -> float:
    """When a guard that cannot end gives up, Unix seconds: as long again as it should last, from
    when that was found, which is later than its end if the spec was changed or the operator was
    down. Pods have their progress deadline."""
    candidate, deadline = s.candidate, seconds(s.desired.spec.rollout.progress_deadline)
    since = max(guarding.until, guarding.hindered_since or 0.0)
    ends = since + max(guarding.until - guarding.since, deadline)
    # also once they are ready: their weight must take effect before the guard can end
    return max(ends, candidate.progress_since + deadline)


def why_it_goes_on(s: Situation) -> str:
    """Why a guard whose time is over does not end, as a message; empty: it may end. Where there are
    no pods to compare with, no comparison is waited for."""
    candidate, guarding = s.candidate, s.candidate.guarding
    if guarding is None or s.world.withdrawn:
        return s.world.withdrawn
    if pods_ready(s) < pods_needed(s):
        ready = f"{pods_ready(s)} of {pods_needed(s)} pods of revision {s.promoted} are ready."
        return f"{ready} {s.world.why_no_pods}".rstrip()
    if s.stable_is_down or not s.desired.spec.replicas:
        return ""
    if candidate.effective_since is None or not s.world.split_in_effect:
        return f"Its weight is not in effect. {s.world.why_no_route}".strip()
    if (failed := failed_checks(s)) and in_doubt(s):
        return f"{failed}{hindered(s)}"
    blind = [each for each in candidate.deciding if each.verdict in ("Error", "NoData")]
    if blind:
        return messages_of(blind, "Check")
    if starting := [each for each in candidate.deciding if each.waits_for_a_start]:
        return messages_of(starting, "Check")
    if overall_verdict(s) == "NoData" or (candidate.measured_at or 0.0) < guarding.until:
        return "Metrics of its last minutes are still to be read."
    return ""


def _was_read_since(s: Situation) -> bool:
    """Whether its metrics were asked for after its end: if not, the operator was down."""
    candidate, guarding = s.candidate, s.candidate.guarding
    if guarding is None or candidate.errors_in_a_row or not candidate.deciding:
        return True
    return (candidate.measured_at or 0.0) >= guarding.until


def not_compared(s: Situation) -> str:
    """Which checks take no part in a guard, and why."""
    guarding, analysis = s.candidate.guarding, s.desired.spec.rollout.analysis
    lasting = guarding.until - guarding.since if guarding else 0.0
    left_out = [
        f"{check.name} ({_why_it_is_left_out(check)})"
        for check in analysis.checks
        if not check.settings.serves_a_guard(lasting)
    ]
    return f" Not judged in a guard: {listed(left_out)}." if left_out else ""


def _why_it_is_left_out(check: Check) -> str:
    if check.settings.serves_a_guard(inf):
        return f"only in one of at least {spoken(check.settings.shortest_guard)}"
    return "only in steps"


def hindered(s: Situation) -> str:
    """Why a guard may not find what is worse, as things are now."""
    candidate = s.candidate
    if unlike := arms_differ(candidate):
        return f" Nothing is compared until both revisions receive similar inputs. {unlike.message}"
    if candidate.hold and candidate.hold.reason == Reason.IMAGES_DIFFER:
        return f" No check takes traffic back. {candidate.hold.message}"
    own = {pod for each in candidate.checks for pod in each.waits_for_own_pods}
    if own:
        are = "is" if len(own) == 1 else "are"
        told = about_replacing(s, own)
        return (
            f" Only {_pods(own).lower()} of the promoted revision {are} worse, so no traffic is "
            "taken back (onePodToBlame)"
            + (f". {told}" if told else f": delete {listed(sorted(own))}.")
        )
    if pods := pods_to_mend(candidate):
        differ = "differs" if len(pods) == 1 else "differ"
        return (
            f" {_pods(pods)} of the previous revision {differ} from its others, and may hide that "
            f"the promoted one is worse: delete {listed(sorted(pods))}."
        )
    return ""


def _pods(names: set[str]) -> str:
    return "One pod" if len(names) == 1 else f"{len(names)} pods"


def _unguarded(s: Situation) -> str:
    """For how long there was nothing to compare, or with."""
    candidate, said = s.candidate, ""
    since = candidate.unreadable_since
    blind = candidate.unmeasured + (s.now - since if since is not None else 0.0)
    if blind >= 60:
        said = f" For {spoken(blind)} of that, metrics could not be compared."
    if not s.desired.spec.replicas:
        return f"{said} At its end spec.replicas was 0, and there was no traffic."
    if s.stable_is_down and s.status.stable:
        stable = s.status.stable.revision
        return f"{said} At its end revision {stable} had no ready pod to compare with."
    return said
