"""The page in this process, over the real API server, and people who look at it."""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import yaml
from aiohttp import web

from serinus.cluster import Cluster
from serinus.page.api_server import connected
from serinus.page.known import KnownObjects
from serinus.page.server import Page
from serinus.page.streams import Streams
from serinus.page.viewers import Reviewed
from tests.integration.conftest import kubectl

READING = ["--verb=get,list,watch", "--resource=modeldeployments.serinus.dev"]


@dataclass
class Served:
    """A page that is being served."""

    url: str
    known: KnownObjects
    account: str = ""
    """The page's service account, in the namespace default, and the names of its role and of its
    binding."""
    ahead: float = field(default=0.0)
    """By how much the clock is moved by which answers about rights become old."""

    async def get(self, path: str, token: str = "", **headers: str) -> tuple[int, str, Any]:
        """Status, text and headers of an answer."""
        if token:
            headers["Authorization"] = f"Bearer {token}"
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
            http.get(self.url + path, headers=headers) as answer,
        ):
            return answer.status, await answer.text(), answer.headers

    async def until(self, path: str, words: str, token: str) -> str:
        """The page once it has these words."""
        async with asyncio.timeout(30):
            while words not in (text := (await self.get(path, token))[1]):
                await asyncio.sleep(0.05)
            return text


@asynccontextmanager
async def served(
    kubeconfig: Path, heartbeat: float = 1.0, server: str = ""
) -> AsyncIterator[Served]:
    """The page as it runs in a pod, with the rights that the chart gives it. `server`: another
    address of the API server."""
    current = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]
    name = f"page-{secrets.token_hex(4)}"
    kubectl("create", "serviceaccount", name, "--namespace=default")
    kubectl("create", "clusterrole", name, *READING)
    account = f"--serviceaccount=default:{name}"
    kubectl("create", "clusterrolebinding", name, f"--clusterrole={name}", account)
    with TemporaryDirectory() as folder:
        ca, token = Path(folder, "ca"), Path(folder, "token")
        ca.write_bytes(_certificates(current))
        token.write_text(token_of("default", name))
        try:
            async with connected(server or current["server"], ca, token) as api:
                found = Served("", KnownObjects(), name)
                rights = Reviewed(api.review, lambda: time.monotonic() + found.ahead)
                page = Page(found.known, rights, login=True, streams=Streams(heartbeat=heartbeat))
                following = asyncio.create_task(api.follow(found.known, ""))
                async with listening(page.application()) as found.url:
                    yield found
                following.cancel()
        finally:
            for kind in ("clusterrolebinding", "clusterrole"):
                kubectl("delete", kind, name)
            kubectl("delete", "serviceaccount", name, "--namespace=default")


@asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[str]:
    """Serve an application; its address."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def below(path: str, url: str) -> AsyncIterator[str]:
    """A page as a proxy serves it that removes a path; its address at the proxy."""
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(cookie_jar=jar, auto_decompress=False) as http:

        async def forward(request: web.Request) -> web.StreamResponse:
            if not request.path_qs.startswith(f"{path}/"):
                raise web.HTTPNotFound
            inner = url + request.path_qs.removeprefix(path)
            body = await request.read()
            async with http.request(
                request.method, inner, headers=request.headers, data=body, allow_redirects=False
            ) as answer:
                kept = {k: v for k, v in answer.headers.items() if k != "Transfer-Encoding"}
                response = web.StreamResponse(status=answer.status, headers=kept)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                return response

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", forward)
        async with listening(app) as outer:
            yield f"{outer}{path}/"


def token_of(namespace: str, account: str) -> str:
    """A token by the TokenRequest API."""
    return kubectl("create", "token", account, f"--namespace={namespace}").stdout.strip()


def person(namespace: str, *, sees: str | None = None) -> str:
    """The token of a new service account in a namespace. `sees`: a namespace whose
    ModelDeployments it may read, or empty for all of them."""
    name = f"person-{secrets.token_hex(4)}"
    kubectl("create", "serviceaccount", name, f"--namespace={namespace}")
    account = f"--serviceaccount={namespace}:{name}"
    if sees:
        kubectl("create", "role", name, *READING, f"--namespace={sees}")
        kubectl("create", "rolebinding", name, f"--role={name}", account, f"--namespace={sees}")
    elif sees is not None:
        kubectl("create", "clusterrole", name, *READING)
        kubectl("create", "clusterrolebinding", name, f"--clusterrole={name}", account)
    return token_of(namespace, name)


async def put(cluster: Cluster, manifest: dict[str, Any], namespace: str, name: str) -> None:
    """Create an object with a status, or write its status."""
    found = await cluster.find("ModelDeployment", namespace, name)
    if found is None:
        metadata = {"namespace": namespace, "name": name}
        found = await cluster.create(
            {key: manifest[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": metadata}
        )
    await cluster.update_status(found, json.loads(json.dumps(manifest["status"])))


def _certificates(current: dict[str, Any]) -> bytes:
    if "certificate-authority-data" in current:
        return base64.b64decode(current["certificate-authority-data"])
    return Path(current["certificate-authority"]).read_bytes()
