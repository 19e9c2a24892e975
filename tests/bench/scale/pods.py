"""What the fake pods would export, and a real Prometheus that scrapes it."""

import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Final

from aiohttp import web

from serinus.manifests.kinds import KINDS
from serinus.manifests.owner import NAME_LABEL, REVISION_LABEL
from tests.bench.scale.control import Control, Manifest, Seen
from tests.cluster import addons, parts
from tests.support.ports import free_port

Name = tuple[str, str]
"""Namespace and name."""

RATE: Final = 1000.0
"""Requests a second to each ModelDeployment; its route divides them among its pods."""
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
    """The pods that run, and what they have served by the routes that lead to them."""

    clock: Callable[[], float] = time.time
    served: dict[Name, float] = field(default_factory=dict)
    """Requests."""
    bad: set[Name] = field(default_factory=set)
    """Those that run a bad version."""
    tell_feature: bool = False
    """Whether a feature of each request is exported too."""
    _behind: dict[Name, Name] = field(default_factory=dict)
    """The Service that leads to a pod."""
    _weights: dict[Name, Mapping[str, int]] = field(default_factory=dict)
    """Weights of the Services of a route."""
    _counted_at: float = 0.0

    def take(self, seen: Seen) -> None:
        """An event about a pod."""
        self._count()
        metadata = seen.object["metadata"]
        name = (metadata["namespace"], metadata["name"])
        if seen.type == "DELETED":
            for known in (self.served, self._behind):
                known.pop(name, None)
            self.bad.discard(name)
        elif seen.object["status"].get("phase") == "Running":
            labels = metadata["labels"]
            service = f"{labels[NAME_LABEL]}-{labels[REVISION_LABEL]}"
            self._behind[name] = (metadata["namespace"], service)
            self.served.setdefault(name, 0.0)
            if _version(seen.object).endswith(BAD):
                self.bad.add(name)

    def take_route(self, seen: Seen) -> None:
        """An event about a route, which is in effect at once."""
        self._count()
        metadata = seen.object["metadata"]
        name = (metadata["namespace"], metadata["name"])
        if seen.type == "DELETED":
            self._weights.pop(name, None)
        else:
            self._weights[name] = {
                backend["name"]: backend["weight"]
                for rule in seen.object["spec"]["rules"]
                for backend in rule["backendRefs"]
            }

    def _count(self) -> None:
        """Count what was served since the last time, by the weights and pods until now."""
        now = self.clock()
        seconds, self._counted_at = now - self._counted_at, now
        pods_of = Counter(self._behind.values())
        rates = {
            (namespace, service): RATE
            * weight
            / sum(weights.values())
            / pods_of[namespace, service]
            for (namespace, _), weights in self._weights.items()
            for service, weight in weights.items()
            if weight and (namespace, service) in pods_of
        }
        for pod, service in self._behind.items():
            self.served[pod] += rates.get(service, 0.0) * seconds

    async def until(self, count: int, *, within: float) -> float:
        """Wait until no more than so many run; the moment, Unix seconds.

        Raises TimeoutError that tells how many there are.
        """
        deadline = time.monotonic() + within
        while len(self.served) > count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self.served)} pods run, {count} were to be left")
            await asyncio.sleep(0.1)
        return time.time()

    def exposition(self) -> str:
        """All pods' counters, as one exporter tells them."""
        self._count()
        good = self.served.keys() - self.bad
        lines = ["# TYPE model_requests_total counter"]
        for pods, errors in ((good, ERRORS), (self.bad, BAD_ERRORS)):
            codes = {"200": 1 - errors, "500": errors}
            lines += self._shares(pods, "model_requests_total", "code", codes)
        if self.tell_feature:
            up_to = zip(FEATURE, accumulate(FEATURE.values()), strict=True)
            bounds = {f"{bound}": percent / 100 for bound, percent in up_to} | {"+Inf": 1.0}
            feature = "model_feature_value_bucket"
            lines += self._shares(self.served, feature, 'feature="income",le', bounds)
        return "\n".join(lines) + "\n"

    def _shares(
        self,
        pods: Iterable[Name],
        metric: str,
        label: str,
        shares: Mapping[str, float],
    ) -> Iterator[str]:
        """A line for each value of the label, which has this share of a pod's requests."""
        for namespace, pod in pods:
            labels = f'namespace="{namespace}",pod="{pod}",{label}'
            for value, share in shares.items():
                count = int(self.served[namespace, pod] * share)
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
    path = "/api/v1/pods?labelSelector=serinus.dev/name"
    async with (
        control.following(path, pods.take),
        control.following(KINDS["HTTPRoute"].path(), pods.take_route),
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
