"""What the fake pods would export, and a real Prometheus that scrapes it."""

import asyncio
import json
import socket
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from aiohttp import web

from tests.bench.scale.control import Control, Seen
from tests.cluster import addons, parts

RATE: Final = 200.0
"""Requests a second of each pod."""
ERRORS: Final = 0.002
"""The share of them that fails."""
SCRAPE_SECONDS: Final = 2


@dataclass
class Pods:
    """The pods that run, and since when."""

    started: dict[tuple[str, str], float] = field(default_factory=dict)
    """By (namespace, name), Unix seconds."""

    def take(self, seen: Seen) -> None:
        """An event about a pod."""
        metadata = seen.object["metadata"]
        name = (metadata["namespace"], metadata["name"])
        if seen.type == "DELETED":
            self.started.pop(name, None)
        elif seen.object["status"].get("phase") == "Running":
            self.started.setdefault(name, time.time())

    def exposition(self) -> str:
        """All pods' counters, as one exporter tells them."""
        now = time.time()
        lines = ["# TYPE model_requests_total counter"]
        for (namespace, pod), since in self.started.items():
            requests = (now - since) * RATE
            for code, share in (("200", 1 - ERRORS), ("500", ERRORS)):
                labels = f'namespace="{namespace}",pod="{pod}",code="{code}"'
                lines.append(f"model_requests_total{{{labels}}} {int(requests * share)}")
        return "\n".join(lines) + "\n"


@asynccontextmanager
async def measured_pods(control: Control) -> AsyncIterator[str]:
    """The URL of a Prometheus that knows every pod of a ModelDeployment."""
    pods = Pods()
    path = "/api/v1/pods?watch=true&labelSelector=serinus.dev/name"
    async with (
        control.following(path, pods.take),
        _exporter(pods) as exporter,
        _prometheus(exporter) as url,
    ):
        yield url


@asynccontextmanager
async def _exporter(pods: Pods) -> AsyncIterator[str]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=pods.exposition(), content_type="text/plain")

    app = web.Application()
    app.router.add_get("/metrics", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _prometheus(exporter: str) -> AsyncIterator[str]:
    program = parts.go_part("prometheus") / "bin/prometheus"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "prometheus.yml"
        file.write_text(json.dumps(_configuration(exporter)), encoding="utf-8")
        address = f"127.0.0.1:{free_port()}"
        process = await asyncio.create_subprocess_exec(
            *(str(program), f"--config.file={file}", f"--storage.tsdb.path={folder}/data"),
            *(f"--web.listen-address={address}", "--log.level=warn"),
        )
        try:
            await asyncio.to_thread(addons.wait_for_prometheus, f"http://{address}")
            yield f"http://{address}"
        finally:
            process.terminate()
            await process.wait()


def _configuration(exporter: str) -> dict[str, object]:
    job = {
        "job_name": "pods",
        "honor_labels": True,
        "static_configs": [{"targets": [exporter]}],
    }
    return {"global": {"scrape_interval": f"{SCRAPE_SECONDS}s"}, "scrape_configs": [job]}


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
