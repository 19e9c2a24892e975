"""Revisions are named by what the user wrote, for ever."""

import json
from typing import Any

import pytest

from serinus.api.spec import Spec
from serinus.manifests.owner import Owner
from serinus.manifests.revision import Revision, revision_hash

OWNER = Owner("shop", "fraud", "4f7c")
TEMPLATE: dict[str, Any] = {
    "spec": {
        "containers": [
            {"name": "model", "image": "registry/fraud:1", "ports": [{"containerPort": 8080}]}
        ]
    }
}
MODEL = {"storageUri": "pvc://models/fraud", "version": "2026-11"}


@pytest.mark.parametrize(
    ("model", "template", "expected"),
    [
        (None, TEMPLATE, "ad2jwt84"),
        (MODEL, TEMPLATE, "acqqdgtr"),
        ({}, TEMPLATE, "ab5j782z"),
        (None, {"spec": {"containers": []}, "metadata": {"labels": {"naïve": "日本"}}}, "am9vccbf"),
        (None, {"spec": {"x": [1, 1.5, True, False, "1"]}}, "a6cjdthf"),
    ],
)
def test_a_hash_never_changes_or_every_running_revision_would_restart(
    model: dict[str, Any] | None, template: dict[str, Any], expected: str
) -> None:
    assert revision_hash(model, template) == expected


def test_a_hash_can_be_part_of_a_name() -> None:
    name = revision_hash(MODEL, TEMPLATE)
    assert len(name) == 8
    assert name.isalnum()
    assert name[0].isalpha()


def test_the_order_of_keys_does_not_matter() -> None:
    turned = json.loads(json.dumps(TEMPLATE), object_pairs_hook=lambda p: dict(reversed(p)))
    assert revision_hash(dict(reversed(MODEL.items())), turned) == revision_hash(MODEL, TEMPLATE)


def test_the_order_of_a_list_matters() -> None:
    one, two = {"spec": {"args": ["a", "b"]}}, {"spec": {"args": ["b", "a"]}}
    assert revision_hash(None, one) != revision_hash(None, two)


def test_null_is_as_good_as_absent() -> None:
    container = {**TEMPLATE["spec"]["containers"][0], "env": None}
    with_null = {"metadata": None, "spec": {"containers": [container], "volumes": None}}
    assert revision_hash(None, with_null) == revision_hash(None, TEMPLATE)
    assert revision_hash({**MODEL, "version": None}, TEMPLATE) == revision_hash(
        {"storageUri": MODEL["storageUri"]}, TEMPLATE
    )


@pytest.mark.parametrize(
    "template",
    [
        {**TEMPLATE, "metadata": {"labels": {"team": "risk"}}},
        {"spec": {**TEMPLATE["spec"], "terminationGracePeriodSeconds": 0}},
        {"spec": {**TEMPLATE["spec"], "hostNetwork": False}},
    ],
)
def test_whatever_else_the_user_writes_is_another_revision(template: dict[str, Any]) -> None:
    assert revision_hash(None, template) != revision_hash(None, TEMPLATE)


def test_a_model_and_a_template_do_not_stand_in_for_each_other() -> None:
    assert revision_hash({"version": "1"}, TEMPLATE) != revision_hash({"version": "2"}, TEMPLATE)
    assert revision_hash({"version": "1"}, TEMPLATE) != revision_hash(None, TEMPLATE)


def test_what_is_beside_model_and_template_changes_no_revision() -> None:
    spec = {"template": TEMPLATE, "replicas": 3}
    changed = {**spec, "replicas": 9, "rollout": {"steps": []}}
    assert Revision.of(spec, 1) == Revision.of(changed, 1)


def test_the_typed_spec_keeps_the_template_as_it_was_written() -> None:
    # were it otherwise, a hash would depend on the version of the types
    raw = {"template": {**TEMPLATE, "metadata": {"annotations": {"a": "1"}}}}
    assert Spec.model_validate(raw).template == raw["template"]


def test_a_revision_is_read_back_from_the_history_as_it_was_kept() -> None:
    for model in (MODEL, None):
        revision = Revision.of({"template": TEMPLATE, "model": model}, 7)
        kept = json.loads(json.dumps(revision.manifest(OWNER)))
        assert Revision.read(kept) == revision


def test_the_history_is_kept_in_a_controller_revision() -> None:
    revision = Revision.of({"template": TEMPLATE, "model": MODEL}, 7)
    kept = revision.manifest(OWNER)
    assert (kept["apiVersion"], kept["kind"]) == ("apps/v1", "ControllerRevision")
    assert kept["metadata"]["name"] == f"fraud-{revision.hash}"
    assert kept["revision"] == 7
    assert kept["data"] == {"model": MODEL, "template": TEMPLATE}
    assert revision.version == "2026-11"


CONTAINER: dict[str, Any] = TEMPLATE["spec"]["containers"][0]


@pytest.mark.parametrize(
    "data",
    [
        None,
        "text",
        [TEMPLATE],
        7,
        {},
        {"template": None},
        {"template": "text"},
        {"template": {"spec": "text"}},
        {"template": {"spec": {}}},
        {"template": {"spec": {"containers": []}}},
        {"template": {"spec": {"containers": "text"}}},
        {"template": {"spec": {"containers": [CONTAINER, 7]}}},
        {"template": {"spec": {"containers": [{**CONTAINER, "ports": "text"}]}}},
        {"template": {"spec": {"containers": [{**CONTAINER, "ports": [7]}]}}},
        {"template": {"spec": {"containers": [{**CONTAINER, "ports": []}]}}},
        {"template": {"spec": {"containers": [{**CONTAINER, "ports": [{"name": "http"}]}]}}},
        {"template": {"spec": {"containers": [{**CONTAINER, "env": "text"}]}}},
        {"template": {"spec": {**TEMPLATE["spec"], "initContainers": [7]}}},
        {"template": {"spec": {**TEMPLATE["spec"], "volumes": "text"}}},
        {"template": {**TEMPLATE, "metadata": "text"}},
        {"template": {**TEMPLATE, "metadata": {"labels": "text"}}},
        {"template": TEMPLATE, "model": "text"},
        {"template": TEMPLATE, "model": {"version": 7}},
        {"template": TEMPLATE, "model": {"storageUri": {}}},
    ],
)
def test_other_data_than_ours_is_no_revision(data: Any) -> None:
    """Anybody may create a ControllerRevision: one that cannot be read would end every pass."""
    kept = Revision("abcdefgh", 1, MODEL, TEMPLATE).manifest(OWNER)
    assert Revision.read(kept)
    assert Revision.read({**kept, "data": data}) is None
