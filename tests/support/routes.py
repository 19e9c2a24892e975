"""What a route at a gateway does with requests."""

from typing import Any

Manifest = dict[str, Any]


def weights(route: Manifest) -> dict[str, int]:
    """Weight by Service, in the first rule that leads to the model: a preview's come last."""
    backends = [each for rule in _split(route) for each in rule.get("backendRefs") or []]
    return {each["name"]: each.get("weight", 1) for each in backends}


def _split(route: Manifest) -> list[Manifest]:
    return [each for each in route["spec"].get("rules") or [] if each.get("backendRefs")][:1]


def copies(route: Manifest) -> dict[str, int]:
    """Percentage of the requests that are copied, by Service."""
    filters = [each for rule in _split(route) for each in rule.get("filters") or []]
    mirrors = [each["requestMirror"] for each in filters if "requestMirror" in each]
    return {each["backendRef"]["name"]: each.get("percent", 100) for each in mirrors}


def previewed(route: Manifest) -> list[tuple[dict[str, str], list[str]]]:
    """Header fields, and the Services to which requests that have them go."""
    return [
        (fields, [each["name"] for each in rule.get("backendRefs") or []])
        for rule in (route["spec"].get("rules") or [])[1:]
        if (fields := _fields(rule))
    ]


def _fields(rule: Manifest) -> dict[str, str]:
    """Header fields of its matches; empty: it is no preview's."""
    matches = rule.get("matches") or []
    return {each["name"]: each["value"] for match in matches for each in match.get("headers") or []}
