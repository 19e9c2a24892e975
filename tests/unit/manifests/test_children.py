"""All that a ModelDeployment needs at one moment, in an order that never drops a request."""

from typing import Any

from serinus.api.spec import Spec
from serinus.manifests.children import Wanted, children
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.revision import Revision, revision_hash
from serinus.manifests.traffic import Traffic

OWNER = Owner("shop", "fraud", "4f7c")
GATEWAY = {"gateway": {"parentRefs": [{"name": "public"}]}}


def revision(number: int) -> Revision:
    ports = [{"name": "http", "containerPort": 8080}]
    container = {"name": "model", "image": f"m:{number}", "ports": ports}
    return Revision.of({"template": {"spec": {"containers": [container]}}}, number)


OLDEST, OLD, NEW = (revision(number) for number in (1, 2, 3))
HISTORY = {each.hash: each for each in (OLDEST, OLD, NEW)}


def made(wanted: Wanted, **fields: Any) -> list[Manifest]:
    spec = Spec.model_validate({"template": NEW.template, **fields})
    return list(children(OWNER, spec, HISTORY, wanted))


def names(manifests: list[Manifest]) -> list[str]:
    return [f"{each['kind']}/{each['metadata']['name']}" for each in manifests]


CANARY = Wanted({OLD.hash: 10, NEW.hash: 1}, Traffic(OLD.hash, NEW.hash, 5))


def test_the_history_comes_first_and_the_traffic_last() -> None:
    old, new = f"fraud-{OLD.hash}", f"fraud-{NEW.hash}"
    assert names(made(CANARY, traffic=GATEWAY)) == [
        f"ControllerRevision/fraud-{OLDEST.hash}",
        f"ControllerRevision/{old}",
        f"ControllerRevision/{new}",
        f"Service/{old}",
        f"Service/{new}",
        f"Deployment/{old}",
        f"Deployment/{new}",
        "Service/fraud",
        "HTTPRoute/fraud",
    ]


def test_without_a_gateway_there_is_no_route() -> None:
    kinds = {each["kind"] for each in made(CANARY)}
    assert kinds == {"ControllerRevision", "Service", "Deployment"}


def test_each_revision_has_the_pods_that_are_wanted() -> None:
    deployments = [each for each in made(CANARY) if each["kind"] == "Deployment"]
    assert [each["spec"]["replicas"] for each in deployments] == [10, 1]


def test_a_revision_that_only_history_knows_has_no_pods() -> None:
    assert f"Deployment/fraud-{OLDEST.hash}" not in names(made(CANARY))


def test_promotion_changes_nothing_of_what_runs() -> None:
    promoted = Wanted(CANARY.replicas, Traffic(NEW.hash, None, 0))
    before, after = (
        [each for each in made(wanted, traffic=GATEWAY) if each["kind"] == "Deployment"]
        for wanted in (CANARY, promoted)
    )
    assert before == after


def test_a_rollback_without_a_gateway_touches_one_service_only() -> None:
    rolled_back = Wanted(CANARY.replicas, Traffic(OLD.hash, NEW.hash, 0))
    changed = [
        after
        for before, after in zip(made(CANARY), made(rolled_back), strict=True)
        if before != after
    ]
    assert names(changed) == ["Service/fraud"]


def test_every_child_is_ours_and_in_the_owners_namespace() -> None:
    for each in made(CANARY, traffic=GATEWAY):
        assert each["metadata"]["namespace"] == "shop"
        assert each["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "serinus"
        assert each["metadata"]["labels"]["serinus.dev/name"] == "fraud"
        assert OWNER.owns(each)


def test_the_same_desired_state_gives_the_same_manifests() -> None:
    assert made(CANARY, traffic=GATEWAY) == made(CANARY, traffic=GATEWAY)


def test_the_longest_name_still_leaves_room_for_the_names_of_pods() -> None:
    longest = Owner("shop", "f" * 37, "1")
    revision = revision_hash(longest.name, {"template": NEW.template})
    pod = f"{longest.child(revision)}-{'x' * 10}-{'x' * 5}"
    assert len(pod) <= 63
