"""All checks of an analysis: their queries, and their status after each measurement."""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Final

from serinus.api.analysis import Analysis
from serinus.api.baseline import NO_HISTORY, Baseline, CheckBaseline
from serinus.api.checks import Check
from serinus.api.isolation import Fault, Part, isolated
from serinus.api.monitoring import FeatureDrift
from serinus.api.quantities import fraction, seconds
from serinus.api.status import (
    CheckState,
    CheckStatus,
    Inputs,
    OwnMetrics,
    Silence,
    Starts,
    Unlike,
    Verdict,
)
from serinus.judge.absence import REPORT_WITHIN, alone, frozen, unreported
from serinus.judge.checks import kind_of
from serinus.judge.drift import feature_queries
from serinus.judge.evidence import comparison, mix
from serinus.judge.evidence.gateway import OfPods, unless_pods_tell_more
from serinus.judge.evidence.look import (
    ENOUGH_EXPECTED,
    ByPod,
    CountsFailures,
    EffectiveWeight,
    ErrorBudget,
    GuardWindow,
    HasStarts,
    Look,
)
from serinus.judge.evidence.own_metrics import lasting, untold
from serinus.judge.evidence.pods import MOST_PODS, scraped
from serinus.judge.evidence.room import within_room
from serinus.judge.evidence.stable_pods import suspects, unknown
from serinus.judge.evidence.starts import uncounted, waited, with_starts
from serinus.judge.findings.absence import PodsUnreported, UnexplainedFall
from serinus.judge.findings.finding import Finding
from serinus.judge.findings.inputs import NotJudged, PerhapsUnlike
from serinus.judge.findings.strata import Undivided
from serinus.judge.findings.words import sentences
from serinus.judge.inputs import Answers, compare_inputs, in_doubt, is_suspect
from serinus.judge.silence import listen
from serinus.metrics.counters import Growth, Increase, Reading, count
from serinus.metrics.queries import (
    CounterQuery,
    ExpressionQuery,
    Measurement,
    Query,
    QueryError,
    QueryResult,
)
from serinus.metrics.slices import sliced

_GRAVEST_FIRST: tuple[Verdict, ...] = ("Fail", "Error", "NoData", "Inconclusive", "Pass")
_LONGEST_MESSAGE = 1024
_LONGEST_REASON = 256
_MOST_TO_BLAME: Final = {"Rollback": 0, "Hold": 1, "Replace": MOST_PODS}
"""Pods for which a check waits that would fail because of them."""
_LATE: Final = 5.0
"""Seconds by which looks may be late."""
_CHECKS_KEPT = 4096
"""Of which kinds are not made anew at each look."""

ArmReadings = tuple[Mapping[CounterQuery, Reading], Mapping[CounterQuery, Reading]]


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known so far, as kept in the candidate's status."""

    counted: Mapping[str, float] = field(default_factory=dict)
    """By target, Unix seconds of the last sample counted."""
    checks: tuple[CheckStatus, ...] = ()
    baseline: Baseline | None = None
    silence: Silence | None = None
    unreported_since: float | None = None
    """Since when some ready pods have no samples, Unix seconds."""
    entries: int = 1
    """How often the weight of the step took effect."""
    inputs: Inputs | None = None
    """Whether both arms are asked alike; None: stable exports no features."""


def queries_of(analysis: Analysis) -> tuple[Query, ...]:
    """All queries for both arms, wholes before their parts."""
    asked = dict.fromkeys(one for check in analysis.checks for one in kind_of(check).queries())
    return tuple(sorted(asked, key=lambda one: isinstance(one, CounterQuery) and one.part))


def _of_requests(analysis: Analysis) -> frozenset[CounterQuery]:
    """The counters that grow by 1 with each request."""
    counting = [check for check in analysis.deciding if check.settings.counts_requests]
    queries = queries_of(analysis.replace(checks=counting))
    return frozenset(one for one in queries if isinstance(one, CounterQuery))


def _told_later(analysis: Analysis) -> set[CounterQuery]:
    """The counters that may grow long after a request."""
    return {
        one
        for check in analysis.deciding
        for one in _counters_of(check)
        if one.metric in check.settings.told_later
    }


def _answered(analysis: Analysis, arm: Mapping[CounterQuery, Reading]) -> float | None:
    """The requests of an arm; None: no check that decides counts them."""
    counted = (arm.get(one) for one in _of_requests(analysis) if not one.part)
    return max((each.events for each in counted if isinstance(each, Growth)), default=None)


def begins_to_fail(analysis: Analysis, progress: Progress) -> bool:
    """Whether the last look showed something against the candidate, and no check has failed."""
    found = {check.name: check for check in progress.checks}
    asked = [(check, found[check.name]) for check in analysis.deciding if check.name in found]
    return not any(known.has_failed for _, known in asked) and any(
        _awaits_the_next_look(known.state, budget_of(analysis, check, progress.entries))
        for check, known in asked
    )


