"""What the controller of a Gateway can do, as its GatewayClass says in status.supportedFeatures.

The field is in the standard channel of the Gateway API since 1.4, and an implementation must write
it before it accepts the class. In the experimental channel it was a list of names before 1.2, and
has been one of objects since; a class may still have the former.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from serinus.api.capabilities import Capability
from serinus.manifests.kinds import GATEWAY_CLASS, HTTP_ROUTE, Kind
from serinus.manifests.owner import Manifest
from serinus.manifests.routers.router import Need

_WHOLE: Final = "HTTPRouteRequestMirror"
_PERCENTAGE: Final = "HTTPRouteRequestPercentageMirror"
_FEATURES: Final[Mapping[str, Mapping[Capability, tuple[str, ...]]]] = {
    HTTP_ROUTE.name: {
        Capability.MIRROR: (_PERCENTAGE,),
        Capability.MIRROR_ALL: (_WHOLE, _PERCENTAGE),
    }
}
"""By kind of route, what a class lists whose controller can do what is not part of every
implementation: one of these."""


def features_of(route: Kind) -> Mapping[Capability, tuple[str, ...]]:
    """Those of a kind of route, by the capability for which they stand."""
    return _FEATURES.get(route.name, {})


def class_of(gateway: Manifest) -> Need:
    """The class of a Gateway."""
    return GATEWAY_CLASS.name, "", gateway["spec"]["gatewayClassName"]


def unlisted(features: Sequence[str], gateway: Manifest, live: Manifest | str | None) -> str:
    """That the class of a Gateway lists none of these features, or why it could not be read; empty:
    it lists one, or it lists nothing, or there is none."""
    namespace, name = gateway["metadata"]["namespace"], gateway["metadata"]["name"]
    whose = f"{' '.join(filter(None, class_of(gateway)))} of Gateway {namespace}/{name}"
    if live is None:
        return ""
    if isinstance(live, str):
        return f"{whose}, which says whether it can, cannot be read: {live}"
    found = (live.get("status") or {}).get("supportedFeatures") or []
    listed = {each if isinstance(each, str) else each["name"] for each in found}
    if not listed or listed.intersection(features):
        return ""
    return (
        f"{whose} does not list {features[0]} in status.supportedFeatures: use a Gateway whose "
        "class does, or remove the step"
    )
