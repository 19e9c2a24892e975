"""The operator as it runs in its pod, and what it says of itself."""

import asyncio
import os
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import aiohttp

from tests.bench.scale.control import ROOT, Requests
from tests.support.ports import free_port

_REQUESTS: Final = re.compile(r'^serinus_api_requests_total\{kind="(\w+)",verb="(\w+)"\} (\S+)$')
_PASSES: Final = re.compile(r'^serinus_passes_total\{cause="([\w-]+)",wrote="(\w+)"\} (\S+)$')
_VALUE: Final = re.compile(r"^(\w+) (\S+)$")
_VARIABLE: Final = re.compile(r"^ENV (\w+)=(\S+)$", re.MULTILINE)
_START_WITHIN: Final = 30.0


@dataclass(frozen=True)
class Sample:
    """What the operator has used at a moment."""

    at: float
    """Unix seconds."""
    requests: Requests
    passes: Counter[tuple[str, str]]
    """By cause, and by what they wrote."""
    queries: int
    cpu: float
    """Seconds."""
    rss_mib: float
    peak_rss_mib: float


class Operator:
    """`python -m serinus.controller` for all namespaces; a context."""

    def __init__(self, kubeconfig: Path, prometheus: str, log: Path) -> None:
        self._address = f"127.0.0.1:{free_port()}"
        self._command = [
            *(sys.executable, "-m", "serinus.controller"),
            *("--prometheus-url", prometheus, "--bind", self._address),
        ]
        self._environment = {
            **os.environ,
            **_environment_of_the_image(),
            "PYTHONPATH": str(ROOT / "operator"),
            "KUBECONFIG": str(kubeconfig),
        }
        self._log = log
        self.started = 0.0
        """When the process was begun, Unix seconds."""

    async def start(self, *, elected: bool = True) -> None:
        """Begin the process, with leader election or without; returns at once."""
        self.started = time.time()
        command = [*self._command, *(("--lease-namespace", "default") if elected else ())]
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, env=self._environment, cwd=ROOT, stdout=log, stderr=log
            )

    async def kill(self) -> None:
        """End it by SIGKILL."""
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """End it as an upgrade does."""
        if self._process.returncode is None:
            self._process.terminate()
        if await self._process.wait() != 0:
            raise RuntimeError(f"the operator did not end cleanly: see {self._log}")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def process(self) -> int:
        """Its process id."""
        return self._process.pid

    def forget_peak(self) -> None:
        """Let the peak of memory count from now."""
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5", encoding="ascii")

    async def sample(self) -> Sample:
        """What it has used until now."""
        text = await self._metrics()
        at, requests, values = time.time(), Counter[tuple[str, str]](), dict[str, float]()
        passes = Counter[tuple[str, str]]()
        for line in text.splitlines():
            if found := _REQUESTS.match(line):
                kind, verb, count = found.groups()
                requests[verb, kind] = int(float(count))
            elif found := _PASSES.match(line):
                passes[found[1], found[2]] = int(float(found[3]))
            elif found := _VALUE.match(line):
                values[found[1]] = float(found[2])
        memory = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        rss, peak = (
            int(re.findall(rf"{name}:\s+(\d+) kB", memory)[0]) / 1024 for name in ("VmRSS", "VmHWM")
        )
        return Sample(
            at,
            requests,
            passes,
            int(values["serinus_prometheus_queries_total"]),
            values["process_cpu_seconds_total"],
            rss,
            peak,
        )

    async def _metrics(self) -> str:
        deadline = time.monotonic() + _START_WITHIN
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"http://{self._address}/metrics") as answer:
                        return await answer.text()
                except aiohttp.ClientConnectionError:
                    if time.monotonic() > deadline or self._process.returncode is not None:
                        raise
                    await asyncio.sleep(0.1)


def _environment_of_the_image() -> dict[str, str]:
    return dict(_VARIABLE.findall((ROOT / "Dockerfile").read_text(encoding="utf-8")))
