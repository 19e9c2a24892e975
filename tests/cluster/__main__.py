"""A real Kubernetes for the tests, the demo and anyone who wants to look.

  up          start a cluster, or find it running, and wait until it is usable
  down        end it and remove every trace of it
  status      say which clusters there are
  load-image  put a locally built image on its nodes
  build       only fill the cache, so that the next `up` is quick

A cluster is described in build/cluster/NAME: kubeconfig, and cluster.json, which names its gateway,
its Prometheus and the kubectl and helm to use with it.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType

from tests.cluster import bare, cache, description, existing, images, kind, machine
from tests.cluster.description import Wanted
from tests.cluster.kubectl import NotReadyError
from tests.cluster.progress import StepError

BACKENDS: dict[str, ModuleType] = {"bare": bare, "kind": kind, "existing": existing}
FAILED, CANNOT_RUN_HERE = 1, 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0, 1 if it failed, 3 if this machine cannot carry a cluster."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except machine.UnfitError as unfit:
        print(f"{unfit}", file=sys.stderr)
        return CANNOT_RUN_HERE
    except (StepError, NotReadyError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        return FAILED
    except subprocess.CalledProcessError as error:
        said = (error.stderr or b"").decode().strip()
        print(f"{error}\n{said}", file=sys.stderr)
        return FAILED
    return 0


def _up(arguments: argparse.Namespace) -> None:
    name = arguments.name or description.DEFAULT_NAMES[arguments.profile]
    folder = description.folder_of(name)
    backend = arguments.backend if arguments.backend != "auto" else _suitable()
    wanted = Wanted(
        arguments.profile, arguments.scrape_interval, arguments.fake_nodes, arguments.second_node
    )
    if wanted.second_node and (backend, wanted.profile) != ("bare", "full"):
        raise machine.UnfitError("only the bare backend has a second node, in the full profile")
    BACKENDS[backend].check()
    with _locked(folder):
        folder.mkdir(parents=True, exist_ok=True)
        description.claim(folder, backend, wanted)
        cluster = BACKENDS[backend].up(folder, wanted)
        description.write(folder, cluster)
    print(f"export KUBECONFIG={folder / 'kubeconfig'}")


def _down(arguments: argparse.Namespace) -> None:
    names = description.names() if arguments.all else [arguments.name]
    for name in names:
        folder = description.folder_of(name)
        with _locked(folder):
            if folder.exists():
                BACKENDS[description.backend_of(folder)].down(folder)


def _status(arguments: argparse.Namespace) -> None:
    found = [
        {
            "name": name,
            "running": BACKENDS[description.backend_of(folder)].is_running(folder),
            "cluster": description.read(folder),
        }
        for name in description.names()
        for folder in [description.folder_of(name)]
    ]
    if arguments.output == "json":
        print(json.dumps(found, indent=2))
        return
    for cluster in found:
        state = "running" if cluster["running"] else "stopped"
        folder = description.folder_of(str(cluster["name"]))
        print(f"{cluster['name']}: {state}, {description.backend_of(folder)}, {folder}")
    if not found:
        print("no cluster: `python -m tests.cluster up` makes one")


def _load_image(arguments: argparse.Namespace) -> None:
    archive = Path(arguments.image)
    if not archive.is_file():
        archive = images.archive_of(arguments.image)
    folder = description.folder_of(arguments.name)
    if not folder.exists():
        raise FileNotFoundError(f"no cluster is named {arguments.name}: start it with `up`")
    with _locked(folder):
        BACKENDS[description.backend_of(folder)].load(folder, archive)


def _build(arguments: argparse.Namespace) -> None:
    bare.build(arguments.profile)


def _locked(folder: Path) -> AbstractContextManager[None]:
    """Keep the others out who work on that cluster."""
    return cache.locked(f"cluster-{cache.digest(str(folder))}")


def _suitable() -> str:
    """Kind where it can run, else bare. Never a cluster that $KUBECONFIG happens to name."""
    return "kind" if kind.can_run() else "bare"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.cluster",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    default = description.DEFAULT_NAMES["full"]

    up = commands.add_parser("up", help="start a cluster and wait until it is usable")
    up.set_defaults(run=_up)
    up.add_argument(
        "--backend",
        choices=["auto", *BACKENDS],
        default="auto",
        help="auto is kind where it and a container engine answer, else bare; existing uses the "
        "cluster of $KUBECONFIG",
    )
    _add_profile(up)
    up.add_argument("--name", help="default: serinus, or serinus-control for that profile")
    up.add_argument("--fake-nodes", type=int, default=2, help="control profile only; default 2")
    up.add_argument("--second-node", action="store_true", help="bare backend and full profile only")
    up.add_argument("--scrape-interval", default="2s", help="Prometheus's; default 2s")

    down = commands.add_parser("down", help="end a cluster and remove every trace of it")
    down.set_defaults(run=_down)
    down.add_argument("--name", default=default, help=f"default: {default}")
    down.add_argument("--all", action="store_true", help="all clusters of this checkout")

    status = commands.add_parser("status", help="say which clusters there are")
    status.set_defaults(run=_status)
    status.add_argument("-o", "--output", choices=["text", "json"], default="text")

    load = commands.add_parser("load-image", help="put a locally built image on the nodes")
    load.set_defaults(run=_load_image)
    load.add_argument("image", help="an archive, or the name of an image built here")
    load.add_argument("--name", default=default, help=f"the cluster; default: {default}")

    build = commands.add_parser("build", help="only fill the cache that `up` draws on")
    build.set_defaults(run=_build)
    _add_profile(build)
    return parser


def _add_profile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile",
        choices=list(description.DEFAULT_NAMES),
        default="full",
        help="full runs pods, a gateway and Prometheus; control has only the API, its controllers "
        "and fake nodes, and is there in seconds",
    )


if __name__ == "__main__":
    sys.exit(main())
