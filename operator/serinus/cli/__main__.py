"""`serinus`, or `python -m serinus.cli`: the commands and their arguments."""

import argparse
import sys

from serinus import __version__
from serinus.cli import check_metrics, record, replay, simulate, status
from serinus.cli.files import InputError


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    whole = argparse.ArgumentParser(
        prog="serinus",
        description="Show the state of rollouts, and test a rollout policy in a simulation or on "
        "recorded traffic. The command never changes a cluster.",
        epilog="Run serinus COMMAND --help for details and examples.",
    )
    whole.add_argument("--version", action="version", version=__version__)
    commands = whole.add_subparsers(metavar="COMMAND", required=True)
    for command in (status, simulate, record, replay, check_metrics):
        command.add_to(commands)
    return whole


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 on success, 2 for invalid input, others as the command says."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except InputError as error:
        print(f"serinus: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # the reader of the output has closed the pipe
        sys.stderr.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
