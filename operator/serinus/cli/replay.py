"""`serinus replay`: a policy against what Prometheus recorded of a real rollout."""

import argparse
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from serinus.api.base import rfc3339
from serinus.api.quantities import spoken
from serinus.api.reasons import Reason
from serinus.api.recording import Recording
from serinus.api.status import Course, Decision
from serinus.cli import archives
from serinus.cli.files import InputError, Manifest, manifest_of, read_manifest, read_recording
from serinus.cli.record import add_span, course_of, recording_of
from serinus.cli.tables import moments_table
from serinus.judge import questions_of
from serinus.judge.questions import Counters
from serinus.prometheus import Recorded
from serinus.rehearsal.replay import Looked, Replay, Replayed

_EPILOG = """\
Which rollout it was, and when each weight took effect, is told by the status of the
ModelDeployment: the one in the recording, or else the one in the manifest, which then has to be as
kubectl get -o yaml prints it.

Another policy over the same record answers what would have been, as far as it can: its weights take
effect when they really did, and where it goes on to weights that never were, or on from where the
operator stopped, there is no more traffic than there was.

examples:
  serinus replay --recording loan.json.gz
  serinus replay --recording loan.json.gz -f stricter.yaml
  serinus replay -f loan.yaml --prometheus http://localhost:9090 -o json
"""
_DELAYS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5)
"""Seconds."""
_COMMANDS = (Reason.COMMAND_OBEYED, Reason.COMMAND_REFUSED)


@dataclass(frozen=True)
class _Comparison:
    """What a policy makes of a rollout, beside what the operator made of it."""

    manifest: Manifest
    course: Course
    replayed: Replayed
    decided: tuple[Decision, ...]
    """By the operator, as far as its status has kept it; oldest first."""

    @property
    def ended(self) -> Decision | None:
        """The operator's decision that ended the rollout."""
        return self.decided[-1] if self.decided and self.course.until else None

    @property
    def ends(self) -> Decision | None:
        """The policy's, likewise."""
        undecided = self.replayed.outcome == "Undecided"
        return None if undecided else self.replayed.decisions[-1]


def add_to(commands: Any) -> None:
    """Add the command and its arguments."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "replay",
        help="a policy against what Prometheus recorded of a real rollout",
        description="Judges a real rollout again, look by look, by the very rules and judge that "
        "the operator runs: the same policy, or another one.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-f",
        "--filename",
        help="the ModelDeployment whose policy is tried (default: the recorded one); - reads "
        "standard input",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--recording", metavar="FILE", help="what serinus record wrote")
    source.add_argument("--prometheus", metavar="URL", help="a Prometheus that still knows it")
    archives.add_options(parser)
    add_span(parser)
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Replay and print. Raises InputError where something given cannot be used."""
    manifest, recording = _given(options)
    source = options.recording or options.filename
    real = manifest_of(recording.model_deployment, source)
    course = course_of(real, source)
    decided = _decided(real, course)
    try:
        recorded = Recorded(recording)
        _refuse_what_was_not_recorded(manifest, recorded)
        replay = Replay(
            owner=real.owner,
            spec=real.spec,
            course=course,
            promoted=_promoted(real, course),
            end=min(course.until or inf, recording.until),
            measure=recorded.measure,
            history=recorded.history,
        )
        replay = replace(
            replay,
            spec=manifest.spec,
            delay=_delay(replay, decided),
            end=min(replay.end, options.until or inf),
        )
        found = _Comparison(real, course, replay.run(), decided)
    except ValueError as error:
        raise InputError(f"{source}: {error}") from None
    print(json.dumps(_as_json(found), indent=2) if options.output == "json" else _as_text(found))


def _given(options: argparse.Namespace) -> tuple[Manifest, Recording]:
    """The policy and the record."""
    if options.recording:
        if options.since:
            raise InputError("--from: goes with --prometheus; a recording begins where it begins")
        recording = read_recording(options.recording)
        if options.filename:
            return read_manifest(options.filename), recording
        return manifest_of(recording.model_deployment, options.recording), recording
    if not options.filename:
        raise InputError("-f: is required with --prometheus: the ModelDeployment with its status")
    manifest = read_manifest(options.filename)
    return manifest, recording_of(manifest, options)


