"""What trains instead of a Job: its object, and how its end is read from it."""

from typing import Any

import pytest
from pydantic import ValidationError

from serinus.api.task_kinds import TaskKind
from serinus.manifests.allowed_task import allowed_task, ended
from serinus.manifests.owner import Owner
from serinus.manifests.revision import Revision
from serinus.manifests.task import Task, TaskEnd
from tests.support.task_kinds import PIPELINE_RUN, TASK_KINDS, WORKFLOW
from tests.support.task_kinds import ended as status

OWNER = Owner("shop", "loan", "uid-1")
CONTAINER = {"name": "model", "image": "m:1", "ports": [{"containerPort": 8080}]}
REVISION = Revision("a1", 1, None, {"spec": {"containers": [CONTAINER]}})


def made(kind: TaskKind, spec: dict[str, Any]) -> dict[str, Any]:
    task = Task("loan-1", "a1", spec, 60.0, kind=kind, account="trainer", retrains="{}")
    return allowed_task(OWNER, task, kind, REVISION, "a1")


def test_the_users_spec_gets_the_account_and_nothing_else() -> None:
    spec = {"pipelineRef": {"name": "train"}, "taskRunTemplate": {"podTemplate": {}}}
    live = made(PIPELINE_RUN, spec)
    assert (live["apiVersion"], live["kind"]) == ("tekton.dev/v1", "PipelineRun")
    account = {"podTemplate": {}, "serviceAccountName": "trainer"}
    assert live["spec"] == {**spec, "taskRunTemplate": account}
    assert spec["taskRunTemplate"] == {"podTemplate": {}}, "the spec is left as it is"
    assert made(WORKFLOW, {})["spec"] == {"serviceAccountName": "trainer"}


@pytest.mark.parametrize("spec", [{"taskRunTemplate": "x"}, {"taskRunTemplate": None}, {}])
def test_the_account_is_that_which_was_reviewed_whatever_the_spec_says(spec: Any) -> None:
    live = made(PIPELINE_RUN, spec)
    assert live["spec"]["taskRunTemplate"] == {"serviceAccountName": "trainer"}
    assert made(WORKFLOW, {"serviceAccountName": "admin"})["spec"] == {
        "serviceAccountName": "trainer"
    }


def test_what_a_job_has_in_variables_is_in_annotations() -> None:
    annotations = made(WORKFLOW, {})["metadata"]["annotations"]
    assert annotations == {
        "serinus.dev/model-deployment": "loan",
        "serinus.dev/stable-revision": "a1",
        "serinus.dev/stable-service": annotations["serinus.dev/stable-service"],
        "serinus.dev/retraining": "{}",
    }


@pytest.mark.parametrize("kind", TASK_KINDS)
def test_its_end_is_read_from_its_status(kind: TaskKind) -> None:
    assert ended({"status": status(kind, "Succeeded")}, kind) == TaskEnd(succeeded=True)
    said = ended({"status": status(kind, "Failed", "no  data\n")}, kind)
    assert said == TaskEnd(succeeded=False, message="no data")


@pytest.mark.parametrize("kind", TASK_KINDS)
@pytest.mark.parametrize(
    "found",
    [
        None,
        {},
        {"phase": "Running"},
        {"phase": {"Succeeded": 1}},
        {"conditions": None},
        {"conditions": ["Succeeded", {"type": "Other", "status": "True"}]},
        {"conditions": [{"type": "Succeeded", "status": "Unknown"}]},
        {"conditions": {"Succeeded": "True"}},
    ],
)
def test_anything_else_is_no_end(kind: TaskKind, found: Any) -> None:
    assert ended({"status": found}, kind) is None


def test_one_that_says_nothing_of_its_failure_is_told_by_what_was_read() -> None:
    end = ended({"status": {"phase": "Error"}}, WORKFLOW)
    assert end == TaskEnd(succeeded=False, message="its status.phase is Error")


def test_if_both_hold_it_has_failed() -> None:
    both = {"path": "status.done", "values": ["true"]}
    kind = TaskKind.model_validate({**WORKFLOW.to_json(), "succeeded": both})
    live = {"status": {"done": True}}
    assert ended(live, kind) == TaskEnd(succeeded=True)
    assert ended({"status": {"done": True, "phase": "Failed"}}, kind) == TaskEnd(
        succeeded=False, message="its status.phase is Failed"
    )


def test_a_job_is_no_such_kind() -> None:
    with pytest.raises(ValidationError, match="Jobs may be run anyway"):
        TaskKind.model_validate({**WORKFLOW.to_json(), "apiVersion": "batch/v1"})
