"""What to type about the state of a rollout, by its reason."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from serinus.api.reasons import Reason
from serinus.api.status import Candidate, Status
from serinus.plan.approvals import awaits_approval
from serinus.views.reading import Live


@dataclass(frozen=True, slots=True)
class Remedy:
    """Something that a person can do."""

    does: str
    command: str
    """In the table with {it} for the name and its namespace, {place} for the namespace, {name},
    {revision}, {stable}, {pods} and {object}; left out if the status has no value for one of
    them."""


_ABORT: Final = Remedy("Roll back", "serinus abort {it}")
_ADVANCE: Final = Remedy("End the step", "serinus advance {it}")
_PROMOTE: Final = Remedy("Skip the remaining steps", "serinus promote {it}")
_RETRY: Final = Remedy("Roll the revision out again", "serinus retry {it}")
_EDIT: Final = Remedy("Correct the spec", "kubectl edit mdep {it}")
_OF_IT: Final = "{place} --selector=serinus.dev/name={name}"
_ITS_PODS: Final = f"{_OF_IT},serinus.dev/revision={{revision}}"
_PODS: Final = Remedy("See why pods are not ready", f"kubectl describe pods {_ITS_PODS}")
_STABLE_PODS: Final = Remedy(
    "See why stable's pods are not ready",
    f"kubectl describe pods {_OF_IT},serinus.dev/revision={{stable}}",
)
_LOG: Final = Remedy("Read what they log", f"kubectl logs {_ITS_PODS} --all-containers")
_ROUTE: Final = Remedy("See what its gateway says", "kubectl describe httproutes {it}")
_ROUTES: Final = Remedy(
    "See which other routes lead to it", "kubectl get httproutes,services {place}"
)
_DELETE: Final = Remedy("Replace the pod", "kubectl delete pods {place} {pods}")
_UNDO: Final = Remedy("Return to the former revision", "serinus undo {it}")
_DECIDE: Final = (_ADVANCE, _PROMOTE, _ABORT)

REMEDIES: Final[Mapping[str, tuple[Remedy, ...]]] = {
    # what a rollout waits for
    Reason.AWAITING_PODS: (_PODS, _ABORT, _UNDO),
    Reason.AWAITING_ROUTE: (_ROUTE, _ABORT),
    Reason.AWAITING_VERDICT: _DECIDE,
    Reason.AWAITING_PAUSE: _DECIDE,
    Reason.AWAITING_COMMAND: _DECIDE,
    Reason.AWAITING_APPROVAL: (
        Remedy("Let it pass, which needs the RBAC verb approve", "serinus approve {it}"),
        _ABORT,
    ),
    Reason.APPROVALS_UNGUARDED: (
        Remedy(
            "See whether the policy is there", "kubectl get validatingadmissionpolicies {place}"
        ),
        Remedy("Remove the step", "kubectl edit mdep {it}"),
        _ABORT,
    ),
    Reason.PAUSED_BY_SPEC: (
        Remedy("Let the rollout go on", "serinus resume {it}"),
        _PROMOTE,
        _ABORT,
    ),
    Reason.SCALED_TO_ZERO: (
        Remedy("Give it a pod", "kubectl scale mdep {it} --replicas=1"),
        _ABORT,
    ),
    Reason.NO_DATA: (
        Remedy("See whether its pods export what the checks read", "kubectl describe mdep {it}"),
        _LOG,
        *_DECIDE,
    ),
    Reason.METRICS_UNAVAILABLE: (
        Remedy("See which query fails, and how", "kubectl describe mdep {it}"),
        *_DECIDE,
    ),
    Reason.INCONCLUSIVE: (*_DECIDE, _RETRY),
    Reason.CANDIDATE_SILENT: (
        _LOG,
        Remedy("Give it its traffic again", "serinus advance {it}"),
        _ABORT,
        _RETRY,
    ),
    Reason.CANDIDATE_METRICS_UNUSABLE: (
        _LOG,
        Remedy("Give it its traffic again, once its metrics are mended", "serinus advance {it}"),
        _ABORT,
        _RETRY,
    ),
    Reason.IMAGES_DIFFER: (
        Remedy(
            "See which pod runs which image",
            f"kubectl describe pods {_OF_IT}",
        ),
        Remedy("Name the image by its digest", "kubectl edit mdep {it}"),
        _ABORT,
    ),
    Reason.INTERNAL_ERROR: (
        Remedy("See which line raises", "kubectl describe mdep {it}"),
        Remedy("Give it its traffic again, once that is mended", "serinus advance {it}"),
        _ABORT,
        _RETRY,
    ),
    Reason.TRAFFIC_SPLIT_WRONG: (_ROUTES, _PROMOTE, _ABORT),
    Reason.ARMS_DIFFER: (_ROUTES, _PROMOTE, _ABORT),
    Reason.STABLE_POD_DIFFERS: (_DELETE, _PROMOTE, _ABORT),
    Reason.ONE_POD_TO_BLAME: (_DELETE, _PROMOTE, _ABORT),
    # what needs a person
    Reason.INVALID_SPEC: (_EDIT,),
    Reason.NAME_TAKEN: (
        Remedy("See whose it is", "kubectl get {object} {place} --output=yaml"),
        Remedy(
            "Hand it over, if it is a Service or a route without an owner",
            "kubectl annotate {object} {place} serinus.dev/adopt={name}",
        ),
    ),
    Reason.HISTORY_LOST: (
        Remedy(
            "See what is left",
            f"kubectl get controllerrevisions {_OF_IT}",
        ),
        Remedy("Restore its model and template", "kubectl edit mdep {it}"),
    ),
    Reason.ROUTE_REFUSED: (_ROUTE, _ABORT),
    Reason.ROUTE_CONTESTED: (
        _ROUTES,
        Remedy("Give it host names of its own", "kubectl edit mdep {it}"),
    ),
    Reason.UNAVAILABLE: (_STABLE_PODS, _PODS, _UNDO),
    # how it ended
    Reason.PROGRESS_DEADLINE_EXCEEDED: (_PODS, _EDIT, _PROMOTE, _ABORT, _RETRY),
    Reason.TOO_MANY_RESTARTS: (_RETRY,),
    Reason.READINESS_LOST: (_RETRY,),
    Reason.CHECK_FAILED: (_RETRY,),
    Reason.GUARD_FAILED: (_RETRY,),
    Reason.ABORTED: (_RETRY,),
    Reason.UNDONE: (_RETRY,),
    Reason.REVERTED: (_RETRY,),
    # after the promotion
    Reason.HEALTHY: (_UNDO,),
    Reason.GUARDED: (
        Remedy("End the guard", "serinus promote {it}"),
        Remedy("Give all traffic back to the previous revision", "serinus abort {it}"),
    ),
}
"""For every reason for which a rollout holds, stalls or ends in a rollback, and what undoes a
promotion. A verb that would be refused in the state at hand is left out."""


def remedies(live: Live, context: str = "") -> tuple[Remedy, ...]:
    """In the order in which they are worth trying; `context` is kubectl's."""
    values, found = _values(live, context), dict[str, Remedy]()
    for reason in _reasons(live.status):
        for each in REMEDIES.get(reason, ()):
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
    guarded = Reason.GUARDED if candidate and candidate.guarding else ""
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
    """Whether the state has what the command is about: a verb would be refused otherwise, and a
    route only exists with a gateway."""
    program, verb = command.split()[:2]
    if program != "serinus":
        return "httproutes {it}" not in command or _has_a_route(live)
    if verb in ("retry", "undo"):
        idle = live.status.candidate is None
        return idle and bool(live.status.rejected if verb == "retry" else live.status.former)
    candidate = live.status.candidate
    return candidate is not None and candidate.mode != "First" and _may(live, candidate, verb)


def _may(live: Live, candidate: Candidate, verb: str) -> bool:
    """Whether the operator obeys this verb about this candidate."""
    guarding, rollout = candidate.guarding, live.spec.rollout if live.spec else None
    if guarding is not None:
        return verb in ("promote", "abort") and guarding.taking_back is None
    gates = (Reason.AWAITING_APPROVAL, Reason.APPROVALS_UNGUARDED)
    gated = candidate.hold is not None and candidate.hold.reason in gates
    gated |= rollout is not None and awaits_approval(rollout, candidate, live.digest)
    if verb == "approve":
        return gated
    if verb == "advance":
        return not candidate.promoting and (candidate.withdrawn is not None or not gated)
    if verb == "abort":
        return candidate.alone_since is None
    ahead = rollout.steps[candidate.step + 1 :] if rollout and not candidate.promoting else []
    return not (gated or (verb == "promote" and any(step.approval for step in ahead)))


def _has_a_route(live: Live) -> bool:
    return live.spec is not None and live.spec.traffic.gateway is not None
