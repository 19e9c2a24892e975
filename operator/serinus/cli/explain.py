"""`serinus explain`: why the last rollout ended, or what it waits for."""

import argparse
import time

from serinus.api.base import rfc3339
from serinus.api.quantities import spoken
from serinus.cli.sources import add_cluster, add_file, one
from serinus.cli.terminal import show, table
from serinus.views.explanation import Explanation, explain
from serinus.views.outcome import outcome
from serinus.views.reading import Live, read
from serinus.views.rollout import RolloutView, rollout_view

EPILOG = """\
examples:
  serinus explain loan
  kubectl get mdep loan -o yaml | serinus explain -f -
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("name", nargs="?", help="name of the ModelDeployment")
    add_cluster(parser)
    add_file(parser)


def run(options: argparse.Namespace) -> None:
    """Read and print. Raises InputError if nothing can be read."""
    show(_text(read(one(options))))


def _text(live: Live) -> str:
    view = rollout_view(live.spec, live.status, time.time())
    found = explain(live.status)
    where = f"{live.namespace}/{live.name}"
    remedies = {
        "RolledBack": f"serinus retry {live.name} rolls the revision out again.",
        "Paused": f"serinus advance {live.name} ends the step, serinus promote {live.name} all "
        f"steps, serinus abort {live.name} the rollout.",
    }
    blocks = [
        f"{where}: {view.phase}\n{view.message}",
        _rollout(found) if found else "No rollout in steps is recorded.",
        _checks(view),
        remedies.get(outcome(live), ""),
    ]
    return "\n\n".join(filter(None, blocks))


def _rollout(found: Explanation) -> str:
    ended = f"ended after {spoken(found.until - found.since)}" if found.until else "in progress"
    title = (
        f"Revision {found.revision} against stable {found.stable}, from {rfc3339(found.since)}, "
        f"{ended}:"
    )
    heads = ("TIME", "WEIGHT", "REASON", "MESSAGE")
    rows = [
        (spoken(each.after), f"{each.weight:g}%", each.reason, each.message)
        for each in found.moments
    ]
    return f"{title}\n\n{table(heads, rows)}"


def _checks(view: RolloutView) -> str:
    """The evidence so far, while the rollout is in progress."""
    return "\n".join(f"{each.name}: {each.verdict}. {each.message}" for each in view.checks)