def _awaits_the_next_look(state: CheckState, budget: ErrorBudget) -> bool:
    """Not if all is proved, and the check waits for minutes or for a person: for a pod that starts,
    or for one that is to be replaced."""
    sick = any(each.differs for each in state.stable_pods)
    waits = state.waits_for_a_start or state.pods_to_blame or sick
    proved = comparison.is_enough(state, budget)
    return not (waits and proved) and comparison.begins_to_fail(state, budget)


def longest_warm_up(analysis: Analysis) -> float:
    """Seconds that must be read before a block, to know whether a pod had warmed up."""
    return max((check.settings.warm_up_seconds for check in analysis.checks), default=0.0)


def judge(
    analysis: Analysis,
    progress: Progress,
    measurement: Measurement,
    since: float,
    weight: EffectiveWeight | None = None,
    ready: tuple[int, int] | None = None,
    features: FeatureDrift | None = None,
    guard: GuardWindow | None = None,
    *,
    explained: bool = True,
) -> Progress:
    """The progress of the checks that decide and a measurement -> the progress after it.

    `since`: when the candidate's first weight took effect, Unix seconds; targets that were never
    counted are counted from then on. `weight`: in effect at least since the last measurement.
    `ready`: the number of ready pods of candidate and stable, if known. `features`: by which to
    compare what the arms are asked; None: not at all. `guard`: the one after the candidate's
    promotion. `explained`: with a new message from each check; else only if its verdict is new,
    which is a fifth faster. A measurement that was counted before changes nothing; one that covers
    many looks is judged as these would have been.
    """
    measurement = _read_for_the_deciding(analysis, measurement)
    absent_since, long_absent = _absence(progress, measurement, ready)
    look = partial(_looked, analysis, since=since, weight=weight, guard=guard, explained=explained)
    look = partial(look, long_absent=long_absent)
    after = progress
    for each in _slices(analysis, measurement, progress.counted, since):
        arms, counted = _counted(each, after.counted, since)
        inputs = isolated(
            Part.INPUTS,
            partial(_inputs, analysis, features, after, arms, each.at),
            partial(_not_compared, after.inputs),
        )
        one = partial(look, analysis.deciding, after, each, arms)
        checks, inputs = _unless_in_doubt(analysis, analysis.deciding, one, after, inputs, each.at)
        before = after.counted
        after = replace(after, checks=checks, inputs=inputs, counted=counted)
    if before is not progress.counted:
        # a candidate that has answered in any slice was not silent
        arms, _ = _counted(measurement, progress.counted, since)
    silence = isolated(
        Part.SILENCE,
        partial(_silence, analysis, features, progress, arms, measurement.at, weight),
        lambda _: progress.silence,
    )
    checks = within_room(after.checks, progress.checks, measurement.at, _told_within(analysis))
    return replace(after, checks=checks, silence=silence, unreported_since=absent_since)


def audit(
    analysis: Analysis,
    progress: Progress,
    measurement: Measurement,
    since: float,
    weight: EffectiveWeight | None = None,
    ready: tuple[int, int] | None = None,
    guard: GuardWindow | None = None,
    *,
    decided: Progress,
    explained: bool = True,
) -> Progress:
    """The same for the checks in audit mode, by what is read for them alone. `decided`: the
    progress of those that decide after this measurement, by which arms are asked alike or not."""
    _, long_absent = _absence(progress, _read_for_the_deciding(analysis, measurement), ready)
    look = partial(_looked, analysis, since=since, weight=weight, guard=guard, explained=explained)
    look = partial(look, long_absent=long_absent, beside=decided.checks)
    audited = frozenset(queries_of(analysis.replace(checks=analysis.audited)))
    measurement = _of_queries(measurement, lambda query: query in audited)
    after = progress
    for each in _slices(analysis, measurement, progress.counted, since):
        arms, counted = _counted(each, after.counted, since)
        one, inputs = partial(look, analysis.audited, after, each, arms), decided.inputs
        checks, _ = _unless_in_doubt(analysis, analysis.audited, one, after, inputs, each.at)
        after = replace(after, checks=checks, counted=counted)
    at, within = measurement.at, _told_within(analysis)
    checks = within_room(after.checks, progress.checks, at, within, beside=decided.checks)
    return replace(after, checks=checks)


def _not_compared(known: Inputs | None, _: Fault) -> Inputs | None:
    """They hold nothing while it is unknown whether they differ; verdicts wait for what was known
    of them last as long as they would without a fault. What is remembered of their values may be
    what cannot be compared, so it is dropped."""
    return known and known.replace(unlike=None, features=[])


