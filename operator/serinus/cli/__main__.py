"""`serinus`, `kubectl serinus` or `python -m serinus.cli`: the commands and their arguments."""

import argparse
import sys
from importlib import import_module
from typing import Final

from serinus import __version__

VERBS: Final = {
    "list": ("list", "List rollouts, one per line."),
    "get": ("get", "Show a rollout: pods, steps, checks with their evidence, decisions."),
    "status": ("status", "Print the state of a rollout, or wait for its end."),
    "explain": ("explain", "Say why the last rollout ended as it did, or what it waits for."),
    "history": ("history", "List the revisions that are kept, and the last decisions."),
    "promote": ("commands", "Skip the remaining steps: all traffic once all pods are ready."),
    "advance": ("commands", "End the current step or pause, or restore withdrawn traffic."),
    "approve": ("approve", "Let a rollout pass a step that must be approved."),
    "abort": ("commands", "Roll the candidate back."),
    "retry": ("commands", "Roll the rejected revision out again, or run a Job again."),
    "undo": ("undo", "Return to a former revision as soon as its pods are ready."),
    "pause": ("pausing", "Hold a rollout at its weight; failed checks still roll it back."),
    "resume": ("pausing", "Let a paused rollout go on."),
    "lint": ("lint", "Check manifests as the operator does, without a cluster."),
    "schema": ("schema", "Print the JSON Schema of a manifest, for editors."),
    "convert": ("convert", "Convert Deployments and other tools' manifests to ModelDeployments."),
    "check-metrics": ("check_metrics", "Say which checks a server's metrics suffice for."),
    "simulate": ("simulate", "Simulate rollouts with a policy, without a cluster."),
    "record": ("record", "Save the metrics of the last rollout to a file."),
    "replay": ("replay", "Test a policy on the recorded metrics of a past rollout."),
    "dashboard": ("dashboard", "Serve the dashboard of all rollouts from this machine."),
    "version": ("version", "Print the version of this command."),
}
"""The module of each, which is imported only if the verb is typed, and what it does."""


def parser(verb: str) -> argparse.ArgumentParser:
    """The command line, with the arguments of this verb."""
    whole = argparse.ArgumentParser(
        prog="serinus",
        description="Show and control rollouts on a cluster, and test a rollout policy in a "
        "simulation or on recorded traffic.",
        epilog="Run serinus COMMAND --help for details and examples.",
    )
    whole.add_argument("--version", action="version", version=__version__, help=VERBS["version"][1])
    commands = whole.add_subparsers(metavar="COMMAND", dest="verb", required=True)
    for name, (_, text) in VERBS.items():
        command = commands.add_parser(
            name,
            help=text,
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name == verb:
            fill(command, verb)
    return whole


def fill(command: argparse.ArgumentParser, verb: str) -> None:
    """Add the arguments of a verb."""
    module = import_module(f"serinus.cli.{VERBS[verb][0]}")
    command.epilog = module.EPILOG
    module.add_arguments(command)
    command.set_defaults(run=module.run)


def main(arguments: list[str] | None = None) -> int:
    """The exit code; see docs/cli.md."""
    typed = sys.argv[1:] if arguments is None else arguments
    whole = parser(typed[0] if typed else "")
    if not typed:
        whole.print_help()
        return 0
    if not typed[0].startswith("-") and typed[0] not in VERBS:
        whole.error(_unknown(typed[0]))
    options = whole.parse_args(typed)
    from serinus.cli.exit_codes import ExitCode
    from serinus.cli.files import InputError
    from serinus.cli.terminal import complain

    try:
        return options.run(options) or ExitCode.DONE
    except InputError as error:
        complain(f"serinus: {error}")
        return ExitCode.NOT_DONE
    except BrokenPipeError:
        # the reader of the output has closed the pipe
        sys.stderr.close()
        return ExitCode.DONE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _unknown(verb: str) -> str:
    from difflib import get_close_matches

    nearest = " or ".join(get_close_matches(verb, VERBS, n=2))
    return f"{verb!r} is not a command" + (f"; did you mean {nearest}?" if nearest else "")


if __name__ == "__main__":
    sys.exit(main())
