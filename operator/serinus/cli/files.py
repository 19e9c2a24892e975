"""Manifests, scenarios and recordings in files, checked as the operator checks them."""

import gzip
import json
import sys
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from serinus.api.problem import Problem
from serinus.api.recording import Recording
from serinus.api.scenario import Scenario
from serinus.api.spec import Spec
from serinus.api.status import Status
from serinus.api.template import TEMPLATE_SCHEMA
from serinus.api.validation import of_schema, of_type, problems
from serinus.manifests.owner import Owner
from serinus.manifests.revision import revision_hash

_GZIP = b"\x1f\x8b"


class InputError(Exception):
    """What was given cannot be used; a sentence for a person, which names the field."""


@dataclass(frozen=True)
class GivenManifest:
    """A ModelDeployment as its user wrote it."""

    owner: Owner
    spec: Spec
    revision: str
    version: str | None
    status: Status
    """Empty where the file has none."""
    document: dict[str, Any]
    """All of it, as it is written."""


def read_manifest(path: str) -> GivenManifest:
    """The one ModelDeployment in a file, or in standard input where the path is -.

    Raises InputError for whatever the operator would refuse.
    """
    found = [
        one
        for one in read_documents(path)
        if isinstance(one, dict) and one.get("kind") == "ModelDeployment"
    ]
    if len(found) != 1:
        raise InputError(f"{path}: has {len(found)} objects of kind ModelDeployment; give one")
    return manifest_of(found[0], path)


def manifest_of(document: dict[str, Any], path: str) -> GivenManifest:
    """A ModelDeployment from what is written of it; raises InputError as `read_manifest`."""
    metadata, spec = document.get("metadata"), document.get("spec")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise InputError(f"{path}: metadata.name: is required, a text")
    if not isinstance(spec, dict):
        raise InputError(f"{path}: spec: is required, an object")
    namespace = metadata.get("namespace", "default")
    _refuse(path, of_type(Spec, spec, "spec"))
    _refuse(path, of_schema(TEMPLATE_SCHEMA, spec["template"], "spec.template"))
    _refuse(path, problems(namespace, metadata["name"], spec))
    status = document.get("status") or {}
    _refuse(path, of_type(Status, status, "status"))
    typed = Spec.model_validate(spec)
    return GivenManifest(
        owner=Owner(namespace, metadata["name"], uid=""),
        spec=typed,
        revision=revision_hash(spec.get("model"), spec["template"]),
        version=typed.model.version if typed.model else None,
        status=Status.model_validate(status),
        document=document,
    )


def read_scenario(path: str) -> dict[str, Any]:
    """The one scenario in a file, as it is written there.

    Raises InputError where it is none.
    """
    found = read_documents(path)
    if len(found) != 1 or not isinstance(found[0], dict):
        raise InputError(f"{path}: must hold one scenario, an object")
    return found[0]


def scenario_of(written: dict[str, Any], source: str) -> Scenario:
    """A scenario from what is written of it; raises InputError, naming the field."""
    _refuse(source, of_type(Scenario, written, "scenario"))
    return Scenario.model_validate(written)


def read_recording(path: str) -> Recording:
    """A recording, packed by gzip or not; raises InputError where it is none."""
    try:
        content = Path(path).read_bytes()
        text = gzip.decompress(content) if content.startswith(_GZIP) else content
        written = json.loads(text)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    except ValueError as error:
        raise InputError(f"{path}: is no JSON: {error}") from None
    _refuse(path, of_type(Recording, written, "recording"))
    return Recording.model_validate(written)


def write_recording(recording: Recording, path: str) -> None:
    """Write a recording, packed where the name ends with .gz; raises InputError."""
    text = json.dumps(recording.to_json(), indent=1).encode() + b"\n"
    try:
        Path(path).write_bytes(gzip.compress(text, mtime=0) if path.endswith(".gz") else text)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error}") from None


def read_documents(path: str) -> list[Any]:
    """What a file of YAML holds, or standard input where the path is -; raises InputError."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
        return [one for one in yaml.safe_load_all(text) if one is not None]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is no YAML: {error}") from None


def _refuse(path: str, found: Iterable[Problem]) -> None:
    sentences = [f"{path}: {problem}" for problem in found]
    if sentences:
        raise InputError("\n".join(sentences))
