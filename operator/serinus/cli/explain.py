"""`serinus explain`: why the last rollout ended, or what it waits for."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from serinus.api.base import rfc3339
from serinus.api.quantities import spoken
from serinus.api.remedies import Remedy
from serinus.cli.sources import add_cluster, add_file, add_output, dumped, one
from serinus.cli.terminal import show, table
from serinus.cli.text import condition_line, fields, in_short, note, retrained
from serinus.views.explanation import Explanation, explain
from serinus.views.reading import Live, read
from serinus.views.remedies import remedies
from serinus.views.rollout import RolloutView, named, rollout_view

EPILOG = """\
examples:
  serinus explain loan
  serinus explain loan -o json
  kubectl get mdep loan -o yaml | serinus explain -f -
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("name", nargs="?", help="name of the ModelDeployment")
    add_cluster(parser)
    add_file(parser)
    add_output(parser)


def run(options: argparse.Namespace) -> None:
    """Read and print. Raises InputError if nothing can be read."""
    live = read(one(options))
    to_type = remedies(live, options.context or "")
    view, found = rollout_view(live.spec, live.status, time.time()), explain(live.status)
    if options.output:
        print(dumped(_data(live, view, found, to_type), options.output))
    else:
        show(_text(live, view, found, to_type))


def _data(
    live: Live, view: RolloutView, found: Explanation | None, to_type: Sequence[Remedy]
) -> dict[str, Any]:
    return {
        **in_short(live, view),
        "rollout": found and _rollout_data(found),
        "checks": [fields(check) for check in view.checks],
        "retraining": view.retraining and view.retraining.to_json(),
        "remedies": [asdict(each) for each in to_type],
    }


def _rollout_data(found: Explanation) -> dict[str, Any]:
    times = {
        "since": found.since,
        "until": found.until,
        "guardedSince": found.guarded_since,
    }
    shown = {name: None if at is None else rfc3339(at) for name, at in times.items()}
    moments = [asdict(each) for each in found.moments]
    return {"revision": found.revision, "stable": found.stable, **shown, "moments": moments}


def _text(
    live: Live, view: RolloutView, found: Explanation | None, to_type: Sequence[Remedy]
) -> str:
    where = f"{live.namespace}/{live.name}"
    blocks = [
        "\n".join([f"{where}: {view.phase}\n{view.message}".rstrip(), *_amiss(view)]),
        _rollout(found, view) if found else "No rollout in steps is recorded.",
        _checks(view),
        retrained(view),
        "\n".join(f"{each.does}: {each.command}" for each in to_type),
    ]
    return "\n\n".join(filter(None, blocks))


def _amiss(view: RolloutView) -> list[str]:
    """Conditions that the message of the status does not mention."""
    return [condition_line(each) for each in view.conditions if each.message not in view.message]


def _rollout(found: Explanation, view: RolloutView) -> str:
    ended = "in progress"
    if found.until:
        ended = f"ended after {spoken(found.until - found.since)}"
    elif found.guarded_since:
        ended = f"promoted after {spoken(found.guarded_since - found.since)} and guarded since"
    title = (
        f"Revision {found.revision} against {view.roles.the_stable} {found.stable}, "
        f"from {rfc3339(found.since)}, {ended}:"
    )
    heads = ("TIME", "WEIGHT", "REASON", "MESSAGE")
    rows = [
        (spoken(each.after), f"{each.weight:g}%", each.reason, each.message)
        for each in found.moments
    ]
    return f"{title}\n\n{table(heads, rows)}"


def _checks(view: RolloutView) -> str:
    """The evidence so far, while the rollout is in progress."""
    lines = [
        f"{named(each.name, each.mode)}: {each.verdict}. {each.evidence}" for each in view.checks
    ]
    return "\n".join([*lines, *note(view)] if lines else [])
