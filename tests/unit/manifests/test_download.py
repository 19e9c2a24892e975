"""How a model is downloaded before a pod's containers start, and how it is not."""

import json
import re
from copy import deepcopy
from typing import Any

import pytest

from serinus.api.initializer import Initializer
from serinus.api.status import FollowedVersion
from serinus.manifests.children import initializer_of
from serinus.manifests.download import STORED
from serinus.manifests.following import as_written, resolved
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.pod_template import pod_template
from serinus.manifests.revision import Revision
from serinus.manifests.task import Task, job
from serinus.manifests.workloads.deployment import DeploymentWorkload

OWNER = Owner("shop", "fraud", "uid-1")
CONTAINER: dict[str, Any] = {"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}
SECRET = {"secretRef": {"name": "bucket"}}
MODEL: dict[str, Any] = {"storageUri": "s3://models/fraud/1", "envFrom": [SECRET]}
SETTING = Initializer.model_validate(
    {
        "image": "registry/initializer:1",
        "imagePullPolicy": "Always",
        "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}},
        "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "sizeLimit": "20Gi",
    }
)
"""As the chart gives it."""


def revision(model: dict[str, Any] | None = None, **pod: Any) -> Revision:
    spec = {"containers": [CONTAINER], **pod}
    return Revision.of({"model": model or MODEL, "template": {"spec": spec}}, 1)


def pod(of: Revision, setting: Initializer | None = SETTING) -> Manifest:
    found: Manifest = pod_template(OWNER, of, setting)["spec"]
    return found


def test_it_is_done_first_by_the_contract_of_kserve() -> None:
    own = {"name": "convert", "image": "c:1"}
    spec = pod(revision(initContainers=[own]))
    first, second = spec["initContainers"]
    assert (first["image"], first["imagePullPolicy"]) == ("registry/initializer:1", "Always")
    assert first["args"] == ["s3://models/fraud/1", "/mnt/models"]
    assert "command" not in first, "the image's own entry point is run"
    assert second["name"] == "convert"
    for container in (*spec["containers"], second):
        (mount,) = container["volumeMounts"]
        assert (mount["mountPath"], mount["readOnly"]) == ("/mnt/models", True)


def test_its_container_may_do_nothing_but_write_to_two_volumes_of_bounded_size() -> None:
    spec = pod(revision())
    (first,) = spec["initContainers"]
    assert first["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert first["resources"]["limits"] == {"memory": "1Gi"}
    assert {each["mountPath"] for each in first["volumeMounts"]} == {"/mnt/models", "/tmp"}
    assert [each["emptyDir"] for each in spec["volumes"]] == [{"sizeLimit": "20Gi"}] * 2


def test_in_a_pod_that_runs_as_root_it_does_not() -> None:
    (first,) = pod(revision(securityContext={"runAsUser": 0}))["initContainers"]
    assert first["securityContext"]["runAsUser"] == 1000


def test_its_environment_is_the_administrators_and_the_users_who_has_the_last_word() -> None:
    region = {"name": "AWS_REGION", "value": "eu-1"}
    proxy = {"name": "HTTPS_PROXY", "value": ""}
    (first,) = pod(revision({**MODEL, "env": [region, proxy]}))["initContainers"]
    assert first["env"] == [{"name": "HOME", "value": "/tmp"}, proxy, region]
    assert first["envFrom"] == [SECRET]


def test_no_container_that_serves_gets_what_the_download_needs() -> None:
    (container,) = pod(revision())["containers"]
    assert "envFrom" not in container
    assert [each["name"] for each in container["env"]] == ["MODEL_URI"]


def expanded(text: str, env: dict[str, str]) -> str:
    """As the kubelet replaces $(NAME): k8s.io/kubernetes/third_party/forked/golang/expansion."""
    return re.sub(
        r"\$(?:\$|\(([^)]*)\))",
        lambda found: "$" if found[1] is None else env.get(found[1], found[0]),
        text,
    )


@pytest.mark.parametrize("name", ["$(KEY)", "$$(KEY)", "$$$(KEY)", "$", "a$b$$c", "$(", "$(KEY"])
def test_a_uri_cannot_read_secrets_of_the_environment(name: str) -> None:
    uri = f"https://example.com/{name}/model"
    (first,) = pod(revision({"storageUri": uri}))["initContainers"]
    assert expanded(first["args"][0], {"KEY": "secret"}) == uri


@pytest.mark.parametrize(
    "uri", ["gs://b/m", "hf://org/m:main", "https://h/m.zip", "http://h/m.bin", "models:/fraud/3"]
)
def test_these_are_downloaded_as_well(uri: str) -> None:
    (first,) = pod(revision({"storageUri": uri}))["initContainers"]
    assert first["args"][0] == uri


@pytest.mark.parametrize("uri", ["abfs://models/fraud", "/models/fraud", "file:///etc", "fraud/1"])
def test_any_other_uri_is_for_the_server(uri: str) -> None:
    assert "initContainers" not in pod(revision({"storageUri": uri}))


@pytest.mark.parametrize("uri", ["pvc://models/fraud", "oci://registry/fraud:1"])
def test_what_is_mounted_is_not_downloaded(uri: str) -> None:
    one = revision({"storageUri": uri})
    assert pod(one) == pod(one, None)


@pytest.mark.parametrize(
    "own",
    [
        {
            "containers": [
                {**CONTAINER, "volumeMounts": [{"name": "m", "mountPath": "/mnt/models/"}]}
            ]
        },
        {"volumes": [{"name": "serinus-model", "emptyDir": {}}]},
        {"initContainers": [{"name": "serinus-model", "image": "i:1"}]},
    ],
)
def test_a_template_that_brings_the_model_itself_is_left_as_it_is(own: dict[str, Any]) -> None:
    one = revision(**own)
    assert pod(one) == pod(one, None)
    for live in (None, deployment(one, None)):
        assert initializer_of(one, live, SETTING) is None


def test_without_the_setting_pods_are_as_they_were() -> None:
    spec = pod(revision(), None)
    assert "initContainers" not in spec and "volumes" not in spec


# what is stored with what runs the pods


def deployment(of: Revision, setting: Initializer | None) -> Manifest:
    return DeploymentWorkload().manifest(OWNER, of, 1, setting)


OTHER = Initializer(image="registry/initializer:2")


@pytest.mark.parametrize("now", [None, OTHER, SETTING])
def test_pods_that_run_keep_what_they_started_with(now: Initializer | None) -> None:
    one = revision()
    for then in (None, SETTING):
        assert initializer_of(one, deployment(one, then), now) == then


def with_annotation(live: Manifest, written: str | None) -> Manifest:
    live["metadata"]["annotations"][STORED] = written
    if written is None:
        del live["metadata"]["annotations"]
    return live


@pytest.mark.parametrize("damaged", [None, "{", '{"image": 1}'])
@pytest.mark.parametrize("now", [None, OTHER, SETTING])
def test_one_whose_annotation_was_changed_downloads_as_before(
    damaged: str | None, now: Initializer | None
) -> None:
    """Also when the setting was removed since: its pods would restart without a model."""
    one, live = revision(), with_annotation(deployment(revision(), SETTING), damaged)
    assert initializer_of(one, live, now) == SETTING


@pytest.mark.parametrize("then", [SETTING, OTHER])
def test_pods_do_not_restart_when_the_annotation_is_lost_whatever_the_environment_is(
    then: Initializer,
) -> None:
    secret = {"secretKeyRef": {"name": "bucket", "key": "token"}}
    env = [
        {"name": "HF_TOKEN", "valueFrom": secret},
        {"name": "AWS_REGION", "value": "eu-1"},
        {"name": "HTTPS_PROXY", "value": ""},
        {"name": "HOME", "value": "/mnt/models"},
        {"name": "LAST", "valueFrom": secret},
    ]
    one = revision({**MODEL, "env": env})
    live = with_annotation(deployment(one, then), None)
    again = deployment(one, initializer_of(one, live, None))
    assert again["spec"]["template"] == live["spec"]["template"]


@pytest.mark.parametrize("foreign", ["", "{", '{"image": 1}'])
def test_pods_that_started_without_a_download_get_none_by_an_annotation(foreign: str) -> None:
    one, live = revision(), deployment(revision(), None)
    live["metadata"]["annotations"] = {STORED: foreign}
    assert initializer_of(one, live, SETTING) is None


def test_pods_that_do_not_show_how_they_download_have_the_present_setting() -> None:
    one, live = revision(), with_annotation(deployment(revision(), SETTING), None)
    live["spec"]["template"]["spec"]["initContainers"][0]["image"] = ""
    assert initializer_of(one, live, OTHER) == OTHER


def test_pods_whose_history_is_lost_keep_their_template_and_the_annotation() -> None:
    live = deployment(revision(), SETTING)
    found = Revision.recover("abc", deepcopy(live["spec"]["template"]), 1)
    again = deployment(found, initializer_of(found, live, OTHER))
    spec = again["spec"]["template"]["spec"]
    assert spec == live["spec"]["template"]["spec"]
    assert again["metadata"]["annotations"] == live["metadata"]["annotations"]


def test_the_annotation_never_changes_by_itself() -> None:
    """Another form of it, or of the container, would restart what runs: see design note 0097."""
    live = deployment(revision(), SETTING)
    assert json.loads(live["metadata"]["annotations"][STORED]) == {
        "image": "registry/initializer:1",
        "imagePullPolicy": "Always",
        "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}},
        "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
        "sizeLimit": "20Gi",
    }


def test_a_job_that_mounts_the_model_has_it_downloaded_in_the_same_way() -> None:
    template = {"spec": {"containers": [{"name": "main", "image": "checks:1"}]}}
    task = Task("fraud-0a1b", "abc", template, 600.0, mounts_model=True)
    made = job(OWNER, task, revision(), None, SETTING)["spec"]["template"]["spec"]
    serving = pod(revision())
    assert made["initContainers"] == serving["initContainers"]
    assert made["volumes"] == serving["volumes"]
    (mount,) = made["containers"][0]["volumeMounts"]
    assert mount["mountPath"] == "/mnt/models"


def test_a_model_that_is_followed_is_downloaded_with_the_environment_that_the_user_names() -> None:
    followed = {"name": "company", "model": "fraud", "alias": "champion"}
    raw = {"model": {"registry": followed, "envFrom": [SECRET]}, "template": {"spec": {}}}
    known = FollowedVersion(
        registry="company",
        model="fraud",
        alias="champion",
        version="3",
        storage_uri="models:/fraud/3",
        digest="0a1b",
        since=0,
    )
    stands = resolved(raw, known)
    (first,) = pod(revision(stands["model"]))["initContainers"]
    assert first["args"][0] == "models:/fraud/3"
    assert first["envFrom"] == [SECRET]
    as_the_user_would = {"version": "3", "storageUri": "models:/fraud/3", "envFrom": [SECRET]}
    assert as_written(stands)["model"] == as_the_user_would
