"""The CustomResourceDefinition: whole, described, bounded, and what the types say."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import Field

from serinus.api import crd
from serinus.api.base import Type
from serinus.api.spec import Model

Schema = dict[str, Any]


def version() -> Schema:
    found: Schema = crd.definition()["spec"]["versions"][0]
    return found


def root() -> Schema:
    found: Schema = version()["schema"]["openAPIV3Schema"]
    return found


def fields() -> Iterator[tuple[str, Schema]]:
    """All but metadata, which is the API server's own."""
    return (each for each in nodes(root()) if not each[0].startswith(".metadata"))


def nodes(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    yield path, schema
    for name, value in schema.get("properties", {}).items():
        yield from nodes(value, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if key in schema:
            yield from nodes(schema[key], path + mark)


def test_every_field_has_a_description() -> None:
    bare = [
        path
        for path, node in fields()
        if not path.endswith(("[]", "{}")) and not node.get("description", "").endswith(".")
    ]
    assert bare == []


def test_the_status_is_one_field_to_the_api_server_and_the_spec_is_many() -> None:
    atomic = [path for path, node in fields() if node.get("x-kubernetes-map-type") == "atomic"]
    assert ".status" in atomic
    assert ".spec" not in atomic


def test_everything_is_bounded() -> None:
    bounds = {"array": "maxItems", "string": "maxLength"}
    unbounded = [
        path
        for path, node in fields()
        if (bound := bounds.get(node["type"]))
        and bound not in node
        and not {"enum", "format"} & set(node)
    ]
    maps = [
        path
        for path, node in fields()
        if "additionalProperties" in node and "maxProperties" not in node
    ]
    assert unbounded + maps == []


def test_what_a_definition_drops_below_a_field_that_preserves_unknown_ones_is_named() -> None:
    text = {"type": "string"}
    keeping = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    weight = {"type": "object", "properties": {"since": text}}
    wanted = {**keeping, "properties": {"later": text, "weight": weight}}
    served = {**keeping, "properties": {"weight": {"type": "object", "properties": {}}}}
    assert list(crd.lacking(wanted, served, "status")) == ["status.weight.since"]
    assert list(crd.lacking(wanted, keeping, "status")) == []
    assert list(crd.lacking({"type": "array", "items": wanted}, keeping, "status")) == []


def test_no_list_or_object_is_filled_in_by_the_server() -> None:
    defaults = {path: node["default"] for path, node in nodes(root()) if "default" in node}
    assert defaults[".spec.replicas"] == 1
    assert defaults[".spec.rollout.analysis.interval"] == "15s"
    assert [path for path, value in defaults.items() if isinstance(value, list | dict)] == []


def test_nothing_in_a_list_that_is_applied_whole_is_filled_in_by_the_server() -> None:
    # the same manifest applied by a second field manager would differ from what is stored
    whole = [
        path
        for path, node in nodes(root())
        if node["type"] == "array" and node.get("x-kubernetes-list-type", "atomic") == "atomic"
    ]
    defaults = [path for path, node in nodes(root()) if "default" in node]
    inside = [path for path in defaults if any(path.startswith(f"{each}[]") for each in whole)]
    assert len(whole) > 10
    assert inside == []


def test_nothing_that_names_a_revision_is_filled_in_by_the_server() -> None:
    # a default in a later release would rename, and so restart, what runs
    spec = root()["properties"]["spec"]["properties"]
    named = [*nodes(spec["model"]), *nodes(spec["template"])]
    assert [path for path, node in named if "default" in node] == []


def test_a_pod_may_say_anything() -> None:
    template = root()["properties"]["spec"]["properties"]["template"]
    pod = template["properties"]["spec"]
    container = pod["properties"]["containers"]["items"]
    opened = [template, template["properties"]["metadata"], pod, container]
    assert all(node["x-kubernetes-preserve-unknown-fields"] for node in opened)


def test_it_is_structural() -> None:
    unknown = ("$ref", "$defs", "anyOf", "const", "title", "propertyNames")
    assert [path for path, node in nodes(root()) if set(unknown) & set(node)] == []


def test_kubectl_shows_where_a_rollout_stands() -> None:
    columns = {column["name"]: column for column in version()["additionalPrinterColumns"]}
    narrow = [name for name, column in columns.items() if not column.get("priority")]
    assert narrow == [
        "Phase", "Step", "Weight", "Wanted", "Stable", "Candidate", "Age",
    ]  # fmt: skip
    assert columns["Message"]["priority"] == 1


def test_each_column_and_scale_path_leads_to_a_field() -> None:
    paths = {path for path, _ in nodes(root())}
    columns = [column["jsonPath"] for column in version()["additionalPrinterColumns"]]
    scale = version()["subresources"]["scale"].values()
    assert {*columns, *scale} - {".metadata.creationTimestamp"} <= paths


def test_every_rule_says_why_it_refuses() -> None:
    rules = [rule for _, node in nodes(root()) for rule in node.get("x-kubernetes-validations", [])]
    assert len(rules) > 10
    assert all(rule["message"] for rule in rules)


def test_the_files_are_what_the_types_say() -> None:
    repository = Path(__file__).parents[3]
    assert crd.main(["--check", *(str(repository / path) for path in crd.PATHS)]) == 0


def test_a_stale_file_fails_the_check_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh, stale = tmp_path / "fresh.yaml", tmp_path / "stale.yaml"
    assert crd.main([str(fresh)]) == 0
    stale.write_text("kind: CustomResourceDefinition\n")
    assert crd.main(["--check", str(fresh), str(stale)]) == 1
    told = capsys.readouterr().err
    assert str(stale) in told
    assert str(fresh) not in told
    assert stale.read_text() == "kind: CustomResourceDefinition\n"


def test_the_file_says_that_it_is_generated_and_reads_back_the_same() -> None:
    text = crd.text()
    assert text.startswith("# Generated by")
    assert yaml.safe_load(text) == crd.definition()


class Tree(Type):
    branches: Annotated[list["Tree"], Field(max_length=2)]


class Either(Type):
    which: str | int


class Bounds(Type):
    kind: Literal["only"]
    share: Annotated[float, Field(gt=0, lt=1)]
    note: str | None = None
    fields: dict[Annotated[str, Field(max_length=3)], str]


@pytest.mark.parametrize("model", [Tree, Either])
def test_what_a_structural_schema_cannot_say_is_an_error(model: type[Type]) -> None:
    with pytest.raises(ValueError, match="not structural"):
        crd.structural(model, defaults=True)


def test_json_schema_is_said_in_the_words_of_a_structural_one() -> None:
    fields = crd.structural(Bounds, defaults=True)["properties"]
    assert fields["kind"] == {"type": "string", "enum": ["only"]}
    assert fields["share"]["minimum"] == 0
    assert fields["share"]["exclusiveMinimum"] is True
    assert fields["share"]["exclusiveMaximum"] is True
    assert fields["note"] == {"type": "string"}
    assert fields["fields"] == {"type": "object", "additionalProperties": {"type": "string"}}


def test_no_default_stands_where_it_is_not_wanted() -> None:
    spec = crd.structural(Model, defaults=False)
    assert [path for path, node in nodes(spec) if "default" in node] == []