def _slices(
    analysis: Analysis, measurement: Measurement, counted: Mapping[str, float], since: float
) -> Iterator[Measurement]:
    """`measurement` is the last one."""
    slices = sliced(measurement, counted, since, seconds(analysis.interval))
    each: Measurement | None = None
    while each is not measurement:
        each = isolated(Part.JUDGING, partial(next, slices), lambda _: measurement)
        yield each


def _silence(
    analysis: Analysis,
    features: FeatureDrift | None,
    progress: Progress,
    arms: ArmReadings,
    at: float,
    weight: EffectiveWeight | None,
) -> Silence | None:
    candidate, stable = (_requests(arm, features) for arm in arms)
    after = seconds(analysis.on_silence.after)
    known = progress.silence
    of_requests, later = _of_requests(analysis), _told_later(analysis)
    return listen(known, candidate, stable, at, weight, after, of_requests, later)


def in_error(check: Check, checks: Iterable[CheckStatus], fault: Fault) -> CheckStatus:
    """The status of a check that could not judge because our own code raised: its evidence is
    kept, and a candidate that has failed has failed."""
    names = {(each.name, each.kind): each for each in checks}
    known = names.get((check.name, check.kind)) or _fresh(check, "")
    if known.has_failed:
        return known
    return known.replace(verdict="Error", mode=check.mode, message=f"{fault.message}.")


def _read_for_the_deciding(analysis: Analysis, measurement: Measurement) -> Measurement:
    """Without what is read for audits alone: a counter that is late, strange or missing changes how
    others are counted."""
    if not analysis.audited:
        return measurement
    deciding, audited = (
        frozenset(queries_of(analysis.replace(checks=checks)))
        for checks in (analysis.deciding, analysis.audited)
    )
    return _of_queries(measurement, lambda query: query not in audited or query in deciding)


def _of_queries(measurement: Measurement, kept: Callable[[Query], bool]) -> Measurement:
    candidate, stable = (
        {query: answer for query, answer in arm.items() if kept(query)}
        for arm in (measurement.candidate, measurement.stable)
    )
    return replace(measurement, candidate=candidate, stable=stable)


def _counted(
    measurement: Measurement, counted: Mapping[str, float], since: float
) -> tuple[ArmReadings, dict[str, float]]:
    """What each arm counted, and the time of the last sample counted by target."""
    candidate, stable = _counters(measurement.candidate), _counters(measurement.stable)

    def together() -> tuple[ArmReadings, dict[str, float]]:
        both, moved = count((candidate, stable), counted, since, measurement.read_from)
        return (both[0], both[1]), moved

    def not_counted(fault: Fault) -> tuple[ArmReadings, dict[str, float]]:
        error = QueryError(f"{fault.message}.")
        return (dict.fromkeys(candidate, error), dict.fromkeys(stable, error)), dict(counted)

    return isolated(Part.JUDGING, together, not_counted)


def _looked(
    analysis: Analysis,
    checks: Iterable[Check],
    progress: Progress,
    measurement: Measurement,
    arms: ArmReadings,
    *,
    since: float,
    weight: EffectiveWeight | None,
    inputs: Inputs | None,
    long_absent: PodsUnreported | None,
    guard: GuardWindow | None,
    explained: bool,
    beside: Iterable[CheckStatus] = (),
) -> tuple[CheckStatus, ...]:
    """These checks after a look at what the arms counted. `beside`: what others found in it."""
    values = {q: a for q, a in measurement.candidate.items() if isinstance(q, ExpressionQuery)}
    apart = 2 * seconds(analysis.interval) + _LATE
    look = partial(Look, measurement.at, values=values, since=since, weight=weight, apart=apart)
    look = partial(look, counted=progress.counted)
    answered = _answered(analysis, arms[0])
    known = progress.baseline
    tells_mix = next((each.name for each in checks if strata_labels(analysis, each, known)), "")
    reserved = guard.reserved(measurement.at) if guard else None
    unlike = _graver(_unlike(progress.inputs), _unlike(inputs))

    def looked(check: Check) -> CheckStatus:
        budget = budget_of(analysis, check, progress.entries)
        policy = _policy(analysis, check, known)
        begun = _before(check, progress.checks, (policy,), budget)
        whole = look(
            *_asked(check, arms),
            baseline=_baseline(check, known),
            stratify=strata_labels(analysis, check, known),
            chosen=analysis.stratify is None,
        )
        before, one = _divided(check, _reserved(begun, reserved), whole)
        by_itself = partial(
            _judged,
            check,
            one,
            budget,
            long_absent,
            answered=answered,
            within=_told_within(analysis),
            most_to_blame=_MOST_TO_BLAME[analysis.one_pod_to_blame],
            explained=explained,
            tells_mix=check.name == tells_mix,
        )
        suspect = is_suspect(inputs, measurement.at, follows_inputs=check.settings.follows_inputs)
        return _if_comparable(check, before, by_itself, unlike, suspect=suspect)

    return _in_turn(analysis, checks, progress, looked, beside)


