"""`serinus`, or `python -m serinus.cli`: the commands and their arguments."""

import argparse
import sys

from serinus import __version__
from serinus.cli import record, replay, simulate, status
from serinus.cli.files import InputError


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    whole = argparse.ArgumentParser(
        prog="serinus",
        description="See where a rollout stands; try its policy before it meets traffic, or on "
        "traffic that it has met. The operator itself runs in the cluster; nothing here changes "
        "anything there.",
        epilog="serinus COMMAND --help tells more, with examples.",
    )
    whole.add_argument("--version", action="version", version=__version__)
    commands = whole.add_subparsers(metavar="COMMAND", required=True)
    for command in (status, simulate, record, replay):
        command.add_to(commands)
    return whole


def main(arguments: list[str] | None = None) -> int:
    """0 once done, 2 where what was given cannot be used."""
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except InputError as error:
        print(f"serinus: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # whoever read the output has seen enough
        sys.stderr.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
