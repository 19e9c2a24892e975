"""What runs a revision: the user's template, our labels, the model; and the ways to its pods."""

from copy import deepcopy
from typing import Any

import pytest

from serinus.manifests.adoption import foreign
from serinus.manifests.owner import Owner
from serinus.manifests.pod_template import pod_template
from serinus.manifests.revision import Revision
from serinus.manifests.service import service, target_port
from serinus.manifests.workloads.deployment import DeploymentWorkload

WORKLOAD = DeploymentWorkload()
OWNER = Owner("shop", "fraud", "4f7c")
CONTAINER: dict[str, Any] = {
    "name": "model",
    "image": "registry/fraud:1",
    "ports": [{"name": "http", "containerPort": 8080}],
}


def revision(template: dict[str, Any] | None = None, **model: str) -> Revision:
    written = template or {"spec": {"containers": [CONTAINER]}}
    return Revision.of({"template": written, "model": model or None}, 1)


def pod(*containers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(containers or (CONTAINER,)), **fields}}


def test_a_deployment_is_named_after_its_revision_and_selects_its_pods_alone() -> None:
    one = revision()
    made = WORKLOAD.manifest(OWNER, one, 3)
    labels = {"serinus.dev/name": "fraud", "serinus.dev/revision": one.hash}
    assert made["metadata"]["name"] == f"fraud-{one.hash}"
    assert made["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "serinus", **labels}
    assert made["spec"]["selector"] == {"matchLabels": labels}
    assert made["spec"]["template"]["metadata"]["labels"] == labels
    assert made["spec"]["replicas"] == 3


def test_pods_are_never_taken_down_before_others_are_up() -> None:
    strategy = WORKLOAD.manifest(OWNER, revision(), 1)["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}}


def test_a_child_goes_with_its_owner_and_does_not_hold_it_back() -> None:
    (reference,) = WORKLOAD.manifest(OWNER, revision(), 1)["metadata"]["ownerReferences"]
    assert reference == {
        "apiVersion": "serinus.dev/v1alpha1",
        "kind": "ModelDeployment",
        "name": "fraud",
        "uid": "4f7c",
        "controller": True,
        "blockOwnerDeletion": False,
    }


def test_without_a_model_the_pods_are_what_the_user_wrote_but_for_labels() -> None:
    template = {
        "metadata": {"labels": {"team": "risk"}, "annotations": {"a": "b"}},
        **pod(nodeSelector={"gpu": "yes"}),
    }
    made = pod_template(OWNER, revision(template))
    assert made["spec"] == template["spec"]
    assert made["metadata"]["annotations"] == {"a": "b"}
    assert made["metadata"]["labels"]["team"] == "risk"


def test_the_template_in_the_history_is_left_as_it_is() -> None:
    one = revision(pod(initContainers=[{"name": "fetch", "image": "f"}]), storageUri="pvc://m/x")
    before = deepcopy(one)
    WORKLOAD.manifest(OWNER, one, 1)
    assert one == before


def test_each_container_is_told_of_the_model() -> None:
    fetch = {"name": "fetch", "image": "f"}
    proxy = {"name": "proxy", "image": "p", "env": None}
    one = revision(
        pod(CONTAINER, proxy, initContainers=[fetch]), storageUri="s3://m/1", version="1"
    )
    spec = pod_template(OWNER, one)["spec"]
    told = [{"name": "MODEL_URI", "value": "s3://m/1"}, {"name": "MODEL_VERSION", "value": "1"}]
    assert [c["env"] for c in [*spec["containers"], *spec["initContainers"]]] == [told] * 3
    assert "volumes" not in spec


def test_the_users_variables_may_refer_to_the_model() -> None:
    # Kubernetes expands only what stands before
    path = {"name": "MODEL_PATH", "value": "/cache/$(MODEL_VERSION)"}
    one = revision(pod({**CONTAINER, "env": [path]}), version="1")
    names = [each["name"] for each in pod_template(OWNER, one)["spec"]["containers"][0]["env"]]
    assert names == ["MODEL_VERSION", "MODEL_PATH"]


def test_a_claim_is_mounted_read_only_at_its_path() -> None:
    spec = pod_template(OWNER, revision(storageUri="pvc://models/fraud/1"))["spec"]
    (volume,) = spec["volumes"]
    assert volume["persistentVolumeClaim"] == {"claimName": "models", "readOnly": True}
    assert spec["containers"][0]["volumeMounts"] == [
        {
            "name": volume["name"],
            "mountPath": "/mnt/models",
            "readOnly": True,
            "subPath": "fraud/1",
        }
    ]


def test_a_whole_claim_is_mounted_where_no_path_is_given() -> None:
    spec = pod_template(OWNER, revision(storageUri="pvc://models"))["spec"]
    assert "subPath" not in spec["containers"][0]["volumeMounts"][0]


def test_an_image_is_mounted_read_only_beside_what_the_user_mounts() -> None:
    mount = {"name": "cache", "mountPath": "/cache"}
    template = pod({**CONTAINER, "volumeMounts": [mount]}, volumes=[{"name": "cache"}])
    spec = pod_template(OWNER, revision(template, storageUri="oci://registry/fraud:1"))["spec"]
    assert [volume["name"] for volume in spec["volumes"]] == ["cache", "serinus-model"]
    assert spec["volumes"][1]["image"] == {"reference": "registry/fraud:1"}
    first, second = spec["containers"][0]["volumeMounts"]
    assert (first, second["mountPath"], second["readOnly"]) == (mount, "/mnt/models", True)


HTTP = {"name": "http", "containerPort": 8080}
METRICS = {"name": "metrics", "containerPort": 9090}
UDP = {"name": "stats", "containerPort": 53, "protocol": "UDP"}


@pytest.mark.parametrize(
    ("ports", "target"),
    [
        ([METRICS, HTTP], 8080),
        ([METRICS, {"containerPort": 7000}], 9090),
        ([UDP, {"containerPort": 7000}], 7000),
    ],
)
def test_traffic_goes_to_the_port_named_http_else_to_the_first_for_tcp(
    ports: list[dict[str, Any]], target: int
) -> None:
    assert target_port(pod({**CONTAINER, "ports": ports}))["containerPort"] == target


def test_traffic_goes_to_http_in_whichever_container_it_is() -> None:
    template = pod({**CONTAINER, "ports": [METRICS]}, {**CONTAINER, "ports": [HTTP]})
    assert target_port(template) == HTTP


def test_a_template_without_a_port_for_tcp_cannot_be_served() -> None:
    with pytest.raises(ValueError, match="TCP"):
        target_port(pod({**CONTAINER, "ports": [UDP]}))


@pytest.mark.parametrize(
    ("port", "target", "protocol"),
    [
        (HTTP, "http", "http"),
        ({"containerPort": 7000}, 7000, "http"),
        ({"name": "grpc-v2", "containerPort": 9000}, "grpc-v2", "kubernetes.io/h2c"),
        ({"name": "h2c", "containerPort": 9000}, "h2c", "kubernetes.io/h2c"),
    ],
)
def test_a_service_leads_from_port_80_to_the_containers_port(
    port: dict[str, Any], target: str | int, protocol: str
) -> None:
    one = revision(pod({**CONTAINER, "ports": [port]}))
    made = service(OWNER, OWNER.child(one.hash), one.hash, one)
    assert made["spec"]["ports"] == [
        {
            "name": "http",
            "port": 80,
            "protocol": "TCP",
            "targetPort": target,
            "appProtocol": protocol,
        }
    ]
    assert made["spec"]["selector"] == OWNER.pods(one.hash)


def live(*references: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "fraud", "ownerReferences": list(references)}}


def test_our_own_child_is_not_foreign() -> None:
    assert foreign("Service", WORKLOAD.manifest(OWNER, revision(), 1), OWNER) is None


def test_an_object_that_nobody_controls_is_not_taken_over() -> None:
    shared = {**OWNER.reference(), "controller": False}
    for found in (live(), live(shared), {"metadata": {"name": "fraud"}}):
        told = foreign("Service", found, OWNER)
        assert told == (
            "Service shop/fraud exists and was not created by Serinus, so it is not adopted: "
            "annotate it with serinus.dev/adopt=fraud to adopt it, delete it, or rename the "
            "ModelDeployment"
        )


def test_a_child_that_nobody_controls_any_more_is_taken_back() -> None:
    for orphan in (
        WORKLOAD.manifest(OWNER, revision(), 1),
        service(OWNER, "fraud", None, revision()),
    ):
        orphan["metadata"]["ownerReferences"] = []
        assert foreign(orphan["kind"], orphan, OWNER) is None


def test_a_copy_of_a_child_under_another_name_is_not_taken_back() -> None:
    copy = service(OWNER, "fraud", None, revision())
    copy["metadata"] |= {"ownerReferences": [], "name": "fraud-internal"}
    assert foreign("Service", copy, OWNER) is not None


def test_a_service_is_handed_over_by_a_word_on_itself_to_one_model_deployment_alone() -> None:
    given = live()
    given["metadata"]["annotations"] = {"serinus.dev/adopt": "fraud"}
    assert foreign("Service", given, OWNER) is None
    assert foreign("HTTPRoute", given, OWNER) is None
    assert foreign("Service", given, Owner("shop", "loan", "77")) is not None
    assert "to adopt it" not in (foreign("Deployment", given, OWNER) or "")


def test_what_another_controls_is_not_handed_over_by_an_annotation() -> None:
    other = {"kind": "InferenceService", "name": "fraud", "uid": "1", "controller": True}
    given = live(other)
    given["metadata"]["annotations"] = {"serinus.dev/adopt": "fraud"}
    assert "belongs to InferenceService" in (foreign("Service", given, OWNER) or "")


def test_an_object_that_another_controls_is_not_taken_over() -> None:
    other = {"kind": "InferenceService", "name": "fraud", "uid": "1", "controller": True}
    told = foreign("Service", live(other), OWNER)
    assert told is not None
    assert "belongs to InferenceService fraud" in told


def test_what_a_deleted_namesake_left_is_waited_for() -> None:
    namesake = Owner("shop", "fraud", "before").reference()
    told = foreign("Service", live(namesake), OWNER)
    assert told is not None
    assert "still belongs to a deleted ModelDeployment of the same name" in told


def test_a_quota_that_refuses_the_pods_is_told_though_there_is_no_pod() -> None:
    refused = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": "exceeded quota: pods, requested: 1, used: 4, limited: 4",
    }
    made = WORKLOAD.manifest(OWNER, revision(), 1)
    assert WORKLOAD.uncreated(made) is None
    assert WORKLOAD.uncreated({**made, "status": {"conditions": [refused]}}) == (
        "Pods cannot be created: exceeded quota: pods, requested: 1, used: 4, limited: 4"
    )
