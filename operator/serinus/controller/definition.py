"""Whether the definition on the cluster has every field of the status that this version writes."""

import logging
from typing import Final

from serinus.api.crd import lacking, structural
from serinus.api.status import Status
from serinus.cluster import ApiError, Cluster

log = logging.getLogger(__name__)

REMEDY: Final = "Upgrade the chart, or run kubectl apply --server-side -f crds/."
"""Against a definition that is older than the operator."""
_NAMED: Final = 5
"""Fields that a message names."""


async def warn_of_an_older_definition(cluster: Cluster) -> None:
    """Log which fields it lacks. Every user may read the API server's own description of it."""
    try:
        served = await cluster.served_schema("ModelDeployment")
    except ApiError as error:
        log.info("the definition of ModelDeployments cannot be compared: %s", error)
        return
    status = served.get("properties", {}).get("status", {})
    missing = list(lacking(structural(Status, defaults=False), status, "status"))
    if missing:
        named = ", ".join(missing[:_NAMED]) + (" and others" if missing[_NAMED:] else "")
        log.warning(
            "the CustomResourceDefinition of ModelDeployments is older than this operator and has "
            "no %s: the API server will refuse statuses with such fields. %s",
            named,
            REMEDY,
        )
