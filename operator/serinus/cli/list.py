"""`serinus list`: all rollouts, one per line."""

import argparse
import sys
import time

from serinus.cli.kubectl import MODEL_DEPLOYMENTS
from serinus.cli.sources import (
    add_cluster,
    add_file,
    add_output,
    all_of_file,
    cluster,
    dumped,
    names,
)
from serinus.cli.terminal import show, table
from serinus.cli.text import HEADS, as_cells, as_data
from serinus.manifests.owner import Manifest
from serinus.views.reading import read
from serinus.views.rollout import rollout_view
from serinus.views.urgency import urgency

EPILOG = """\
Rollouts that serve nobody come first, then those that need a person, those under way, and the rest.
With -o they are in the order of kubectl.

examples:
  serinus list
  serinus list -A
  serinus list -o json
  kubectl get mdep -A -o yaml | serinus list -f -
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    add_cluster(parser)
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="list all namespaces")
    add_file(parser)
    add_output(parser, of_objects=True)


def run(options: argparse.Namespace) -> None:
    """Read and print. Raises InputError if nothing can be read."""
    found = _found(options)
    if not found:
        elsewhere = options.filename or options.all_namespaces
        where = "" if elsewhere else " in this namespace; -A lists all namespaces"
        print(f"No ModelDeployments found{where}.", file=sys.stderr)
    if options.output in ("json", "yaml"):
        data = [as_data(read(each), time.time()) for each in found]
        print(dumped(data, options.output))
    elif options.output == "name" and found:
        print(names([read(each).name for each in found]))
    elif found:
        show(_table(found, options.all_namespaces))


def _found(options: argparse.Namespace) -> list[Manifest]:
    if not options.filename:
        return cluster(options).every(MODEL_DEPLOYMENTS)
    return all_of_file(options)


def _table(found: list[Manifest], everywhere: bool) -> str:
    lives = [read(each) for each in found]
    views = [(live, rollout_view(live.spec, live.status, time.time())) for live in lives]
    views.sort(key=lambda each: urgency(each[1]))  # then as kubectl sorts them
    rows = [
        (*([live.namespace] if everywhere else []), *as_cells(live.name, view))
        for live, view in views
    ]
    return table((*(["NAMESPACE"] if everywhere else []), *HEADS), rows)