def _in_turn(
    analysis: Analysis,
    checks: Iterable[Check],
    progress: Progress,
    looked: Callable[[Check], CheckStatus],
    beside: Iterable[CheckStatus],
) -> tuple[CheckStatus, ...]:
    """These checks after a look; those that read a gateway last, since what pods show is asked."""
    found = {each.name: each for each in beside}
    before = {each.name: each for each in progress.checks}
    failed = {each.name for each in progress.checks if each.has_failed}

    def one(check: Check) -> CheckStatus:
        of_pods = [
            OfPods(
                found[each.name],
                before.get(each.name),
                budget_of(analysis, each, progress.entries),
            )
            for each in analysis.checks
            if each.settings.backend is None and each.name in found
        ]
        alone = looked(check)
        if check.name in failed:
            return alone
        return unless_pods_tell_more(check, before.get(check.name), alone, of_pods)

    for check in sorted(checks, key=lambda each: each.settings.backend is not None):
        in_doubt = partial(in_error, check, progress.checks)
        found[check.name] = isolated(Part.CHECK, partial(one, check), in_doubt, check.name)
    return tuple(found[check.name] for check in checks)


def _divided(check: Check, before: CheckStatus, look: Look) -> tuple[CheckStatus, Look]:
    """The check with the mix of requests that it has seen, and the look as it is to be weighed.

    Where chosen labels do not divide the requests of both arms, these are compared as a whole from
    the next look on, and what was counted so far is dropped.
    """
    if not look.stratify or before.has_failed:
        return before, look
    queries, state = _counters_of(check), before.state
    why = state.undivided or (mix.indivisible(state, look, queries) if look.chosen else "")
    if not why:
        return before.replace(state=mix.counted(state, look, queries)), look
    if not state.undivided:
        anew = comparison.begun_anew(state).replace(undivided=why[:_LONGEST_REASON])
        before, look = before.replace(state=anew), look.begun_since(math.inf)
    return before, replace(look, stratify=())


def _counters_of(check: Check) -> list[CounterQuery]:
    return [one for one in kind_of(check).queries() if isinstance(one, CounterQuery)]


def _asked(check: Check, arms: ArmReadings) -> ArmReadings:
    """What a check asked for of what the arms counted."""
    asked = _counters_of(check)
    candidate, stable = (
        {query: found for query in asked if (found := arm.get(query)) is not None} for arm in arms
    )
    return candidate, stable


@lru_cache(maxsize=_CHECKS_KEPT)
def reads(check: Check) -> str:
    """A digest of the counters that a check reads, 12 characters; its bounds do not matter."""
    texts = [
        [
            *one.metrics,
            *sorted(f"{m.label}{m.operator}{m.value}" for m in one.matchers),
            *([one.backend.model_dump_json()] if one.backend else []),
        ]
        for one in kind_of(check).queries()
        if isinstance(one, CounterQuery)
    ]
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:12]


def enter_step(checks: Iterable[CheckStatus], *, again: bool) -> list[CheckStatus]:
    """The checks after a change of the weight: Pass must be shown anew, the evidence against the
    candidate is kept, and Error and NoData stay until the next look.

    `again`: the weight was in effect before, and attempts to pass at it have used their part of the
    budget.
    """
    return [check if check.has_failed else _begun_anew(check, again) for check in checks]


def as_asked(
    analysis: Analysis, checks: Iterable[CheckStatus], baseline: Baseline | None = None
) -> list[CheckStatus]:
    """The status of the checks that the analysis has now. A check that was never judged has no
    settings that could have changed."""
    known = tuple(checks)
    return [
        _before(check, known, (_policy(analysis, check, baseline), ""), budget_of(analysis, check))
        for check in analysis.checks
    ]


def _begun_anew(check: CheckStatus, again: bool) -> CheckStatus:
    state = comparison.step_entered(check.state)
    anew = check.replace(own_metrics=None, state=state if again else state.replace(dropped=0))
    return _unjudged(anew, "Not yet judged at this weight.")


def _unjudged(check: CheckStatus, message: str) -> CheckStatus:
    if check.verdict in ("Error", "NoData"):
        return check
    return check.replace(verdict="Inconclusive", message=message)


def _reserved(check: CheckStatus, reserve: float | None) -> CheckStatus:
    if check.state.reserve == reserve:
        return check
    return check.replace(state=check.state.replace(reserve=reserve))


def _not_looked_at(check: CheckStatus) -> CheckStatus:
    """It has to look before it decides by the analysis's new settings."""
    if check.verdict == "Error":
        return check
    message = "Not yet judged with the new settings of the analysis."
    return check.replace(verdict="NoData", message=message)


