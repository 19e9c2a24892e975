"""`serinus record`: save the metrics of a rollout to a file, to replay it later."""

import argparse
import time
from datetime import datetime
from typing import Any

from serinus.api.quantities import seconds
from serinus.api.recording import Recording
from serinus.api.status import Timeline
from serinus.cli import prometheus_options
from serinus.cli.files import GivenManifest, InputError, read_manifest, write_recording
from serinus.judge import queries_of
from serinus.judge.drift import feature_queries
from serinus.metrics.queries import Arm
from serinus.metrics.requests import HISTORY
from serinus.metrics.results import ResponseError
from serinus.metrics.subquery import LOOKBACK
from serinus.plan.analysis import compared_features
from serinus.prometheus import record as recorded

_BEFORE = HISTORY + LOOKBACK
"""Seconds before the rollout that are also read, for stable's history."""
_AFTER = 5.0
"""Seconds after its end that are also read."""
EPILOG = """\
The file given with -f must be the ModelDeployment with its status, which describes the last
rollout, finished or in progress. Record it before the next rollout begins.

examples:
  kubectl get mdep loan -o yaml > loan.yaml
  serinus record -f loan.yaml --prometheus http://localhost:9090 --out loan.json.gz
  serinus replay --recording loan.json.gz

The recording contains the complete manifest, and the counters of its checks with all their
labels. Review both before you share it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument(
        "-f", "--filename", required=True, help="the ModelDeployment; - reads standard input"
    )
    parser.add_argument("--prometheus", required=True, metavar="URL", help="address of Prometheus")
    prometheus_options.add_options(parser)
    parser.add_argument(
        "--out",
        required=True,
        metavar="FILE",
        help="the file to write; compressed if its name ends with .gz",
    )
    add_span(parser)


def add_span(parser: argparse.ArgumentParser) -> None:
    """Options for the range to read."""
    parser.add_argument(
        "--from",
        dest="since",
        type=_moment,
        metavar="TIME",
        help="start time, such as 2026-11-25T03:00:00Z (default: an hour before the rollout)",
    )
    parser.add_argument(
        "--to",
        dest="until",
        type=_moment,
        metavar="TIME",
        help="end time (default: the end of the rollout, or now)",
    )


def run(options: argparse.Namespace) -> None:
    """Record and write. Raises InputError for invalid input."""
    recording = recording_of(read_manifest(options.filename), options)
    write_recording(recording, options.out)
    results = [one.result for one in recording.counters] + [one.result for one in recording.values]
    print(f"{options.out}: {sum(map(len, results))} series")


def recording_of(manifest: GivenManifest, options: argparse.Namespace) -> Recording:
    """The metrics of the last rollout of a manifest; raises InputError."""
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
        with prometheus_options.archive(options) as archive:
            return recorded(
                archive,
                _without_managed_fields(manifest.document),
                (*queries_of(analysis), *feature_queries(compared_features(manifest.spec))),
                (candidate, stable),
                (since, until),
                seconds(analysis.interval),
            )
    except ResponseError as error:
        raise InputError(str(error)) from None


def _without_managed_fields(document: dict[str, Any]) -> dict[str, Any]:
    """Managed fields are larger than everything else."""
    metadata = {key: value for key, value in document["metadata"].items() if key != "managedFields"}
    return {**document, "metadata": metadata}


def timeline_of(manifest: GivenManifest, source: str) -> Timeline:
    """The timeline of the last rollout; raises InputError if the status has none."""
    timeline = manifest.status.timeline
    if timeline is None:
        raise InputError(
            f"{source}: status.timeline: is required, because it describes the rollout: "
            f"use the output of kubectl get mdep {manifest.owner.name} -o yaml"
        )
    if not timeline.weights and timeline.measured_since is None:
        raise InputError(
            f"{source}: status.timeline.weights: is empty: revision {timeline.revision} got no "
            "traffic, so there is nothing to replay"
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
        raise argparse.ArgumentTypeError(f"{text!r} is not a time like 2026-11-25T03:00:00Z")
    return found.timestamp()
