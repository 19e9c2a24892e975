"""`serinus status`: how a rollout ended, for scripts."""

import argparse
import time
from math import inf
from typing import Final

from serinus.api.quantities import seconds
from serinus.cli.exit_codes import OF_OUTCOMES, ExitCode
from serinus.cli.files import InputError
from serinus.cli.kubectl import MODEL_DEPLOYMENTS
from serinus.cli.sources import add_cluster, add_output, cluster, dumped
from serinus.cli.terminal import complain, show
from serinus.cli.text import as_data, as_line
from serinus.views.outcome import Outcome, outcome
from serinus.views.reading import Live, read
from serinus.views.rollout import rollout_view

EPILOG = """\
exit codes:
  0   promoted, or what --until asks for
  1   rolled back, or undone
  2   the ModelDeployment cannot be read
  3   paused: it waits for a person
  4   still in progress, also when --timeout has expired
  5   stalled: nothing changes until a person acts, for example because the spec is invalid

With --wait, a rollout that is rolled back, paused or stalled ends the wait at once. With -o only
the last state is printed, in the format of serinus get -o; its field outcome corresponds to the
exit code.

examples:
  serinus status loan
  kubectl apply -f loan.yaml && serinus status loan --wait --timeout 2h
  serinus status loan --wait --until paused --timeout 10m
  serinus status loan -o json
"""
_REACHED: Final[dict[str, tuple[Outcome, ...]]] = {
    "promoted": ("Promoted", "Healthy"),
    "healthy": ("Healthy",),
    "paused": ("Paused",),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument("name", help="name of the ModelDeployment")
    add_cluster(parser)
    parser.add_argument("--wait", action="store_true", help="wait for the end of the rollout")
    parser.add_argument(
        "--until", choices=sorted(_REACHED), help="with --wait: wait for this (default: promoted)"
    )
    parser.add_argument(
        "--timeout", type=duration, metavar="TIME", help="with --wait: how long (default: no limit)"
    )
    add_output(parser)


def run(options: argparse.Namespace) -> int:
    """Print, and wait if asked to. Raises InputError if nothing can be read."""
    if options.wait:
        return _wait(options)
    for name in ("until", "timeout"):
        if getattr(options, name) is not None:
            raise InputError(f"--{name}: requires --wait")
    live = read(cluster(options).get(MODEL_DEPLOYMENTS, options.name))
    if options.output:
        print(_data(live, options))
    else:
        view = rollout_view(live.spec, live.status, time.time())
        show(f"{as_line(view)}\n{view.message}")
    return OF_OUTCOMES[outcome(live)]


def _wait(options: argparse.Namespace) -> int:
    until = options.until or "promoted"
    told, within = "", inf if options.timeout is None else options.timeout
    code, live = ExitCode.GOING, None
    for changed in cluster(options).changes(options.name, within):
        live = read(changed)
        if not options.output and (line := _line(live)) != told:
            show(told := line)
        code = _code(outcome(live), until)
        if code is not ExitCode.GOING:
            break
    over = f"Not {until} when the time was up."
    if not options.output:
        show(live.status.message if live and code is not ExitCode.GOING else over)
    elif live:
        print(_data(live, options))
    else:
        complain(f"serinus: {over}")
    return code


def _data(live: Live, options: argparse.Namespace) -> str:
    return dumped(as_data(live, time.time()), options.output)


def _code(found: Outcome, until: str) -> ExitCode:
    """GOING until the wait is over. After a promotion, pods may still become ready; and a rollout
    that was promoted will not pause any more."""
    if found in _REACHED[until]:
        return ExitCode.DONE
    if found == "Promoted" and until == "healthy":
        return ExitCode.GOING
    return OF_OUTCOMES[found]


def _line(live: Live) -> str:
    return as_line(rollout_view(live.spec, live.status, time.time()))


def duration(text: str) -> float:
    """Seconds."""
    try:
        return seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
