"""A real Prometheus that scrapes pods which a test makes up, each second."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from serinus.metrics.queries import Arm
from tests.cluster import parts
from tests.support.ports import free_port

PATIENCE = 30.0
"""Seconds until something that must happen is said not to have."""


class _Server(ThreadingHTTPServer):
    """Of which Prometheus may turn away, as where a scrape takes too long."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Pods:
    """Pods whose metrics a test sets; each is a target with its namespace and name as labels."""

    def __init__(self) -> None:
        self._metrics: dict[str, str] = {}
        pods = self

        class Metrics(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = pods.text(self.path).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Scrapes need not be logged."""

        self.server = _Server(("127.0.0.1", 0), Metrics)

    def text(self, path: str) -> str:
        """What a scrape of this path reads."""
        return self._metrics.get(path, "")

    def set(self, namespace: str, pod: str, **metrics: float) -> None:
        """Metrics by name; `name__code_500` has the label code."""
        lines = []
        for name, value in metrics.items():
            metric, _, label = name.partition("__")
            key, _, content = label.partition("_")
            lines.append(f'{metric}{{{key}="{content}"}} {value}' if key else f"{metric} {value}")
        self.set_text(namespace, pod, "\n".join(lines))

    def set_text(self, namespace: str, pod: str, text: str) -> None:
        """Metrics in Prometheus's own format."""
        self._metrics[f"/{namespace}/{pod}"] = text + "\n"

    def targets(self) -> list[dict[str, object]]:
        """As static_configs of a scrape configuration."""
        address = f"127.0.0.1:{self.server.server_port}"
        found: list[dict[str, object]] = []
        for path in self._metrics:
            _, namespace, pod = path.split("/")
            labels = {"namespace": namespace, "pod": pod, "__metrics_path__": path}
            found.append({"targets": [address], "labels": labels})
        return found


@contextmanager
def serving(pods: Pods) -> Iterator[Pods]:
    """Answers scrapes until the block ends."""
    thread = threading.Thread(target=pods.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield pods
    finally:
        pods.server.shutdown()
        pods.server.server_close()


class Server:
    """A Prometheus in a folder of its own, which can be stopped and started again.

    It keeps each classic histogram as a native one too.
    """

    def __init__(
        self,
        folder: Path,
        pods: Pods | None = None,
        jobs: Sequence[dict[str, object]] = (),
        flags: Sequence[str] = (),
        *,
        replica: str = "",
        store: str = "",
    ) -> None:
        """What is scraped are pods of a test's own, or jobs as in a configuration. One of a pair
        has a name, which is a label of all that it writes to the store at an address, if any."""
        self._folder, self._flags = folder, flags
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}"
        if pods is not None:
            jobs = [*jobs, {"job_name": "pods", "static_configs": pods.targets()}]
        settings: dict[str, Any] = {
            "scrape_interval": "1s",
            "scrape_native_histograms": True,
            "convert_classic_histograms_to_nhcb": True,
            "always_scrape_classic_histograms": True,
        }
        config: dict[str, Any] = {"global": settings, "scrape_configs": list(jobs)}
        if replica:
            # also sets the moments of its scrapes apart from those of the other
            settings["external_labels"] = {"replica": replica}
        if store:
            config["remote_write"] = [{"url": f"{store}/api/v1/write"}]
        (folder / "prometheus.yml").write_text(json.dumps(config))

    def start(self) -> None:
        """Returns once it answers."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(_program()),
                    f"--config.file={self._folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                    *self._flags,
                ],
                stdout=log,
                stderr=log,
            )
        until(self._ready, f"Prometheus does not start: see {self._folder / 'log'}")

    def stop(self) -> None:
        """Returns once it has ended."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def until(happened: Callable[[], bool], otherwise: str) -> None:
    """Waits for something, up to PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


def pod(arm: Arm, suffix: str = "x2x4z") -> str:
    """Name of a pod of the arm's Deployment."""
    return f"{arm.workload}-5d9f7c6b8-{suffix}"


def _program() -> Path:
    if chosen := os.environ.get("SERINUS_PROMETHEUS"):
        return Path(chosen)
    return parts.go_part("prometheus") / "bin" / "prometheus"
