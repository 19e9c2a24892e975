"""The JSON Schema of a manifest, for editors, generated from the types as the CRD is."""

from typing import Any, Final

from serinus.api.base import FOR_EDITORS, LONGEST_NAME, NAME_PATTERN
from serinus.api.crd import GROUP, KIND, VERSION
from serinus.api.spec import Spec
from serinus.api.template import Schema

_DRAFT: Final = "http://json-schema.org/draft-07/schema#"
"""The newest that the YAML language server supports completely."""
_FOR_THE_API_SERVER: Final = "x-kubernetes-"


def manifest_schema() -> Schema:
    """Of a ModelDeployment as a user writes it. Rules in CEL, and what only the operator's own
    validation finds, are not in it."""
    spec = _plain(Spec.model_json_schema(mode="validation", by_alias=True))
    types = spec.pop("$defs", {})
    name = {"type": "string", "maxLength": LONGEST_NAME, "pattern": NAME_PATTERN}
    return {
        "$schema": _DRAFT,
        "title": KIND,
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": False,
        "properties": {
            "apiVersion": {"const": f"{GROUP}/{VERSION}"},
            "kind": {"const": KIND},
            "metadata": {"type": "object", "required": ["name"], "properties": {"name": name}},
            "spec": spec,
            "status": {"type": "object", "description": "Written by the operator."},
        },
        "$defs": types,
    }


def _plain(node: Any) -> Any:
    """With the patterns of strings, and without what only the API server knows."""
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if not isinstance(node, dict):
        return node
    plain = {
        key: _plain(value)
        for key, value in node.items()
        if key != FOR_EDITORS and not key.startswith(_FOR_THE_API_SERVER)
    }
    return {**plain, **node.get(FOR_EDITORS, {})}
