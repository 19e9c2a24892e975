"""A rule of a route, as users write it: the part of its schema that Serinus reads. The API server
validates the rest when the route is written, so every version of the Gateway API may have more."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from serinus.api.problem import Problem
from serinus.api.template import Schema, of_schema

MOST_RULES: Final = 16
"""That the Gateway API allows in a route."""
MOST_MATCHES: Final = 128
"""Of all rules of a route."""
MOST_HEADERS: Final = 16
"""Of a match."""
HEADER_TWICE: Final = "header {} is listed twice, whatever the case of its letters"
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
    if found:
        return
    yield from _of_matches(rules, field)
    if rules and all(map(redirects, rules)):
        yield Problem(field, _NO_RULE_LEADS_ON)


def of_a_preview(
    rules: Sequence[Mapping[str, Any]], headers: Sequence[tuple[str, str]], field: str
) -> Iterator[Problem]:
    """What a route has no room for while people try the candidate by these header fields."""
    if any(of_rules(rules, field)):
        return  # they are told of, and may not be readable
    added = list[int]()
    for index, rule in enumerate(rules):
        found = [with_headers(each, headers) for each in _matches(rule)]
        added.append(0 if redirects(rule) else sum(each is not None for each in found))
        for number, each in enumerate(found):
            if added[-1] and each is not None and len(each["headers"]) > MOST_HEADERS:
                message = (
                    f"with those of a preview it has {len(each['headers'])}, and a match has at "
                    f"most {MOST_HEADERS}: leave out some of either"
                )
                yield Problem(f"{field}[{index}].matches[{number}].headers", message)
    if len(rules) + sum(map(bool, added)) > MOST_RULES:
        message = (
            f"a preview needs as many rules again, but for redirects, and a route has at most "
            f"{MOST_RULES}: leave out rules, or the preview"
        )
        yield Problem(field, message)
    if (count := sum(len(_matches(rule)) for rule in rules) + sum(added)) > MOST_MATCHES:
        message = (
            f"a preview needs as many matches again, but for redirects: {count} in all, and a "
            f"route has at most {MOST_MATCHES}: leave out matches, or the preview"
        )
        yield Problem(field, message)


def with_headers(
    match: Mapping[str, Any], headers: Sequence[tuple[str, str]]
) -> dict[str, Any] | None:
    """A match that wants these header fields too; None: it wants another value of one. The case of
    a name's letters makes no difference."""
    wanted = {name.lower(): value for name, value in headers}
    others = []
    for each in _headers(match):
        name = _header_name(each)
        if name not in wanted:
            others.append(each)
        elif (each.get("type", "Exact"), each.get("value")) != ("Exact", wanted[name]):
            return None
    added = [{"type": "Exact", "name": name, "value": value} for name, value in headers]
    return {**match, "headers": [*others, *added]}


def _of_matches(rules: Sequence[Mapping[str, Any]], field: str) -> Iterator[Problem]:
    for index, rule in enumerate(rules):
        for number, match in enumerate(_matches(rule)):
            names = [_header_name(each) for each in _headers(match)]
            for place, name in enumerate(names):
                if name and name in names[:place]:
                    where = f"{field}[{index}].matches[{number}].headers[{place}].name"
                    yield Problem(where, HEADER_TWICE.format(name))
    if (count := sum(len(_matches(rule)) for rule in rules)) > MOST_MATCHES:
        message = f"they have {count} matches, and a route has at most {MOST_MATCHES}"
        yield Problem(field, message)


def _matches(rule: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return rule.get("matches") or [{}]


def _headers(match: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The API server refuses what is left out here."""
    found = match.get("headers")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _header_name(header: Mapping[str, Any]) -> str:
    name = header.get("name")
    return name.lower() if isinstance(name, str) else ""
