"""`serinus dashboard`: the page, on this machine."""

import argparse
import asyncio
import webbrowser
from typing import Final

from serinus.cli.files import InputError
from serinus.cli.kubectl import MODEL_DEPLOYMENTS
from serinus.cli.sources import add_cluster, cluster

EPILOG = """\
The dashboard is read-only, and shows what your kubeconfig may see. Everyone who reaches its address
sees the same, so it listens on this machine only unless --address says otherwise. docs/page.md
describes it, and how it runs in a cluster.

examples:
  serinus dashboard
  serinus dashboard -A --port 8000 --no-browser
"""
_PORT: Final = 8090


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    add_cluster(parser)
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="show all namespaces")
    parser.add_argument("--address", default="127.0.0.1", help="listen on it (default: 127.0.0.1)")
    parser.add_argument(
        "--port", type=_port, default=_PORT, help=f"0: any free port (default: {_PORT})"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")


def run(options: argparse.Namespace) -> None:
    """Serve until interrupted. Raises InputError if the cluster cannot be read."""
    try:
        from serinus.page.local import serve
    except ModuleNotFoundError as error:
        raise InputError(
            f"{error.name} is not installed: pip install 'serinus[dashboard]'"
        ) from None
    there = cluster(options)
    found = there.every(MODEL_DEPLOYMENTS)
    nothing = nothing_in(options.namespace, everywhere=options.all_namespaces)

    def tell(url: str) -> None:
        what = "" if options.all_namespaces else " of one namespace (-A: of all)"
        print(f"The dashboard{what} is at {url} (Ctrl-C ends it)", flush=True)
        if not options.no_browser:
            webbrowser.open(url)

    try:
        asyncio.run(
            serve(found, there.every_change(), options.address, options.port, nothing, tell)
        )
    except OSError as error:
        raise InputError(f"--address, --port: {error.strerror or error}") from None


def nothing_in(namespace: str | None, *, everywhere: bool) -> str:
    """What an empty list says, as that of `serinus list` does."""
    if everywhere:
        return "There are no ModelDeployments."
    where = f"namespace {namespace}" if namespace else "this namespace"
    return f"There are no ModelDeployments in {where}. serinus dashboard -A shows all namespaces."


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 65535")
    return int(text)
