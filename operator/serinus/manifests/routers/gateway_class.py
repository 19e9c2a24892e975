"""What the controller of a Gateway can do, as its GatewayClass says in status.supportedFeatures.

The field is in the standard channel of the Gateway API since 1.4, and an implementation must write
it before it accepts the class. In the experimental channel it was a list of names before 1.2, and
has been one of objects since; a class may still have the former.
"""

from collections.abc import Mapping
from typing import Final

from serinus.api.capabilities import Capability
from serinus.manifests.kinds import GATEWAY_CLASS, HTTP_ROUTE, Kind
from serinus.manifests.owner import Manifest
from serinus.manifests.routers.router import Need

_FEATURES: Final[Mapping[str, Mapping[Capability, str]]] = {
    HTTP_ROUTE.name: {Capability.MIRROR: "HTTPRouteRequestPercentageMirror"}
}
"""By kind of route, what a class lists whose controller can do what is not part of every
implementation."""


def features_of(route: Kind) -> Mapping[Capability, str]:
    """Those of a kind of route, each with the capability for which it stands."""
    return _FEATURES.get(route.name, {})


def class_of(gateway: Manifest) -> Need:
    """The class of a Gateway."""
    return GATEWAY_CLASS.name, "", gateway["spec"]["gatewayClassName"]


def unlisted(feature: str, gateway: Manifest, live: Manifest | str | None) -> str:
    """That the class of a Gateway does not list a feature, or why it could not be read; empty: it
    lists it, or it lists nothing, or there is none."""
    namespace, name = gateway["metadata"]["namespace"], gateway["metadata"]["name"]
    whose = f"{' '.join(filter(None, class_of(gateway)))} of Gateway {namespace}/{name}"
    if live is None:
        return ""
    if isinstance(live, str):
        return f"{whose}, which says whether it can, cannot be read: {live}"
    features = (live.get("status") or {}).get("supportedFeatures") or []
    listed = {each if isinstance(each, str) else each["name"] for each in features}
    if not listed or feature in listed:
        return ""
    return (
        f"{whose} does not list {feature} in status.supportedFeatures: use a Gateway whose class "
        "does, or remove the step"
    )
