"""The admission policy of the chart, as far as the operator can notice it."""

from typing import Any

from serinus.plan.observe import COMMAND

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


def _obeyed(manifest: Manifest) -> str:
    status = manifest.get("status") or {}
    return str((status.get("command") or {}).get("command", ""))
