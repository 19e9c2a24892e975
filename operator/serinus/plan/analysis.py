"""What a rollout measures, and the effect of a measurement on its status."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from serinus.api.analysis import Analysis
from serinus.api.baseline import Baseline
from serinus.api.isolation import Fault, Part, isolated
from serinus.api.monitoring import FeatureDrift
from serinus.api.quantities import seconds
from serinus.api.spec import Spec
from serinus.api.stages import PROMOTED, WHOLE
from serinus.api.status import Candidate, CheckStatus, Guarding, Status
from serinus.api.steps import Step
from serinus.judge import (
    ByMode,
    CannotFail,
    EffectiveWeight,
    GuardWindow,
    Progress,
    Split,
    as_asked,
    asks_of_history,
    begins_to_fail,
    by_pods,
    exact,
    has_learned,
    in_error,
    judge_by_mode,
    learn,
    longest_warm_up,
    overall,
    queries_of,
)
from serinus.judge.drift import feature_queries
from serinus.manifests.owner import Owner
from serinus.manifests.routers import router_for
from serinus.metrics.counters import covered_until
from serinus.metrics.queries import Arm, History, Measurement, Query, QueryError
from serinus.metrics.requests import AnyRequest, HistoryRequest, Request
from serinus.plan.situation import Situation, World
from serinus.plan.traffic import asked

SOON = 1.0
"""Seconds within which a history is read."""
_LEAST_INTERVAL = 1.0
"""Seconds, as for analysis.interval."""
AUDIT_BEHIND = 300.0
"""Seconds by which the counters of audits may be behind the others and are still read."""

Q = TypeVar("Q", bound=Query)


def analysis_of(spec: Spec, candidate: Candidate | None) -> Analysis:
    """What the candidate is judged by: in a guard after promotion, or by copies of requests, not
    everything."""
    analysis = spec.rollout.analysis
    if candidate is not None and candidate.weight.mirrored:
        return analysis.of_copies()
    promoted = candidate is not None and candidate.stage in PROMOTED
    guard = spec.rollout.guard
    return analysis.after_promotion(guard.seconds if guard else 0.0) if promoted else analysis


def awaits_history(spec: Spec, status: Status) -> bool:
    """Whether stable's history must still be read; the first traffic by steps waits for it."""
    candidate = status.candidate
    if candidate is None or candidate.stage in WHOLE:
        return False
    begun = candidate.analysis_since is not None
    return not begun and not has_learned(spec.rollout.analysis, candidate.baseline)


def requested(owner: Owner, spec: Spec, status: Status) -> AnyRequest | None:
    """What to read for this rollout; None: nothing."""
    return _history(owner, spec, status) or _measurement(owner, spec, status)


def _history(owner: Owner, spec: Spec, status: Status) -> HistoryRequest | None:
    candidate, stable, analysis = status.candidate, status.stable, spec.rollout.analysis
    if candidate is None or stable is None or not awaits_history(spec, status):
        return None
    arm = Arm(owner.namespace, owner.child(stable.revision))
    return history_request(arm, analysis, again=bool(candidate.errors_in_a_row))


def history_request(stable: Arm, analysis: Analysis, again: bool = False) -> HistoryRequest:
    """Reads stable's last hour: soon, or one interval after it could not be read."""
    return HistoryRequest(
        interval=seconds(analysis.interval) if again else SOON,
        queries=asks_of_history(analysis),
        stable=stable,
        spare=_spare(asks_of_history, analysis),
    )


def _spare(asks: Callable[[Analysis], tuple[Q, ...]], analysis: Analysis) -> frozenset[Q]:
    """What is asked for checks in audit mode alone."""
    decide = asks(analysis.replace(checks=analysis.deciding))
    return frozenset(asks(analysis)).difference(decide)


def _measurement(owner: Owner, spec: Spec, status: Status) -> Request | None:
    candidate, stable = status.candidate, status.stable
    analysis = analysis_of(spec, candidate)
    if candidate is None or stable is None or candidate.analysis_since is None:
        return None
    if not analysis.checks:
        return None
    may_export = candidate.measured_at is None or candidate.inputs is not None
    inputs = feature_queries(compared_features(spec)) if may_export else ()
    spare = _spare(queries_of, analysis)
    return Request(
        interval=_until_the_next_look(analysis, candidate),
        queries=tuple(dict.fromkeys((*queries_of(analysis), *inputs))),
        candidate=Arm(owner.namespace, owner.child(candidate.revision)),
        stable=Arm(owner.namespace, owner.child(stable.revision)),
        covered_until=_covered_until(candidate, candidate.analysis_since),
        warm_up=longest_warm_up(analysis),
        spare=spare if analysis.deciding else spare.union(inputs),
    )


