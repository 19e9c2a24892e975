"""The operator as a process of its own, that can be killed, and a simulated Prometheus for it."""

import asyncio
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from serinus.metrics.queries import Arm, ArmQuery, CounterQuery, QueryError
from tests.support.inprocess import Traffic
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]


class PaperPrometheus:
    """Serves Traffic by the API of Prometheus: range selectors of counters, and nothing else."""

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/api/v1/query", self._query)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _query(self, request: web.Request) -> web.Response:
        text = str((await request.post())["query"])
        namespaces = _listed(r'namespace=~"([^"]*)"', text)
        workloads = _listed(r'pod=~"\(\?:([^)]*)\)', text)
        window, every = re.findall(r"\[(\d+)s(?::(\d+)s)?\]", text)[0]
        query = CounterQuery(text.partition("{")[0], part='code=~"5..' in text)
        result: list[dict[str, Any]] = []
        for namespace in namespaces:
            for workload in workloads:
                step = float(every) if every else None
                asked = ArmQuery(Arm(namespace, workload), query, float(window), step)
                answer = (await self.traffic.read([asked]))[asked]
                if isinstance(answer, QueryError):
                    return web.Response(status=503, text=answer.message)
                for series in answer:
                    values = [[t, str(v)] for t, v in series.samples]
                    labels = {**series.labels, "namespace": namespace}
                    result.append({"metric": labels, "values": values})
        data = {"resultType": "matrix", "result": result}
        return web.json_response({"status": "success", "data": data})


def _listed(pattern: str, text: str) -> list[str]:
    listed: str = re.findall(pattern, text)[0]
    return listed.replace("\\\\", "").split("|")


class OperatorProcess:
    """`python -m serinus.controller`, as it runs in its pod."""

    def __init__(self, kubeconfig: Path, prometheus: str, namespace: str, *options: str) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self._command = [
            *(sys.executable, "-m", "serinus.controller"),
            *("--prometheus-url", prometheus, "--namespace", namespace),
            *("--bind", self.address, *options),
        ]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "operator")}
        self._environment = {**environment, "KUBECONFIG": str(kubeconfig)}
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it; it logs to our own standard error."""
        self.process = await asyncio.create_subprocess_exec(
            *self._command, env=self._environment, cwd=ROOT
        )

    @property
    def pid(self) -> int:
        """Of the process that was started last."""
        assert self.process
        return self.process.pid

    def kill(self) -> None:
        """SIGKILL: it gets no chance to do anything more."""
        if self.process and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)

    async def terminate(self) -> int:
        """SIGTERM, and its exit code."""
        assert self.process
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), 30)

    async def died(self, within: float = 30) -> None:
        """Wait until it has ended."""
        assert self.process
        await asyncio.wait_for(self.process.wait(), within)

    async def metrics(self) -> list[Sample]:
        """What it exports now; empty where nobody answers."""
        try:
            async with aiohttp.request("GET", f"http://{self.address}/metrics") as answer:
                text = await answer.text()
        except aiohttp.ClientConnectionError:
            return []
        families = text_string_to_metric_families(text)
        return [sample for family in families for sample in family.samples]

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.kill()
        if self.process:
            await self.process.wait()


def real_traffic() -> Traffic:
    """Traffic in real time."""
    return Traffic(time.time, time.time() - 120, rate=2000.0)
