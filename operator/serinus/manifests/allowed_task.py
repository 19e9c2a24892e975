"""What trains a model instead of a Job: an object of a kind that whoever runs the operator allows.
It is created once, read and deleted, and never changed."""

from copy import deepcopy
from typing import Any, Final

from serinus.api.task_kinds import Reading, TaskKind
from serinus.api.template import LABEL_PREFIX
from serinus.manifests.kinds import Kind, Purpose
from serinus.manifests.owner import Manifest, Owner
from serinus.manifests.revision import Revision
from serinus.manifests.task import Task, TaskEnd, told

_LONGEST: Final = 600
"""Characters that are kept of what it says of its end."""


def as_kind(allowed: TaskKind) -> Kind:
    """As the cluster is asked for it."""
    return Kind(
        *(allowed.kind, allowed.api_version, allowed.plural, ("create", "delete", "get")),
        "what retrains instead of a Job",
        Purpose.TASK,
    )


def allowed_task(
    owner: Owner, task: Task, allowed: TaskKind, revision: Revision, stable: str | None
) -> Manifest:
    """Its object. What a Job is told in its environment is in annotations."""
    manifest = owner.object(as_kind(allowed), task.name)
    env = told(owner, task, revision, stable)
    manifest["metadata"]["annotations"] = {_annotation(each["name"]): each["value"] for each in env}
    manifest["spec"] = deepcopy(task.template)
    *above, last = allowed.service_account.split(".")
    place = manifest
    for key in above:
        found = place.get(key)
        place[key] = place = found if isinstance(found, dict) else {}
    place[last] = task.account
    return manifest


def ended(live: Manifest, allowed: TaskKind) -> TaskEnd | None:
    """How it has ended; None: it has not. If it says both, it has failed."""
    if _is(live, allowed.failed):
        said = _at(live, allowed.message) if allowed.message else None
        message = " ".join(said.split())[:_LONGEST] if isinstance(said, str) else ""
        return TaskEnd(succeeded=False, message=message or _quoted(live, allowed.failed))
    if _is(live, allowed.succeeded):
        return TaskEnd(succeeded=True)
    return None


def _annotation(variable: str) -> str:
    return LABEL_PREFIX + variable.lower().replace("_", "-")


def _is(live: Manifest, end: Reading) -> bool:
    return _text(_at(live, end.path)) in end.values


def _quoted(live: Manifest, end: Reading) -> str:
    return f"its {end.path} is {_text(_at(live, end.path))}"


def _text(value: Any) -> str | None:
    """As it is written in YAML; None: it is no text."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else None


def _at(live: Manifest, path: str) -> Any:
    """What is at a path; None: nothing is."""
    found: Any = live
    for step in path.split("."):
        name, _, wanted = step.partition("[")
        found = found.get(name) if isinstance(found, dict) else None
        if wanted:
            items = found if isinstance(found, list) else []
            of_type = (each for each in items if isinstance(each, dict))
            wanted = wanted.removesuffix("]")
            found = next((each for each in of_type if each.get("type") == wanted), None)
    return found