def _until_the_next_look(analysis: Analysis, candidate: Candidate) -> float:
    """Seconds: after a look that showed something against the candidate, one scrape interval. No
    look alone is enough to roll it back, and clients wait for the next one."""
    interval, scrapes = seconds(analysis.interval), candidate.scraped_every
    if scrapes is None or scrapes >= interval:
        return interval
    begins = begins_to_fail(analysis, _known(analysis, candidate).enforced)
    return max(math.ceil(scrapes), _LEAST_INTERVAL) if begins else interval


def _covered_until(candidate: Candidate, since: float) -> float:
    """Time of the oldest sample to read, Unix seconds. Little more is read for audits than for the
    checks that decide, however long there was nothing to audit."""
    covered = covered_until(candidate.counted, since)
    if not candidate.audit_counted:
        return covered
    audited = covered_until(candidate.audit_counted, since)
    return min(covered, max(audited, covered - AUDIT_BEHIND))


def compared_features(spec: Spec) -> FeatureDrift:
    """By which features both revisions must be asked alike: those that are monitored, else those
    with the usual names."""
    return (spec.monitoring and spec.monitoring.feature_drift) or FeatureDrift()


def next_look(interval: float, now: float) -> float:
    """Looks are at multiples of the interval, so that all rollouts share their queries."""
    return (math.floor(now / interval) + 1) * interval


def baseline_from(
    spec: Spec, history: History, stable_since: float = -math.inf
) -> Baseline | QueryError | CannotFail:
    """The result of stable's history for a rollout with these steps; stable's pods are scraped soon
    after it has become stable, in Unix seconds."""
    weights = Step.weights_of(spec.rollout.steps)
    copies_first = any(step.gives and step.gives.mirrored for step in spec.rollout.steps)
    return isolated(
        Part.FORECAST,
        lambda: learn(
            *(spec.rollout.analysis, history, weights, stable_since, spec.rollout.step_choice),
            copies_first=copies_first,
            splitting=partial(_split, spec),
        ),
        lambda fault: QueryError(f"{fault.message}."),
    )


def _split(spec: Spec, weight: int) -> Split:
    """What the candidate gets at a weight, next to a stable of full size."""
    router = router_for(spec)
    if not router.shares_one_service or not spec.replicas:
        return exact(weight)
    return by_pods(router.candidate_replicas(spec.replicas, weight), spec.replicas)


def learned(spec: Spec, status: Status, found: Baseline | QueryError | CannotFail) -> Status:
    """The status with the result of stable's history, or why there is no traffic yet: it could not
    be read, or no failure of the candidate could be seen."""
    candidate, analysis = status.candidate, spec.rollout.analysis
    if candidate is None or not awaits_history(spec, status):
        return status
    if isinstance(found, Baseline):
        changes: dict[str, Any] = {"checks": [], "errors_in_a_row": 0, "baseline": found}
        if found.weights and candidate.weight.wanted:
            changes["weight"] = candidate.weight.replace(wanted=found.weights[0])
        return status.replace(candidate=candidate.replace(**changes))
    names = [check.name for check in analysis.checks]
    known = found.messages if isinstance(found, CannotFail) else dict.fromkeys(names, found.message)
    changes = {
        "checks": _unable(analysis, known),
        "errors_in_a_row": candidate.errors_in_a_row + 1,
    }
    return status.replace(candidate=candidate.replace(**changes))


def _unable(analysis: Analysis, messages: Mapping[str, str]) -> list[CheckStatus]:
    """The checks, of which those with a message cannot look; the others wait for them."""
    return [
        CheckStatus(
            name=check.name,
            kind=check.kind,
            mode=check.mode,
            verdict="Error" if check.name in messages else "NoData",
            message=messages.get(check.name, "Not measured yet.")[:1024],
        )
        for check in analysis.checks
    ]


def looks_covered(spec: Spec, status: Status, measurement: Measurement) -> int:
    """How many looks it takes as long to judge as; several if none was made for a while."""
    candidate = status.candidate
    if candidate is None or candidate.analysis_since is None:
        return 1
    missed = measurement.at - (candidate.measured_at or candidate.analysis_since)
    return max(math.ceil(missed / seconds(spec.rollout.analysis.interval)), 1)