def overall(checks: Iterable[CheckStatus]) -> Verdict:
    """The worst verdict about the candidate; Pass if no check decides.

    While the traffic split is wrong, the overall verdict is not Pass.
    """
    deciding = (check for check in checks if check.decides)
    verdicts = {"Inconclusive" if c.split_is_wrong else c.verdict for c in deciding} | {"Pass"}
    return next(verdict for verdict in _GRAVEST_FIRST if verdict in verdicts)


def _counters(answers: Mapping[Query, QueryResult]) -> dict[CounterQuery, QueryResult]:
    return {q: a for q, a in answers.items() if isinstance(q, CounterQuery)}


def budget_of(analysis: Analysis, check: Check, entries: int = 1) -> ErrorBudget:
    """The error probabilities of a check, its share of falseRollbackBudget and the whole, once the
    weight of the step has taken effect so often. One in audit mode has the share that it would
    have if it decided as well, and takes none from those that do."""
    sharing = sum(
        each.weight
        for each in analysis.checks
        if each.settings.shares_budget and (each.decides or each.name == check.name)
    )
    whole = fraction(analysis.false_rollback_budget)
    return ErrorBudget(
        false_fail=whole * check.weight / max(sharing, 1),
        false_pass=fraction(analysis.false_pass_budget),
        false_rollback=whole,
        min_requests=analysis.min_requests,
        entry=max(entries, 1),
    )


def strata_labels(
    analysis: Analysis, check: Check, baseline: Baseline | None = None
) -> tuple[str, ...]:
    """The labels within whose values a check compares: those that the analysis names, or those that
    were chosen by stable's history. Checks may read the same counters in another way."""
    if not check.settings.compares_strata:
        return ()
    if analysis.stratify is not None:
        return tuple(analysis.stratify)
    chosen = _baseline(check, baseline).stratify
    if not chosen or any(check.settings.problems_with_strata(chosen)):
        return ()
    return tuple(chosen)


def _policy(analysis: Analysis, check: Check, baseline: Baseline | None) -> str:
    """A digest of what a check compares."""
    labels = strata_labels(analysis, check, baseline)
    if not labels:
        return check.digest
    named = labels if analysis.stratify is not None else ("chosen:", *labels)
    return hashlib.sha256(" ".join((check.digest, *named)).encode()).hexdigest()[:12]


def _decided_by(check: Check, budget: ErrorBudget) -> str:
    """A digest of the budgets that a check decides by; empty if it has no guarantee."""
    return budget.digest if check.settings.has_guarantee else ""


def _baseline(check: Check, baseline: Baseline | None) -> CheckBaseline:
    return baseline.of(reads(check)) if baseline else NO_HISTORY


def _before(
    check: Check, checks: Iterable[CheckStatus], policies: tuple[str, ...], budget: ErrorBudget
) -> CheckStatus:
    """The status of a check so far; a fresh one if the check or its settings are new. If only the
    analysis's budgets are new, the evidence is kept, since it does not depend on them, and the
    verdict waits for the next look. A status of an older operator does not record the budgets.
    Whatever is new, pods that began to serve of late did.

    `policies`: digests of settings that are not new; the first is that of the present ones."""
    for known in checks:
        if (known.name, known.kind) != (check.name, check.kind):
            continue
        if known.state.policy in policies:
            known = _in_mode(check, known)
            if known.state.budget in ("", _decided_by(check, budget)):
                return known
            return _not_looked_at(known)
        starts = known.state.starts
        return _fresh(check, policies[0], starts and uncounted(starts))
    return _fresh(check, policies[0])


def _fresh(check: Check, policy: str, starts: Starts | None = None) -> CheckStatus:
    return CheckStatus(
        name=check.name,
        kind=check.kind,
        mode=check.mode,
        verdict="NoData",
        message="Not measured yet.",
        state=CheckState(policy=policy, starts=starts),
    )


def _in_mode(check: Check, known: CheckStatus) -> CheckStatus:
    """The evidence holds in either mode."""
    return known if known.mode == check.mode else known.replace(mode=check.mode, first_fail=None)


def _absence(
    progress: Progress, measurement: Measurement, ready: tuple[int, int] | None
) -> tuple[float | None, PodsUnreported | None]:
    """Since when ready pods have no samples, Unix seconds; and which, if that is long."""
    arms = measurement.candidate, measurement.stable
    absent = isolated(Part.JUDGING, lambda: ready and unreported(arms, ready), lambda _: None)
    if absent is None:
        return None, None
    since = min(progress.unreported_since or measurement.at, measurement.at)
    # a pod that has just become ready is not scraped yet
    return since, absent if measurement.at - since >= REPORT_WITHIN else None


