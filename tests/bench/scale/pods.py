"""What the fake pods would export, and a real Prometheus that scrapes it."""

import asyncio
import json
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Final

from aiohttp import web

from tests.bench.scale.control import Control, Manifest, Seen
from tests.cluster import addons, parts

RATE: Final = 200.0
"""Requests a second of each pod."""
ERRORS: Final = 0.002
"""The share of them that fails."""
BAD_ERRORS: Final = 0.2
"""The share of them that fails where a version is bad."""
BAD: Final = "-bad"
"""How a bad version ends."""
SCRAPE_SECONDS: Final = 2
FEATURE: Final = {1000: 10, 2000: 20, 5000: 30, 10000: 30}
"""Percent of its values in each bucket, by upper bound; the others lie above."""


@dataclass
class Pods:
    """The pods that run, and since when."""

    started: dict[tuple[str, str], float] = field(default_factory=dict)
    """By (namespace, name), Unix seconds."""
    bad: set[tuple[str, str]] = field(default_factory=set)
    """Those that run a bad version."""
    tell_feature: bool = False
    """Whether a feature of each request is exported too."""

    def take(self, seen: Seen) -> None:
        """An event about a pod."""
        metadata = seen.object["metadata"]
        name = (metadata["namespace"], metadata["name"])
        if seen.type == "DELETED":
            self.started.pop(name, None)
            self.bad.discard(name)
        elif seen.object["status"].get("phase") == "Running":
            self.started.setdefault(name, time.time())
            if _version(seen.object).endswith(BAD):
                self.bad.add(name)

    async def until(self, count: int, *, within: float) -> float:
        """Wait until no more than so many run; the moment, Unix seconds.

        Raises TimeoutError that tells how many there are.
        """
        deadline = time.monotonic() + within
        while len(self.started) > count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self.started)} pods run, {count} were to be left")
            await asyncio.sleep(0.1)
        return time.time()

    def exposition(self) -> str:
        """All pods' counters, as one exporter tells them."""
        good = self.started.keys() - self.bad
        lines = ["# TYPE model_requests_total counter"]
        for pods, errors in ((good, ERRORS), (self.bad, BAD_ERRORS)):
            codes = {"200": 1 - errors, "500": errors}
            lines += self._shares(pods, "model_requests_total", "code", codes)
        if self.tell_feature:
            up_to = zip(FEATURE, accumulate(FEATURE.values()), strict=True)
            bounds = {f"{bound}": percent / 100 for bound, percent in up_to} | {"+Inf": 1.0}
            feature = "model_feature_value_bucket"
            lines += self._shares(self.started, feature, 'feature="income",le', bounds)
        return "\n".join(lines) + "\n"

    def _shares(
        self,
        pods: Iterable[tuple[str, str]],
        metric: str,
        label: str,
        shares: Mapping[str, float],
    ) -> Iterator[str]:
        """A line for each value of the label, which has this share of a pod's requests."""
        now = time.time()
        for namespace, pod in pods:
            since = self.started[namespace, pod]
            labels = f'namespace="{namespace}",pod="{pod}",{label}'
            for value, share in shares.items():
                count = int((now - since) * RATE * share)
                yield f'{metric}{{{labels}="{value}"}} {count}'


def _version(pod: Manifest) -> str:
    """Of the model that it serves."""
    [container] = pod["spec"]["containers"]
    env = {each["name"]: each.get("value", "") for each in container.get("env") or []}
    return str(env.get("MODEL_VERSION", ""))


@asynccontextmanager
async def measured_pods(control: Control) -> AsyncIterator[tuple[Pods, str]]:
    """Every pod of a ModelDeployment, and the URL of a Prometheus that knows them."""
    pods = Pods()
    path = "/api/v1/pods?watch=true&labelSelector=serinus.dev/name"
    async with (
        control.following(path, pods.take),
        _exporter(pods) as exporter,
        _prometheus(exporter) as url,
    ):
        yield pods, url


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
