"""The Job of a step: that nothing sends it traffic, what it may do, and how its end is read."""

from typing import Any

import pytest

from serinus.api.template import TASK_SCHEMA, of_task
from serinus.manifests.children import Children
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.service import pods_service
from serinus.manifests.task import Task, TaskEnd, ended, job

OWNER = Owner("shop", "fraud", "uid-1")
SPEC = {
    "model": {"version": "v2", "storageUri": "s3://models/fraud/2"},
    "template": {
        "spec": {
            "containers": [{"name": "model", "image": "m:2", "ports": [{"containerPort": 8080}]}]
        }
    },
}
REVISION = Revision.of(SPEC, 2)
CONTAINER: dict[str, Any] = {"name": "main", "image": "checks:1"}


def rendered(template: dict[str, Any] | None = None, **pod: Any) -> Manifest:
    wanted = template or {"spec": {"containers": [CONTAINER], **pod}}
    assert list(of_task(wanted, "template")) == []
    return job(OWNER, task_of(wanted), REVISION, "0123abcd")


def task_of(template: dict[str, Any], **more: Any) -> Task:
    return Task("fraud-0a1b", REVISION.hash, template, 600.0, step=2, weight=20.0, **more)


def pod(live: Manifest) -> Manifest:
    found: Manifest = live["spec"]["template"]["spec"]
    return found


def test_it_belongs_to_the_model_deployment_and_is_bounded() -> None:
    live = rendered()
    assert live["metadata"]["name"] == "fraud-0a1b"
    assert live["metadata"]["ownerReferences"] == [OWNER.reference()]
    assert live["metadata"]["labels"]["serinus.dev/name"] == "fraud"
    assert (live["spec"]["activeDeadlineSeconds"], live["spec"]["backoffLimit"]) == (600, 0)
    assert pod(live)["restartPolicy"] == "Never"


@pytest.mark.parametrize("label", ["serinus.dev/name", "serinus.dev/revision"])
def test_no_service_selects_its_pods_whatever_its_template_says(label: str) -> None:
    template = {
        "metadata": {"labels": {"team": "risk", label: "fraud"}},
        "spec": {"containers": [CONTAINER]},
    }
    live = job(OWNER, task_of(template), REVISION, None)
    labels = live["spec"]["template"]["metadata"]["labels"]
    assert labels == {"team": "risk", "serinus.dev/task": "fraud"}
    assert not OWNER.pods().items() <= labels.items()
    assert [each.field for each in of_task(template, "template")] == ["template.metadata.labels"]


