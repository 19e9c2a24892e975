"""`serinus version`."""

import argparse

from serinus import __version__

EPILOG = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It has none."""


def run(options: argparse.Namespace) -> None:
    """Print it."""
    print(__version__)
