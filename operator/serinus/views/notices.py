"""What endpoints are notified of after a pass: from the statuses before and after it."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from serinus.api.notifications import NoticeKind
from serinus.api.reasons import meaning_of
from serinus.api.status import MOST_ANNOUNCED, Candidate, Decision, Notice, Status

AGAIN_AFTER: Final = 6 * 3600.0
"""Seconds after which a state that is entered again is sent again."""


@dataclass(frozen=True, slots=True)
class _State:
    """A state of which endpoints are notified when it begins."""

    reason: str
    revision: str
    message: str
    step: int = 0
    """Of the candidate: two steps in a row that wait for a person are two pauses."""


def spec_digest(spec: Mapping[str, Any]) -> str:
    """8 characters for a raw spec: whoever has changed it wants to know what came of it. Without
    the number of replicas, which an autoscaler changes all day."""
    asked = {name: value for name, value in spec.items() if name != "replicas"}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:8]


def notices(
    uid: str,
    before: Status,
    after: Status,
    decisions: Iterable[Decision],
    now: float,
    spec: Mapping[str, Any],
) -> Iterator[Notice]:
    """What happened to the ModelDeployment with this uid and raw spec, in the order in which it is
    sent; no endpoint is chosen yet."""
    for decision in decisions:
        if kind := meaning_of(decision.reason).notice:
            state = _State(decision.reason, decision.revision, decision.message)
            yield _notice(uid, kind, state, decision.at, before, after)
    for of, kind in _STATES.items():
        begun, known = of(after), of(before)
        if begun is None or (known and _same(begun, known)):
            continue
        if _name(kind, begun, spec_digest(spec)) not in _known(after, now):
            yield _notice(uid, kind, begun, now, before, after)


def announced(
    status: Status, told: Iterable[Notice], now: float, spec: Mapping[str, Any]
) -> dict[str, float]:
    """The states that endpoints were notified of lately, with those of these notices, of which this
    was the raw spec."""
    digest = spec_digest(spec)
    found = ((kind, of(status)) for of, kind in _STATES.items())
    states = {_name(kind, state, digest): now for kind, state in found if state}
    kinds = {each.kind for each in told}
    new = {name: at for name, at in states.items() if name.partition("/")[0] in kinds}
    newest = sorted({**_known(status, now), **new}.items(), key=lambda each: each[1])
    return dict(newest[-MOST_ANNOUNCED:])


def _known(status: Status, now: float) -> dict[str, float]:
    """What was sent lately, and since the last command, after which the same state is sent again: a
    rollout with little traffic comes and goes between the same few states all day."""
    command = status.command.at if status.command else 0.0
    since = max(now - AGAIN_AFTER, command)
    return {name: at for name, at in status.announced.items() if since < at <= now}


def _name(kind: NoticeKind, state: _State, digest: str) -> str:
    return f"{kind}/{state.reason}/{state.revision}/{state.step}/{digest}"


def _paused(status: Status) -> _State | None:
    candidate = status.candidate
    if status.phase != "Paused" or candidate is None or candidate.hold is None:
        return None
    hold = candidate.hold
    return _State(hold.reason, candidate.revision, hold.message, candidate.step)


def _stalled(status: Status) -> _State | None:
    """None after a rollback, which has a notice of its own."""
    stalled = next((each for each in status.conditions if each.type == "Stalled"), None)
    if stalled is None or stalled.status != "True":
        return None
    if status.rejected is not None and status.rejected.reason == stalled.reason:
        return None
    candidate = status.candidate
    revision, step = (candidate.revision, candidate.step) if candidate else ("", 0)
    return _State(stalled.reason, revision, stalled.message, step)


_STATES: Final[Mapping[Callable[[Status], _State | None], NoticeKind]] = {
    _paused: "Paused",
    _stalled: "Stalled",
}


def _same(one: _State, other: _State) -> bool:
    return replace(one, message="") == replace(other, message="")


def _notice(
    uid: str, kind: NoticeKind, state: _State, at: float, before: Status, after: Status
) -> Notice:
    candidate = _candidate(state.revision, before, after)
    identity = "\n".join((uid, kind, state.reason, state.revision, repr(at)))
    return Notice(
        id=hashlib.sha256(identity.encode()).hexdigest()[:32],
        kind=kind,
        at=at,
        reason=state.reason,
        revision=state.revision,
        version=candidate.version if candidate else None,
        stable=before.stable.revision if before.stable else "",
        weight=candidate.weight.actual if candidate else 0.0,
        seconds=max(0.0, at - candidate.since) if candidate else 0.0,
        message=state.message,
    )


def _candidate(revision: str, before: Status, after: Status) -> Candidate | None:
    """The candidate with this revision, as it was when the pass began if it was there."""
    both = before.candidate, after.candidate
    return next((each for each in both if each and each.revision == revision), None)
