"""Rules about changes of the spec: a new revision, a revert, adoption of existing objects."""

from serinus.api.reasons import Reason
from serinus.api.status import Stable
from serinus.plan import guarding
from serinus.plan.situation import Situation


def forget_a_rejection_once_the_spec_moves_on(s: Situation) -> Situation | None:
    """A changed spec is tried again, even if it later returns to the rejected revision."""
    if s.status.rejected is None or s.status.rejected.revision == s.desired.revision:
        return None
    return s.to(rejected=None)


def take_up_what_serves(s: Situation) -> Situation | None:
    """If the status has no revision, as after a restore, and one of ours already serves."""
    serving = s.world.serving
    if s.status.stable or s.status.candidate or s.new_decisions or serving is None:
        return None
    known = s.world.history[serving]
    stable = Stable(revision=serving, number=known.number, version=known.version, since=s.now)
    message = f"Revision {serving} was already serving and is adopted as stable."
    return s.to(stable=stable).because(Reason.TAKEN_UP, serving, message)


def keep_a_first_revision_that_serves(s: Situation) -> Situation | None:
    """A first deployment may serve before it is complete: then the next revision has something to
    be compared with and to roll back to."""
    candidate, desired = s.status.candidate, s.desired.revision
    if candidate is None or candidate.mode != "First" or candidate.revision == desired:
        return None
    ready = s.world.ready(candidate.revision)
    if not ready:
        return None
    return s.promote(
        f"The spec changed to revision {desired} while the first one, {candidate.revision}, serves "
        f"with {ready} of {s.desired.spec.replicas} pods: it becomes stable as it is."
    )


def end_the_guard_of_what_the_spec_no_longer_has(s: Situation) -> Situation | None:
    """The next rollout starts from the revision that is promoted. If the spec returns to the
    previous one, that one takes the traffic back: it still serves a part of it. If the spec changes
    again before it has, the guard goes on."""
    desired, stable = s.desired.revision, s.status.stable
    if s.promoted is None or stable is None:
        return None
    if stable.revision != desired and guarding.reverts(s):
        return guarding.go_on(s)
    if s.promoted == desired or guarding.taking_back(s):
        return None
    if stable.revision == desired:
        message = f"The spec was reverted to revision {desired} while {s.promoted} was guarded."
        return guarding.take_back(s, Reason.REVERTED, message)
    if not guarding.may_end(s):
        return None  # it is dropped like any candidate: the previous revision serves
    return guarding.end(s, f"the spec changed to revision {desired}.")


def follow_the_spec(s: Situation) -> Situation | None:
    """Drop a candidate that the spec no longer has, and start the one that it has."""
    desired = s.desired.revision
    candidate, stable, rejected = s.status.candidate, s.status.stable, s.status.rejected
    if rejected and rejected.revision == desired:
        return None
    if candidate and candidate.revision == desired:
        return None
    if candidate:
        if s.serves_alone or guarding.taking_back(s):
            return None  # it serves until stable can, or a command promotes it
        reverted = stable is not None and stable.revision == desired
        reason = Reason.REVERTED if reverted else Reason.SUPERSEDED
        went = "was reverted to" if reverted else "changed to"
        return s.drop().because(
            reason,
            candidate.revision,
            f"The spec {went} revision {desired} while {candidate.revision} was rolled out.",
        )
    if stable and (stable.revision == desired or s.desired.incompatibility):
        return None
    if stable is None:
        message = (
            f"First deployment of revision {desired}, without steps: there is no stable revision."
        )
    else:
        message = f"Revision {desired} is rolled out alongside {stable.revision}."
    return s.start(desired, direct=False, message=message)
