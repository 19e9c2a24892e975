"""A few bad pods among good ones: their node or their zone may be bad, and not what they run.

They are evicted, and the check starts again. Where a pod that comes later is as bad, the candidate
is rolled back: on another node it is what it runs, and on the same node nobody can tell, while
clients get its failures. Where none is, the node is named and the rollout goes on; what fails later
on that node, as pods are added, is evicted as well.

Nothing keeps a successor off a node: a template that does would replace all pods, twice. But a node
from which a pod has gone is often the emptiest, so that the next pod comes straight back. So as
many pods are added first, for which the scheduler chooses a node while the others are still there.
"""

from collections.abc import Collection, Iterable
from typing import Final

from serinus.api.reasons import Reason
from serinus.api.status import CheckStatus, ReplacedPod
from serinus.judge import overall, suspects
from serinus.manifests.routers import router_for
from serinus.plan.guarding import take_back
from serinus.plan.images import in_doubt
from serinus.plan.situation import SeenPod, Situation
from serinus.plan.wording import ARE, messages_of, named

MOST_EVICTED: Final = 8
"""Pods of the candidate that are evicted in a rollout."""
PLACED_WITHIN: Final = 5.0
"""Seconds in which an added pod gets a node, if there is one; then the others are evicted."""
REFUSED_FOR: Final = 120.0
"""Seconds for which an eviction may be refused before the candidate is rolled back instead. Time in
which nobody tried does not count: the operator may have been away."""


def replace_pods_to_blame(s: Situation) -> Situation | None:
    """The candidate's pods that alone are bad, and one of stable's that differs from its others."""
    return None if in_doubt(s) else _replace_own_pods(s) or _replace_a_pod_of_stable(s)


def suspect_a_node(s: Situation) -> Situation | None:
    """Once every check has passed with the pods that came in the place of others."""
    candidate, gone = s.candidate, _own_replaced(s)
    if not gone or candidate.node_suspected or overall(candidate.checks) != "Pass":
        return None
    came = [pod for pod in _own_pods(s) if _came_after(pod, gone[0])]
    if not came or not all(pod.node and gone[0].node for pod in came):
        return None
    if any(_is_in_its_place(pod, gone[0]) for pod in came):
        return None
    nodes = named("node", sorted({pod.node for pod in came}))
    message = (
        f"Look at {_place(gone[0])}: {_were_bad(gone)}, and "
        f"{named('pod', [pod.name for pod in came], ARE)} not, on {nodes}."
    )
    noted = s.to_candidate(node_suspected=message[:1024])
    return noted.because(Reason.NODE_SUSPECTED, candidate.revision, message)


def pods_to_evict(s: Situation) -> tuple[str, ...]:
    """Names of the pods that are to be evicted now; none while the candidate alone serves."""
    pods = s.status.candidate.replaced if s.status.candidate and not s.serves_alone else ()
    first = 0.0 if router_for(s.desired.spec).shares_one_service else PLACED_WITHIN
    return tuple(
        pod.name
        for pod in pods
        if s.reached(pod.since + first) and (pod.forbidden or not _is_given_up(s, pod))
    )


def pods_added(s: Situation, *, of_stable: bool) -> int:
    """How many pods the revision has beyond what it needs, until others are evicted. Where pods
    split the traffic, none."""
    if router_for(s.desired.spec).shares_one_service or s.status.candidate is None:
        return 0
    return sum(
        pod.of_stable == of_stable and not (pod.forbidden or _is_given_up(s, pod))
        for pod in s.status.candidate.replaced
        if pod.name not in s.world.evicted
    )


def about_replacing(s: Situation, pods: Collection[str]) -> str:
    """That these pods are evicted, or why they are not, as a message; empty: they shall not be."""
    decided = [each for each in s.candidate.replaced if each.name in pods]
    if not decided:
        bad_for_stable = any(_is_bad_for_stable_too(s, each) for each in _own_replaced(s))
        return "It is not evicted: a pod of stable is suspect there too." if bad_for_stable else ""
    refused = s.world.refused_eviction
    if refused is None and any(each.forbidden for each in decided):
        return "The operator has no right to evict it."
    if refused is None and s.serves_alone:
        return "It is evicted once stable has its pods again."
    return refused.message if refused else "It is evicted, since its node may be bad."


