"""What the router cannot do, by what its controller says of itself. It is asked when a step is
about to need that, so that the operator need not watch what concerns few rollouts."""

from collections.abc import Mapping
from http import HTTPStatus

from serinus.api.capabilities import Capability
from serinus.api.spec import Spec
from serinus.cluster import ApiError, Cluster, Store
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.routers import router_for
from serinus.manifests.routers.router import Need


async def unable(
    cluster: Cluster, store: Store, owner: Owner, spec: Spec, needed: frozenset[Capability]
) -> Mapping[Capability, str]:
    """Of what is needed, what the router cannot do, each with the reason and the remedy.

    What says so may not exist, or the role may not allow to read it, as with a Role: then nothing
    is known. If it cannot be read for another reason, that is waited for.
    """
    router = router_for(spec)
    found = {need: live for need in router.needs(owner) if (live := store.get(*need)) is not None}
    told: dict[Need, Manifest | str] = {}
    for each in router.told_by(found, needed):
        try:
            told[each] = await cluster.get(*each)
        except ApiError as error:
            if not error.absent and error.status != HTTPStatus.FORBIDDEN:
                told[each] = str(error)
    return router.unable(found, told)
