"""Revisions are named by what the user wrote, for ever."""

import json
from dataclasses import replace
from typing import Any

import pytest

from serinus.api.spec import Spec
from serinus.manifests.owner import Owner
from serinus.manifests.revision import Revision, approval_digest, revision_hash
from serinus.metrics.pod_names import MAX_WORKLOAD
from tests.support.colliding import LONG_NAME, colliding

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
    ("model", "template", "earlier", "expected"),
    [
        (None, TEMPLATE, "ad2jwt84", "bd2jwt84x6qk9pzq"),
        (MODEL, TEMPLATE, "acqqdgtr", "bcqqdgtrnwlprfq2"),
        ({}, TEMPLATE, "ab5j782z", "bb5j782zkbhwh8gk"),
        (
            None,
            {"spec": {"containers": []}, "metadata": {"labels": {"naïve": "日本"}}},
            "am9vccbf",
            "bm9vccbf9xv5sntw",
        ),
        (None, {"spec": {"x": [1, 1.5, True, False, "1"]}}, "a6cjdthf", "b6cjdthftwrpqhf2"),
    ],
)
def test_a_hash_never_changes_or_every_running_revision_would_restart(
    model: dict[str, Any] | None, template: dict[str, Any], earlier: str, expected: str
) -> None:
    spec = {"model": model, "template": template}
    assert named(spec) == expected
    assert revision_hash("fraud", spec, {earlier, "a2345678"}) == earlier


def named(spec: dict[str, Any], name: str = "fraud") -> str:
    return revision_hash(name, spec)


@pytest.mark.parametrize(("name", "size"), [("fraud", 16), ("x" * 29, 16), ("x" * 37, 8)])
def test_a_hash_can_be_part_of_the_name_of_a_pod(name: str, size: int) -> None:
    found = named({"model": MODEL, "template": TEMPLATE}, name)
    assert len(found) == size
    assert found.isalnum()
    assert found[0].isalpha()
    assert len(Owner("shop", name, "4f7c").child(found)) <= MAX_WORKLOAD


def test_the_order_of_keys_does_not_matter() -> None:
    turned = json.loads(json.dumps(TEMPLATE), object_pairs_hook=lambda p: dict(reversed(p)))
    spec = {"template": turned, "model": dict(reversed(MODEL.items()))}
    assert named(spec) == named({"model": MODEL, "template": TEMPLATE})


def test_the_order_of_a_list_matters() -> None:
    one, two = {"spec": {"args": ["a", "b"]}}, {"spec": {"args": ["b", "a"]}}
    assert named({"template": one}) != named({"template": two})


def test_null_is_as_good_as_absent() -> None:
    container = {**TEMPLATE["spec"]["containers"][0], "env": None}
    with_null = {"metadata": None, "spec": {"containers": [container], "volumes": None}}
    assert named({"template": with_null}) == named({"template": TEMPLATE})
    versionless = {"model": {"storageUri": MODEL["storageUri"]}, "template": TEMPLATE}
    assert named({**versionless, "model": {**MODEL, "version": None}}) == named(versionless)
    assert Revision.of(versionless, 1).stores({**versionless, "model": {**MODEL, "version": None}})


@pytest.mark.parametrize(
    "template",
    [
        {**TEMPLATE, "metadata": {"labels": {"team": "risk"}}},
        {"spec": {**TEMPLATE["spec"], "terminationGracePeriodSeconds": 0}},
        {"spec": {**TEMPLATE["spec"], "hostNetwork": False}},
    ],
)
def test_whatever_else_the_user_writes_is_another_revision(template: dict[str, Any]) -> None:
    assert named({"template": template}) != named({"template": TEMPLATE})
    assert not Revision.of({"template": TEMPLATE}, 1).stores({"template": template})


def test_a_model_and_a_template_do_not_stand_in_for_each_other() -> None:
    one, two = ({"model": {"version": v}, "template": TEMPLATE} for v in "12")
    assert len({named(one), named(two), named({"template": TEMPLATE})}) == 3
    assert not Revision.of(one, 1).stores(two)


def test_two_templates_with_one_hash_are_told_apart() -> None:
    """The hash of a ModelDeployment with a long name, as that of an earlier version, has 33 bits:
    two such templates are found within a second."""
    one, two = colliding()
    assert named(one, LONG_NAME) == named(two, LONG_NAME)
    assert not replace(Revision.of(one, 1), hash=named(two, LONG_NAME)).stores(two)
    assert named(one) != named(two)


def test_an_approval_is_for_model_template_and_rollout() -> None:
    spec = {"model": MODEL, "template": TEMPLATE, "rollout": {"steps": []}, "replicas": 3}
    changes: list[dict[str, Any]] = [{"rollout": {}}, {"model": {}}, {"template": {"spec": {}}}]
    assert (
        len({approval_digest({**spec, **change}) for change in changes} | {approval_digest(spec)})
        == 4
    )
    assert approval_digest({**spec, "replicas": 4}) == approval_digest(spec)


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
