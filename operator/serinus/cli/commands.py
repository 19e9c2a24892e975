"""`serinus promote`, `advance`, `abort` and `retry`: commands to the operator."""

import argparse
from datetime import UTC, datetime
from typing import Final

from serinus.cli.exit_codes import ExitCode
from serinus.cli.kubectl import MODEL_DEPLOYMENTS, Kubectl
from serinus.cli.sources import add_cluster, cluster
from serinus.cli.status import duration
from serinus.cli.terminal import complain, show
from serinus.plan.observe import COMMAND
from serinus.views.commands import Answer, NothingToDoError, answer, revision_for
from serinus.views.reading import Live, read

EPILOG = """\
The command names the revision that is found when it is typed, so it never acts on a newer one. It
returns when the operator has obeyed or refused it.

exit codes:
  0   obeyed
  1   refused, with the reason
  2   the ModelDeployment cannot be read or annotated
  4   the operator has not answered within --timeout
"""
PATIENCE: Final = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of all commands."""
    parser.add_argument("name", help="name of the ModelDeployment")
    add_cluster(parser)
    add_timeout(parser)


def add_timeout(parser: argparse.ArgumentParser) -> None:
    """How long to wait for the operator."""
    parser.add_argument(
        "--timeout",
        type=duration,
        default=PATIENCE,
        metavar="TIME",
        help="how long to wait for the operator (default: 1m)",
    )


def run(options: argparse.Namespace) -> int:
    """Annotate the command, and print what the operator answers."""
    there, verb = cluster(options), options.verb
    before = read(there.get(MODEL_DEPLOYMENTS, options.name))
    try:
        revision = revision_for(verb, before.status, getattr(options, "to", None))
    except NothingToDoError as error:
        complain(f"serinus: {verb} is refused: {error}")
        return ExitCode.REFUSED
    return send(there, options, f"{verb}/{revision}/{now()}")


def now() -> str:
    """The time, which makes a command new to the operator: it obeys the same one only once."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"


def send(there: Kubectl, options: argparse.Namespace, command: str) -> int:
    """Annotate a command, and print the answer."""
    there.annotate(options.name, COMMAND, command)
    return _await(there, options, command)


def _await(there: Kubectl, options: argparse.Namespace, command: str) -> int:
    for changed in there.changes(options.name, options.timeout):
        live = read(changed)
        if found := answer(live.status, command):
            return _reported(live, options.verb, command, found)
        if live.command != command:
            message = f"the annotation was set to {live.command or 'nothing'} before it was read"
            complain(f"serinus: {options.verb} was not obeyed: {message}")
            return ExitCode.REFUSED
    complain(
        "serinus: the operator has not answered yet. Is it running? It obeys the command once it "
        "runs; to withdraw the command, remove the annotation serinus.dev/command"
    )
    return ExitCode.GOING


def _reported(live: Live, verb: str, command: str, found: Answer) -> int:
    what = f"{verb} {'to' if verb == 'undo' else 'of'} {command.split('/')[1]}"
    if not found.obeyed:
        reason = found.message.removeprefix(f"{command}: ")
        complain(f"serinus: {what} is refused: {reason}")
        return ExitCode.REFUSED
    show(f"{live.namespace}/{live.name}: {what} is obeyed. {live.status.message}")
    return ExitCode.DONE