def _is_given_up(s: Situation, pod: ReplacedPod) -> bool:
    """Whether its eviction was refused for too long."""
    refused = s.world.refused_eviction
    if refused is None:
        return False
    deadline = max(pod.since, refused.since) + REFUSED_FOR
    return s.reached(deadline) and refused.until >= deadline


def waits_for_a_person(s: Situation, pods: Collection[str]) -> bool:
    """Whether nobody else deletes these pods: the operator may not evict them, shall not, or has
    not decided to, since the place is bad for stable too."""
    if s.desired.spec.rollout.analysis.one_pod_to_blame != "Replace":
        return True
    evicted = {each.name for each in s.candidate.replaced if not each.forbidden}
    return not evicted.issuperset(pods)


def fault_followed(s: Situation) -> str:
    """What it shows that a check fails though pods were replaced; empty: none were."""
    gone = _own_replaced(s)
    if not gone:
        return ""
    if not any(each.name in s.world.evicted for each in gone):
        return f"Before that, only {_were_bad(gone)}, and not evicted yet."
    before = f"Before that, {_were_bad(gone)}, and evicted"
    came = [pod for pod in _own_pods(s) if _came_after(pod, gone[-1])]
    back = [pod for pod in came if _is_in_its_place(pod, gone[0])]
    if not back and s.candidate.node_suspected:
        return ""  # all checks have passed since then
    if not back:
        return f"{before}: the fault has followed to other pods."
    return (
        f"{before}, and {named('pod', [pod.name for pod in back], ('is', 'are'))} there again: the "
        f"cause may be {_place(gone[0])} or the revision. If you suspect the former, cordon the "
        "node before a retry."
    )


def _replace_own_pods(s: Situation) -> Situation | None:
    analysis, candidate, gone = s.desired.spec.rollout.analysis, s.candidate, _own_replaced(s)
    blamed = {pod: check for check in candidate.checks for pod in check.waits_for_own_pods}
    if analysis.one_pod_to_blame != "Replace" or not blamed:
        return None
    if set(blamed) <= {each.name for each in gone}:
        return _unless_refused(s, blamed)
    evicted = [] if _are_most_of_all(s, blamed) else _in_one_place(s, blamed)
    if not evicted or (gone and not _is_known_to_be_bad(s, evicted)):
        held = evicted and _is_bad_for_stable_too(s, evicted[0])
        return None if held else _roll_back(s, blamed, fault_followed(s))
    message = f"{_pods(evicted)} evicted, since the others are within the tolerance."
    noted = s.to_candidate(replaced=[*candidate.replaced, *evicted])
    return noted.because(
        Reason.POD_REPLACED, candidate.revision, f"{message} {_found(blamed.values())}"
    )


def _replace_a_pod_of_stable(s: Situation) -> Situation | None:
    candidate, stable = s.candidate, s.status.stable
    done = any(each.of_stable for each in candidate.replaced)
    if s.desired.spec.rollout.analysis.stable_pod != "Replace" or stable is None or done:
        return None
    differing = ((pod, check) for check in candidate.checks for pod in check.waits_for_stable_pods)
    for pod, check in differing:
        node = s.world.nodes.get(pod, "")
        evicted = ReplacedPod(name=pod, of_stable=True, node=node, since=s.now)
        message = f"{_pods([evicted])} evicted, since it differs from stable's others."
        noted = s.to_candidate(replaced=[*candidate.replaced, evicted])
        return noted.because(Reason.POD_REPLACED, stable.revision, f"{message} {_found([check])}")
    return None


def _unless_refused(s: Situation, blamed: dict[str, CheckStatus]) -> Situation | None:
    """A pod that is not evicted goes on failing clients. Where the operator has no right to, a
    person is told instead: with the right, it would not be rolled back."""
    refused = s.world.refused_eviction
    left = [each for each in _own_replaced(s) if each.name not in s.world.evicted]
    trusted = [each for each in left if not each.forbidden]
    if trusted and refused and refused.forbidden:
        return s.to_candidate(
            replaced=[
                each.replace(forbidden=True) if each in trusted else each
                for each in s.candidate.replaced
            ]
        )
    if not refused or not trusted or not _is_given_up(s, trusted[-1]):
        return None
    return _roll_back(s, blamed, refused.message)


