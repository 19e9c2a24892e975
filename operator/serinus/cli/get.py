"""`serinus get`: everything about one rollout, as text or for scripts."""

import argparse
import sys
import time

from serinus.cli.files import InputError
from serinus.cli.kubectl import Kubectl
from serinus.cli.sources import add_cluster, add_file, add_output, cluster, dumped, names, one
from serinus.cli.terminal import show
from serinus.cli.text import as_data, as_text
from serinus.manifests.owner import NAME_LABEL, Manifest
from serinus.views.pods import PodView, pods
from serinus.views.reading import Live, read
from serinus.views.rollout import rollout_view

EPILOG = """\
All data but the pods comes from the status. The operator writes decisions at once, and evidence
within half a minute.

examples:
  serinus get loan
  serinus get loan --watch
  serinus get loan -o json
  serinus get loan --evidence
  kubectl get mdep loan -o yaml | serinus get -f -
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("name", nargs="?", help="name of the ModelDeployment")
    add_cluster(parser)
    add_file(parser)
    parser.add_argument("-w", "--watch", action="store_true", help="print again on each change")
    parser.add_argument(
        "--evidence",
        action="store_true",
        help="print the status in full, with what is compressed in status.evidence, for -o yaml "
        "(the default here) or -o json",
    )
    add_output(parser, of_objects=True)


def run(options: argparse.Namespace) -> None:
    """Read and print. Raises InputError if nothing can be read."""
    if options.watch:
        _follow(options)
        return
    found = one(options)
    alone = options.filename or options.output or options.evidence
    there = () if alone else _pods(cluster(options), options.name)
    show(_shown(read(found), options, there))


def _follow(options: argparse.Namespace) -> None:
    """Print at each change; on a terminal each second, in place, since time passes too."""
    if options.filename or options.output or options.evidence or not options.name:
        message = "--watch: requires NAME, and cannot be used with -f, -o or --evidence"
        raise InputError(message)
    there, terminal = cluster(options), sys.stdout.isatty()
    live: Manifest | None = None
    seen: tuple[PodView, ...] = ()
    for changed in there.watch(options.name):
        if changed:
            live, seen = changed, _pods(there, options.name)
        if live and (changed or terminal):
            text = _shown(read(live), options, seen)
            show(text if terminal else f"{text}\n", in_place=terminal)


def _pods(there: Kubectl, name: str) -> tuple[PodView, ...]:
    return pods(there.every("pods", f"{NAME_LABEL}={name}"))


def _shown(live: Live, options: argparse.Namespace, there: tuple[PodView, ...]) -> str:
    now = time.time()
    if options.output == "name":
        return names([live.name])
    if options.evidence:
        return dumped(live.status.in_full(), options.output or "yaml")
    if options.output:
        return dumped(as_data(live, now), options.output)
    view = rollout_view(live.spec, live.status, now)
    return as_text(f"{live.namespace}/{live.name}", view, now, there)
