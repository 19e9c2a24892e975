"""Whether an admission policy of the chart is in force in a namespace.

The policy refuses a status that no other one refuses. To send that as a dry run needs no permission
to read policies, and shows what is in force.
"""

from serinus.cluster import Cluster
from serinus.manifests.owner import Manifest


async def why_not_in_force(
    cluster: Cluster, live: Manifest, probe: Manifest, words: str, otherwise: str
) -> str:
    """Empty: the policy refuses the probe, a part of the status, in these words. If it does not,
    `otherwise`, and what else answers.

    Raises ApiError if that is unknown, `conflict` if the object has changed meanwhile.
    """
    refusal = await cluster.refusal_of_status(live, probe)
    if refusal is None:
        return otherwise
    # not in any other error, which may quote what a user has written
    if refusal.startswith("403 ") and f"denied request: {words}" in refusal:
        return ""
    return f"{otherwise} Something else answers: {refusal}."
