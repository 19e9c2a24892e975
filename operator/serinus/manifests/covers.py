"""Whether the desired state is already in effect, so that no write is needed."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any, Final

from serinus.manifests.kinds import KINDS
from serinus.manifests.owner import ADOPT_ANNOTATION, WITHDRAWN, Manifest

_EXACT: Final = frozenset[str]().union(*(kind.exact for kind in KINDS.values()))
"""Where an additional key changes the meaning; elsewhere it is a default of the server, or an
addition of another manager."""
_HARMLESS: Final = {"rules": frozenset({"name", "retry", "timeouts"})}
"""Keys of the items of such a list that do not affect who gets the traffic."""

_MERGED_BY: Final = {
    **dict.fromkeys(("containers", "initContainers", "env", "volumes"), ("name",)),
    **dict.fromkeys(("imagePullSecrets", "resourceClaims"), ("name",)),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "ownerReferences": ("uid",),
}
"""Lists whose items server-side apply identifies by these keys: an item of another field manager is
kept, and does not affect ours. All other lists are compared as a whole."""
_PORTS: Final = ("containerPort", "port")
"""Ports are identified by one of these and by their protocol."""

_QUANTITIES: Final = frozenset({"limits", "requests", "overhead"})
_QUANTITY: Final = frozenset({"sizeLimit", "divisor", "storage"})
_ZERO_IS_NONE: Final = frozenset(
    {"hostNetwork", "hostPID", "hostIPC", "readOnly", "stdin", "stdinOnce", "tty"}
    | {"hostPort", "initialDelaySeconds", "publishNotReadyAddresses"}
)
"""Fields of which the server drops false and 0; it keeps those of all others."""

_FILLED_IN: Final[Mapping[str, tuple[Any, ...]]] = {
    # of an image without a tag, or with the tag latest: Always
    **dict.fromkeys(("imagePullPolicy", "pullPolicy"), ("Always", "IfNotPresent")),
    "apiVersion": ("v1",),  # of a fieldRef
    "dnsPolicy": ("ClusterFirst",),
    "failureThreshold": (3,),
    "iscsiInterface": ("default",),
    "path": ("/",),  # of an httpGet
    "periodSeconds": (10,),
    "protocol": ("TCP",),
    "schedulerName": ("default-scheduler",),
    "scheme": ("HTTP",),
    "successThreshold": (1,),
    "terminationMessagePath": ("/dev/termination-log",),
    "terminationMessagePolicy": ("File",),
    "timeoutSeconds": (1,),
}
"""The server's default for a field of a pod that is "" or 0; it keeps or drops all others."""
_FREE: Final = frozenset({"labels", "annotations", "nodeSelector"})
"""Maps with keys chosen by the user."""

