"""`serinus replay`: test a policy on the recorded metrics of a past rollout."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from math import inf

from serinus.api.reasons import meaning_of
from serinus.api.recording import Recording
from serinus.api.status import Decision, Timeline
from serinus.cli import prometheus_options
from serinus.cli.comparison import (
    BY_COMMAND,
    ReplayComparison,
    as_json,
    as_kept,
    as_text,
    decided_by_the_operator,
    figures,
)
from serinus.cli.files import GivenManifest, InputError, manifest_of, read_manifest, read_recording
from serinus.cli.record import add_span, recording_of, timeline_of
from serinus.cli.sources import add_output, dumped
from serinus.cli.terminal import show
from serinus.judge import queries_of
from serinus.metrics.queries import CounterQuery
from serinus.metrics.recorded import Recorded
from serinus.simulation.replay import Replay

EPILOG = """\
The status of the ModelDeployment describes the rollout and when each weight took effect. It is read
from the recording, or otherwise from the manifest, which must then be the output of kubectl get -o
yaml.

Another policy is tested on the same recording, within its limits: weights take effect at their
recorded times, and if the policy continues to weights that were never set, or after the operator
stopped, there is no more traffic than was recorded.

examples:
  serinus replay --recording loan.json.gz
  serinus replay --recording loan.json.gz -f stricter.yaml
  serinus replay -f loan.yaml --prometheus http://localhost:9090 -o json
"""
_DELAYS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Seconds."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Its arguments."""
    parser.add_argument(
        "-f",
        "--filename",
        help="the ModelDeployment whose policy is tested (default: the recorded one); - reads "
        "standard input",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--recording", metavar="FILE", help="file written by serinus record")
    source.add_argument(
        "--prometheus", metavar="URL", help="a Prometheus that still has the samples"
    )
    prometheus_options.add_options(parser)
    add_span(parser)
    add_output(parser)


def run(options: argparse.Namespace) -> None:
    """Replay and print. Raises InputError for invalid input."""
    manifest, recording = _given(options)
    source = options.recording or options.filename
    real = manifest_of(recording.model_deployment, source)
    timeline = timeline_of(real, source)
    decided = decided_by_the_operator(real, timeline)
    try:
        recorded = Recorded(recording)
        _refuse_what_was_not_recorded(manifest, recorded)
        replay = Replay(
            owner=real.owner,
            spec=real.spec,
            timeline=timeline,
            promoted=_promoted(real, timeline),
            end=min(timeline.until or inf, recording.until),
            source=recorded,
        )
        replay = replace(
            replay,
            spec=manifest.spec,
            delay=delay_of(replay, decided),
            end=min(replay.end, options.until or inf),
        )
        found = ReplayComparison(real, timeline, replay.run(), decided)
    except ValueError as error:
        raise InputError(f"{source}: {error}") from None
    if options.output:
        print(dumped(as_json(found), options.output))
    else:
        show(as_text(found))


def _given(options: argparse.Namespace) -> tuple[GivenManifest, Recording]:
    """The policy and the recording."""
    if options.recording:
        if options.since:
            raise InputError("--from: requires --prometheus; a recording has a fixed start")
        recording = read_recording(options.recording)
        if options.filename:
            return read_manifest(options.filename), recording
        return manifest_of(recording.model_deployment, options.recording), recording
    if not options.filename:
        raise InputError(
            "-f: is required with --prometheus, and must be the ModelDeployment with its status"
        )
    manifest = read_manifest(options.filename)
    return manifest, recording_of(manifest, options)


def _refuse_what_was_not_recorded(manifest: GivenManifest, recorded: Recorded) -> None:
    for query in queries_of(manifest.spec.rollout.analysis):
        if recorded.lacks(query):
            what = query.metric if isinstance(query, CounterQuery) else query.expression
            raise InputError(
                f"the recording has no {what}, which this policy reads: record with this policy, "
                "or use --prometheus"
            )


def delay_of(replay: Replay, decided: Sequence[Decision]) -> float:
    """How long the operator's queries took, in seconds: a sample that was scraped in the meantime
    was counted a look earlier. The delay with which the operator's policy reproduces its
    decisions, or 0 if none does. Another revision that replaced this one is not in a replay."""
    theirs = [figures(one) for one in decided if meaning_of(one.reason).ends != "cancelled"]
    for delay in _DELAYS:
        again = [
            one
            for one in as_kept(replace(replay, delay=delay).run().decisions)
            if one.reason not in BY_COMMAND
        ]
        if list(map(figures, again))[-len(theirs) :] == theirs:
            return delay
    return 0.0


def _promoted(real: GivenManifest, timeline: Timeline) -> bool:
    stable = real.status.stable
    return stable is not None and stable.revision == timeline.revision