def _inputs(
    analysis: Analysis,
    features: FeatureDrift | None,
    progress: Progress,
    arms: ArmReadings,
    at: float,
) -> Inputs | None:
    if features is None:
        return None
    answers = _answers(analysis, arms)
    risks = fraction(analysis.false_rollback_budget), fraction(analysis.false_pass_budget)
    return compare_inputs(progress.inputs, features, arms, at, risks, answers)


def _answers(analysis: Analysis, arms: ArmReadings) -> Answers | None:
    """By the check of which the greatest share of the candidate's requests failed; None: no check
    that decides knows how many did."""
    found = []
    for check in analysis.deciding:
        kind = kind_of(check)
        if check.settings.counts_failures and isinstance(kind, CountsFailures):
            candidate, stable = map(kind.counted, _grown(kind.queries(), arms))
            found.append(Answers(*candidate, stable=stable[0]))
    return max(found, key=lambda each: each.failing, default=None)


def _grown(queries: Iterable[Query], arms: ArmReadings) -> list[dict[CounterQuery, Growth]]:
    """By arm, those of these that were answered."""
    return [
        {
            query: reading
            for query in queries
            if isinstance(query, CounterQuery) and isinstance(reading := arm.get(query), Growth)
        }
        for arm in arms
    ]


def _requests(
    arm: Mapping[CounterQuery, Reading], features: FeatureDrift | None
) -> Mapping[CounterQuery, Reading]:
    """Without inputs, of which a request has many."""
    inputs = feature_queries(features) if features else ()
    return {query: reading for query, reading in arm.items() if query not in inputs}


def _unless_in_doubt(
    analysis: Analysis,
    asked: Iterable[Check],
    look: Callable[..., tuple[CheckStatus, ...]],
    progress: Progress,
    inputs: Inputs | None,
    at: float,
) -> tuple[tuple[CheckStatus, ...], Inputs | None]:
    """These checks after a look, and what is known of the inputs: if it may be because of these
    that a check fails which follows them, it is not judged."""
    checks = look(inputs=inputs)
    follows = {check.name for check in asked if check.settings.follows_inputs}
    follows -= {each.name for each in progress.checks if each.has_failed}
    if inputs is None or not any(each.has_failed for each in checks if each.name in follows):
        return checks, inputs
    doubt = partial(in_doubt, inputs, at, fraction(analysis.false_pass_budget))
    if (unlike := isolated(Part.INPUTS, doubt, lambda _: None)) is None:
        return checks, inputs
    inputs = inputs.replace(unlike=unlike)
    return look(inputs=inputs), inputs


def _unlike(inputs: Inputs | None) -> Unlike | None:
    return inputs.unlike if inputs else None


def _graver(before: Unlike | None, now: Unlike | None) -> Unlike | None:
    """What the arms are held for in a look: also for what it has shown no longer to be so."""
    shown = (each for each in (before, now) if each and not each.in_doubt)
    return next(shown, before or now)


def _if_comparable(
    check: Check,
    before: CheckStatus,
    judged: Callable[[CheckStatus], CheckStatus],
    unlike: Unlike | None,
    *,
    suspect: bool,
) -> CheckStatus:
    """Arms that are asked differently prove nothing: what was counted so far is dropped, and
    nothing is until they are asked alike. While that may come out, no verdict is final."""
    if not check.settings.shares_budget or before.has_failed:
        return judged(before)
    found = judged(before)
    if unlike and (check.settings.follows_inputs or not unlike.in_doubt):
        anew = comparison.begun_anew(before.state).replace(
            step_requests=found.state.step_requests,  # they go on, and tell their rate
            starts=found.state.starts,  # pods begin to serve at any time
        )
        if found.verdict == "Error":
            return found.replace(state=anew)
        message = NotJudged(unlike.feature).message
        return before.replace(verdict="Inconclusive", message=message, own_metrics=None, state=anew)
    if suspect and (found.verdict in ("Fail", "Pass") or found.state.pods_to_blame):
        state = found.state.replace(pods_to_blame=[])
        return found.replace(verdict="Inconclusive", message=PerhapsUnlike().message, state=state)
    return found


