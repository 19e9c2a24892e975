"""The admission policies of the chart, as far as the operator can notice it."""

from typing import Any

from serinus.controller.task_policy import PROBE, TASK_REFUSAL
from serinus.plan.observe import COMMAND
from tests.support.task_kinds import TASK_KINDS

Manifest = dict[str, Any]


def approvals(manifest: Manifest, live: Manifest | None) -> str | None:
    """No status says that an approval was obeyed which is not in the annotation."""
    if manifest["kind"] != "ModelDeployment":
        return None
    said, before = _obeyed(manifest), _obeyed(live or {})
    command = (manifest["metadata"].get("annotations") or {}).get(COMMAND, "")
    if not said.startswith("approve/") or command.startswith(said) or said == before:
        return None
    return f"a status cannot contain an approval that is not in the annotation {COMMAND}"


def reviews_tasks(manifest: Manifest, live: Manifest | None) -> str | None:
    """No status has the probe for a kind that the policy reviews."""
    said = ((manifest.get("status") or {}).get("retraining") or {}).get("waiting", "")
    kinds = [f"{PROBE}{each.api_version}/{each.kind}" for each in TASK_KINDS]
    return TASK_REFUSAL if manifest["kind"] == "ModelDeployment" and said in kinds else None


def _obeyed(manifest: Manifest) -> str:
    status = manifest.get("status") or {}
    return str((status.get("command") or {}).get("command", ""))
