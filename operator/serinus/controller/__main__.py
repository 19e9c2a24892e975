"""`python -m serinus.controller`: run the operator."""

import argparse
import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

if __name__ == "__main__":
    gc.disable()  # until main(): a seventh of the start, for 2 MB of garbage that stays

from serinus import __version__
from serinus.api.base import Type
from serinus.api.initializer import Initializer
from serinus.api.nesting import allow_deep_nesting
from serinus.api.notifications import MOST_ENDPOINTS, Endpoint
from serinus.api.registry import MOST_REGISTRIES, Registry
from serinus.api.spec import DEFAULT_CLASS
from serinus.api.task_kinds import MOST_TASK_KINDS, TaskKind
from serinus.api.validation import of_type
from serinus.cluster import ApiError, connect
from serinus.controller.app import App
from serinus.controller.judging import SWITCH
from serinus.controller.lease import Lease
from serinus.controller.scope import CLASS_LABEL, Scope
from serinus.controller.watching import tell_answers_in_words
from serinus.prometheus import OPTIONS, Config, Option, Prometheus, settings
from serinus.registries import Registries, listening

log = logging.getLogger("serinus.controller")

T = TypeVar("T", bound=Type)


def arguments() -> argparse.ArgumentParser:
    """The command line; each option may also be given as SERINUS_<OPTION>."""
    parser = argparse.ArgumentParser(
        prog="python -m serinus.controller",
        description="Rolls models out by canary steps, judged by Prometheus, and rolls them back.",
        epilog="Every option can be set by an environment variable, for example --prometheus-url "
        "by "
        "SERINUS_PROMETHEUS_URL. The API server comes from the pod's service account, otherwise "
        "from "
        "KUBECONFIG.",
    )
    parser.add_argument("--version", action="version", version=__version__)

    def option(name: str, text: str, default: str | None = None, **kwargs: object) -> None:
        variable = "SERINUS_" + name.strip("-").upper().replace("-", "_")
        value = os.environ.get(variable) or default
        message = f"{text} (default: {default})" if default is not None else text
        parser.add_argument(name, default=value, help=message, **kwargs)  # type: ignore[arg-type]

    option("--prometheus-url", "address of Prometheus, such as http://prometheus.monitoring:9090")
    for each in OPTIONS:
        parse, action = _parser(each), _Several if each.many else "store"
        option(each.name, each.text, each.default, type=parse, action=action)
    option("--namespace", "watch only this namespace (default: all)")
    option("--class", "act on ModelDeployments of this class", DEFAULT_CLASS, dest="class_name")
    option("--workers", "number of concurrent reconciles", "8", type=_workers)
    option("--bind", "address of /healthz, /readyz and /metrics", "0.0.0.0:8080", type=_address)
    option("--lease-namespace", "namespace of the Lease (default: no leader election)")
    option("--lease-name", "name of the Lease", "serinus")
    option("--release", "namespace/name of this release, shown to other releases")
    for listed in _LISTED:
        text = f"{listed.text}, as JSON ({listed.page}); can be repeated"
        option(f"--{listed.name}", text, type=listed.parse, action=_Several)
    option(
        "--registry-webhooks",
        "address to listen on for webhooks of registries",
        "0.0.0.0:8081",
        type=_address,
    )
    option("--dashboard-url", "address of the dashboard, for links in notifications", "")
    option(
        "--storage-initializer",
        "an image that downloads models, and how it is run, as JSON (docs/storage.md)",
        type=_initializer,
    )
    option("--log-format", "log format: text or json", "text", type=_log_format)
    return parser


