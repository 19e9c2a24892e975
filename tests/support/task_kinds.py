"""Kinds that may be run instead of Jobs: in the shape of an Argo Workflow, and of a Tekton
PipelineRun."""

from typing import Any, Final

from serinus.api.task_kinds import TaskKind

Manifest = dict[str, Any]

WORKFLOW: Final = TaskKind.model_validate(
    {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "plural": "workflows",
        "serviceAccount": "spec.serviceAccountName",
        "succeeded": {"path": "status.phase", "values": ["Succeeded"]},
        "failed": {"path": "status.phase", "values": ["Failed", "Error"]},
        "message": "status.message",
    }
)
PIPELINE_RUN: Final = TaskKind.model_validate(
    {
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "plural": "pipelineruns",
        "serviceAccount": "spec.taskRunTemplate.serviceAccountName",
        "succeeded": {"path": "status.conditions[Succeeded].status", "values": ["True"]},
        "failed": {"path": "status.conditions[Succeeded].status", "values": ["False"]},
        "message": "status.conditions[Succeeded].message",
    }
)
TASK_KINDS: Final = (WORKFLOW, PIPELINE_RUN)
ACCOUNT: Final = "trainer"
SPECS: Final[dict[str, Manifest]] = {
    "Workflow": {"workflowTemplateRef": {"name": "train"}},
    "PipelineRun": {"pipelineRef": {"name": "train"}},
}


def task_of(kind: TaskKind, **more: Any) -> Manifest:
    """As a spec has it."""
    head = {"apiVersion": kind.api_version, "kind": kind.kind}
    return {**head, "serviceAccountName": ACCOUNT, "spec": SPECS[kind.kind], **more}


def ended(kind: TaskKind, outcome: str, message: str = "") -> Manifest:
    """The status that its controller gives it; outcome: Succeeded or Failed."""
    if kind is WORKFLOW:
        return {"phase": outcome, "message": message}
    good = "True" if outcome == "Succeeded" else "False"
    told = {"type": "Succeeded", "status": good, "reason": outcome, "message": message}
    return {"conditions": [told]}
