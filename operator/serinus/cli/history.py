"""`serinus history`: the revisions that are kept, the decisions about them, and the Jobs that
retrained the model."""

import argparse
from dataclasses import asdict

from serinus.api.base import rfc3339
from serinus.api.status import RetrainingRun, Status
from serinus.cli.kubectl import MODEL_DEPLOYMENTS
from serinus.cli.sources import add_cluster, add_output, cluster, dumped
from serinus.cli.terminal import show, table
from serinus.manifests.owner import NAME_LABEL
from serinus.views.history import history, moments
from serinus.views.reading import read

EPILOG = """\
Undo returns to a revision whose role is former.

examples:
  serinus history loan
  serinus history loan --all
  serinus undo loan --to a7k2m9qx
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("name", help="name of the ModelDeployment")
    parser.add_argument(
        "--all",
        action="store_true",
        help="what happened in order: alarms, Jobs that retrained, rollouts and their ends",
    )
    add_cluster(parser)
    add_output(parser)


def run(options: argparse.Namespace) -> None:
    """Read and print. Raises InputError if nothing can be read."""
    there = cluster(options)
    live = read(there.get(MODEL_DEPLOYMENTS, options.name))
    if options.all:
        _show_all(live.status, options.output)
        return
    stored = there.every("controllerrevisions", f"{NAME_LABEL}={options.name}")
    rows, decisions = history(live.status, stored), live.status.decisions
    runs = live.status.retraining.history if live.status.retraining else []
    if options.output:
        data = {
            "revisions": [asdict(row) for row in rows],
            "decisions": [each.to_json() for each in decisions],
            "retrainings": [each.to_json() for each in runs],
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
    show("\n\n".join(filter(None, (table(heads, cells), decided, _retrainings(runs)))))


def _show_all(status: Status, output: str | None) -> None:
    found = [{**asdict(each), "at": rfc3339(each.at)} for each in moments(status)]
    if output:
        print(dumped({"moments": found}, output))
        return
    rows = [tuple(str(value) for value in each.values()) for each in found]
    show(table(("AT", "WHAT", "REVISION", "MESSAGE"), rows))


def _retrainings(runs: list[RetrainingRun]) -> str:
    rows = [
        (
            rfc3339(each.since),
            " and ".join(alarm.quantity for alarm in each.alarms),
            each.outcome,
            (each.new.version or each.new.revision) if each.new else "-",
            each.new.outcome if each.new else "-",
            (each.new.message if each.new else "") or each.message,
        )
        for each in runs
    ]
    heads = ("RETRAINED", "FOR", "JOB", "VERSION", "CAME TO", "MESSAGE")
    return table(heads, rows) if rows else ""
