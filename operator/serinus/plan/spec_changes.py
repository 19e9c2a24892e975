"""Rules about changes of the spec: a new revision, a revert, adoption of existing objects."""

from serinus.api.reasons import Reason
from serinus.api.status import Stable
from serinus.plan import guarding
from serinus.plan.situation import Situation
from serinus.plan.stepping import given_at
from serinus.plan.unable import first_unfit_step


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
    candidate, desired = s.candidate, s.desired.revision
    ready = s.world.ready(candidate.revision)
    if candidate.revision == desired or not ready:
        return None
    return s.promote(
        f"The spec changed to revision {desired} while the first one, {candidate.revision}, serves "
        f"with {ready} of {s.desired.spec.replicas} pods: it becomes stable as it is."
    )


def end_the_guard_of_what_the_spec_no_longer_has(s: Situation) -> Situation | None:
    """The next rollout starts from the revision that is promoted. If the spec returns to the
    previous one, that one takes the traffic back: it still serves a part of it."""
    desired, stable = s.desired.revision, s.status.stable
    if s.promoted == desired or stable is None:
        return None
    if stable.revision == desired:
        message = f"The spec was reverted to revision {desired} while {s.promoted} was guarded."
        return guarding.take_back(s, Reason.REVERTED, _with_the_alias(s, message))
    if not guarding.may_end(s):
        return None  # it is dropped like any candidate: the previous revision serves
    return guarding.end(s, _with_the_alias(s, f"the spec changed to revision {desired}."))


def go_on_with_the_guard_if_the_spec_changes_again(s: Situation) -> Situation | None:
    """Before the previous revision has taken the traffic back."""
    stable = s.status.stable
    if stable is None or stable.revision == s.desired.revision or not guarding.reverts(s):
        return None
    return guarding.go_on(s)


def drop_what_the_spec_no_longer_has(s: Situation) -> Situation | None:
    """A candidate that alone serves does so until stable can, or a command promotes it."""
    desired, candidate, stable = s.desired.revision, s.candidate, s.status.stable
    if candidate.revision == desired or _is_rejected(s):
        return None
    reverted = stable is not None and stable.revision == desired
    reason = Reason.REVERTED if reverted else Reason.SUPERSEDED
    went = "was reverted to" if reverted else "changed to"
    message = f"The spec {went} revision {desired} while {candidate.revision} was rolled out."
    return s.drop().because(reason, candidate.revision, _with_the_alias(s, message))


def _with_the_alias(s: Situation, message: str) -> str:
    """Also what the alias names that the spec follows: nobody edits a spec whose alias is moved."""
    following = s.desired.following
    return f"{message} {following.message}" if following and following.resolved else message


def _is_rejected(s: Situation) -> bool:
    return s.status.rejected is not None and s.status.rejected.revision == s.desired.revision


def start_what_the_spec_has(s: Situation) -> Situation | None:
    """Unless it is stable, was rejected, cannot share traffic with stable, or has a step that the
    router cannot make."""
    desired, stable = s.desired.revision, s.status.stable
    if _is_rejected(s):
        return None
    if stable and (stable.revision == desired or s.desired.incompatibility):
        return None
    if stable and first_unfit_step(s):
        return None
    if stable is None:
        message = (
            f"First deployment of revision {desired}, without steps: there is no stable revision."
        )
    else:
        message = f"Revision {desired} is rolled out alongside {stable.revision}."
    return s.start(desired, _with_the_alias(s, message), given=given_at(s.steps, 0))


def drop_the_candidate_of_an_invalid_spec(s: Situation) -> Situation | None:
    """With an invalid policy, nothing is judged."""
    return _drop_because_of(s, _invalid_because(s))


def drop_the_undo_of_an_invalid_spec(s: Situation) -> Situation | None:
    """It shares no traffic with stable, and fits any."""
    return _drop_because_of(s, " ".join(s.desired.problems))


def _drop_because_of(s: Situation, problems: str) -> Situation | None:
    if not problems:
        return None
    message = f"The spec became invalid during the rollout. {problems}"
    return s.drop().because(Reason.INVALID_SPEC, s.candidate.revision, message)


def end_the_guard_of_an_invalid_spec(s: Situation) -> Situation | None:
    """A promoted revision is not dropped because of it, unless it is shown to be worse."""
    problems = _invalid_because(s)
    if not problems or not guarding.may_end(s):
        return None
    return guarding.end(s, f"the spec became invalid. {problems}")


def _invalid_because(s: Situation) -> str:
    """Also a candidate that cannot share the traffic as the spec wants it now."""
    found = [*s.desired.problems]
    if s.desired.incompatibility and s.candidate.revision == s.desired.revision:
        found.append(s.desired.incompatibility)
    return " ".join(found)
