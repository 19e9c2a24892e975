"""`serinus explain`: why the last rollout ended, or what it waits for."""

import argparse
import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from serinus.api.base import rfc3339
from serinus.api.quantities import spoken
from serinus.api.reasons import Reason
from serinus.cli.sources import add_cluster, add_file, add_output, dumped, one
from serinus.cli.terminal import show, table
from serinus.cli.text import evidence, fields, in_short, named, note
from serinus.views.explanation import Explanation, explain
from serinus.views.outcome import outcome
from serinus.views.reading import Live, read
from serinus.views.rollout import RolloutView, rollout_view

EPILOG = """\
examples:
  serinus explain loan
  serinus explain loan -o json
  kubectl get mdep loan -o yaml | serinus explain -f -
"""

Remedy = tuple[str, str]
"""What a command does, and the command."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("name", nargs="?", help="name of the ModelDeployment")
    add_cluster(parser)
    add_file(parser)
    add_output(parser)


def run(options: argparse.Namespace) -> None:
    """Read and print. Raises InputError if nothing can be read."""
    live = read(one(options))
    context = [f"--context={options.context}"] if options.context else []
    target = shlex.join([live.name, f"--namespace={live.namespace}", *context])
    remedies = [(what, f"serinus {verb} {target}") for verb, what in _remedies(live)]
    view, found = rollout_view(live.spec, live.status, time.time()), explain(live.status)
    if options.output:
        print(dumped(_data(live, view, found, remedies), options.output))
    else:
        show(_text(live, view, found, remedies))


def _data(
    live: Live, view: RolloutView, found: Explanation | None, remedies: Sequence[Remedy]
) -> dict[str, Any]:
    return {
        **in_short(live, view),
        "rollout": found and _rollout_data(found),
        "checks": [fields(check) for check in view.checks],
        "remedies": [{"does": what, "command": command} for what, command in remedies],
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
    live: Live, view: RolloutView, found: Explanation | None, remedies: Sequence[Remedy]
) -> str:
    where = f"{live.namespace}/{live.name}"
    blocks = [
        f"{where}: {view.phase}\n{view.message}".rstrip(),
        _rollout(found, view) if found else "No rollout in steps is recorded.",
        _checks(view),
        "\n".join(f"{what}: {command}" for what, command in remedies),
    ]
    return "\n\n".join(filter(None, blocks))


def _remedies(live: Live) -> Iterator[tuple[str, str]]:
    """Verbs by which a person may end the wait, and what each does."""
    found, candidate = outcome(live), live.status.candidate
    if candidate and candidate.guarding and not candidate.guarding.taking_back:
        yield "promote", "End the guard"
        yield "abort", "Give all traffic back to the previous revision"
    elif found == "RolledBack":
        yield "retry", "Roll the revision out again"
    elif found == "Paused":
        reason = candidate.hold.reason if candidate and candidate.hold else ""
        if reason == Reason.AWAITING_APPROVAL:
            yield "approve", "Let it pass, which needs the RBAC verb approve"
        else:
            if reason == Reason.PAUSED_BY_SPEC:
                yield "resume", "Let the rollout go on"
            else:
                yield "advance", "End the step"
            yield "promote", "Skip the remaining steps"
        yield "abort", "Roll back"
    elif candidate and candidate.withdrawn:
        yield "advance", "Give the candidate its traffic back, and start the step again"
        yield "promote", "Skip the remaining steps"
        yield "abort", "Roll back"


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
        f"{named(each.name, each.mode)}: {each.verdict}. {evidence(each)}" for each in view.checks
    ]
    return "\n".join([*lines, *note(view)] if lines else [])
