"""A live ModelDeployment as JSON in, its readable parts out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serinus.api.problem import Problem
from serinus.api.spec import Spec
from serinus.api.status import Status
from serinus.api.validation import read_status, readable
from serinus.manifests.following import resolved
from serinus.manifests.revision import approval_digest
from serinus.plan.observe import COMMAND


@dataclass(frozen=True, slots=True)
class Live:
    """A ModelDeployment as the API server has it."""

    namespace: str
    name: str
    generation: int
    """Counts the changes of the spec; 0 if unknown."""
    command: str
    """The annotation serinus.dev/command; empty if there is none."""
    spec: Spec | None
    """None if this version cannot read it."""
    status: Status
    digest: str = ""
    """Of what an approval is for; empty if the spec has no template."""
    unreadable: tuple[Problem, ...] = ()
    """The parts that this version cannot read."""


def read(live: Mapping[str, Any]) -> Live:
    """Parts that this version cannot read are left out."""
    metadata = _object(live, "metadata")
    status, unread = read_status(_object(live, "status"))
    written = _object(live, "spec")
    spec, problems = _spec(written)
    generation = metadata.get("generation")
    return Live(
        namespace=str(metadata.get("namespace", "default")),
        name=str(metadata.get("name", "?")),
        generation=generation if isinstance(generation, int) else 0,
        command=str(_object(metadata, "annotations").get(COMMAND, "")),
        spec=spec,
        status=status,
        digest=approval_digest(resolved(written, status.model)) if "template" in written else "",
        unreadable=(*problems, *unread),
    )


def _object(around: Mapping[str, Any], field: str) -> dict[str, Any]:
    found = around.get(field)
    return found if isinstance(found, dict) else {}


def _spec(written: dict[str, Any]) -> tuple[Spec | None, list[Problem]]:
    known, problems = readable(Spec, written, "spec")
    try:
        return Spec.model_validate(known), problems
    except ValueError:
        return None, problems
