"""`serinus check-metrics`: which checks could be judged by what a pod exports."""

import argparse
import time
import urllib.request
from dataclasses import asdict, replace
from http.client import HTTPException
from typing import Final

from serinus.api.analysis import Analysis
from serinus.api.presets import PRESETS
from serinus.cli.exit_codes import ExitCode
from serinus.cli.files import InputError, read_manifest, read_text, reason_of
from serinus.cli.manifest_yaml import dump
from serinus.cli.sources import add_output, dumped
from serinus.cli.terminal import show, table
from serinus.metrics.exposition import ScrapedSample
from serinus.prometheus.exposition import scraped_samples
from serinus.views.rollout import named
from serinus.views.scrape import ScrapeView, scrape_view

EPILOG: Final = """\
An address is scraped twelve times, to see whether several processes answer in turn. Send some
requests first: most servers export a series with the first request that it counts.

exit codes:
  0   all checks can be judged
  1   a check that decides lacks a metric
  2   the scrape or the manifest cannot be read

examples:
  serinus check-metrics http://localhost:8080/metrics
  serinus check-metrics http://localhost:8080/metrics -f loan.yaml
  kubectl exec deploy/loan -- curl -s localhost:8080/metrics | serinus check-metrics -
"""
_SCRAPES: Final = 12
_BETWEEN: Final = 0.1
_TIMEOUT: Final = 10.0
"""Seconds."""
_CONTENT_TYPES: Final = {
    "text/plain",
    "application/openmetrics-text",
    "application/vnd.google.protobuf",
}
"""Those that Prometheus reads without a fallback."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument(
        "scrape", help="address, or file with the text of a scrape; - reads standard input"
    )
    analysis = parser.add_mutually_exclusive_group()
    analysis.add_argument(
        "-f",
        "--filename",
        help="ModelDeployment whose checks are meant (default: the default checks)",
    )
    analysis.add_argument("--preset", choices=list(PRESETS), help="the checks of a preset")
    add_output(parser)


def run(options: argparse.Namespace) -> ExitCode:
    """Read and print. Raises InputError for invalid input."""
    texts, refusals = _texts(options.scrape)
    found = scrape_view(_analysis(options), _scrapes(options.scrape, texts))
    found = replace(found, warnings=(*refusals, *found.warnings))
    if options.output:
        print(dumped(asdict(found), options.output))
    else:
        show(as_text(found))
    return ExitCode.DONE if found.complete else ExitCode.REFUSED


def as_text(view: ScrapeView) -> str:
    """A table of the checks, the warnings, and what may be pasted into a manifest."""
    rows = [
        (named(each.name, each.mode), each.kind, each.state, each.message) for each in view.checks
    ]
    warnings = [f"Warning: {each}" for each in view.warnings]
    lines = [table(("CHECK", "KIND", "STATE", "MESSAGE"), rows), *warnings]
    if view.proposed:
        analysis = {"rollout": {"analysis": {"checks": list(view.proposed)}}}
        lines += ["", "Checks of what is exported, to paste below spec:", "", dump([analysis])]
    return "\n".join(lines).rstrip()


def _analysis(options: argparse.Namespace) -> Analysis:
    if options.filename:
        return read_manifest(options.filename).spec.rollout.analysis
    return Analysis.model_validate({"preset": options.preset} if options.preset else {})


def _scrapes(source: str, texts: list[str]) -> list[list[ScrapedSample]]:
    try:
        return [scraped_samples(text) for text in texts]
    except ValueError as error:
        raise InputError(f"{source}: is not the text of a scrape: {error}") from None


def _texts(source: str) -> tuple[list[str], tuple[str, ...]]:
    """What was scraped, and why Prometheus would refuse it."""
    if not source.startswith(("http://", "https://")):
        return [read_text(source)], ()
    found: list[str] = []
    refusals: tuple[str, ...] = ()
    for number in range(_SCRAPES):
        if number:
            time.sleep(_BETWEEN)
        try:
            with urllib.request.urlopen(source, timeout=_TIMEOUT) as answer:
                found.append(answer.read().decode())
                refusals = _refusals(answer.headers["Content-Type"])
        except (OSError, HTTPException, ValueError) as error:
            raise InputError(f"{source}: cannot be scraped: {reason_of(error)}") from None
    return found, refusals


def _refusals(content_type: str | None) -> tuple[str, ...]:
    if content_type and content_type.split(";")[0].strip().lower() in _CONTENT_TYPES:
        return ()
    sent = f"the Content-Type {content_type!r}" if content_type else "no Content-Type"
    return (
        f"The answer has {sent}: Prometheus 3 refuses it, unless fallback_scrape_protocol is set. "
        "Send text/plain; version=0.0.4.",
    )