def _judged(
    check: Check,
    look: Look,
    budget: ErrorBudget,
    unreported: PodsUnreported | None,
    before: CheckStatus,
    *,
    answered: float | None,
    within: float,
    most_to_blame: int,
    explained: bool,
    tells_mix: bool,
) -> CheckStatus:
    """`answered`: the candidate's requests in this look; None: nobody counts them. `within`:
    seconds within which a look has to tell that the candidate's metrics still cannot be judged.
    `most_to_blame`: a check that fails because of so many of several pods or fewer waits until
    these are gone. `tells_mix`: it is the check that says if the candidate serves another mix of
    requests."""
    if before.has_failed:
        return before
    kind = kind_of(check)
    if not all(look.answers(query) for query in kind.queries()):
        return before
    state = _without_pods_that_left(check, before.state, look)
    served = _served_by_pod(check, state, look)
    found = kind.judge(state, with_starts(look, served, state.starts) if served else look, budget)
    if served:
        found = waited(found, served, look, budget)
    waits = 0 < _pods_blamed(check, found.state, look) <= most_to_blame
    if waits and found.verdict == "Fail":
        found = replace(found, verdict="Inconclusive")
    found = _unless_a_stable_pod_differs(found)
    if check.settings.shares_budget:
        found = _unless_absent(check, found, look, unreported)
        found = _unless_unexplained(check, found, look)
    elif check.settings.tests_routing and unreported and found.verdict != "Error":
        # requests of pods that are not scraped are missing in the split
        found = Finding("NoData", unreported, found.state)
    if before.verdict == "Error" and found.verdict not in ("Error", "Fail") and _waits(check, look):
        return before.replace(own_metrics=untold(before.own_metrics, look.at, within))
    blamed = found.state.pods_to_blame if waits or found.verdict == "Fail" else []
    told = explained or found.verdict != before.verdict
    if _leaves_open(check, found, look, within):
        own = untold(before.own_metrics, look.at, within)
    elif _is_because_of_the_candidate(check, before, found, look, budget):
        own = _own(check, before, found, look.at, within, answered)
    else:
        own = None
    return before.replace(
        verdict=found.verdict,
        message=_with_mix(found, tells_mix=tells_mix) if told else before.message,
        requests=found.state.compared,
        own_metrics=own,
        state=comparison.marked(found.state).replace(
            budget=_decided_by(check, budget), pods_to_blame=blamed
        ),
    )


def _with_mix(found: Finding, *, tells_mix: bool) -> str:
    """The message, and what is to be said of the mix of requests."""
    state = found.state
    whole = Undivided(state.undivided) if state.undivided else ""
    other = mix.another(state.mix) if tells_mix else None
    return sentences(found.message, whole, other or "")[:_LONGEST_MESSAGE]


def _own(
    check: Check,
    before: CheckStatus,
    found: Finding,
    at: float,
    within: float,
    answered: float | None,
) -> OwnMetrics:
    """How long it has been so. Where no request is counted, one may bring many predictions, so
    that a few requests less would look like many: then it begins once it has answered some."""
    own = lasting(before.own_metrics, at, within)
    if found.verdict == "NoData" and answered is not None and not check.settings.counts_requests:
        own = own.replace(answered=own.answered + answered)
        if own.answered < ENOUGH_EXPECTED:
            own = own.replace(since=at, until=at)
    return own


def _waits(check: Check, look: Look) -> bool:
    """Whether nothing is read of either arm yet, since one of them is waited for."""
    arms = [arm for one in _counters_of(check) for arm in look.growth(one)]
    return any(arm.newest for arm in arms) and not any(arm.increases for arm in arms)


def _told_within(analysis: Analysis) -> float:
    """Seconds within which one of the next looks has to tell that the candidate's metrics still
    cannot be judged."""
    return max(seconds(analysis.on_silence.after) / 2, 2 * seconds(analysis.interval) + _LATE)


def _is_stale(check: Check, look: Look, within: float) -> bool:
    """Whether what is known of stable was scraped earlier: Prometheus may scrape nothing."""
    stable = (look.growth(one)[1] for one in _counters_of(check))
    newest = max((each.newest for each in stable if each.newest is not None), default=None)
    return newest is not None and newest < look.at - within


def _leaves_open(check: Check, found: Finding, look: Look, within: float) -> bool:
    """Whether a look does not tell why there is no verdict: a query has failed, nothing was scraped
    of late, or stable has counted nothing of which the candidate could have missed its part."""
    if found.verdict == "Error":
        return _a_query_failed(look) or _is_stale(check, look, within)
    of_stable = (look.growth(one)[1].total for one in look.stable)
    return _owes_counts(check, found, look) and not any(of_stable)


def _a_query_failed(look: Look) -> bool:
    read = (*look.candidate.values(), *look.stable.values())
    return any(isinstance(each, QueryError) and not each.exported for each in read)


