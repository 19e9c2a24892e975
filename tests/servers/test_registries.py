"""The real registry of MLflow: an alias that moves, its webhook, a version that vanishes, and what
it is told back."""

import asyncio
import base64
import os
import subprocess
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from serinus.api.registry import Reference, Registry
from serinus.api.status import Notice, VersionWrite
from serinus.notifications.forms import Subject
from serinus.registries import Registries, listening
from tests.servers.environments import STORES, interpreter_with
from tests.support.following import until
from tests.support.ports import free_port

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CHAMPION = Reference("company", "loan v1", "champion")
STARTS_WITHIN = 180.0


@asynccontextmanager
async def mlflow(folder: Path) -> AsyncIterator[str]:
    """The address of a server that may send webhooks to this machine."""
    port = free_port()
    env = {
        **{name: os.environ[name] for name in ("PATH", "HOME")},
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    }
    command = [
        *(str(interpreter_with("stores", STORES)), "-m", "mlflow", "server", "--workers", "1"),
        *(
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--backend-store-uri",
            f"sqlite:///{folder}/db",
        ),
    ]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + STARTS_WITHIN
        while not await asyncio.to_thread(_answers, f"http://127.0.0.1:{port}/health"):
            assert time.monotonic() < deadline, (folder / "log").read_text()[-2000:]
            await asyncio.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(timeout=30)


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True


class Client:
    """Whoever trains and registers models."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def call(self, method: str, path: str, **document: Any) -> dict[str, Any]:
        address = f"{self._url}/api/2.0/mlflow/{path}"
        async with self._session.request(method, address, json=document) as answer:
            assert answer.status == 200, await answer.text()
            found: dict[str, Any] = await answer.json()
            return found

    async def register(self, *sources: str) -> None:
        for source in sources:
            await self.call("POST", "model-versions/create", name=CHAMPION.model, source=source)

    async def point(self, alias: str, version: str) -> None:
        path = "registered-models/alias"
        await self.call("POST", path, name=CHAMPION.model, alias=alias, version=version)


async def test_an_alias_of_the_real_mlflow_is_followed_and_told_back(tmp_path: Path) -> None:
    folder, port = tmp_path / "files", free_port()
    folder.mkdir()
    (folder / "webhook-key").write_text(KEY)
    async with mlflow(tmp_path) as url, aiohttp.ClientSession() as session:
        client = Client(session, url)
        await client.call("POST", "registered-models/create", name=CHAMPION.model)
        await client.call(
            "POST",
            "webhooks",
            name="serinus",
            url=f"http://127.0.0.1:{port}/registries/company",
            secret=KEY,
            events=[{"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"}],
        )
        given = {"kind": "MLflow", "url": url, "namespaces": ["shop"], "folder": str(folder)}
        more = {"interval": "1h", "webhook": True, "writeBack": True, "allowHttp": True}
        aliases = {"rollbackAliases": ["rejected"]}
        registry = Registry.model_validate({"name": "company", **given, **more, **aliases})
        registries = Registries([registry], time.time)
        woken: list[tuple[str, str]] = []
        registries.heard(lambda *who: woken.append(who), lambda fault: woken.append(("", "")))
        [writer] = registries.writers(lambda *_: None)
        async with (
            listening(registries.inboxes, lambda: True, "127.0.0.1", port),
            asyncio.TaskGroup() as group,
        ):
            tasks = [group.create_task(each.run()) for each in (registries, writer)]
            await _follows(client, registries)
            await _is_told(client, writer)
            for task in tasks:
                task.cancel()
        assert ("", "") not in woken


async def _follows(client: Client, registries: Registries) -> None:
    def version() -> tuple[str, str]:
        answer = registries.follow("shop", "loan", CHAMPION)
        found = answer.version if answer else None
        return (found.version, found.uri) if found else ("", "")

    def error() -> str:
        answer = registries.follow("shop", "loan", CHAMPION)
        return answer.error if answer else ""

    await until(lambda: "no such model or alias" in error())
    await client.register("s3://models/loan/1", "s3://models/loan/2")
    # each is found out by its webhook: the interval is an hour
    await client.point("champion", "1")
    await until(lambda: version() == ("1", "s3://models/loan/1"), within=60)
    await client.point("champion", "2")
    await until(lambda: version() == ("2", "s3://models/loan/2"), within=60)
    await client.call("DELETE", "model-versions/delete", name=CHAMPION.model, version="2")
    await client.point("other", "1")
    await until(lambda: "no such model or alias" in error(), within=60)
    assert version() == ("2", "s3://models/loan/2"), "what was read stays"


async def _is_told(client: Client, writer: Any) -> None:
    write = VersionWrite(registry="company", model=CHAMPION.model, version="1", alias="rejected")
    notice = Notice(
        id="a",
        kind="RolledBack",
        at=time.time(),
        reason="CheckFailed",
        message="Check errors.",
        to=[writer.receiver],
        write=write,
    )
    writer.offer("uid", Subject("shop", "loan"), [notice])
    await until(lambda: writer.outcomes["delivered"] == 1)
    found = await client.call("GET", "model-versions/get", name=CHAMPION.model, version="1")
    tags = {each["key"]: each["value"] for each in found["model_version"]["tags"]}
    assert tags["serinus.outcome"] == "rolledBack" and tags["serinus.object"] == "shop/loan"
    assert "rejected" in found["model_version"]["aliases"]
