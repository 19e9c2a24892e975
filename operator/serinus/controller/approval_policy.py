"""Whether approvals can be trusted. The operator cannot see who wrote an annotation.

An approval counts if the admission policy of the chart was in force before it was written. So that
is asked from when one is awaited.
"""

from typing import Final

from serinus.api.base import rfc3339
from serinus.cluster import ApiError, Cluster
from serinus.controller.admission import why_not_in_force
from serinus.controller.object_state import ObjectState, PolicyInForce
from serinus.manifests.owner import Manifest
from serinus.plan.observe import COMMAND
from serinus.plan.situation import ApprovalPolicy

FORGED: Final = "approve/forged"
"""A command that is in no annotation, so the policy refuses a status that says it was obeyed."""
REFUSAL: Final = "a status cannot contain an approval"
"""Words of the policy."""
ASK_AGAIN: Final = 60.0
"""Seconds after which it is asked again while the command is the same: an audit log may have each
refusal."""
NOT_IN_FORCE: Final = (
    "Nobody can approve: the admission policy of Serinus is not in force in this namespace, so "
    "anybody who may edit this ModelDeployment could write an approval. Install "
    "templates/approvals.yaml of the chart, which is part of each release with scope Cluster."
)


async def approval_policy(
    cluster: Cluster, live: Manifest, state: ObjectState, now: float
) -> ApprovalPolicy:
    """Ask the API server, unless it has answered for this command lately.

    Raises ApiError if the object has changed meanwhile.
    """
    command = (live["metadata"].get("annotations") or {}).get(COMMAND, "")
    known = state.policy_in_force
    if known is None or known.command != command or not 0 <= now - known.at < ASK_AGAIN:
        if problem := await _problem(cluster, live, now):
            state.policy_in_force = None
            return ApprovalPolicy(problem)
        known = PolicyInForce(known.before if known else command, command, now)
        state.policy_in_force = known
    return ApprovalPolicy(older=command == known.before)


async def _problem(cluster: Cluster, live: Manifest, now: float) -> str:
    forged = {"command": {"command": FORGED, "outcome": "", "at": rfc3339(now)}}
    try:
        return await why_not_in_force(cluster, live, forged, REFUSAL, NOT_IN_FORCE)
    except ApiError as error:
        if error.conflict or error.absent:
            raise
        return f"It is unknown whether the admission policy of Serinus is in force: {error}"
