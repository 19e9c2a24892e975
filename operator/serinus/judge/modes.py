"""The checks that decide, and those in audit mode: the judge is called for each by themselves, so
that no check changes what one of the other mode finds, whatever it reads."""

from dataclasses import dataclass, replace
from functools import partial

from serinus.api.analysis import Analysis
from serinus.api.isolation import Fault, Part, attributed, isolated
from serinus.api.monitoring import FeatureDrift
from serinus.judge.analysis import Progress, audit, in_error, judge
from serinus.judge.evidence.look import EffectiveWeight, GuardWindow
from serinus.metrics.counters import further
from serinus.metrics.queries import Measurement


@dataclass(frozen=True, slots=True)
class ByMode:
    """What is known of each mode. Both have the status of all checks, which may change theirs."""

    enforced: Progress
    audited: Progress

    @classmethod
    def of(cls, analysis: Analysis, enforced: Progress, audited: Progress) -> "ByMode":
        """As the analysis has the modes now. A check that changes its mode brings its evidence, so
        both then go on where the further of the two is: no sample is counted twice."""
        modes = {check.name: check.mode for check in analysis.checks}
        if all(each.mode == modes.get(each.name, each.mode) for each in enforced.checks):
            return cls(enforced, audited)
        both = further(enforced.counted, audited.counted)
        return cls(replace(enforced, counted=both), replace(audited, counted=both))


def judge_by_mode(
    analysis: Analysis,
    known: ByMode,
    measurement: Measurement,
    since: float,
    weight: EffectiveWeight | None = None,
    ready: tuple[int, int] | None = None,
    features: FeatureDrift | None = None,
    guard: GuardWindow | None = None,
    *,
    explained: bool = True,
) -> ByMode:
    """What is known of all checks after a measurement; the arguments are those of `judge`."""
    seen = measurement, since, weight, ready
    decided = judge(analysis, known.enforced, *seen, features, guard, explained=explained)
    if not analysis.audited:
        return ByMode(decided, decided)

    def not_audited(fault: Fault) -> Progress:
        checks = (in_error(check, known.audited.checks, fault) for check in analysis.audited)
        return replace(known.audited, checks=tuple(checks))

    beside = partial(audit, analysis, known.audited, *seen, guard, explained=explained)
    alone = partial(isolated, Part.JUDGING, partial(beside, decided=decided), not_audited)
    audited = attributed(Part.AUDIT, alone)
    found = {check.name: check for check in (*decided.checks, *audited.checks)}
    checks = tuple(found[check.name] for check in analysis.checks)
    return ByMode(replace(decided, checks=checks), replace(audited, checks=checks))
