"""`serinus record`: keep what Prometheus knows of a rollout in a file, to judge it again later."""

import argparse
import time
from datetime import datetime
from typing import Any

from serinus.api.quantities import seconds
from serinus.api.recording import Recording
from serinus.api.status import Timeline
from serinus.cli import archives
from serinus.cli.files import GivenManifest, InputError, read_manifest, write_recording
from serinus.judge import queries_of
from serinus.metrics.queries import Arm
from serinus.metrics.requests import HISTORY
from serinus.metrics.results import ResponseError
from serinus.metrics.subquery import LOOKBACK
from serinus.prometheus import record as recorded

_BEFORE = HISTORY + LOOKBACK
"""Seconds before the rollout that are read too: what stable did before it was compared."""
_AFTER = 5.0
"""Seconds that are read beyond its end."""
_EPILOG = """\
The file given with -f is the ModelDeployment with its status, which tells what was compared from
when on: the last rollout, ended or under way. Record it before the next one begins.

examples:
  kubectl get mdep loan -o yaml > loan.yaml
  serinus record -f loan.yaml --prometheus http://localhost:9090 --out loan.json.gz
  serinus replay --recording loan.json.gz

The recording holds the manifest as it is, and the counters that its checks read with all their
labels: look through both before you send it to somebody else.
"""


def add_to(commands: Any) -> None:
    """Add the command and its arguments."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "record",
        help="what Prometheus knows of the last rollout, into a file",
        description="Writes down what Prometheus knows of a ModelDeployment's last rollout: raw "
        "samples of both revisions' pods, from an hour before it to its end.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-f", "--filename", required=True, help="the ModelDeployment; - reads standard input"
    )
    parser.add_argument("--prometheus", required=True, metavar="URL", help="its address")
    archives.add_options(parser)
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="the file to write; packed if named .gz"
    )
    add_span(parser)
    parser.set_defaults(run=run)


def add_span(parser: argparse.ArgumentParser) -> None:
    """Options for the range to read."""
    parser.add_argument(
        "--from",
        dest="since",
        type=_moment,
        metavar="TIME",
        help="where to begin, like 2026-11-25T03:00:00Z (default: an hour before the rollout)",
    )
    parser.add_argument(
        "--to",
        dest="until",
        type=_moment,
        metavar="TIME",
        help="where to end (default: where the rollout ended, or now)",
    )


def run(options: argparse.Namespace) -> None:
    """Record and write. Raises InputError where something given cannot be used."""
    recording = recording_of(read_manifest(options.filename), options)
    write_recording(recording, options.out)
    results = [one.result for one in recording.counters] + [one.result for one in recording.values]
    print(f"{options.out}: {sum(map(len, results))} series")


def recording_of(manifest: GivenManifest, options: argparse.Namespace) -> Recording:
    """What Prometheus knows of the last rollout of a manifest; raises InputError."""
    timeline = timeline_of(manifest, options.filename)
    owner, analysis = manifest.owner, manifest.spec.rollout.analysis
    candidate, stable = (
        Arm(owner.namespace, owner.child(revision))
        for revision in (timeline.revision, timeline.stable)
    )
    since = options.since or timeline.since - _BEFORE
    until = options.until or (timeline.until + _AFTER if timeline.until else time.time())
    if since >= until:
        raise InputError("--from: must be before --to")
    try:
        with archives.archive(options) as archive:
            return recorded(
                archive,
                _without_managed_fields(manifest.document),
                queries_of(analysis),
                (candidate, stable),
                (since, until),
                seconds(analysis.interval),
            )
    except ResponseError as error:
        raise InputError(str(error)) from None


def _without_managed_fields(document: dict[str, Any]) -> dict[str, Any]:
    """Who set which field takes more room than all else."""
    metadata = {key: value for key, value in document["metadata"].items() if key != "managedFields"}
    return {**document, "metadata": metadata}


def timeline_of(manifest: GivenManifest, source: str) -> Timeline:
    """How the last rollout went; raises InputError where its status does not tell."""
    timeline = manifest.status.timeline
    if timeline is None:
        raise InputError(
            f"{source}: status.timeline: is required, for it tells what was compared from when on: "
            f"give what kubectl get mdep {manifest.owner.name} -o yaml prints"
        )
    if not timeline.weights and timeline.measured_since is None:
        raise InputError(
            f"{source}: status.timeline.weights: is empty: revision {timeline.revision} took no "
            "traffic, so there is nothing to judge"
        )
    candidate = manifest.status.candidate
    if candidate is not None and timeline.until is None:
        return timeline.replace(baseline=candidate.baseline)
    return timeline


def _moment(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time like 2026-11-25T03:00:00Z")
    return found.timestamp()