def _refuse_what_was_not_recorded(manifest: Manifest, recorded: Recorded) -> None:
    for question in questions_of(manifest.spec.rollout.analysis):
        if recorded.lacks(question):
            what = question.metric if isinstance(question, Counters) else question.query
            raise InputError(
                f"the recording has no {what}, which this policy reads: record with this policy, "
                "or give --prometheus"
            )


def _delay(replay: Replay, decided: Sequence[Decision]) -> float:
    """How long the operator's queries took: a sample that was scraped in the meantime was counted a
    look earlier. It is the delay with which its own policy decides as it did; 0 if none does."""
    for delay in _DELAYS:
        again = [
            one
            for one in replace(replay, delay=delay).run().decisions
            if one.reason not in _COMMANDS
        ]
        if list(map(_figures, again))[-len(decided) :] == list(map(_figures, decided)):
            return delay
    return 0.0


def _figures(decision: Decision) -> tuple[str, list[str]]:
    """What stays the same where another version puts it into other words."""
    return decision.reason, re.findall(r"\d[\d.]*", decision.message)


def _promoted(real: Manifest, course: Course) -> bool:
    stable = real.status.stable
    return stable is not None and stable.revision == course.revision


def _decided(real: Manifest, course: Course) -> tuple[Decision, ...]:
    """What the operator decided in this rollout, oldest first."""
    return tuple(
        decision
        for decision in reversed(real.status.decisions)
        if decision.revision == course.revision
        and course.since <= decision.at <= (course.until or decision.at)
        and decision.reason not in _COMMANDS
    )


def _as_text(found: _Comparison) -> str:
    course, replayed = found.course, found.replayed
    title = (
        f"{found.manifest.owner.name}, revision {course.revision} beside {course.stable}, from "
        f"{rfc3339(course.since)} on, looked at {_times(len(replayed.looks))}:"
    )
    return "\n\n".join([title, moments_table(replayed.moments), _conclusion(found)])


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _conclusion(found: _Comparison) -> str:
    """This policy beside what was decided."""
    ends, ended = found.ends, found.ended
    really = f"{ended.reason} after {_after(found, ended)}" if ended else "not ended by then"
    if ends is None:
        return "\n".join(
            [
                f"Undecided: the record ends here, and cannot tell what more traffic would have "
                f"shown. The real rollout: {really}.",
                *_last_words(found.replayed.looks),
            ]
        )
    if ended and (ends.reason, ends.message) == (ended.reason, ended.message):
        return "The operator decided the same, in the same words."
    if ended and _figures(ends) == _figures(ended):
        return "The operator decided the same, from the same counts."
    told = f"The real rollout: {really}."
    return f"{told} {ended.message}" if ended and ended.reason == ends.reason else told


def _last_words(looks: Sequence[Looked]) -> list[str]:
    checks = looks[-1].checks if looks else ()
    return [f"{check.name}: {check.verdict}. {check.message}" for check in checks]


def _after(found: _Comparison, decision: Decision) -> str:
    return spoken(decision.at - found.course.since)


def _as_json(found: _Comparison) -> dict[str, Any]:
    course, replayed, owner = found.course, found.replayed, found.manifest.owner
    return {
        "namespace": owner.namespace,
        "name": owner.name,
        "revision": course.revision,
        "stable": course.stable,
        "since": rfc3339(course.since),
        "outcome": replayed.outcome,
        "decisions": [one.to_json() for one in replayed.decisions],
        "operatorsDecisions": [one.to_json() for one in found.decided],
        "timeline": [
            {
                "after": round(moment.after, 3),
                "weight": moment.weight,
                "reason": moment.reason,
                "message": moment.message,
            }
            for moment in replayed.moments
        ],
        "looks": [
            {
                "at": rfc3339(look.at),
                "weight": look.weight,
                "counted": dict(look.counted),
                "checks": [check.to_json() for check in look.checks],
            }
            for look in replayed.looks
        ],
    }