def test_it_gets_no_token_and_no_privileges_unless_its_template_asks_for_them() -> None:
    plain = pod(rendered())
    assert plain["automountServiceAccountToken"] is False
    assert plain["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    [container] = plain["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    asked = pod(rendered(serviceAccountName="checks", securityContext={"runAsNonRoot": False}))
    assert asked["automountServiceAccountToken"] is True
    assert pod(rendered(serviceAccount="checks"))["automountServiceAccountToken"] is True
    assert pod(rendered(serviceAccountName=""))["automountServiceAccountToken"] is False
    assert asked["securityContext"]["runAsNonRoot"] is False
    assert asked["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def test_what_is_null_is_as_if_it_were_not_there() -> None:
    nothing: dict[str, Any] = {"env": None, "securityContext": None}
    pod_of = {"initContainers": None, "securityContext": None}
    found = pod(rendered({"spec": {"containers": [{**CONTAINER, **nothing}], **pod_of}}))
    plain = pod(rendered())
    assert found["containers"] == plain["containers"]
    assert found["securityContext"] == plain["securityContext"]


def test_each_container_is_told_what_it_is_about_and_leaves_its_last_lines() -> None:
    theirs = {**CONTAINER, "env": [{"name": "URL", "value": "http://$(CANDIDATE_SERVICE)"}]}
    template = {"spec": {"containers": [theirs], "initContainers": [{**CONTAINER, "name": "get"}]}}
    before = str(template)
    found = pod(rendered(template))
    for container in (*found["containers"], *found["initContainers"]):
        assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"
        told = {each["name"]: each["value"] for each in container["env"]}
        child = f"fraud-{REVISION.hash}"
        assert told["CANDIDATE_SERVICE"] == f"{child}.{OWNER.namespace}.svc:80"
        assert told["CANDIDATE_PODS"] == f"{child}-pods.{OWNER.namespace}.svc:8080"
        assert told["STABLE_SERVICE"] == f"fraud-0123abcd.{OWNER.namespace}.svc:80"
        revisions = (told["CANDIDATE_REVISION"], told["STABLE_REVISION"])
        assert revisions == (REVISION.hash, "0123abcd")
        assert (told["MODEL_DEPLOYMENT"], told["STEP"], told["WEIGHT"]) == ("fraud", "2", "20")
        assert (told["MODEL_VERSION"], told["MODEL_URI"]) == ("v2", "s3://models/fraud/2")
    assert found["containers"][0]["env"][-1]["name"] == "URL", "so that it may refer to ours"
    assert str(template) == before


@pytest.mark.parametrize(
    ("uri", "volume", "mount"),
    [
        (
            "pvc://models/loan/2",
            {"persistentVolumeClaim": {"claimName": "models", "readOnly": True}},
            {"subPath": "loan/2"},
        ),
        ("oci://r.example/loan:2", {"image": {"reference": "r.example/loan:2"}}, {}),
    ],
)
def test_it_finds_the_model_where_the_pods_of_the_candidate_have_it(
    uri: str, volume: dict[str, Any], mount: dict[str, str]
) -> None:
    revision = Revision.of({**SPEC, "model": {"version": "v2", "storageUri": uri}}, 2)
    template = {"spec": {"containers": [CONTAINER], "initContainers": [{**CONTAINER, "name": "a"}]}}
    plain = pod(job(OWNER, task_of(template), revision, None))
    assert "volumes" not in plain
    mounted = pod(job(OWNER, task_of(template, mounts_model=True), revision, None))
    assert mounted["volumes"] == [{"name": "serinus-model", **volume}]
    for container in (*mounted["containers"], *mounted["initContainers"]):
        [found] = container["volumeMounts"]
        assert found == {
            "name": "serinus-model",
            "mountPath": "/mnt/models",
            "readOnly": True,
            **mount,
        }


def test_one_that_has_ended_is_kept_for_a_day() -> None:
    live = rendered()
    assert live["spec"]["ttlSecondsAfterFinished"] == 86400
    failed = {"conditions": [{"type": "Failed", "status": "True"}]}
    done = {"conditions": [{"type": "Complete", "status": "True"}]}
    nothing = Children([], [])
    assert nothing.spares({**live, "status": failed})
    assert nothing.spares({**live, "status": done})
    assert not nothing.spares(live)


def test_its_service_stands_for_the_pods_of_the_candidate_alone() -> None:
    made = pods_service(OWNER, REVISION)
    assert made["metadata"]["name"] == f"fraud-{REVISION.hash}-pods"
    assert made["spec"]["clusterIP"] == "None"
    assert made["spec"]["selector"] == OWNER.pods(REVISION.hash)
    assert [port["port"] for port in made["spec"]["ports"]] == [8080]


@pytest.mark.parametrize(
    ("conditions", "end"),
    [
        ([], None),
        ([{"type": "Suspended", "status": "True"}], None),
        ([{"type": "SuccessCriteriaMet", "status": "True"}], None),
        ([{"type": "FailureTarget", "status": "True", "reason": "BackoffLimitExceeded"}], None),
        ([{"type": "Failed", "status": "False"}], None),
        ([{"type": "Complete", "status": "True"}], TaskEnd(succeeded=True)),
        (
            [
                {
                    "type": "Failed",
                    "status": "True",
                    "reason": "DeadlineExceeded",
                    "message": "Job was active longer than specified deadline",
                }
            ],
            TaskEnd(
                succeeded=False,
                message="DeadlineExceeded: Job was active longer than specified deadline",
            ),
        ),
    ],
)
def test_it_has_ended_when_its_conditions_say_so(
    conditions: list[dict[str, str]], end: TaskEnd | None
) -> None:
    assert ended({"status": {"conditions": conditions}}) == end
    assert ended({}) is None


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ({}, "template.spec: is required"),
        ({"spec": {"containers": []}}, "template.spec.containers: must have a size of at least 1"),
        (
            {"spec": {"containers": [CONTAINER], "restartPolicy": "Always"}},
            "template.spec.restartPolicy: must be Never",
        ),
        (
            {"spec": {"containers": [{**CONTAINER, "env": {"URL": "http://x"}}]}},
            "template.spec.containers[0].env: must be of type array",
        ),
        (
            {"spec": {"containers": [{**CONTAINER, "securityContext": "root"}]}},
            "template.spec.containers[0].securityContext: must be of type object",
        ),
        (
            {"spec": {"containers": [CONTAINER], "securityContext": ["root"]}},
            "template.spec.securityContext: must be of type object",
        ),
        (
            {"spec": {"containers": [CONTAINER], "initContainers": ["get"]}},
            "template.spec.initContainers[0]: must be of type object",
        ),
    ],
)
def test_what_the_api_server_would_reject_is_a_problem_of_the_step(
    template: dict[str, Any], problem: str
) -> None:
    assert [str(each) for each in of_task(template, "template", TASK_SCHEMA)] == [problem]
