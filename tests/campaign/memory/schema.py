"""What the API server does to an object of a kind that is defined: prune, default, refuse.

A structural schema as in
https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
without the rules in CEL.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

Schema = dict[str, Any]

CRD: Final = Path(__file__).parents[3] / "crds" / "modeldeployments.serinus.dev.yaml"
_TYPES: Final = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


@cache
def model_deployments() -> Schema:
    """The schema of ModelDeployments."""
    loaded = yaml.load(CRD.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    found: Schema = loaded["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def completed(value: Any, schema: Schema) -> Any:
    """The value without unknown fields and with defaults."""
    if isinstance(value, dict):
        return _completed_object(value, schema)
    if isinstance(value, list) and "items" in schema:
        return [completed(item, schema["items"]) for item in value]
    return value


def _completed_object(value: dict[str, Any], schema: Schema) -> dict[str, Any]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    done: dict[str, Any] = {}
    for key, field in value.items():
        if key in properties:
            told = properties[key]
            if field is None and not told.get("nullable") and "default" in told:
                continue  # a null that must not be is as good as absent where there is a default
            done[key] = completed(field, told)
        elif others is not None:
            done[key] = completed(field, others)
        elif schema.get("x-kubernetes-preserve-unknown-fields"):
            done[key] = field
    for key, told in properties.items():
        if key not in done and "default" in told:
            done[key] = told["default"]
    return done


def unknown(value: Any, schema: Schema, path: str = "") -> Iterator[str]:
    """Paths of fields that the schema does not know."""
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        for key, field in value.items():
            told = properties.get(key, others)
            if told is not None:
                yield from unknown(field, told, f"{path}.{key}" if path else key)
            elif not schema.get("x-kubernetes-preserve-unknown-fields"):
                yield f"{path}.{key}" if path else key
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from unknown(item, schema["items"], f"{path}[{index}]")


def wrong(value: Any, schema: Schema, path: str = "") -> Iterator[str]:
    """What keeps the API server from taking it, in its own words."""
    if value is None:
        if not schema.get("nullable") and "type" in schema:
            told = f'{path} in body must be of type {schema["type"]}: "null"'
            yield f'{path}: Invalid value: "null": {told}'
        return
    kind = schema.get("type")
    if kind and not _is(value, kind):
        yield f'{path}: Invalid value: "{type(value).__name__}": must be of type {kind}'
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f'{path}: Unsupported value: "{value}"'
    if isinstance(value, dict):
        yield from _wrong_object(value, schema, path)
    elif isinstance(value, list):
        yield from _wrong_list(value, schema, path)
    elif isinstance(value, str):
        yield from _wrong_text(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _wrong_number(value, schema, path)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[kind])  # type: ignore[arg-type]


def _wrong_object(value: dict[str, Any], schema: Schema, path: str) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}.{name}: Required value"
    if len(value) > schema.get("maxProperties", len(value)):
        yield f"{path}: Too many: {len(value)}: must have at most {schema['maxProperties']} items"
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    for key, field in value.items():
        told = properties.get(key, others)
        if told is not None:
            yield from wrong(field, told, f"{path}.{key}" if path else key)


def _wrong_list(value: list[Any], schema: Schema, path: str) -> Iterator[str]:
    if len(value) > schema.get("maxItems", len(value)):
        yield f"{path}: Too many: {len(value)}: must have at most {schema['maxItems']} items"
    if len(value) < schema.get("minItems", 0):
        yield f"{path}: Invalid value: should have at least {schema['minItems']} items"
    for index, item in enumerate(value):
        yield from wrong(item, schema.get("items", {}), f"{path}[{index}]")
    if keys := schema.get("x-kubernetes-list-map-keys"):
        named = [tuple(item.get(key) for key in keys) for item in value if isinstance(item, dict)]
        yield from (f"{path}: Duplicate value: {key}" for key in set(named) if named.count(key) > 1)


def _wrong_text(value: str, schema: Schema, path: str) -> Iterator[str]:
    if len(value) > schema.get("maxLength", len(value)):
        yield f"{path}: Too long: may not be more than {schema['maxLength']} bytes"
    if len(value) < schema.get("minLength", 0):
        yield f"{path}: Invalid value: should be at least {schema['minLength']} chars long"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: Invalid value: should match '{schema['pattern']}'"
    if schema.get("format") == "date-time":
        try:
            datetime.fromisoformat(value)
        except ValueError:
            yield f"{path}: Invalid value: must be of type date-time"


def _wrong_number(value: float, schema: Schema, path: str) -> Iterator[str]:
    least, most = schema.get("minimum", value), schema.get("maximum", value)
    if value < least or (value == least and schema.get("exclusiveMinimum")):
        yield f"{path}: Invalid value: {value}: should be greater than or equal to {least}"
    if value > most or (value == most and schema.get("exclusiveMaximum")):
        yield f"{path}: Invalid value: {value}: should be less than or equal to {most}"
