"""Options for the address of Prometheus and for authentication."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from serinus.cli.files import InputError
from serinus.prometheus import OPTIONS, Archive, Config, Option, settings

_PATIENCE = 60.0
"""Timeout of each query in seconds; queries return more than those of a look."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """All but the address."""
    for option in OPTIONS:
        parser.add_argument(
            option.name,
            type=_parser(option),
            action="append" if option.many else "store",
            default=option.default,
            metavar="FILE" if option.parse is Path else "VALUE",
            help=option.text + (f" (default: {option.default})" if option.default else ""),
        )


def _parser(option: Option) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            return option.parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


def archive(options: argparse.Namespace) -> Archive:
    """The Prometheus given by the options; raises InputError."""
    try:
        config = Config(options.prometheus, timeout=_PATIENCE, **settings(options))
    except ValueError as error:
        raise InputError(f"--prometheus: {error}") from None
    return Archive(config)
