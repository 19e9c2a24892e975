"""`serinus check-metrics`: which checks could be judged by what a pod exports."""

import argparse
import json
import sys
import time
import urllib.request
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from serinus.api.analysis import Analysis
from serinus.api.presets import PRESETS
from serinus.cli.files import InputError, read_manifest
from serinus.cli.tables import table
from serinus.metrics.exposition import Exported, exported
from serinus.views.scrape import ScrapeView, scrape_view

INCOMPLETE: Final = 1
"""Exit code: a check lacks a metric."""
_EPILOG = """\
An address is scraped five times, which shows whether several processes answer in turn. Send some
requests first: most servers export a series with the first request that it counts.

exit codes: 0, all checks can be judged; 1, a check lacks a metric; 2, invalid input.

examples:
  serinus check-metrics http://localhost:8080/metrics
  serinus check-metrics http://localhost:8080/metrics -f loan.yaml
  kubectl exec loan-5d4f -- curl -s localhost:8080/metrics | serinus check-metrics - --preset vLLM
"""
_SCRAPES: Final = 5
_BETWEEN: Final = 0.2
_TIMEOUT: Final = 10.0
"""Seconds."""


def add_to(commands: Any) -> None:
    """Add the command and its arguments."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "check-metrics",
        help="tell which checks can be judged by what a model server exports",
        description="Reads a scrape of a model server and tells which checks of an analysis can "
        "be judged, which metrics are missing, and what would be judged wrongly.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "scrape", help="address, or file with the text of one scrape; - reads standard input"
    )
    analysis = parser.add_mutually_exclusive_group()
    analysis.add_argument(
        "-f", "--filename", help="the ModelDeployment (default: the default analysis)"
    )
    analysis.add_argument("--preset", choices=list(PRESETS), help="the analysis of a preset")
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read and print; the exit code. Raises InputError for invalid input."""
    found = scrape_view(_analysis(options), _scrapes(options.scrape))
    print(json.dumps(asdict(found), indent=2) if options.output == "json" else as_text(found))
    return 0 if found.complete else INCOMPLETE


def as_text(view: ScrapeView) -> str:
    """A table of the checks, and the warnings."""
    rows = [(each.name, each.kind, each.state, each.message) for each in view.checks]
    warnings = [f"Warning: {each}" for each in view.warnings]
    return "\n".join([table(("CHECK", "KIND", "STATE", "MESSAGE"), rows), *warnings])


def _analysis(options: argparse.Namespace) -> Analysis:
    if options.filename:
        return read_manifest(options.filename).spec.rollout.analysis
    return Analysis.model_validate({"preset": options.preset} if options.preset else {})


def _scrapes(source: str) -> list[list[Exported]]:
    texts = (
        _of_address(source) if source.startswith(("http://", "https://")) else [_of_file(source)]
    )
    try:
        return [exported(text) for text in texts]
    except ValueError as error:
        raise InputError(f"{source}: is not a scrape in the text format: {error}") from None


def _of_address(url: str) -> list[str]:
    found: list[str] = []
    for number in range(_SCRAPES):
        if number:
            time.sleep(_BETWEEN)
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer:
                found.append(answer.read().decode())
        except (OSError, ValueError) as error:
            raise InputError(f"{url}: cannot be scraped: {error}") from None
    return found


def _of_file(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
