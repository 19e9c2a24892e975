"""What to type about the state of a rollout, by its reason."""

import re
import shlex
from collections.abc import Iterator

from serinus.api.reasons import Reason, meaning_of
from serinus.api.remedies import Remedy
from serinus.api.stages import AWAITS_PROMOTION, PROMOTED, Stage
from serinus.api.status import Candidate, Rejected, Status
from serinus.manifests.kinds import KINDS
from serinus.plan.chosen_steps import steps_of
from serinus.plan.steps import gate_at, kind_of
from serinus.plan.steps.kind import Gate
from serinus.views.reading import Live


def remedies(live: Live, context: str = "") -> tuple[Remedy, ...]:
    """In the order in which they are worth trying; `context` is kubectl's."""
    values, found = _values(live, context), dict[str, Remedy]()
    for reason in _reasons(live.status):
        for each in meaning_of(reason).remedies:
            wanted = set(re.findall(r"{(\w+)}", each.command))
            if wanted <= values.keys() and _fits(live, each.command):
                command = each.command.format_map(values)
                found.setdefault(command, Remedy(each.does, command))
    return tuple(found.values())


def _reasons(status: Status) -> Iterator[str]:
    """Why nobody is served, what else is amiss, why it is as it is, and what its candidate waits
    for besides."""
    found = {each.type: each.reason for each in status.conditions}
    unserved = Reason.UNAVAILABLE if found.get("Available") == Reason.UNAVAILABLE else ""
    amiss = [found[name] for name in ("ImagesDiffer", "InternalError") if name in found]
    candidate, rejected = status.candidate, status.rejected
    hold = candidate.hold.reason if candidate and candidate.hold else ""
    ended = rejected.reason if rejected and candidate is None else ""
    guarded = Reason.GUARDED if candidate and candidate.stage in PROMOTED else ""
    yield from (unserved, *amiss, found.get("Ready", ""), hold, ended, guarded)


def _values(live: Live, context: str) -> dict[str, str]:
    place = [f"--namespace={live.namespace}", *([f"--context={context}"] if context else [])]
    status, candidate = live.status, live.status.candidate
    # a rejected revision has no pods any more, and stable's are not the cause
    role = candidate or (None if status.rejected else status.stable)
    found = {
        "it": shlex.join([live.name, *place]),
        "place": shlex.join(place),
        "name": shlex.quote(live.name),
        "revision": role.revision if role else "",
        "stable": status.stable.revision if status.stable else "",
        "pods": shlex.join(_pods(candidate) if candidate else []),
        "route": _route(live),
        "object": _object(status),
    }
    return {name: value for name, value in found.items() if value}


def _pods(candidate: Candidate) -> list[str]:
    """Those for which it waits."""
    found = [
        pod for c in candidate.checks for pod in (*c.waits_for_stable_pods, *c.waits_for_own_pods)
    ]
    return sorted(set(found))


def _object(status: Status) -> str:
    """The object that has the name of a child, by the message about it."""
    taken = [each.message for each in status.conditions if each.reason == Reason.NAME_TAKEN]
    which = r"\b([A-Z]\w+) [\w.-]+/([\w.-]+) (?:exists|belongs|still belongs) "
    match = re.search(which, taken[0]) if taken else None
    return f"{match[1].lower()}/{match[2]}" if match else ""


def _fits(live: Live, command: str) -> bool:
    """Whether the state has what the command is about: a verb would be refused otherwise."""
    program, verb = command.split()[:2]
    if program != "serinus":
        return True
    if _refuses_all(live.status):
        return False
    held = live.status.candidate.hold if live.status.candidate else None
    if verb == "retry" and held is not None and held.reason == Reason.VALIDATION_UNFINISHED:
        return True
    if verb in ("retry", "undo"):
        idle, rejected = live.status.candidate is None, live.status.rejected
        # what an undo would return to may be what the spec has
        former = [each for each in live.status.former[:1] if each != _revision(rejected)]
        return idle and bool(rejected if verb == "retry" else former)
    candidate = live.status.candidate
    if candidate is None or candidate.stage is Stage.FIRST:
        return False
    return _may(live, candidate, verb)


def _refuses_all(status: Status) -> bool:
    """Whether no verb is obeyed until the spec is corrected. Of one that only cannot share traffic
    with stable there is neither a candidate nor a rejection."""
    ready = next((each.reason for each in status.conditions if each.type == "Ready"), "")
    return ready == Reason.INVALID_SPEC and bool(status.candidate or status.rejected)


def _revision(rejected: Rejected | None) -> str:
    return rejected.revision if rejected else ""


def _may(live: Live, candidate: Candidate, verb: str) -> bool:
    """Whether the operator obeys this verb about this candidate."""
    rollout = live.spec.rollout if live.spec else None
    if candidate.stage in PROMOTED:
        fits = verb == "abort" or (verb == "promote" and candidate.ready_replicas > 0)
        return fits and candidate.stage is Stage.GUARDED
    gates = (Reason.AWAITING_APPROVAL, Reason.APPROVALS_UNGUARDED)
    gated = candidate.hold is not None and candidate.hold.reason in gates
    gated |= rollout is not None and gate_at(rollout, candidate, live.digest) is not None
    if verb == "approve":
        return gated
    if verb == "advance":
        promoting = candidate.stage in AWAITS_PROMOTION
        return not promoting and (candidate.stage is Stage.WITHDRAWN or not gated)
    if verb == "abort":
        return candidate.alone_since is None
    in_steps = rollout is not None and candidate.stage not in AWAITS_PROMOTION
    ahead = steps_of(rollout, candidate)[candidate.step + 1 :] if rollout and in_steps else []
    return not (
        gated or (verb == "promote" and any(isinstance(kind, Gate) for kind in map(kind_of, ahead)))
    )


def _route(live: Live) -> str:
    """The kind of its route, as kubectl names it; empty without a gateway."""
    gateway = live.spec.traffic.gateway if live.spec else None
    return KINDS[gateway.route_kind].plural if gateway else ""
