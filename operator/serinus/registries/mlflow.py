"""The registry of MLflow: aliases of registered models, by its REST API 2.0."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from serinus.api.registry import LONGEST_VERSION, Reference, Registry, Version
from serinus.registries.kind import (
    Connection,
    Response,
    UnreadableError,
    text,
)

_API: Final = "api/2.0/mlflow"
_MODEL: Final = re.compile(r"[A-Za-z0-9_][-A-Za-z0-9_. ]{0,254}")
_ALIAS: Final = re.compile(r"[A-Za-z0-9_][-A-Za-z0-9_]{0,254}")
_LONGEST: Final = 4096
_TO_WRITE: Final = "write to"
SCHEMES: Final = ("s3://", "gs://", "https://", "pvc://", "oci://", "hf://")
"""From which pods can get a model. Others, such as the proxy of MLflow, only its client knows."""


class MLflow:
    """One registry of MLflow. An alias takes one request, and another when it has moved."""

    def __init__(self, registry: Registry, connection: Connection) -> None:
        self._registry = registry
        self._connection = connection

    async def read(self, reference: Reference, known: Version | None) -> Version:
        """The version with this alias."""
        _check(reference)
        names = {"name": reference.model, "alias": reference.alias}
        answer = await self._connection.ask("GET", f"{_API}/registered-models/alias", names)
        if _is_absent(answer):
            raise UnreadableError(
                "it has no such model or alias: set the alias in MLflow, or correct "
                "spec.model.registry"
            )
        answer.refuse()
        found = answer.document().get("model_version")
        if not isinstance(found, dict):
            raise UnreadableError("its answer has no model_version: check its version and its url")
        version, digest = _version(found), _digest(found)
        if text(found, "name", _LONGEST) != reference.model:
            raise UnreadableError("it answers with another model: check its version and its url")
        if (status := found.get("status")) != "READY":
            shown = status if isinstance(status, str) and status.isidentifier() else "unknown"
            raise UnreadableError(
                f"version {version} is not ready, its status is {shown[:40]}: wait until MLflow "
                "has registered it, or move the alias"
            )
        if known is not None and known.digest == digest:
            return known
        name = quote(reference.model)
        return Version(
            version=version,
            uri=await self._uri(reference.model, version),
            digest=digest,
            run=text(found, "run_id", 255, ""),
            link=f"{self._registry.url.rstrip('/')}/#/models/{name}/versions/{version}",
        )

    async def tag(self, model: str, version: str, tags: Mapping[str, str]) -> None:
        """See `WritableKind`."""
        for key, value in tags.items():
            named = {"name": model, "version": version, "key": key, "value": value}
            await self._write("model-versions/set-tag", version, named)

    async def set_alias(self, model: str, alias: str, version: str) -> None:
        """See `WritableKind`."""
        written = "spec.model.registry.tellBack.onRollback.setAlias"
        _check(Reference(self._registry.name, model, alias), written)
        named = {"name": model, "alias": alias, "version": version}
        await self._write("registered-models/alias", version, named)

    async def _write(self, path: str, version: str, document: Mapping[str, str]) -> None:
        try:
            answer = await self._connection.ask("POST", f"{_API}/{path}", document=document)
            if not _error_code(answer):
                answer.refuse(_TO_WRITE)
                answer.document()
        except UnreadableError as error:  # not said by MLflow: it may be written another time
            raise UnreadableError(str(error), "failed", error.asked) from None
        if _is_absent(answer):
            raise UnreadableError(f"version {version} has vanished, or cannot be written to")
        answer.refuse(_TO_WRITE)

    async def _uri(self, model: str, version: str) -> str:
        """Where the files are if pods can get them there; otherwise as MLflow names it."""
        names = {"name": model, "version": version}
        answer = await self._connection.ask("GET", f"{_API}/model-versions/get-download-uri", names)
        if _is_absent(answer):
            raise UnreadableError(
                f"version {version} has vanished: move the alias to a version that exists"
            )
        answer.refuse()
        uri = text(answer.document(), "artifact_uri", _LONGEST)
        if not uri.startswith(SCHEMES):
            return f"models:/{model}/{version}"
        place = uri.partition("://")[2].partition("/")[0]
        if " " in uri or "@" in place:
            raise UnreadableError(
                f"the location of version {version} has a space or a password: register the "
                "version with another source"
            )
        return uri


def _check(reference: Reference, alias_in: str = "spec.model.registry.alias") -> None:
    """Raises UnreadableError for what cannot be names in MLflow, with the field to correct."""
    if not _MODEL.fullmatch(reference.model):
        raise UnreadableError(
            "the model's name must be letters, digits, spaces and _-., at most 255 of them: "
            "correct spec.model.registry.model"
        )
    if not _ALIAS.fullmatch(reference.alias):
        raise UnreadableError(
            f"the alias must be letters, digits and _-, at most 255 of them: correct {alias_in}"
        )


def _is_absent(answer: Response) -> bool:
    """MLflow answers an alias that is not there with 400 or 404, by its version, and by the same
    when a request is wrong in another way, which names of this form are not."""
    absent = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
    return answer.status in (400, 404) and _error_code(answer) in absent


def _error_code(answer: Response) -> str:
    """Why MLflow refuses a request; empty: it does not, or something else answers."""
    try:
        code = answer.document().get("error_code")
    except UnreadableError:
        return ""
    return code if isinstance(code, str) else ""


def _version(found: Mapping[str, Any]) -> str:
    version = text(found, "version", LONGEST_VERSION)
    if not re.fullmatch("[A-Za-z0-9][-A-Za-z0-9_.]*", version):
        raise UnreadableError("its answer has no valid version: check its version and its url")
    return version


def _digest(found: Mapping[str, Any]) -> str:
    """Of what MLflow never changes of a version. A version that was deleted and registered anew has
    another number, or at least another time."""
    created = found.get("creation_timestamp")
    if isinstance(created, bool) or not isinstance(created, int | str):
        raise UnreadableError(
            "its answer has no valid creation_timestamp: check its version and its url"
        )
    fixed = [text(found, name, _LONGEST) for name in ("name", "version")]
    fixed += [text(found, name, _LONGEST, "") for name in ("source", "run_id")]
    identity = json.dumps([*fixed, str(created)])
    return f"sha256:{hashlib.sha256(identity.encode()).hexdigest()}"