def _roll_back(s: Situation, blamed: dict[str, CheckStatus], why: str = "") -> Situation:
    message = f"{_found(blamed.values())} {why}".rstrip()
    if s.promoted:
        return take_back(s, Reason.GUARD_FAILED, message)
    return s.reject(Reason.CHECK_FAILED, message)


def _found(checks: Iterable[CheckStatus]) -> str:
    return messages_of({check.name: check for check in checks}.values(), "Check")


def _in_one_place(s: Situation, pods: Iterable[str]) -> list[ReplacedPod]:
    """The pods, if there is one or all are on one node or in one zone; otherwise none."""
    seen = {pod: s.world.listed.get(pod) for pod in pods}
    nodes, zones = ({getattr(pod, of, "") for pod in seen.values()} for of in ("node", "zone"))
    newest = max((pod.created for pod in _own_pods(s)), default=None)
    shared = len(seen) == 1 or (len(nodes) == 1 and "" not in nodes)
    if not shared and (len(zones) > 1 or "" in zones):
        return []
    return [
        ReplacedPod(
            name=name,
            node=pod.node if pod else "",
            zone="" if shared or pod is None else pod.zone,
            since=s.now,
            newest=newest,
        )
        for name, pod in seen.items()
    ]


def _are_most_of_all(s: Situation, pods: Collection[str]) -> bool:
    """Of the pods that the candidate has now: others may have left since they were counted. Some
    may have become ready since pods were listed."""
    own = {pod.name for pod in _own_pods(s)}
    return 2 * len(own.intersection(pods)) > max(len(own), s.world.ready(s.candidate.revision))


def _is_known_to_be_bad(s: Situation, evicted: list[ReplacedPod]) -> bool:
    """Whether these pods are where others were bad before, and it was shown to be the place."""
    gone = _own_replaced(s)
    seen = (s.world.listed.get(each.name) for each in evicted)
    there = all(pod is not None and _is_in_its_place(pod, gone[0]) for pod in seen)
    return bool(s.candidate.node_suspected) and there and len(gone) + len(evicted) <= MOST_EVICTED


def _is_bad_for_stable_too(s: Situation, gone: ReplacedPod) -> bool:
    """Whether a pod of stable is suspect in the same place: then it is the place, whose failures
    clients have with stable as well, so that nothing is won by a rollback."""
    names = {pod.name for check in s.candidate.checks for pod in suspects(check.state)}
    seen = (s.world.listed.get(name) for name in names)
    return any(pod is not None and _is_in_its_place(pod, gone) for pod in seen)


def _is_in_its_place(pod: SeenPod, gone: ReplacedPod) -> bool:
    """Whether it is in the zone or on the node where another was."""
    if gone.zone:
        return pod.zone == gone.zone
    return bool(gone.node) and pod.node == gone.node


def _came_after(pod: SeenPod, gone: ReplacedPod) -> bool:
    """Whether it was created later than the pods that were there when another was to be evicted.
    Without such a pod, as in the status of an older operator, the operator's clock must do."""
    return pod.created >= int(gone.since) if gone.newest is None else pod.created > gone.newest


def _own_replaced(s: Situation) -> list[ReplacedPod]:
    return [each for each in s.candidate.replaced if not each.of_stable]


def _own_pods(s: Situation) -> list[SeenPod]:
    """Of the candidate, as last listed."""
    own = s.candidate.revision
    return [pod for pod in s.world.listed.values() if pod.revision == own and not pod.leaving]


def _place(gone: ReplacedPod) -> str:
    return f"zone {gone.zone}" if gone.zone else _node(gone)


def _node(gone: ReplacedPod) -> str:
    return f"node {gone.node}" if gone.node else "a node that is not known"


def _pods(pods: Iterable[ReplacedPod]) -> str:
    return named("Pod", [f"{each.name} on {_node(each)}" for each in pods], ("is", "are"))


def _were_bad(gone: Iterable[ReplacedPod]) -> str:
    pods = [f"{each.name} on {_node(each)}" for each in gone]
    return named("pod", pods, ("was bad", "were bad"))