_SUFFIXES: Final = {
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate(("", *"kMGTPE"))},
    **{suffix: Decimal(1000) ** -power for power, suffix in enumerate("mun", start=1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}
_SHOWN: Final = 60
"""Characters of a value shown in a difference."""


def covers(live: Manifest, desired: Manifest) -> bool:
    """Whether applying `desired` would change nothing that matters in `live`.

    Additions by the server or another field manager are tolerated, unless they change the meaning
    of our fields: another key in a selector, another backend or filter in a route.
    """
    return next(differences(live, desired), None) is None


def differences(live: Manifest, desired: Manifest) -> Iterator[str]:
    """How `live` differs from `desired`: the path of each field, and its value."""
    heads = ("apiVersion", "kind")
    for key, wanted in over(live, desired).items():
        if key not in heads:
            yield from _differences(live.get(key), wanted, key, key)
    marks = [_annotations(each) for each in (live, desired)]
    if WITHDRAWN in marks[0] and WITHDRAWN not in marks[1]:
        yield f"metadata.annotations has {WITHDRAWN}"


def over(live: Manifest, desired: Manifest) -> Manifest:
    """What to apply over an existing object: a Service keeps its type, unless that type cannot lead
    to pods, and an adopted one keeps the number and name of its port, which its clients use."""
    if desired.get("kind") != "Service" or "spec" not in live:
        return desired
    spec = dict(desired["spec"])
    if live["spec"].get("type") == "ExternalName":
        spec |= {"type": "ClusterIP", "externalName": ""}
    if _annotations(live).get(ADOPT_ANNOTATION) == desired["metadata"]["name"]:
        [ours] = spec["ports"]
        spec["ports"] = [_port_handed_over(live, ours, taken=_is_taken(live, desired))]
    return {**desired, "spec": spec}


def _is_taken(live: Manifest, desired: Manifest) -> bool:
    """Whether an adopted object was already written by us."""
    owners = {each["uid"] for each in live["metadata"].get("ownerReferences") or []}
    return {each["uid"] for each in desired["metadata"]["ownerReferences"]} <= owners


def _port_handed_over(live: Manifest, ours: Manifest, *, taken: bool) -> Manifest:
    """Our port, with the number and name of the existing port that it replaces: the one with the
    same name or none, otherwise the one that was replaced before (known by its appProtocol, which
    we set), otherwise the one that leads to the same port, has our number, or is the only one."""
    had = [port for port in live["spec"].get("ports") or [] if port.get("protocol") != "UDP"]
    found = (
        [port for port in had if port.get("name", "") in ("", ours["name"])]
        or [port for port in had if taken and port.get("appProtocol")]
        or [port for port in had if port.get("targetPort") == ours["targetPort"]]
        or [port for port in had if port["port"] == ours["port"] or len(had) == 1]
    )
    before = found[0] if found else ours
    return {**ours, "port": before["port"], "name": before.get("name") or ours["name"]}


def ports_anew(live: Manifest, desired: Manifest) -> list[Manifest] | None:
    """All ports of a Service that cannot be applied; None if it can be.

    Server-side apply identifies ports by number, and so adds ours beside one with another number:
    the API server rejects that if it has the same name or none. Other ports stay.
    """
    if desired["kind"] != "Service":
        return None
    [ours] = desired["spec"]["ports"]
    in_the_way = _in_the_way(live, ours)
    if not in_the_way:
        return None
    theirs = [
        port
        for port in live["spec"]["ports"]
        if port not in in_the_way and _key_of(port, "ports") != _key_of(ours, "ports")
    ]
    return [{**in_the_way[0], **ours}, *theirs]


def _in_the_way(live: Manifest, ours: Manifest) -> list[Manifest]:
    """Ports with another number that prevent the API server from accepting ours."""
    return [
        port
        for port in live["spec"].get("ports") or []
        if port.get("name", "") in ("", ours["name"])
        and _key_of(port, "ports") != _key_of(ours, "ports")
    ]


def _annotations(each: Manifest) -> Manifest:
    return (each.get("metadata") or {}).get("annotations") or {}


def unlike(live: Manifest, desired: Manifest) -> str | None:
    """How it differs, as a message; None if it does not."""
    found = list(islice(differences(live, desired), 4))
    if not found:
        return None
    more = ", …" if len(found) > 3 else ""
    what = f"{desired['kind']} {desired['metadata']['name']}"
    return f"{what} differs from the desired state: {', '.join(found[:3])}{more}."


def _differences(
    live: Any, desired: Any, path: str, key: str, parent: str = "", exact: bool = False
) -> Iterator[str]:
    exact = exact or key in _EXACT
    if exact and live == desired:
        return  # however deep it is
    if live is None:
        if not _empty(desired, key) or (exact and desired is not None):
            yield f"{path} is missing"
    elif isinstance(desired, dict) and isinstance(live, dict):
        for name, value in desired.items():
            if isinstance(value, str) and value == live.get(name):
                continue  # as most fields are
            yield from _differences(live.get(name), value, f"{path}.{name}", name, key, exact)
        for name in sorted(set(live) - set(desired)) if exact else ():
            if name not in _HARMLESS.get(parent, ()):
                yield f"{path}.{name} should not be there"
    elif isinstance(desired, list) and isinstance(live, list):
        yield from _of_lists(live, desired, path, key, exact)
    elif exact:
        if live != desired:
            yield _other(path, live, desired)
    elif parent in _QUANTITIES or key in _QUANTITY:
        if live != desired and not _quantity(live) == _quantity(desired) is not None:
            yield _other(path, live, desired)
    elif parent not in _FREE and _filled_in(live, desired, key):
        return
    elif desired is not None and not _same(live, desired):
        yield _other(path, live, desired)


def _of_lists(
    live: list[Any], desired: list[Any], path: str, key: str, exact: bool
) -> Iterator[str]:
    ours, theirs = _by_key(desired, key), _by_key(live, key)
    if not exact and ours is not None and theirs is not None:
        for index, (name, item) in enumerate(ours.items()):
            yield from _differences(theirs.get(name), item, f"{path}[{index}]", "", key)
        return
    for index, (item, wanted) in enumerate(zip(live, desired, strict=False)):
        yield from _differences(item, wanted, f"{path}[{index}]", "", key, exact)
    for index in range(len(desired), len(live)):
        yield f"{path}[{index}] should not be there"
    for index in range(len(live), len(desired)):
        yield f"{path}[{index}] is missing"


def _by_key(items: list[Any], field: str) -> Mapping[tuple[Any, ...], Any] | None:
    """The items by their key; None if they are compared as a whole, or if two have the same key."""
    found = {}
    for item in items:
        name = _key_of(item, field)
        if name is None or name in found:
            return None
        found[name] = item
    return found


def _key_of(item: Any, field: str) -> tuple[Any, ...] | None:
    if not isinstance(item, dict):
        return None
    if field == "ports":
        number = next((item[name] for name in _PORTS if name in item), None)
        return None if number is None else (number, item.get("protocol") or "TCP")
    names = _MERGED_BY.get(field)
    return tuple(item.get(name) for name in names) if names else None


def _other(path: str, live: Any, desired: Any) -> str:
    texts = (json.dumps(value, ensure_ascii=False) for value in (live, desired))
    shown = [t if len(t) <= _SHOWN else f"{t[:_SHOWN]}…" for t in texts]
    return f"{path} is {shown[0]} instead of {shown[1]}"


def _same(live: Any, desired: Any) -> bool:
    return type(live) is type(desired) and bool(live == desired)


def _filled_in(live: Any, desired: Any, key: str) -> bool:
    return desired in ("", 0) and live in _FILLED_IN.get(key, ())


def _empty(desired: Any, key: str) -> bool:
    if isinstance(desired, dict):
        return all(_empty(value, name) for name, value in desired.items())
    return desired in (None, "", []) or (not desired and key in _ZERO_IS_NONE)


def _quantity(value: Any) -> Decimal | None:
    """A Kubernetes quantity as a number; None if it is not one."""
    text = str(value)
    digits = text.rstrip("numkKMGTPEi")
    try:
        return Decimal(digits) * _SUFFIXES[text[len(digits) :]]
    except (InvalidOperation, KeyError):
        return None
