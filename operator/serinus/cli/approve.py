"""`serinus approve`: the command that names its user."""

import argparse

from serinus.cli.commands import add_arguments, now, send
from serinus.cli.exit_codes import ExitCode
from serinus.cli.kubectl import MODEL_DEPLOYMENTS
from serinus.cli.sources import cluster
from serinus.cli.terminal import complain
from serinus.views.commands import NothingToDoError, revision_for, step_to_approve
from serinus.views.reading import read

__all__ = ["EPILOG", "add_arguments", "run"]

EPILOG = """\
Needs the RBAC verb approve on the ModelDeployment, and the right to patch it. The approval is for
the revision and the step that are found when it is typed. It returns when the operator has obeyed
or refused it.

exit codes:
  0   obeyed
  1   refused, with the reason
  2   the ModelDeployment cannot be read or annotated, for example without the verb approve
  4   the operator has not answered within --timeout
"""


def run(options: argparse.Namespace) -> int:
    """Annotate the approval, and print what the operator answers."""
    there = cluster(options)
    live = read(there.get(MODEL_DEPLOYMENTS, options.name))
    try:
        revision, step = revision_for("approve", live.status), step_to_approve(live)
    except NothingToDoError as error:
        complain(f"serinus: approve is refused: {error}")
        return ExitCode.REFUSED
    command = f"approve/{revision}/{step}/{live.digest}/{now()}/{there.user()}"
    return send(there, options, command)
