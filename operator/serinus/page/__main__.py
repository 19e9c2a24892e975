"""`python -m serinus.page`: the page in a cluster, for viewers with tokens."""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal

from serinus.api.nesting import allow_deep_nesting
from serinus.page.api_server import connected
from serinus.page.known import KnownObjects
from serinus.page.rendering import NOTHING
from serinus.page.server import MOST_CONNECTIONS, Page
from serinus.page.viewers import Reviewed
from serinus.serving import serving


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m serinus.page",
        description="Serves the page in a pod; every viewer sees what the viewer's own token may "
        "see.",
    )
    parser.add_argument("--namespace", default="", help="only this namespace (default: all)")
    parser.add_argument("--port", type=int, default=8080)
    return parser


async def serve(namespace: str, port: int) -> None:
    """Until cancelled."""
    host, https = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    host = f"[{host}]" if ":" in host else host
    known = KnownObjects()
    async with connected(f"https://{host}:{https}") as server:
        page = Page(known, Reviewed(server.review), login=True, nothing=nothing_in(namespace))
        async with serving(page.application(), None, port, most=MOST_CONNECTIONS):
            await server.follow(known, namespace)


def nothing_in(namespace: str) -> str:
    """What an empty list says."""
    if not namespace:
        return NOTHING
    return (
        f"There are no ModelDeployments in namespace {namespace} that you may see. This dashboard "
        "shows no other namespace."
    )


async def _until_stopped() -> None:
    options = arguments().parse_args()
    serving = asyncio.create_task(serve(options.namespace, options.port))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await serving


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    allow_deep_nesting()
    # what has been imported is never garbage, and to look through it holds a probe up
    gc.freeze()
    asyncio.run(_until_stopped())
