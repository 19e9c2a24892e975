"""`python -m serinus.controller`: run the operator."""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
from pathlib import Path

from serinus import __version__
from serinus.cluster import connect
from serinus.controller.app import App
from serinus.controller.lease import Lease
from serinus.prometheus import Config, Prometheus


def arguments() -> argparse.ArgumentParser:
    """The command line; each option may also be given as SERINUS_<OPTION>."""
    parser = argparse.ArgumentParser(
        prog="python -m serinus.controller",
        description="Rolls models out by canary steps, judged by Prometheus, and rolls them back.",
        epilog="Every option can be set by the environment: --prometheus-url is "
        "SERINUS_PROMETHEUS_URL. The API server is found by the pod's service account, else by "
        "KUBECONFIG.",
    )
    parser.add_argument("--version", action="version", version=__version__)

    def option(name: str, text: str, default: str | None = None, **kwargs: object) -> None:
        variable = "SERINUS_" + name.strip("-").upper().replace("-", "_")
        value = os.environ.get(variable, default)
        told = f"{text} (default: {default})" if default is not None else text
        parser.add_argument(name, default=value, help=told, **kwargs)  # type: ignore[arg-type]

    option("--prometheus-url", "address of Prometheus, such as http://prometheus.monitoring:9090")
    option("--prometheus-ca-file", "certificate authorities of Prometheus", type=Path)
    option("--prometheus-token-file", "bearer token for Prometheus", type=Path)
    option("--prometheus-username-file", "user name for Prometheus", type=Path)
    option("--prometheus-password-file", "password for Prometheus", type=Path)
    option("--namespace", "serve this namespace alone; all if left out")
    option("--workers", "reconciles at one time", "8", type=int)
    option("--bind", "address of /healthz, /readyz and /metrics", "0.0.0.0:8080")
    option("--lease-namespace", "namespace of the Lease; no leader election if left out")
    option("--lease-name", "name of the Lease", "serinus")
    option("--log-format", "text or json", "text", choices=("text", "json"))
    return parser


class _JsonFormatter(logging.Formatter):
    """A line of JSON for each record."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told)


def _log(form: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(_JsonFormatter() if form == "json" else text)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("kopf").setLevel(logging.ERROR)


def _prometheus(options: argparse.Namespace) -> Config:
    return Config(
        url=options.prometheus_url or "",
        ca_file=options.prometheus_ca_file,
        token_file=options.prometheus_token_file,
        username_file=options.prometheus_username_file,
        password_file=options.prometheus_password_file,
    )


async def _run(options: argparse.Namespace, config: Config, bind: tuple[str, int]) -> None:
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: task.cancel() if task else None)
    async with connect() as cluster, Prometheus(config) as prometheus:
        lease = None
        if options.lease_namespace:
            identity = f"{socket.gethostname()}-{os.getpid()}"
            lease = Lease(cluster, options.lease_namespace, options.lease_name, identity)
        app = App(
            cluster,
            prometheus,
            namespaces=(options.namespace,) if options.namespace else (),
            lease=lease,
            workers=options.workers,
        )
        with contextlib.suppress(asyncio.CancelledError):
            await app.run(bind)


def main() -> int:
    """Run until SIGTERM or SIGINT."""
    parser = arguments()
    options = parser.parse_args()
    try:
        config = _prometheus(options)
    except ValueError as error:
        parser.error(f"Prometheus: {error}")
    host, _, port = options.bind.rpartition(":")
    if not port.isdigit():
        parser.error(f"--bind is {options.bind!r}; write it like 0.0.0.0:8080")
    _log(options.log_format)
    asyncio.run(_run(options, config, (host, int(port))))
    logging.info("ended cleanly")
    return 0


if __name__ == "__main__":
    sys.exit(main())
