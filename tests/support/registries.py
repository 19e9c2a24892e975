"""Registries of models in this process, as a test lets them behave."""

import asyncio
import base64
import hashlib
import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from aiohttp import web

from serinus.api.registry import Registry
from tests.support.ports import free_port

Behave = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
"""An answer instead of the usual one; None: the usual one."""

USER: Final = "serinus"
PASSWORD: Final = "pa55w0rd-S3CR3T"
TOKEN: Final = "t0ken-S3CR3T"


async def as_usual(_: web.Request) -> None:
    return None


async def hang(_: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


def answering(status: int, text: str = "", **headers: str) -> Behave:
    """The same answer to everything."""

    async def behave(_: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, text=text, headers=named)

    return behave


@dataclass
class FakeRegistry:
    """`async with FakeMLflow() as registry`: up."""

    behave: Behave = as_usual
    asked: list[str] = field(default_factory=list)
    """Method and path with the query of each request."""
    authorizations: list[str | None] = field(default_factory=list)
    """Of each request."""
    port: int = field(default_factory=free_port)
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def configured(self, kind: str, folder: Path | None = None, **more: object) -> Registry:
        """How the operator is told of it."""
        given = {
            "name": "models",
            "kind": kind,
            "url": self.url,
            "namespaces": ["shop"],
            "folder": str(folder or ""),
            "allowHttp": True,
        }
        return Registry.model_validate({**given, **more})

    async def up(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self.tls).start()

    async def down(self) -> None:
        """Refuse connections, and end those that are open."""
        if self._runner:
            await self._runner.cleanup()
        self._runner = None

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.raw_path}")
        self.authorizations.append(request.headers.get("Authorization"))
        instead = await self.behave(request)
        return await self.usual(request) if instead is None else instead

    async def usual(self, request: web.Request) -> web.StreamResponse:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()


@dataclass
class FakeMLflow(FakeRegistry):
    """Answers as MLflow 3 does."""

    aliases: dict[tuple[str, str], str] = field(default_factory=dict)
    """Versions by model and alias."""
    versions: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """By model and version."""
    locations: dict[tuple[str, str], str] = field(default_factory=dict)
    """Where the files of each are."""
    tags: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    """By model and version."""

    def put(self, model: str, version: str, uri: str = "", **more: Any) -> None:
        """Register a version."""
        self.versions[model, version] = {
            "name": model,
            "version": version,
            "creation_timestamp": 1795593940000 + int(version),
            "last_updated_timestamp": 1795593940000,
            "source": f"models:/m-{version}",
            "run_id": f"run{version}",
            "status": "READY",
            "run_link": "",
            **more,
        }
        self.locations[model, version] = uri or f"s3://models/{model}/{version}"

    def point(self, model: str, alias: str, version: str) -> None:
        """Set an alias."""
        self.aliases[model, alias] = version

    async def usual(self, request: web.Request) -> web.StreamResponse:
        query, path = request.query, request.path.removeprefix("/api/2.0/mlflow/")
        if path == "registered-models/alias" and request.method == "GET":
            version = self.aliases.get((query["name"], query["alias"]))
            found = version and self.versions.get((query["name"], version))
            if found:
                return web.json_response({"model_version": found})
            message = f"Registered model alias {query['alias']} not found."
            code = {"error_code": "INVALID_PARAMETER_VALUE", "message": message}
            return web.json_response(code, status=400)
        if request.method == "POST":
            return self._written(path, await request.json())
        if path == "model-versions/get-download-uri":
            uri = self.locations.get((query["name"], query["version"]))
            if uri:
                return web.json_response({"artifact_uri": uri})
            code = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "not found"}
            return web.json_response(code, status=404)
        return web.Response(status=404, text="Not Found")

    def _written(self, path: str, document: dict[str, str]) -> web.Response:
        of = document["name"], document["version"]
        if of not in self.versions:
            code = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "not found"}
            return web.json_response(code, status=404)
        if path == "model-versions/set-tag":
            self.tags.setdefault(of, {})[document["key"]] = document["value"]
        elif path == "registered-models/alias":
            self.point(of[0], document["alias"], of[1])
        else:
            return web.Response(status=404, text="Not Found")
        return web.json_response({})


@dataclass
class FakeOCI(FakeRegistry):
    """Answers as a registry of the distribution specification does."""

    manifests: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """By repository, and tag or digest."""
    realm: str = ""
    """Where tokens are issued; empty: none is wanted."""
    issued: int = 0
    digests: bool = True
    """Whether it says the digest of what it answers with."""

    def push(self, repository: str, tag: str, version: str = "", **more: Any) -> str:
        """Returns the digest."""
        named = {"org.opencontainers.image.version": version} if version else {}
        manifest = {"schemaVersion": 2, "annotations": named, **more}
        body = json.dumps(manifest).encode()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        self.manifests[repository, tag] = self.manifests[repository, digest] = body
        return digest

    async def usual(self, request: web.Request) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        if request.path == "/token":
            basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if given != f"Basic {basic}":
                return web.Response(status=401)
            self.issued += 1
            return web.json_response({"token": f"issued-{self.issued}", "expires_in": 300})
        if self.realm and given != f"Bearer issued-{self.issued}":
            challenge = f'Bearer realm="{self.realm}",service="models",scope="repository:x:push"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        repository, _, wanted = request.path.removeprefix("/v2/").rpartition("/manifests/")
        body = self.manifests.get((repository, wanted))
        if body is None:
            return web.json_response({"errors": [{"code": "MANIFEST_UNKNOWN"}]}, status=404)
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        headers = {"Docker-Content-Digest": digest} if self.digests else {}
        if request.headers.get("If-None-Match") == f'"{digest}"':
            return web.Response(status=304, headers=headers)
        kind = "application/vnd.oci.image.manifest.v1+json"
        return web.Response(body=body, content_type=kind, headers=headers)
