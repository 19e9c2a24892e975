"""A rule of a route, as users write it: the part of its schema that Serinus reads. The API server
validates the rest when the route is written, so every version of the Gateway API may have more."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from serinus.api.problem import Problem
from serinus.api.template import Schema, of_schema

MOST_RULES: Final = 16
"""That the Gateway API allows in a route."""
_BACKENDS: Final = (
    "Serinus fills in backendRefs, the same for every rule: leave them out, and give a rule that "
    "leads elsewhere a route of its own"
)
_NO_RULE_LEADS_ON: Final = (
    "every rule is a RequestRedirect, so no request would reach the model: add a rule that is none"
)


def _any(description: str, **more: Any) -> Schema:
    """An object of which the Gateway API says what else it has."""
    return {
        "description": description,
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        **more,
    }


def _list(description: str, most: int, of: Schema) -> Schema:
    return {"description": description, "type": "array", "maxItems": most, "items": of}


RULE_SCHEMA: Final[Schema] = _any(
    "A rule, as in an HTTPRoute or GRPCRoute; Serinus fills in its backendRefs. A rule with a "
    "RequestRedirect gets none.",
    properties={
        "name": {"description": "Name of the rule.", "type": "string", "maxLength": 253},
        "matches": _list(
            "Which requests the rule is for; defaults to all.", 64, _any("Conditions of a request.")
        ),
        "filters": _list(
            "What is done to requests and responses.",
            16,
            _any(
                "A filter.",
                required=["type"],
                properties={
                    "type": {"description": "Its type.", "type": "string", "maxLength": 64}
                },
            ),
        ),
        "timeouts": _any("Timeouts of requests."),
        "retry": _any("When requests are retried."),
        "sessionPersistence": _any(
            "Requests of a session stay with one pod, and so with one revision."
        ),
        "backendRefs": _list("Must be left out.", 16, _any("A backend.")),
    },
    **{"x-kubernetes-validations": [{"rule": "!has(self.backendRefs)", "message": _BACKENDS}]},
)


def redirects(rule: Mapping[str, Any]) -> bool:
    """Whether the gateway answers itself, so that the rule may have no backends."""
    return any(each.get("type") == "RequestRedirect" for each in rule.get("filters") or ())


def keeps_sessions(rule: Mapping[str, Any]) -> bool:
    """Whether the requests of a session stay with one revision."""
    return rule.get("sessionPersistence") is not None


def of_rules(rules: Sequence[Mapping[str, Any]], field: str) -> Iterator[Problem]:
    """What the API server would reject in rules, as far as Serinus reads them, and rules of which
    none leads to the model."""
    found = [
        problem
        for index, rule in enumerate(rules)
        for problem in of_schema(RULE_SCHEMA, rule, f"{field}[{index}]")
    ]
    yield from found
    for index, rule in enumerate(rules):
        if "backendRefs" in rule:
            yield Problem(f"{field}[{index}].backendRefs", _BACKENDS)
    if rules and not found and all(map(redirects, rules)):
        yield Problem(field, _NO_RULE_LEADS_ON)
