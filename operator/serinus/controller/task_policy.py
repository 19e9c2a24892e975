"""Whether the API server reviews who writes a task. The operator cannot see who wrote a spec.

The admission policy of the chart does. The probe of it names the kind, since a policy of another
release may review other kinds.
"""

from collections.abc import Iterable
from typing import Final

from serinus.api.spec import Spec
from serinus.api.task_kinds import TaskKind
from serinus.cluster import ApiError, Cluster
from serinus.controller.admission import why_not_in_force
from serinus.controller.object_state import ObjectState, TaskPolicyAsked
from serinus.manifests.owner import Manifest
from serinus.plan.situation import TaskPolicy
from serinus.plan.task_review import kind_of

PROBE: Final = "reviewed/"
"""What a status that is refused begins its `retraining.waiting` with, followed by the kind."""
TASK_REFUSAL: Final = "a status cannot contain a probe of the admission policy"
"""Words of the policy."""
ASK_AGAIN: Final = 600.0
"""Seconds after which it is asked again for the same task: an audit log may have each refusal."""
NOT_REVIEWED: Final = (
    "the admission policy of Serinus that reviews whether its writer may run it is not in force in "
    "this namespace. Install templates/retraining.yaml of the chart, which is part of each release "
    "with scope Cluster and taskKinds."
)


async def task_policy(
    cluster: Cluster,
    live: Manifest,
    spec: Spec,
    kinds: Iterable[TaskKind],
    state: ObjectState,
    now: float,
) -> TaskPolicy | None:
    """Ask the API server, unless it has answered for this task lately; None: there is none, or its
    kind is not allowed.

    Raises ApiError if the object has changed meanwhile.
    """
    retrain = spec.monitoring.retrain if spec.monitoring else None
    task = retrain.task if retrain else None
    allowed = kind_of(kinds, task) if task else None
    if task is None or allowed is None:
        state.task_policy = None
        return None
    asked = state.task_policy
    if asked is None or asked.digest != task.digest or not 0 <= now - asked.at < ASK_AGAIN:
        policy = await _ask(cluster, live, allowed)
        if policy.unknown:
            return policy
        asked = state.task_policy = TaskPolicyAsked(task.digest, policy, now)
    return asked.policy


async def _ask(cluster: Cluster, live: Manifest, allowed: TaskKind) -> TaskPolicy:
    probe = {"retraining": {"waiting": f"{PROBE}{allowed.api_version}/{allowed.kind}"}}
    try:
        problem = await why_not_in_force(cluster, live, probe, TASK_REFUSAL, NOT_REVIEWED)
    except ApiError as error:
        if error.conflict or error.absent:
            raise
        return TaskPolicy(f"it is unknown whether its writer may run it: {error}.", unknown=True)
    return TaskPolicy(problem)
