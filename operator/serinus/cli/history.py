"""`serinus history`: the revisions that are kept, and the decisions about them."""

import argparse
from dataclasses import asdict

from serinus.api.base import rfc3339
from serinus.cli.kubectl import MODEL_DEPLOYMENTS
from serinus.cli.sources import add_cluster, add_output, cluster, dumped
from serinus.cli.terminal import show, table
from serinus.manifests.owner import NAME_LABEL
from serinus.views.history import history
from serinus.views.reading import read

EPILOG = """\
Undo returns to a revision whose role is former.

examples:
  serinus history loan
  serinus undo loan --to a7k2m9qx
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("name", help="name of the ModelDeployment")
    add_cluster(parser)
    add_output(parser)


def run(options: argparse.Namespace) -> None:
    """Read and print. Raises InputError if nothing can be read."""
    there = cluster(options)
    live = read(there.get(MODEL_DEPLOYMENTS, options.name))
    stored = there.every("controllerrevisions", f"{NAME_LABEL}={options.name}")
    rows, decisions = history(live.status, stored), live.status.decisions
    if options.output:
        data = {
            "revisions": [asdict(row) for row in rows],
            "decisions": [each.to_json() for each in decisions],
        }
        print(dumped(data, options.output))
        return
    heads = ("NUMBER", "REVISION", "VERSION", "FROM", "ROLE", "CREATED")
    cells = [
        (
            *(str(row.number), row.revision, row.version or "-", row.source or "-"),
            *(row.role or "-", row.created),
        )
        for row in rows
    ]
    past = [(rfc3339(each.at), each.revision, each.reason, each.message) for each in decisions]
    decided = table(("DECIDED", "REVISION", "REASON", "MESSAGE"), past)
    show(f"{table(heads, cells)}\n\n{decided}")
