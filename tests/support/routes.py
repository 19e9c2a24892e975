"""What a route at a gateway does with requests."""

from typing import Any

Manifest = dict[str, Any]


def weights(route: Manifest) -> dict[str, int]:
    """Weight by Service, in the first rule: those after it are for requests of their own."""
    rules = (route["spec"].get("rules") or [])[:1]
    backends = [each for rule in rules for each in rule.get("backendRefs") or []]
    return {each["name"]: each.get("weight", 1) for each in backends}


def copies(route: Manifest) -> dict[str, int]:
    """Percentage of the requests that are copied, by Service."""
    rules = (route["spec"].get("rules") or [])[:1]
    filters = [each for rule in rules for each in rule.get("filters") or []]
    mirrors = [each["requestMirror"] for each in filters if "requestMirror" in each]
    return {each["backendRef"]["name"]: each.get("percent", 100) for each in mirrors}


def previewed(route: Manifest) -> list[tuple[dict[str, str], list[str]]]:
    """Header fields, and the Services to which requests that have them go."""
    return [
        (
            {each["name"]: each["value"] for match in rule["matches"] for each in match["headers"]},
            [each["name"] for each in rule["backendRefs"]],
        )
        for rule in (route["spec"].get("rules") or [])[1:]
    ]
