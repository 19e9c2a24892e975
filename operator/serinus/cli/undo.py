"""`serinus undo`: the command that may name a revision."""

import argparse

from serinus.cli import commands
from serinus.cli.commands import EPILOG, run

__all__ = ["EPILOG", "add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    commands.add_arguments(parser)
    parser.add_argument(
        "--to",
        metavar="REVISION",
        help="a former revision, see serinus history (default: the last one that was stable)",
    )