def judged(
    spec: Spec,
    status: Status,
    measurement: Measurement,
    world: World | None = None,
    *,
    explained: bool = True,
) -> Status:
    """The status with the evidence of a measurement. `world` has the number of ready pods, and
    whether the weight is that of the status; None: the number is unknown, and it is. `explained`:
    with a new message from each check, also if its verdict stays."""
    candidate = status.candidate
    if candidate is None or candidate.analysis_since is None:
        return status
    since = _counts_since(candidate.analysis_since, measurement)
    analysis = analysis_of(spec, candidate)
    before = _known(analysis, candidate)

    def unjudged(fault: Fault) -> ByMode:
        checks = tuple(in_error(check, candidate.checks, fault) for check in analysis.checks)
        return replace(before, enforced=replace(before.enforced, checks=checks))

    found = isolated(
        Part.JUDGING,
        lambda: judge_by_mode(
            analysis,
            before,
            measurement,
            since,
            None if world is not None and world.marked else in_effect(status),
            _ready(status, world),
            compared_features(spec),
            guard_window(candidate.guarding) if candidate.guarding else None,
            explained=explained,
        ),
        unjudged,
    )
    after, failed = found.enforced, overall(found.enforced.checks) == "Error"
    changes = {
        "analysis_since": since,
        **_counted(found),
        "checks": list(after.checks),
        "errors_in_a_row": candidate.errors_in_a_row + 1 if failed else 0,
        "measured_at": candidate.measured_at if failed else measurement.at,
        "scraped_every": measurement.scraped_every,
        "silence": after.silence,
        "unreported_since": after.unreported_since,
        "inputs": after.inputs,
    }
    return status.replace(candidate=candidate.replace(**changes))


def _known(analysis: Analysis, candidate: Candidate) -> ByMode:
    """What the status has of the checks, in the modes that they have now."""
    enforced = Progress(
        candidate.counted,
        tuple(candidate.checks),
        candidate.baseline,
        candidate.silence,
        candidate.unreported_since,
        candidate.entries,
        candidate.inputs,
    )
    audited = replace(enforced, counted=candidate.audit_counted or candidate.counted)
    return ByMode.of(analysis, enforced, audited)


def _counted(found: ByMode) -> dict[str, dict[str, float]]:
    """As the status has it: once, where audits are counted up to the same samples."""
    counted, beside = dict(found.enforced.counted), dict(found.audited.counted)
    return {"counted": counted, "audit_counted": {} if beside == counted else beside}


def _counts_since(since: float, measurement: Measurement) -> float:
    """When counting began, Unix seconds: now, if that is later than now and than every sample. Then
    the clock was ahead, and has been set right. If there are later samples, which have the time of
    Prometheus, the clock is behind."""
    if since <= measurement.at:
        return since
    newest = measurement.newest
    return since if newest is None or newest >= since else measurement.at


def guard_window(guarding: Guarding) -> GuardWindow:
    """How a guard lays out the weight of the evidence."""
    reserved, since = guarding.reserved, guarding.reserved_since
    if reserved is None or since is None:
        return GuardWindow(guarding.since, guarding.until - guarding.since)
    return GuardWindow(since, guarding.until - since, reserved)


def forget_what_other_checks_found(s: Situation) -> Situation | None:
    """Checks may be edited during a rollout: verdicts of other checks, or with other settings, pass
    no step."""
    candidate, analysis = s.candidate, analysis_of(s.desired.spec, s.candidate)
    checks = candidate.checks and as_asked(analysis, candidate.checks, candidate.baseline)
    if checks == candidate.checks:
        return None
    return s.to_candidate(checks=checks, **_counted(_known(analysis, candidate)))


def _ready(status: Status, world: World | None) -> tuple[int, int] | None:
    """Ready pods of candidate and stable."""
    if world is None or status.candidate is None or status.stable is None:
        return None
    return world.ready(status.candidate.revision), world.ready(status.stable.revision)


def in_effect(status: Status) -> EffectiveWeight | None:
    """The candidate's actual weight; None if it differs from that of its step."""
    traffic, candidate = asked(status), status.candidate
    if traffic is None or candidate is None or status.stable is None:
        return None
    weight, since = candidate.weight, candidate.effective_since
    if since is None or weight.since is None:
        return None
    actual = traffic if traffic.mirrored else traffic.at(weight.actual)
    copied = traffic.mirrored > 0
    return EffectiveWeight(actual.share, max(since, weight.since), copied)
