"""`serinus pause` and `resume`: set spec.rollout.paused."""

import argparse

from serinus.cli.commands import add_timeout
from serinus.cli.exit_codes import ExitCode
from serinus.cli.kubectl import MODEL_DEPLOYMENTS, Kubectl
from serinus.cli.sources import add_cluster, cluster
from serinus.cli.terminal import complain, show
from serinus.views.commands import NothingToDoError, paused
from serinus.views.reading import read

EPILOG = """\
Unlike the other commands, these change the spec. If your manifest sets spec.rollout.paused, change
it there too: the next apply, for example by Argo CD or Flux, sets it again.

exit codes:
  0   the operator has read the change
  1   refused, with the reason
  2   the ModelDeployment cannot be read or changed
  4   the operator has not read the change within --timeout
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Their arguments."""
    parser.add_argument("name", help="name of the ModelDeployment")
    add_cluster(parser)
    add_timeout(parser)


def run(options: argparse.Namespace) -> int:
    """Change the spec, and print the state once the operator has read it."""
    there, wanted = cluster(options), options.verb == "pause"
    try:
        paused(read(there.get(MODEL_DEPLOYMENTS, options.name)), wanted)
    except NothingToDoError as error:
        complain(f"serinus: {options.verb} is refused: {error}")
        return ExitCode.REFUSED
    changed = read(there.merge(options.name, {"spec": {"rollout": {"paused": wanted}}}))
    return _await(there, options, changed.generation)


def _await(there: Kubectl, options: argparse.Namespace, generation: int) -> int:
    for changed in there.changes(options.name, options.timeout):
        live = read(changed)
        if live.status.observed_generation >= generation:
            done = "true" if options.verb == "pause" else "false"
            where = f"{live.namespace}/{live.name}"
            show(f"{where}: spec.rollout.paused is now {done}. {live.status.message}")
            return ExitCode.DONE
    complain(
        "serinus: spec.rollout.paused is changed, but the operator has not read it yet. Is it "
        "running?"
    )
    return ExitCode.GOING