class _Several(argparse.Action):
    """Each use appends a value; an environment variable has one value per line."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        before = getattr(namespace, self.dest)
        # the default from the environment is a string until it is replaced
        setattr(namespace, self.dest, [*(before if isinstance(before, list) else ()), *values])


def _parser(option: Option) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            if option.many:
                return [option.parse(line) for line in text.splitlines() if line.strip()]
            return option.parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


def _workers(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 64")
    return int(text)


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an address such as 0.0.0.0:8080 or [::]:8080"
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


def _from_json(wanted: type[T], text: str, option: str) -> T:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from None
    if problems := of_type(wanted, given, option, secret=True):
        raise argparse.ArgumentTypeError(" ".join(f"{each}." for each in problems))
    return wanted.model_validate(given)


@dataclass(frozen=True)
class _Listed:
    """An option that can be repeated, for values that have names."""

    name: str
    type: type[Endpoint | Registry | TaskKind]
    text: str
    """What each is."""
    page: str
    several: str
    """What they are called."""
    most: int

    def parse(self, text: str) -> list[Endpoint | Registry | TaskKind]:
        """A value a line."""
        return [
            _from_json(self.type, line, self.name) for line in text.splitlines() if line.strip()
        ]

    def clash(self, given: Sequence[Endpoint | Registry | TaskKind]) -> str:
        """What is wrong about all of them together; empty if nothing is."""
        names = [each.name for each in given]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            return f"two {self.several} have the name {twice[0]}: rename one"
        if len(names) > self.most:
            return f"there are {len(names)} {self.several}, and at most {self.most} are allowed"
        return ""


_LISTED: Final = (
    _Listed(
        "notify",
        Endpoint,
        "an endpoint to notify of rollouts",
        "docs/notifications.md",
        "endpoints",
        MOST_ENDPOINTS,
    ),
    _Listed(
        "registry",
        Registry,
        "a registry of models that may be followed",
        "docs/registry.md",
        "registries",
        MOST_REGISTRIES,
    ),
    _Listed(
        "task-kind",
        TaskKind,
        "a kind that may be run instead of a Job to train a model",
        "docs/retraining.md",
        "kinds of tasks",
        MOST_TASK_KINDS,
    ),
)


def _initializer(text: str) -> Initializer:
    return _from_json(Initializer, text, "storage-initializer")


def _log_format(text: str) -> str:
    # not by `choices`, which argparse does not apply to defaults from the environment
    if text not in ("text", "json"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither text nor json")
    return text


class JsonFormatter(logging.Formatter):
    """Writes each record as a line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Keys: time (RFC 3339, UTC), level, logger, message and, if there is one, exception."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _log_to_stderr(form: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if form == "json" else text)
    handler.addFilter(tell_answers_in_words)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("kopf").setLevel(logging.ERROR)


async def _run(options: argparse.Namespace, config: Config) -> None:
    async with connect() as cluster, Prometheus(config) as prometheus:
        lease = None
        if options.lease_namespace:
            identity = f"{socket.gethostname()}-{os.getpid()}"
            where = options.lease_namespace, options.lease_name
            # a cluster-wide operator of the same class ignores a namespace with this label
            own = options.namespace == options.lease_namespace
            labels = {CLASS_LABEL: options.class_name} if own else {}
            lease = Lease(cluster, *where, identity, options.release or "", labels)
        registries = Registries(options.registry or (), time.time)
        app = App(
            cluster,
            prometheus,
            namespaces=(options.namespace,) if options.namespace else (),
            lease=lease,
            scope=Scope(options.class_name),
            workers=options.workers,
            endpoints=options.notify or (),
            dashboard=options.dashboard_url or "",
            initializer=options.storage_initializer,
            registries=registries,
            task_kinds=tuple(options.task_kind or ()),
        )
        where = options.registry_webhooks
        async with listening(registries.inboxes, lambda: app.leading, *where):
            await app.run(options.bind)


async def _until_signalled(options: argparse.Namespace, config: Config) -> None:
    """Run until the first SIGTERM or SIGINT; a second one ends the process immediately."""
    loop = asyncio.get_running_loop()
    running = asyncio.create_task(_run(options, config))
    numbers = (signal.SIGTERM, signal.SIGINT)

    def end() -> None:
        log.info("shutting down: finishing current work")
        for number in numbers:
            loop.remove_signal_handler(number)
        running.cancel()

    for number in numbers:
        loop.add_signal_handler(number, end)
    with contextlib.suppress(asyncio.CancelledError):
        await running


def main() -> int:
    """Run the operator; the exit code: 0 after a normal end, 1 if it cannot start."""
    parser = arguments()
    options = parser.parse_args()
    try:
        config = Config(url=options.prometheus_url or "", **settings(options))
    except ValueError as error:
        parser.error(f"Prometheus: {error}")
    for listed in _LISTED:
        if problem := listed.clash(getattr(options, listed.name.replace("-", "_")) or ()):
            parser.error(f"--{listed.name}: {problem}")
    _log_to_stderr(options.log_format)
    allow_deep_nesting()
    # what has been imported takes longest to look through
    gc.freeze()
    gc.enable()
    sys.setswitchinterval(SWITCH)
    try:
        asyncio.run(_until_signalled(options, config))
    except (ApiError, OSError) as error:
        log.error("cannot start: %s", error)
        return 1
    log.info("ended cleanly")
    return 0


if __name__ == "__main__":
    sys.exit(main())