def _is_because_of_the_candidate(
    check: Check, before: CheckStatus, found: Finding, look: Look, budget: ErrorBudget
) -> bool:
    """Whether there is no verdict because of what the candidate exports: it is in Error, or counts
    nothing of what it should have, and the check could judge stable's series in place of its own.
    While nothing that stable counts is known, for one since a series of the candidate that has
    vanished is awaited, no Error ends, and one begins if stable's series of the check can be
    read."""
    if look.weight is None or not look.weight.share:
        return False
    if found.verdict != "Error" and not _owes_counts(check, found, look):
        return False
    unread = {k: each for k, each in look.candidate.items() if isinstance(each, QueryError)}
    if not all(each.exported for each in unread.values()):
        return False
    verdict = _verdict_about(look.stable, check, look, budget)
    if verdict != "NoData":
        return verdict != "Error"
    stable = {one: each for one, each in look.stable.items() if isinstance(each, Growth)}
    so_far = {one: each.with_amounts(_counted_so_far) for one, each in stable.items()}
    if any(each.total for each in so_far.values()):  # a look may have too little to tell
        return _verdict_about(so_far, check, look, budget) not in ("NoData", "Error")
    needed = {*unread, *(each for each in look.candidate if not each.part)}
    begins = bool(unread) and not any(look.missing(each, ("stable",)) for each in needed)
    return before.own_metrics is not None or begins


def _owes_counts(check: Check, found: Finding, look: Look) -> bool:
    """Whether there is no data since the candidate counts nothing of what it should have by now."""
    if found.verdict != "NoData" or check.settings.told_later:
        return False
    still = frozen(found.state.alone, look)
    return still is not None and still.arm == "candidate"


def _verdict_about(
    arm: Mapping[CounterQuery, Reading], check: Check, look: Look, budget: ErrorBudget
) -> Verdict:
    """Of the check about an arm that is compared with itself. A Fail comes before an Error, which
    is told if nothing is counted."""
    alike = replace(look, candidate=arm, stable=arm)
    verdict = kind_of(check).judge(CheckState(), alike, budget).verdict
    if verdict != "Fail":
        return verdict
    uncounted = kind_of(check).judge(CheckState(), alike.begun_since(math.inf), budget).verdict
    return "Error" if uncounted == "Error" else verdict


def _counted_so_far(increase: Increase) -> float:
    """Since its target started."""
    return increase.series.samples[-1][1] if increase.series.samples else 0.0


def _without_pods_that_left(check: Check, state: CheckState, look: Look) -> CheckState:
    """The evidence rested on those pods, and the check starts again."""
    if not state.pods_to_blame:
        return state
    there = _scraped_own(check, look)
    if not there or not there.isdisjoint(state.pods_to_blame):
        return state
    return comparison.begun_anew(state).replace(held_back=1.0)


def _scraped_own(check: Check, look: Look) -> set[str]:
    """The candidate's pods that are still there."""
    return scraped(*(look.growth(one)[0] for one in _counters_of(check)))


def _pods_blamed(check: Check, state: CheckState, look: Look) -> float:
    """How many are to blame; all of them if they are most of the pods that are still there: what
    pods counted that have left since is in the sums."""
    blamed = set(state.pods_to_blame)
    there = _scraped_own(check, look)
    return math.inf if blamed and 2 * len(blamed & there) > len(there) else len(blamed)


def _served_by_pod(check: Check, state: CheckState, look: Look) -> ByPod | None:
    """What the check goes by to tell the start of a pod; None: nothing."""
    kind = kind_of(check)
    if not check.settings.waits_for_starts or not isinstance(kind, HasStarts):
        return None
    return kind.served_by_pod(state, look)


def _unless_a_stable_pod_differs(found: Finding) -> Finding:
    """No Pass by a baseline that one pod may have lifted; a Fail is all the clearer."""
    waits = suspects(found.state) or unknown(found.state)
    return replace(found, verdict="Inconclusive") if waits and found.verdict == "Pass" else found


def _unless_unexplained(check: Check, found: Finding, look: Look) -> Finding:
    """No Pass until it is known why counters decreased; no Fail if no restart explains it."""
    if found.verdict not in ("Pass", "Fail"):
        return found
    falls = [
        fell
        for one in kind_of(check).queries()
        if isinstance(one, CounterQuery)
        for growth in look.growth(one)
        for fell in growth.falls
    ]
    passes = found.verdict == "Pass"
    if not any(fell.unexplained if passes else fell.odd for fell in falls):
        return found
    return Finding("Inconclusive", UnexplainedFall(), found.state)


def _unless_absent(
    check: Check, found: Finding, look: Look, unreported: PodsUnreported | None
) -> Finding:
    """No Pass by counters that do not increase, nor while ready pods have no samples."""
    if found.early or (found.verdict == "Error" and _a_query_failed(look)):
        return found
    successes = check.settings.counts_successes
    counters = [one for one in _counters_of(check) if one.metric not in successes]
    counted_alone = alone(found.state.alone, counters, look)
    state = found.state.replace(alone=counted_alone)
    still = frozen(counted_alone, look, stable_matters=check.settings.compares_with_stable)
    absent = still or (unreported if check.settings.counts_requests else None)
    if absent is None or found.verdict not in ("Pass", "Inconclusive"):
        return replace(found, state=state)
    return Finding("NoData", absent, state)
