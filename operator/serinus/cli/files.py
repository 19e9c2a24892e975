"""Reads manifests, scenarios and recordings from files, with the operator's validation."""

import gzip
import json
import sys
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from serinus.api.crd import KIND
from serinus.api.problem import Problem
from serinus.api.recording import Recording
from serinus.api.scenario import Scenario
from serinus.api.spec import Spec
from serinus.api.status import Status
from serinus.api.template import of_template
from serinus.api.validation import of_type, problems
from serinus.cli.manifest_yaml import NO_YAML, ManifestLoader, why_no_yaml
from serinus.manifests.following import as_written, resolved
from serinus.manifests.owner import Owner
from serinus.manifests.revision import revision_hash
from serinus.plan.history import named_in

_GZIP = b"\x1f\x8b"


class InputError(Exception):
    """Invalid input; the message names the field."""


@dataclass(frozen=True)
class GivenManifest:
    """A ModelDeployment as written by the user."""

    owner: Owner
    spec: Spec
    revision: str
    version: str | None
    status: Status
    """Empty if the file has none."""
    document: dict[str, Any]
    """The complete document."""


def read_manifest(path: str) -> GivenManifest:
    """The only ModelDeployment in a file, or in standard input if the path is -.

    Raises InputError for everything that the operator would reject.
    """
    found = read_model_deployments(path)
    if len(found) != 1:
        raise InputError(
            f"{path}: contains {len(found)} objects of kind ModelDeployment, exactly one is "
            f"required"
        )
    return manifest_of(found[0], path)


def manifest_of(document: dict[str, Any], path: str) -> GivenManifest:
    """A ModelDeployment from its parsed document; raises InputError like `read_manifest`."""
    _refuse(path, problems_of(document))
    metadata, spec = document["metadata"], document["spec"]
    namespace = metadata.get("namespace", "default")
    status = document.get("status") or {}
    _refuse(path, of_type(Status, status, "status"))
    typed_status = Status.model_validate(status)
    spec = resolved(spec, typed_status.model)
    typed = Spec.model_validate(as_written(spec))
    return GivenManifest(
        owner=Owner(namespace, metadata["name"], uid=""),
        spec=typed,
        revision=revision_hash(metadata["name"], spec, named_in(typed_status)),
        version=typed.model.version if typed.model else None,
        status=typed_status,
        document=document,
    )


def problems_of(document: dict[str, Any]) -> list[Problem]:
    """Why the API server or the operator would reject a ModelDeployment."""
    metadata, spec = document.get("metadata"), document.get("spec")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        return [Problem("metadata.name", "is required and must be a string")]
    if not isinstance(spec, dict):
        return [Problem("spec", "is required and must be an object")]
    misfits = of_type(Spec, spec, "spec", strict=True)
    if isinstance(spec.get("template"), dict):
        misfits += of_template(spec["template"], "spec.template")
    return misfits or problems(metadata.get("namespace", "default"), metadata["name"], spec)


def read_scenario(path: str) -> dict[str, Any]:
    """The only scenario in a file, as parsed.

    Raises InputError if there is not exactly one.
    """
    found = read_documents(path)
    if len(found) != 1 or not isinstance(found[0], dict):
        raise InputError(f"{path}: must contain exactly one scenario, an object")
    return found[0]


def scenario_of(written: dict[str, Any], source: str) -> Scenario:
    """A scenario from its parsed document; raises InputError that names the field."""
    _refuse(source, of_type(Scenario, written, "scenario"))
    return Scenario.model_validate(written)


def read_recording(path: str) -> Recording:
    """A recording, compressed with gzip or not; raises InputError if it is invalid."""
    try:
        content = Path(path).read_bytes()
        text = gzip.decompress(content) if content.startswith(_GZIP) else content
        written = json.loads(text)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {reason_of(error)}") from None
    except ValueError as error:
        raise InputError(f"{path}: is not valid JSON: {error}") from None
    except RecursionError:
        raise InputError(f"{path}: is no recording: it is nested too deeply") from None
    _refuse(path, of_type(Recording, written, "recording"))
    return Recording.model_validate(written)


def write_recording(recording: Recording, path: str) -> None:
    """Write a recording, compressed if the name ends with .gz; raises InputError."""
    text = json.dumps(recording.to_json(), indent=1).encode() + b"\n"
    try:
        Path(path).write_bytes(gzip.compress(text, mtime=0) if path.endswith(".gz") else text)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {reason_of(error)}") from None


def read_model_deployments(path: str) -> list[dict[str, Any]]:
    """The ModelDeployments in a file, also in lists; raises InputError."""
    return [each for each in read_objects(path) if each.get("kind") == KIND]


def read_objects(path: str) -> list[dict[str, Any]]:
    """The objects in a file, also in lists such as kubectl prints; raises InputError."""
    found: list[Any] = []
    for each in read_documents(path):
        listed = each.get("items") if isinstance(each, dict) else None
        found += listed if isinstance(listed, list) else [each]
    return [each for each in found if isinstance(each, dict)]


def read_documents(path: str) -> list[Any]:
    """The documents of a YAML file, or of standard input if the path is -; raises InputError."""
    text = read_text(path)
    try:
        return [one for one in yaml.load_all(text, ManifestLoader) if one is not None]
    except NO_YAML as error:
        line, why = why_no_yaml(error)
        raise InputError(f"{path}:{line}: {why}") from None


def read_text(path: str) -> str:
    """A file, or standard input if the path is -; raises InputError."""
    try:
        if path == "-":  # in UTF-8 like a file, whatever the locale says
            return sys.stdin.buffer.read().decode()
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {reason_of(error)}") from None


def reason_of(error: Exception) -> str:
    """Without the number and the path of a system's error, or the bytes of a file."""
    inner = getattr(error, "reason", None)
    if isinstance(inner, OSError):  # of a URLError
        return reason_of(inner)
    if isinstance(error, UnicodeDecodeError):
        return "it is not text in UTF-8"
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _refuse(path: str, found: Iterable[Problem]) -> None:
    sentences = [f"{path}: {problem}" for problem in found]
    if sentences:
        raise InputError("\n".join(sentences))
