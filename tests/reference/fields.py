"""The fields of a type and of the types below it, as tables, from the types themselves."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from serinus.api.base import KEPT, Type

Schema = Mapping[str, Any]

_RULES: Final = "x-kubernetes-validations"


def sections(root: type[Type]) -> Iterator[str]:
    """A section for each type, in the order in which its fields lead to them; without what only the
    operator reads."""
    schema = root.model_json_schema(by_alias=True)
    defined = schema.pop("$defs", {})
    enums = {name: each["enum"] for name, each in defined.items() if "enum" in each}
    types: dict[str, Schema] = _with_enums_inline({root.__name__: schema, **defined}, enums)
    order = [root.__name__]
    for name in order:  # grows meanwhile
        order += [each for each in dict.fromkeys(_named(types[name])) if each not in order]
    for name in order:
        yield _section(name, types)


def _with_enums_inline(node: Any, enums: Mapping[str, Any]) -> Any:
    """An enum is no type of its own to a reader: its values stand at the field."""
    if isinstance(node, list):
        return [_with_enums_inline(each, enums) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node and (values := enums.get(_type_name(node))):
        node = {**node, "enum": values}
        del node["$ref"]
    inline = {key: _with_enums_inline(each, enums) for key, each in node.items()}
    return {key: each for key, each in inline.items() if not _is_kept(each)}


def _is_kept(node: Any) -> bool:
    return isinstance(node, dict) and node.get(KEPT) is True


def _named(node: Any) -> list[str]:
    """The types that a schema refers to."""
    if isinstance(node, dict):
        own = [_type_name(node)] if "$ref" in node else []
        return own + [name for value in node.values() for name in _named(value)]
    return [name for value in node for name in _named(value)] if isinstance(node, list) else []


def _type_name(reference: Schema) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _section(name: str, types: Mapping[str, Schema]) -> str:
    """Users give the fields of a spec, whose types allow no others."""
    given = [] if types[name]["additionalProperties"] else types[name].get("required", [])
    rows = "".join(
        f"| `{field}` | {_type(of)} | {'required' if field in given else _default(of)} | "
        f"{_description(of, types)} |\n"
        for field, of in types[name]["properties"].items()
    )
    said = " ".join([*types[name].get("description", "").split(), *_rules(types[name])])
    heads = "| field | type | default | description |\n|---|---|---|---|"
    return f"### {name}\n\n{said}\n\n{heads}\n{rows}"


def _description(of: Schema, types: Mapping[str, Schema]) -> str:
    """The field's own, or that of its type, which is not repeated in the schema."""
    by_type = types[_type_name(of)].get("description", "") if "$ref" in of else ""
    said = " ".join(str(of.get("description", by_type)).split())
    return " ".join([said, *_rules(_present(of))]).replace("|", "\\|")


def _rules(of: Schema) -> list[str]:
    """What the API server says if a rule of CEL is broken."""
    said = [rule["message"] for rule in of.get(_RULES, ())]
    return [each[0].upper() + each[1:] + "." for each in said]


def _present(of: Schema) -> Schema:
    """X for what is X or null."""
    others = [each for each in of.get("anyOf", ()) if each.get("type") != "null"]
    return others[0] if others else of


def _type(of: Schema) -> str:
    of = _present(of)
    if "$ref" in of:
        name = _type_name(of)
        return f"[{name}](#{name.lower()})"
    if "enum" in of:
        return ", ".join(f"`{each}`" for each in of["enum"])
    if of.get("type") == "array":
        return f"list of{_range(of, 'Items')} {_type(of['items'])}"
    inner = of.get("additionalProperties")
    if isinstance(inner, dict):
        return f"map of{_range(of, 'Properties')} {_type(inner)}"
    plain = str(of.get("format", of.get("type", "any")))
    if limits := _range(of, "Length"):
        return f"{plain} ({limits.strip()} characters)"
    return f"{plain}{_range(of, 'imum')}"


def _range(of: Schema, what: str) -> str:
    """The bounds of a number, or of how many there may be, after a space; empty without any."""
    least, most = of.get(f"min{what}"), of.get(f"max{what}")
    if least is not None and most is not None:
        return f" {least:,} to {most:,}"
    above, below = of.get("exclusiveMinimum"), of.get("exclusiveMaximum")
    bounds = (
        ("at least", least),
        ("at most", most),
        ("above", above if what == "imum" else None),
        ("below", below if what == "imum" else None),
    )
    return "".join(f" {word} {bound:,}" for word, bound in bounds if bound is not None)


def _default(of: Schema) -> str:
    """Defaults of lists and objects are in the descriptions."""
    default = of.get("default")
    if default is None or isinstance(default, list | dict):
        return ""
    return f"`{default if isinstance(default, str) and default else json.dumps(default)}`"
